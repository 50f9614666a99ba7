import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.errors import TaxonomyError
from atlas.taxonomy.tree import MAX_LEVELS, MAX_NAME_CHARS, Taxonomy, clean_path, format_path, is_id, parse_path

from .trees import path_lists, paths, taxonomies

SHOP = Taxonomy(
    [("Men", "Shirts"), ("Men",), ("Women", "Ethnic", "Saree"), ("Women", "Ethnic", "Kurta"), ("Gifts",)],
    {("Men",): "7", ("Women", "Ethnic", "Saree"): "gid://a/b"},
)


def test_nodes_stand_in_preorder_by_hand():
    assert SHOP.paths == (
        (),
        ("Men",),
        ("Men", "Shirts"),
        ("Women",),
        ("Women", "Ethnic"),
        ("Women", "Ethnic", "Saree"),
        ("Women", "Ethnic", "Kurta"),
        ("Gifts",),
    )
    assert SHOP.parent.tolist() == [-1, 0, 1, 0, 3, 4, 4, 0]
    assert SHOP.end.tolist() == [8, 3, 3, 7, 7, 6, 7, 8]
    assert SHOP.depth.tolist() == [0, 1, 2, 1, 2, 3, 3, 1]
    assert SHOP.answers == (1, 2, 5, 6, 7)
    assert SHOP.leaves == (2, 5, 6, 7)
    assert SHOP.levels == 3
    assert len(SHOP) == 8


def test_the_vocabulary_holds_each_name_once():
    tree = Taxonomy([("Men", "Jackets"), ("Women", "Jackets")])
    assert tree.vocabulary == ("<pad>", "<start>", "<end>", "Jackets", "Men", "Women")
    assert tree.arrays.token.tolist() == [0, 4, 3, 5, 3]


def test_finding_by_hand():
    assert SHOP.node("Women > Ethnic") == SHOP.node(("Women", "Ethnic")) == 4
    assert SHOP.node("7") == 1
    assert SHOP.node("gid://a/b") == 5
    assert SHOP.find(("Women", "Shirts")) is None
    assert SHOP.deepest(("Women", "Ethnic", "Lehenga", "Red")) == 4
    assert SHOP.deepest(("Pets",)) == 0
    assert ("Women",) in SHOP
    assert ("Pets",) not in SHOP
    assert SHOP.children(0) == (1, 3, 7)
    assert SHOP.children(2) == ()
    assert SHOP.ancestors(5) == (3, 4, 5)
    assert SHOP.ancestors(0) == ()
    assert SHOP.lowest_common_ancestor(5, 6) == 4
    assert SHOP.lowest_common_ancestor(2, 6) == 0
    assert SHOP.lowest_common_ancestor(4, 6) == 4
    assert SHOP.distance(5, 6) == 2
    assert SHOP.distance(2, 6) == 5
    assert SHOP.distance(4, 4) == 0


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("Women > Ethnic > Sari", "nearest path is 'Women > Ethnic > Saree'"),
        ("Womens > Ethnics > Saree", "nearest path is 'Women > Ethnic > Saree'"),
        ("Gifts > Kurta", "nearest path is 'Women > Ethnic > Kurta'"),
        ("Xyz", "it has 5 answers"),
    ],
)
def test_an_unknown_path_names_the_nearest(path, hint):
    with pytest.raises(TaxonomyError, match=hint):
        SHOP.node(path)


def test_labels_that_stop_early_are_no_answers():
    labels = [("B",), ("A", "x"), ("A",), ("A", "x"), ("A", "y", "z"), ("A", "y")]
    tree = Taxonomy.from_labels(labels)
    assert [tree.paths[node] for node in tree.answers] == [("A", "x"), ("A", "y", "z"), ("B",)]
    folded = Taxonomy.from_labels(labels, answers=[("A",), ("Unseen",)])
    assert [folded.paths[node] for node in folded.answers] == [("A",), ("A", "x"), ("A", "y", "z"), ("B",)]


def test_labels_give_the_same_tree_in_any_order():
    labels = [("B",), ("A", "x"), ("A", "y")]
    assert Taxonomy.from_labels(labels) == Taxonomy.from_labels(reversed(labels))


@pytest.mark.parametrize(
    ("answers", "ids", "reason"),
    [
        ([], {}, "at least one path"),
        ([()], {}, "empty path"),
        ([("A", "")], {}, "empty level"),
        ([("A", " ")], {}, "empty level"),
        ([("A",), ("B",), ("A",)], {}, "'A' is listed twice"),
        ([("A ", "B")], {}, "needless white space"),
        ([("e\u0301",)], {}, "NFC"),
        ([("A > B",)], {}, "'>' inside a name"),
        ([("A\x00B",)], {}, r"U\+0000"),
        ([("A\ud800",)], {}, r"U\+D800"),
        ([("\ufeffA",)], {}, r"U\+FEFF"),
        ([("A",) * (MAX_LEVELS + 1)], {}, f"{MAX_LEVELS + 1} levels"),
        ([("A" * (MAX_NAME_CHARS + 1),)], {}, f"name of {MAX_NAME_CHARS + 1} characters"),
        ([("A",)], {("B",): "1"}, "no answer of the tree"),
        ([("A", "B")], {("A",): "1"}, "no answer of the tree"),
        ([("A",), ("B",)], {("A",): "1", ("B",): "1"}, "two paths; the second is 'B'"),
        ([("A",)], {("A",): "1 2"}, "cannot be an id"),
        ([("A",)], {("A",): ""}, "cannot be an id"),
    ],
)
def test_an_impossible_tree_is_refused(answers, ids, reason):
    with pytest.raises(TaxonomyError, match=reason):
        Taxonomy(answers, ids)


