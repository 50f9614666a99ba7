from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.errors import DataError
from atlas.evaluate.contest import (
    WHOLE_PATHS,
    Entry,
    difference,
    headline_name,
    invalid_guesses,
    published_rows,
    score_names,
    stand,
    summarize_contest,
)
from atlas.taxonomy.tree import Taxonomy

from .synthetic import in_memory

TREE = Taxonomy([("Men", "Shirts"), ("Men", "Jeans"), ("Women", "Jeans"), ("Women", "Dresses")])
SHIRTS, JEANS, DRESSES = (TREE.node(path) for path in (("Men", "Shirts"), ("Men", "Jeans"), ("Women", "Dresses")))
LAST = "level.2.accuracy"


def of(*guesses, truths=(SHIRTS, DRESSES), products=None):
    return in_memory(TREE, truths, guesses, products)


def test_the_mean_over_seeds_and_its_interval_by_hand():
    """Product 0 is right with both seeds, product 1 with the first alone: hits of 1 and 1/2, their mean 3/4.

    A resample of two products is (0, 0) or (1, 1) with a quarter each, else (0, 1): the means are 1, 1/2 and 3/4, so
    the middle 95 % reach from 1/2 to 1.
    """
    standing = stand([of(SHIRTS, DRESSES).rows, of(SHIRTS, JEANS).rows], draws=400)
    assert standing.by_seed[LAST] == [1.0, 0.5]
    summary = standing.summary(LAST)
    assert (summary["mean"], summary["interval"], summary["by_seed"]) == (0.75, [0.5, 1.0], [1.0, 0.5])
    assert sorted(set(standing.drawn[LAST].tolist())) == [0.5, 0.75, 1.0]


def test_the_paired_difference_by_hand():
    """New: hits 1 and 1/2 over two seeds. Old: 1 and 0. Product 0 never differs, product 1 by 1/2: mean 1/4."""
    new = stand([of(SHIRTS, DRESSES).rows, of(SHIRTS, JEANS).rows], draws=400)
    old = stand([of(SHIRTS, JEANS).rows], draws=400)
    assert difference(new, old, LAST) == {"difference": 0.25, "interval": [0.0, 0.5]}
    assert difference(new, new, LAST) == {"difference": 0.0, "interval": [0.0, 0.0]}


def test_all_views_of_a_product_are_drawn_together():
    """One product with two views of which one is right: every resample has one half, the interval is a point."""
    standing = stand([of(SHIRTS, JEANS, truths=(SHIRTS, SHIRTS), products=(7, 7)).rows], draws=50)
    assert standing.summary(LAST)["interval"] == [0.5, 0.5]


def test_where_all_is_right_the_interval_is_exact():
    """Two products, all right: 0.025 ** (1 / 2), as Clopper and Pearson bound it."""
    summary = stand([of(SHIRTS, DRESSES).rows], draws=50).summary(LAST)
    assert summary["interval"] == pytest.approx([0.025**0.5, 1.0])


@settings(max_examples=25)
@given(st.lists(st.lists(st.integers(1, len(TREE) - 1), min_size=6, max_size=6), min_size=1, max_size=3))
def test_averaging_hits_over_seeds_is_averaging_scores(guesses):
    """For a share of pictures, with the weights of any resample."""
    truths = [SHIRTS, SHIRTS, JEANS, DRESSES, DRESSES, JEANS]
    rows = [in_memory(TREE, truths, seed).rows for seed in guesses]
    hits = np.mean([rows[0].truth == seed.guess for seed in rows], axis=0)
    assert stand(rows, draws=5).mean("micro.recall") == pytest.approx(hits.mean())


def contest(*labelled):
    return [Entry(label, share, tuple(range(len(files))), files) for label, share, files in labelled]


def test_entries_are_compared_with_the_reference_at_their_own_share():
    right, half = of(SHIRTS, DRESSES), of(SHIRTS, JEANS)
    entries = contest(("a", 1.0, (half,)), ("b", 1.0, (right, half)), ("b", 0.3, (half,)), ("a", 0.3, (right,)))
    found = summarize_contest(entries, "a", draws=50)
    assert [(c["label"], c["share"], c["reference"]) for c in found["comparisons"]] == [
        ("b", 1.0, "a"),
        ("b", 0.3, "a"),
    ]
    assert [c["differences"][LAST]["difference"] for c in found["comparisons"]] == [0.25, -0.5]
    assert found["comparisons"][0]["seeds"] == [0, 1]
    assert found["comparisons"][0]["reference_seeds"] == [0]
    assert (found["n"], found["products"], found["levels"]) == (2, 2, 2)
    assert list(found["entries"][0]["scores"]) == score_names(2)


