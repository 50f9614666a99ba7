import pytest
from hypothesis import given

from atlas.errors import TaxonomyError
from atlas.taxonomy.compare import added_paths, compare
from atlas.taxonomy.tree import Taxonomy, format_path

from .trees import taxonomies


def test_added_removed_and_moved_by_hand():
    old = Taxonomy([("Men", "Shirts"), ("Men", "Belts"), ("Men", "Ties"), ("Men", "Old")])
    new = Taxonomy([("Men", "Shirts"), ("Extras", "Belts"), ("Extras", "ties"), ("Men", "New")])
    change = compare(old, new)
    assert change.added == (("Men", "New"),)
    assert change.removed == (("Men", "Old"),)
    assert change.moved == ((("Men", "Belts"), ("Extras", "Belts")), (("Men", "Ties"), ("Extras", "ties")))
    assert not change.reordered
    assert change


def test_an_id_finds_a_path_under_a_new_name():
    old = Taxonomy([("Men", "Suits"), ("Men", "Ties")], {("Men", "Suits"): "7"})
    new = Taxonomy([("Men", "Formal"), ("Men", "Ties")], {("Men", "Formal"): "7"})
    assert compare(old, new).moved == ((("Men", "Suits"), ("Men", "Formal")),)


def test_a_name_in_two_places_did_not_move():
    old = Taxonomy([("A", "x"), ("B", "y")])
    new = Taxonomy([("C", "x"), ("D", "x"), ("B", "y")])
    change = compare(old, new)
    assert change.moved == ()
    assert (change.removed, change.added) == ((("A", "x"),), (("C", "x"), ("D", "x")))


def test_new_ids_and_a_new_order_are_changes_too():
    old = Taxonomy([("A",), ("B",)], {("A",): "1"})
    new = Taxonomy([("B",), ("A",)], {("A",): "2", ("B",): "3"})
    change = compare(old, new)
    assert change.new_ids == ((("A",), "1", "2"), (("B",), None, "3"))
    assert change.reordered


def test_an_inner_node_that_became_an_answer_is_added():
    change = compare(Taxonomy([("A", "x"), ("A", "y")]), Taxonomy([("A",), ("A", "x"), ("A", "y")]))
    assert change.added == (("A",),)


@given(taxonomies(), taxonomies())
def test_a_difference_is_empty_for_equal_trees_only_and_accounts_for_every_answer(old, new):
    assert not compare(old, old)
    change = compare(old, new)
    assert bool(change) == (old != new)
    before = {old.paths[node] for node in old.answers}
    after = {new.paths[node] for node in new.answers}
    sources, targets = {source for source, _ in change.moved}, {target for _, target in change.moved}
    assert (before - set(change.removed) - sources) | set(change.added) | targets == after
    assert len(change.moved) == len(sources) == len(targets)


def test_added_paths_become_answers_beside_their_siblings():
    tree = Taxonomy([("Men", "Jeans"), ("Women", "Skirts")], {("Men", "Jeans"): "7"})
    grown, words = added_paths(tree, ["Men > Skirts", "Women", "Men > Kilts > Short"])
    assert [format_path(grown.paths[node]) for node in grown.answers] == [
        "Men > Jeans",
        "Men > Skirts",
        "Men > Kilts > Short",
        "Women",
        "Women > Skirts",
    ]
    assert words == ["Kilts", "Short"]
    assert grown.ids == tree.ids


def test_an_answer_cannot_be_added_twice():
    tree = Taxonomy([("Men", "Jeans")])
    with pytest.raises(TaxonomyError, match="already"):
        added_paths(tree, ["Men > Jeans"])
    with pytest.raises(TaxonomyError, match="already"):
        added_paths(tree, ["Men > Kilts", "Men > Kilts"])