def test_arrays_cannot_be_changed():
    for array in SHOP.arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_the_digest_tells_nodes_order_answers_and_ids_apart():
    trees = [
        Taxonomy([("A", "x"), ("B",)]),
        Taxonomy([("B",), ("A", "x")]),
        Taxonomy([("A", "x"), ("A",), ("B",)]),
        Taxonomy([("A", "x"), ("B",)], {("B",): "1"}),
        Taxonomy([("A", "x"), ("B",)], {("A", "x"): "1"}),
        Taxonomy([("A", "y"), ("B",)]),
        Taxonomy([("A",), ("x",), ("B",)]),
    ]
    assert len({tree.digest for tree in trees}) == len(trees) == len(set(trees))
    assert trees[0] == Taxonomy([("A", "x"), ("B",)])
    assert trees[0] != "A"


@pytest.mark.parametrize(("text", "path"), [("A > B", ("A", "B")), (" A>  B  C ", ("A", "B C")), ("A", ("A",))])
def test_paths_are_read_with_any_white_space(text, path):
    assert parse_path(text) == path


@pytest.mark.parametrize("text", ["", " ", "A >", "> A", "A > > B", ">"])
def test_an_empty_level_is_refused(text):
    with pytest.raises(TaxonomyError, match="empty level"):
        parse_path(text)


def test_a_label_from_a_table_is_cleaned():
    assert clean_path([" Cafe\u0301 ", "Te\tA"]) == ("Café", "Te A")


@pytest.mark.parametrize("text", ["1604", "gid://a/b-1", "?x", "é"])
def test_ids_are_single_visible_words(text):
    assert is_id(text)


@pytest.mark.parametrize("text", ["", "?", "#1", "a b", "a\u00a0b", "a\n", "\u200b", "x" * 251])
def test_what_would_break_a_line_is_no_id(text):
    assert not is_id(text)


# -- properties on ragged random trees --------------------------------------------------------------------------------


@given(path_lists)
def test_structure(listed):
    tree = Taxonomy(listed)
    prefixes = {path[:depth] for path in listed for depth in range(len(path) + 1)}
    assert set(tree.paths) == prefixes
    assert {tree.paths[node] for node in tree.answers} == set(listed)
    for node in range(len(tree)):
        path = tree.paths[node]
        below = [other for other, candidate in enumerate(tree.paths) if candidate[: len(path)] == path]
        assert below == list(range(node, tree.end[node]))
        assert all(tree.paths[child][:-1] == path for child in tree.children(node))
        assert len(tree.children(node)) == sum(
            len(other) == len(path) + 1 for other in map(tree.paths.__getitem__, below)
        )
        assert (node in tree.leaves) == (len(below) == 1)
        assert tree.depth[node] == len(path) == len(tree.ancestors(node))
        assert tree.find(path) == node == tree.deepest((*path, "no such name"))
    assert set(tree.leaves) <= set(tree.answers)


@given(path_lists)
def test_siblings_keep_the_order_of_the_list(listed):
    tree = Taxonomy(listed)
    first = {
        path[:depth]: place for place, path in reversed(list(enumerate(listed))) for depth in range(1, len(path) + 1)
    }
    for node in range(len(tree)):
        places = [first[tree.paths[child]] for child in tree.children(node)]
        assert places == sorted(places)


@given(taxonomies(), st.data())
def test_distance_is_a_metric_along_the_tree(tree, data):
    node = st.integers(0, len(tree) - 1)
    a, b, c = data.draw(node), data.draw(node), data.draw(node)
    meeting = tree.lowest_common_ancestor(a, b)
    shared = [x for x, y in zip(tree.ancestors(a), tree.ancestors(b), strict=False) if x == y]
    assert meeting == (shared[-1] if shared else 0)
    assert tree.distance(a, b) == tree.distance(b, a)
    assert (tree.distance(a, b) == 0) == (a == b)
    assert tree.distance(a, c) <= tree.distance(a, b) + tree.distance(b, c)


@given(taxonomies())
def test_tokens_name_the_nodes(tree):
    assert [tree.vocabulary[token] for token in tree.arrays.token[1:]] == [path[-1] for path in tree.paths[1:]]
    assert len(set(tree.vocabulary)) == len(tree.vocabulary)


@given(paths)
def test_a_path_survives_its_text(path):
    assert parse_path(format_path(path)) == path


def test_fifty_thousand_leaves_are_quick():
    listed = [(f"a{i % 20}", f"b{i % 400}", f"c{i % 5000}", f"leaf {i}") for i in range(50_000)]
    start = time.process_time()
    tree = Taxonomy(listed)
    assert sum(len(tree.children(node)) for node in range(len(tree))) == len(tree) - 1
    assert np.array_equal(np.flatnonzero(tree.is_answer), tree.leaves)
    with pytest.raises(TaxonomyError, match="nearest"):
        tree.node("a1 > b1 > c1 > leaf x")
    assert time.process_time() - start < 6  # about 1 s; quadratic work would take minutes
