import sys

import pytest

from atlas.errors import MissingExtraError
from atlas.taxonomy.kin import ENDING, EXACT, GENERAL, KIN, SPELLED, Kin

TREE = {"trouser", "jean", "jacket", "chair", "kurta", "polo"}


@pytest.mark.parametrize(
    ("word", "other", "how"),
    [
        ("trouser", "trouser", EXACT),
        ("pant", "trouser", KIN[0]),  # means the same
        ("chino", "trouser", KIN[1]),  # is a kind of it
        ("khaki", "trouser", KIN[1]),  # means the same as a kind of it
        ("shirt", "polo", GENERAL),  # a polo is a kind of shirt
        ("armchair", "chair", ENDING),
        ("jackett", "jacket", SPELLED * 12 / 13),  # 2 x 6 equal letters of 13
        ("trouser", "jean", 0),
        ("chairman", "chair", 0),
        ("jean", "trouser", 0),
    ],
)
def test_how_much_a_word_explains_another(word, other, how):
    kin = Kin(TREE, {"jackett", "chairman", "armchair"})
    assert kin.alike(word, other) == pytest.approx(how, abs=1e-6)
    assert dict(kin.of(word)).get(other, 0) == kin.alike(word, other)


def test_known_words_are_never_taken_for_misspelled_ones():
    assert Kin({"blouse"}, {"blazer", "blousen"}).alike("blazer", "blouse") == 0
    assert Kin({"skirt"}, {"shirt"}).alike("shirt", "skirt") == 0  # one letter apart


def test_the_best_of_several():
    assert Kin(TREE).best("chino", ["jean", "trouser"]) == KIN[1]
    assert Kin(TREE).best("chino", []) == 0


def test_without_the_library_it_says_which_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "rapidfuzz", None)
    with pytest.raises(MissingExtraError, match=r"matching store paths needs the 'collect' extra"):
        Kin(TREE, ["x"])
