import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.dataset.labels import fold_into, products_by_path, settle
from atlas.errors import NothingDoneError
from atlas.taxonomy.tree import Taxonomy

SHIRT, SHOE, HAT, SAREE, MEN = ("Men", "Shirts"), ("Men", "Shoes"), ("Men", "Hats"), ("Women", "Sarees"), ("Men",)


def answers(tree):
    return [tree.paths[node] for node in tree.answers]


def test_deeper_paths_fold_to_what_the_tree_has():
    tree = Taxonomy([SHIRT, SAREE])
    assert fold_into(tree, [(*SHIRT, "Polo"), ("Men", "Ties"), ("Home",), SAREE]) == [SHIRT, MEN, None, SAREE]


def test_products_are_counted_once_a_path():
    path = np.array([0, 0, 0, 1, 1], np.int32)
    product = np.array([5, 5, 6, 5, 7], np.uint64)
    assert products_by_path(path, product, [SHIRT, SHOE, HAT]) == {SHIRT: 2, SHOE: 2}


def test_without_min_support_the_tree_is_that_of_the_training_labels():
    labels = settle([SHIRT, SHOE, MEN], {SHIRT: 1, MEN: 3}, 0, "fold")
    assert answers(labels.taxonomy) == [SHIRT]  # "Men" is known no deeper
    assert labels.becomes == {SHIRT: SHIRT, SHOE: SHOE, MEN: MEN}  # train lacks shoes: kept as they are


def test_rare_leaves_fold_into_their_parent_which_becomes_an_answer():
    labels = settle([SHIRT, SHOE, HAT, SAREE], {SHIRT: 9, SHOE: 2, HAT: 1, SAREE: 5}, 5, "fold")
    assert answers(labels.taxonomy) == [MEN, SHIRT, SAREE]
    assert labels.becomes == {SHIRT: SHIRT, SHOE: MEN, HAT: MEN, SAREE: SAREE}


def test_folding_goes_up_as_far_as_needed_and_rows_without_any_place_go():
    deep = [("A", "b", "c"), ("A", "b", "d"), ("A", "e", "f"), ("B", "g")]
    labels = settle(deep, dict(zip(deep, [2, 1, 1, 1], strict=True)), 4, "fold")
    assert answers(labels.taxonomy) == [("A",)]
    assert [labels.becomes[path] for path in deep] == [("A",)] * 3 + [None]


def test_dropped_leaves_do_not_count_for_the_nodes_above():
    deep = [("A", "b"), ("A", "c"), ("D", "e")]
    support = {("A", "b"): 2, ("A", "c"): 2, ("D", "e"): 3, ("A",): 2}
    labels = settle([*deep, ("A",)], support, 3, "drop")
    assert answers(labels.taxonomy) == [("D", "e")]
    assert labels.becomes == {("A", "b"): None, ("A", "c"): None, ("A",): None, ("D", "e"): ("D", "e")}


def test_a_given_tree_keeps_order_ids_and_empty_leaves_until_support_is_asked_for():
    tree = Taxonomy([SAREE, SHOE, SHIRT], {SAREE: "7", SHOE: "8"})
    assert settle([SHIRT], {SHIRT: 1}, 0, "fold", tree).taxonomy == tree
    pruned = settle([SHIRT, SAREE], {SHIRT: 4, SAREE: 2}, 1, "drop", tree).taxonomy
    assert answers(pruned) == [SAREE, SHIRT]
    assert pruned.ids == {SAREE: "7"}


def test_a_path_that_train_lacks_is_as_rare_as_any():
    assert settle([SHIRT, SHOE], {SHIRT: 4}, 2, "fold").becomes[SHOE] == MEN
    assert settle([SHIRT, SHOE], {SHIRT: 4}, 2, "drop").becomes[SHOE] is None


def test_nothing_left_is_an_error():
    with pytest.raises(NothingDoneError, match="train has no rows"):
        settle([SHIRT], {}, 0, "fold")
    with pytest.raises(NothingDoneError, match="lower --min-support"):
        settle([SHIRT], {SHIRT: 3}, 4, "fold")


PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(tuple)


@given(
    st.dictionaries(PATHS, st.integers(1, 6), min_size=1, max_size=12),
    st.integers(2, 8),
    st.sampled_from(["fold", "drop"]),
)
def test_every_answer_has_enough_products_at_or_below_it(support, least, rare):
    try:
        labels = settle(list(support), support, least, rare)
    except NothingDoneError:
        return
    final: dict = {}
    for path, count in support.items():
        end = labels.becomes[path]
        if end is not None:
            assert end == path[: len(end)]
            final[end] = final.get(end, 0) + count
    tree = labels.taxonomy
    for node in tree.answers:
        here = tree.paths[node]
        assert sum(count for path, count in final.items() if path[: len(here)] == here) >= least
    assert all(path in tree for path in final)
