import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.errors import NothingDoneError, UsageError
from atlas.taxonomy.draft import draft_tree, format_draft
from atlas.taxonomy.files import parse_taxonomy
from atlas.taxonomy.mapping import StorePath
from atlas.taxonomy.tree import format_path, parse_path
from tests.taxonomy.trees import paths


def found(*rows):
    return [StorePath(store, parse_path(path), products) for store, path, products in rows]


SHOPS = found(
    ("acme", "Clothing > Men > T-Shirts > Polo", 20),
    ("acme", "Clothing > Men > T-Shirts", 11),
    ("acme", "Clothing > Men > Jeans", 5),
    ("acme", "Clothing > Women > Tops & Tees", 9),
    ("acme", "Clothing > Men > Kilts", 4),
    ("bolt", "Mens > t shirt", 12),
    ("bolt", "Mens > Jeans > Slim > Dark", 7),
    ("bolt", "Women > Tees and Tops", 3),
    ("bolt", "Women > Sarees", 30),
)


def test_the_paths_that_stores_share_in_any_spelling():
    draft = draft_tree(SHOPS)
    answers = [format_path(draft.taxonomy.paths[node]) for node in draft.taxonomy.answers]
    assert answers == ["Men > Jeans", "Men > T-Shirts", "Women > Tops & Tees"]  # spelled as most products are
    by_path = {format_path(here.path): here for here in draft.shared}
    assert by_path["Men"].products == {"acme": 40, "bolt": 19}
    assert by_path["Men > T-Shirts"].products == {"acme": 31, "bolt": 12}  # what is deeper is counted here
    assert by_path["Men > T-Shirts"].spelled["bolt"] == ("Mens", "t shirt")
    assert [format_path(here.path) for here in draft.alone] == [
        *("Women > Sarees", "Men > T-Shirts > Polo", "Men > Jeans > Slim", "Men > Kilts")
    ]
    assert draft.products == {"acme": 49, "bolt": 52}


def test_a_first_level_that_is_all_of_one_store_alone_is_left_out():
    assert draft_tree(SHOPS).roots == {"acme": "Clothing"}
    with_other = [*SHOPS, *found(("coil", "Clothing > Men > Jeans", 1))]
    assert draft_tree(with_other).roots == {}  # it means something to another store
    single = found(("acme", "Men > Jeans", 1), ("bolt", "Men > Jeans", 1), ("bolt", "Women > Jeans", 1))
    assert draft_tree(single).roots == {}  # acme sells to men alone


@pytest.mark.parametrize(("levels", "deepest"), [(1, 1), (2, 2), (3, 2)])
def test_paths_are_cut_at_the_levels_asked_for(levels, deepest):
    assert draft_tree(SHOPS, levels=levels).taxonomy.levels == deepest


def test_one_store_alone_gives_its_own_tree():
    draft = draft_tree(SHOPS[:5], min_stores=1, levels=4)
    assert ("Clothing", "Men", "T-Shirts", "Polo") in draft.taxonomy
    assert draft.alone == ()


def test_too_few_stores_and_nothing_shared_are_told():
    with pytest.raises(UsageError, match=r"1 stores in the sources \(acme\), and a path must be in 2"):
        draft_tree(SHOPS[:5])
    with pytest.raises(NothingDoneError, match="no path is in 2 of 2 stores"):
        draft_tree(found(("a", "X", 1), ("b", "Y", 1)))
    with pytest.raises(UsageError, match="none"):
        draft_tree([])


def test_the_text_is_a_tree_with_its_stores_in_comments():
    draft = draft_tree(SHOPS)
    text = format_draft(draft)
    assert parse_taxonomy(text) == draft.taxonomy
    lines = text.splitlines()
    assert lines[0] == "# Drafted from acme (49 products), bolt (52 products)."
    assert lines[lines.index("Men > T-Shirts") - 1] == (
        "# acme 31 as 'Clothing > Men > T-Shirts', bolt 12 as 'Mens > t shirt'"
    )
    assert "# Left out above all paths of acme: Clothing" in lines
    assert lines[-4] == "# Women > Sarees: bolt 30"


def test_a_long_list_of_lonely_paths_is_cut():
    rows = [("a", f"Only > Kind {'x' * number}", 1) for number in range(1, 240)]
    draft = draft_tree(found(*rows, ("a", "Both > X", 1), ("b", "Both > X", 1), ("c", "Only > Y", 1)))
    assert format_draft(draft).splitlines()[-1] == "# and 40 more"


store_paths = st.lists(
    st.builds(StorePath, st.sampled_from(["a", "b", "c"]), paths, st.integers(0, 5)), min_size=1, max_size=25
)


@given(store_paths, st.integers(1, 4), st.integers(1, 3), st.randoms(use_true_random=False))
def test_any_draft_is_a_tree_that_enough_stores_have(listed, levels, min_stores, dice: random.Random):
    try:
        draft = draft_tree(listed, levels, min_stores)
    except (UsageError, NothingDoneError):
        return
    assert parse_taxonomy(format_draft(draft)) == draft.taxonomy
    assert draft.taxonomy.levels <= levels
    assert [here.path for here in draft.shared] == list(draft.taxonomy.paths[1:])
    assert all(len(here.products) >= min_stores for here in draft.shared)
    assert all(len(here.products) < min_stores for here in draft.alone)
    counted = {here.path: sum(here.products.values()) for here in draft.shared}
    for path, products in counted.items():
        assert products >= sum(below for other, below in counted.items() if other[:-1] == path)
    shuffled = dice.sample(listed, len(listed))
    assert format_draft(draft_tree(shuffled, levels, min_stores)) == format_draft(draft)
