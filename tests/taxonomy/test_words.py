import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.taxonomy.words import lexicon, name_key, name_parts, plain, sides_of


def texts(name, known=()):
    return [[word.text for word in part] for part in name_parts(name, known)]


@pytest.mark.parametrize(
    ("plural", "singular"),
    [
        *[("dresses", "dress"), ("watches", "watch"), ("boxes", "box"), ("brushes", "brush"), ("blouses", "blouse")],
        *[("ladies", "lady"), ("ties", "tie"), ("scarves", "scarf"), ("shoes", "shoe"), ("kurtis", "kurti")],
        *[("jeans", "jean"), ("sizes", "size"), ("dress", "dress"), ("plus", "plus"), ("s", "s"), ("as", "as")],
    ],
)
def test_plurals_lose_their_ending(plural, singular):
    assert plain(plural) == singular


def test_words_that_only_have_a_plural_in_common_with_their_singular_meet():
    assert plain("hoodies") == plain("hoodie")
    assert plain("nighties") == plain("nightie")


def test_a_name_is_cut_into_parts_with_heads():
    assert texts("Tops & Tees") == [["top"], ["tee"]]
    assert texts("Shirts, Polos and T-Shirts/Vests") == [["shirt"], ["polo"], ["tshirt"], ["vest"]]
    (part,) = name_parts("Men's Formal Shirts")
    assert [(word.text, word.is_head) for word in part] == [("men", False), ("formal_shirt", True)]
    (part, _) = name_parts("Jackets Shrugs & Cardigans")
    assert [word.is_head for word in part] == [True, True]
    (part,) = name_parts("Saree Blouse")
    assert [(word.text, word.is_head) for word in part] == [("saree_blouse", True)]
    (part,) = name_parts("Garden Chair")
    assert [(word.text, word.is_head) for word in part] == [("garden", False), ("chair", True)]


def test_words_that_belong_together_become_one():
    assert texts("Track Pants") == [["track_pant"]]
    assert texts("Sweat Shirts") == [["sweat_shirt"]]
    assert texts("Under Wear") == texts("UnderWear") == [["underwear"]]
    assert texts("Board Games") == [["board", "game"]]
    assert texts("Board Games", {"boardgame"}) == [["boardgame"]]


@pytest.mark.parametrize(
    "names",
    [
        ("T-Shirts", "t shirt", "TSHIRTS", "T‑Shirt".replace("‑", "-"), "Tshirts"),
        ("Tops & Tees", "Tees and Tops", "TOPS / TEE", "tops, tees"),
        ("Men's Jeans", "Mens Jeans", "Men’s jean"),
        ("Inner Wear", "Innerwear", "inner-wear"),
        ("Café Sets", "cafe set"),
        ("Men", "Menswear", "Men's Clothing", "MENS", "Gents Wear"),
        ("Women", "Ladies", "Womenswear", "Women's Fashion"),
        ("Sarees", "Saris"),
        ("Tees", "T-Shirts"),
        ("Ethnic Wear", "Ethnic"),
    ],
)
def test_spellings_of_one_name_have_one_key(names):
    assert len({name_key(name) for name in names}) == 1


def test_different_names_have_different_keys():
    names = [
        "Shirts",
        "T-Shirts",
        "Dress Shirts",
        "Shirt Dresses",
        "Shirts & Dresses",
        "साड़ी",
        "साडी सेट",
        "女装",
        "男装",
    ]
    assert len({name_key(name) for name in names}) == len(names)


@given(st.text(max_size=30))
def test_any_text_has_words_and_one_key_in_any_case(name):
    for part in name_parts(name):
        assert part
        assert all(word.text and not word.text.isspace() for word in part)
    if name.isascii():
        assert name_key(name) == name_key(name.upper()) == name_key(f"  {name} ")


def test_a_path_says_for_whom_it_is_and_of_which_style():
    assert sides_of(("Ladies' Ethnic Wear", "Sarees")) == (frozenset({"women"}), frozenset({"ethnic"}))
    assert sides_of(("Men & Women", "Jeans")).whom == {"men", "women"}
    assert sides_of(("Baby Boys", "Men")).whom == {"kids"}
    assert sides_of(("Home", "Towels")) == (frozenset(), frozenset())


def test_the_word_list_says_what_it_should():
    known = lexicon()
    assert known.first("tee") == known.first("tshirt")
    assert known.is_kind("chino", "trouser")
    assert known.is_kind("chino", "pant")  # the same as trouser
    assert not known.is_kind("trouser", "chino")
    assert not known.is_kind("trouser", "pant")
    assert known.is_kind("bra", "intimate")
    assert known.whom["lady"] == "women"
    assert known.style["indian"] == "ethnic"
    assert "casual" in known.empty
    assert "camera" not in known


def test_the_word_list_is_in_plain_words():
    known = lexicon()
    listed = {*known.same, *known.kinds, *known.empty, *known.whom}
    assert all("_".join(map(plain, word.split("_"))) == word for word in listed)
    assert not known.empty & {*known.same, *known.kinds, *known.whom, *known.style}
