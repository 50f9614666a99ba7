import json

import numpy as np
import pytest

from atlas.evaluate.comparison import compare
from atlas.evaluate.predictions import read_predictions
from atlas.evaluate.summary import summarize, summarize_comparison
from atlas.taxonomy.tree import Taxonomy

from .synthetic import in_memory, row, tree_of, write, write_drawn


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    file = write_drawn(tmp_path_factory.mktemp("drawn") / "p.parquet", tree_of(30), 900, skill=3.5, near_train=0.2)
    return read_predictions(file)


@pytest.fixture(scope="module")
def measured(drawn):
    return summarize(drawn, draws=60)


def test_the_keys_that_are_promised(measured):
    promised = [
        "version",
        "split",
        "n",
        "level_accuracy",
        "name_accuracy",
        "micro",
        "macro",
        "weighted",
        "hierarchical",
    ]
    promised += [
        "ece",
        "coverage",
        "leaves",
        "top_k",
        "tree_distance",
        "first_wrong_level",
        "intervals",
        "leak",
        "errors",
    ]
    assert set(promised) <= set(measured)
    assert measured["version"] == 1
    assert set(measured["leak"]) == {"rows", "share", "without"}


def test_it_is_json_and_holds_no_nan(measured):
    assert json.loads(json.dumps(measured, allow_nan=False)) == measured


def test_every_headline_score_lies_in_its_interval(measured):
    ends = measured["intervals"]
    for score, (low, high) in zip(measured["level_accuracy"], ends["level_accuracy"], strict=True):
        assert low <= score <= high
    for average in ("micro", "macro", "weighted", "hierarchical"):
        for part, score in measured[average].items():
            low, high = ends[average][part]
            assert low <= score <= high


def test_the_six_rows_by_hand(six):
    m = summarize(six, draws=20)
    assert (m["n"], m["products"], m["split"]) == (6, 5, "test")
    assert m["rows"] == {"in_file": 6, "without_truth": 0, "failed": 1, "known_no_deeper": 0, "unknown_path": 0}
    assert m["first_wrong_level"] == [{"level": 1, "count": 1, "share": 0.5}, {"level": 2, "count": 1, "share": 0.5}]
    assert m["confusions"] == [
        {"level": 1, "truth": "Men", "guess": "Women", "count": 1, "share": pytest.approx(1 / 3)},
        {"level": 2, "truth": "Men > Shirts", "guess": "Men > Jeans", "count": 1, "share": 0.5},
    ]
    assert m["levels"][0]["matrix"] == {"categories": ["Men", "Women"], "counts": [[2, 1, 0], [0, 2, 1]]}
    assert m["coverage"]["rows"] == pytest.approx(5 / 6)
    shirts = next(leaf for leaf in m["leaves"] if leaf["path"] == "Men > Shirts")
    assert (shirts["support"], shirts["products"], shirts["guesses"], shirts["right"]) == (2, 2, 1, 1)
    assert shirts["f1"] == pytest.approx(2 / 3)
    assert m["errors"] == {"not a picture": 1}


def test_leaves_without_pictures_and_strangers_are_listed(tmp_path, tree):
    rows = [row("a", "Men > Kilts", "Men > Jeans", tree)]
    m = summarize(read_predictions(write(tmp_path / "p.parquet", rows, tree)), draws=10)
    leaves = {leaf["path"]: leaf for leaf in m["leaves"]}
    assert leaves["Men > Kilts"]["in_tree"] is False
    assert leaves["Men > Kilts"]["f1"] == 0
    assert (leaves["Women > Dresses"]["support"], leaves["Women > Dresses"]["f1"]) == (0, None)
    assert (leaves["Men > Jeans"]["precision"], leaves["Men > Jeans"]["recall"]) == (0, None)
    assert m["rows"]["unknown_path"] == 1
    assert m["level_accuracy"] == [1, 0]


def test_confusions_of_paths_of_uneven_length():
    tree = Taxonomy([("Men", "Shirts"), ("Men", "Shirts", "Formal"), ("Bags",)])
    shirts, formal, bags = tree.answers
    m = summarize(in_memory(tree, [shirts, formal, bags, bags], [formal, shirts, bags, formal]), draws=10)
    assert [(c["level"], c["truth"], c["guess"], c["share"]) for c in m["confusions"]] == [
        (1, "Bags", "Men", 0.5),
        (3, "Men > Shirts", "Men > Shirts > Formal", 1),
        (3, "Men > Shirts > Formal", "Men > Shirts", 1),
    ]