def test_without_the_reference_nothing_is_compared():
    assert summarize_contest(contest(("b", 1.0, (of(SHIRTS, JEANS),))), "a", draws=5)["comparisons"] == []


def test_scores_by_leaf_are_means_over_seeds():
    """Shirts: both right with one seed; with the other one of two, and Jeans takes it. R 3/4, F (1 + 2/3) / 2."""
    truths = (SHIRTS, SHIRTS, DRESSES)
    seeds = (of(SHIRTS, SHIRTS, DRESSES, truths=truths), of(SHIRTS, JEANS, DRESSES, truths=truths))
    shirts, dresses = summarize_contest(contest(("a", 1.0, seeds)), "a", draws=5)["leaves"]
    assert (shirts["path"], shirts["support"], shirts["products"]) == ("Men > Shirts", 2, 2)
    assert shirts["entries"] == [{"precision": 1.0, "recall": 0.75, "f1": pytest.approx(5 / 6)}]
    assert dresses["entries"] == [{"precision": 1.0, "recall": 1.0, "f1": 1.0}]


def test_rows_near_train_are_told_apart():
    file = of(SHIRTS, JEANS)
    file = replace(file, rows=replace(file.rows, near_train=np.array([True, False])))
    (entry,) = summarize_contest(contest(("a", 1.0, (file,))), "a", draws=5)["entries"]
    assert entry["scores"][LAST]["mean"] == 0.5
    assert entry["without_near_train"][LAST]["mean"] == 0.0


def test_files_of_other_pictures_are_refused():
    entries = contest(("a", 1.0, (of(SHIRTS, JEANS),)), ("b", 1.0, (of(SHIRTS, JEANS, truths=(SHIRTS, JEANS)),)))
    with pytest.raises(DataError, match="other pictures or truths"):
        summarize_contest(entries, "a", draws=5)


def test_guesses_outside_the_tree_are_counted():
    small = Taxonomy([("Men", "Shirts"), ("Women", "Jeans"), ("Women", "Dresses")])
    assert invalid_guesses(of(SHIRTS, JEANS), TREE) == 0
    assert invalid_guesses(of(SHIRTS, JEANS), small) == 1
    assert invalid_guesses(of(TREE.node("Men"), 0), TREE) == 1  # an inner node is no answer; a failed row is no guess


def test_published_rows_say_what_they_are():
    rows = published_rows()
    assert [row["micro_f1"] for row in rows] == [0.92, 0.90, 0.88]
    assert all(row["name"] and row["short"] and row["data"] and row["source"] for row in rows)


RAGGED = Taxonomy([("Bags",), ("Men", "Shirts"), ("Men", "Jeans", "Slim")])
BAGS, SHORT, LONG = (RAGGED.node(path) for path in (("Bags",), ("Men", "Shirts"), ("Men", "Jeans", "Slim")))


def ragged(*guesses):
    return in_memory(RAGGED, (BAGS, BAGS, SHORT, LONG), guesses, None)


def test_paths_of_unequal_depth_are_compared_as_wholes():
    """Of four pictures one has three names: `new` has that one alone, `old` the other three."""
    old, new = ragged(BAGS, BAGS, SHORT, SHORT), ragged(SHORT, SHORT, LONG, LONG)
    found = summarize_contest(contest(("old", 1.0, (old,)), ("new", 1.0, (new,))), "old", draws=50)
    assert (found["headline"], headline_name(found)) == (WHOLE_PATHS, "whole paths right")
    assert found["pictures_by_level"] == [4, 2, 1]
    whole = [entry["scores"][found["headline"]]["mean"] for entry in found["entries"]]
    assert whole == [0.75, 0.25]
    assert found["comparisons"][0]["differences"][found["headline"]]["difference"] == -0.5
    assert found["entries"][1]["scores"]["level.3.accuracy"]["mean"] == 1.0  # which would have told of the opposite


def test_paths_of_one_depth_are_compared_at_the_last_level():
    found = summarize_contest(contest(("a", 1.0, (of(SHIRTS, JEANS),))), "a", draws=5)
    assert (found["headline"], headline_name(found)) == (LAST, "first 2 names right")
    assert found["entries"][0]["scores"][WHOLE_PATHS]["mean"] == found["entries"][0]["scores"][LAST]["mean"]


def test_the_interval_of_a_perfect_level_counts_the_products_that_reach_it():
    """One product of four has three names: 0.025 ** (1 / 1), as Clopper and Pearson bound it, not 0.025 ** (1 / 4)."""
    standing = stand([ragged(BAGS, BAGS, SHORT, LONG).rows], draws=50)
    assert standing.summary("level.3.accuracy")["interval"] == [pytest.approx(0.025), 1.0]
    assert standing.summary(WHOLE_PATHS)["interval"] == [pytest.approx(0.025 ** (1 / 4)), 1.0]