def test_confusions_and_leaving_levels_add_up_to_the_mistakes(drawn, measured):
    mistakes = int((drawn.rows.truth != drawn.rows.guess).sum())
    assert sum(entry["count"] for entry in measured["first_wrong_level"]) == mistakes
    assert sum(entry["count"] for entry in measured["confusions"] if entry["level"] == 1) == round(
        (1 - measured["level_accuracy"][0]) * measured["n"]
    )


def test_the_leak_is_counted_and_taken_out(drawn, measured):
    near = drawn.rows.near_train
    assert measured["leak"]["rows"] == near.sum() > 0
    right = (drawn.rows.truth == drawn.rows.guess)[~near]
    assert measured["leak"]["without"]["level_accuracy"][-1] == pytest.approx(right.mean())
    assert measured["leak"]["without"]["n"] == (~near).sum()


def test_all_leaked_and_nobody_looked(tmp_path, tree):
    rows = [row("a", "Men > Jeans", "Men > Jeans", tree, near_train=near) for near in (True,)]
    file = write(tmp_path / "p.parquet", rows, tree)
    assert summarize(read_predictions(file), draws=10)["leak"] == {"rows": 1, "share": 1, "without": None}
    rows[0]["near_train"] = None
    assert summarize(read_predictions(write(file, rows, tree)), draws=10)["leak"] is None


def test_what_the_file_lacks_is_null_and_breaks_nothing():
    tree = tree_of(6)
    m = summarize(in_memory(tree, list(tree.answers), list(tree.answers)), draws=10)
    assert m["ece"] == [None] * 3
    assert m["top_k"] == {}
    assert m["tree_distance"] is None  # no mistake
    assert m["confusions"] == []


def test_rows_that_all_failed_are_all_wrong():
    tree = tree_of(6)
    m = summarize(in_memory(tree, list(tree.answers), [0] * 6), draws=10)
    assert m["level_accuracy"] == [0, 0, 0]
    assert m["micro"] == {"precision": None, "recall": 0, "f1": 0}
    assert m["coverage"]["rows"] == 0


def test_only_truths_known_no_deeper_leave_the_leaf_scores_empty():
    tree = Taxonomy([("Men", "Shirts"), ("Women", "Jeans")])
    m = summarize(in_memory(tree, [tree.node("Men")], [tree.node("Men > Shirts")]), draws=10)
    assert m["level_accuracy"] == [1, None]
    assert m["micro"]["f1"] is m["macro"]["f1"] is None


def test_a_comparison_as_json(drawn, measured):
    rows = drawn.rows
    guess = np.where(np.arange(len(rows)) % 3 == 0, rows.table.number[rows.table.paths[3]], rows.truth)
    worse = in_memory(
        drawn.taxonomy, [drawn.taxonomy.node(rows.table.paths[n]) for n in rows.truth], guess, rows.product
    )
    worse.rows.view[:] = rows.view
    told = summarize_comparison(compare(worse, worse, draws=20))
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert told["fell"] == []
    assert told["differences"]["micro.f1"]["difference"] == 0
    assert len(told["leaves"]) == sum(leaf["support"] > 0 for leaf in measured["leaves"])


def test_confidence_below_a_whole_truth_is_wrong_and_below_a_truth_known_no_deeper_is_not_judged(tmp_path):
    tree = Taxonomy([("Bags",), ("Bags", "Totes"), ("Men", "Shirts")])
    whole = [row(f"w{n}", "Bags", "Bags > Totes", tree, masses={"Bags > Totes": 0.75, "Bags": 0.25}) for n in range(4)]
    m = summarize(read_predictions(write(tmp_path / "p.parquet", whole, tree)), draws=10)
    assert m["ece"] == [pytest.approx(0), pytest.approx(0.75)]
    partial = [row(f"k{n}", "Men", "Men > Shirts", tree) for n in range(4)]
    m = summarize(read_predictions(write(tmp_path / "p.parquet", partial, tree)), draws=10)
    assert m["ece"] == [pytest.approx(0), None]
