import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support

from atlas.evaluate import metrics
from atlas.evaluate.paths import PathTable

#: Numbers of the six hand-worked rows' paths (see conftest): truths and guesses, 0 = failed.
TABLE = PathTable.of([("Men", "Shirts"), ("Men", "Jeans"), ("Women", "Jeans"), ("Women", "Dresses")])
MS, MJ, WJ, WD = (
    TABLE.number[path] for path in [("Men", "Shirts"), ("Men", "Jeans"), ("Women", "Jeans"), ("Women", "Dresses")]
)
TRUTH = np.array([MS, MS, MJ, WJ, WD, WD])
GUESS = np.array([MS, MJ, WJ, WJ, WD, 0])
TRUTH_AT, GUESS_AT = TABLE.at_level[TRUTH], TABLE.at_level[GUESS]


def counts():
    return metrics.class_counts(TRUTH, np.where(GUESS == 0, -1, GUESS), len(TABLE.paths))


def test_level_hits_by_hand():
    right, scored = metrics.level_hits(TRUTH_AT, GUESS_AT)
    assert right.sum(axis=0).tolist() == [4, 3]
    assert scored.sum(axis=0).tolist() == [6, 6]
    name_right, _ = metrics.level_hits(TABLE.name_at[TRUTH], TABLE.name_at[GUESS])
    assert name_right[:, 1].tolist() == [True, False, True, True, True, False]


def test_a_truth_that_ends_early_is_not_scored_below():
    truth_at, guess_at = np.array([[1, -1]]), np.array([[1, 2]])
    right, scored = metrics.level_hits(truth_at, guess_at)
    assert scored.tolist() == [[True, False]]
    assert right.tolist() == [[True, False]]


def test_guesses_are_cut_only_where_the_truth_is_known_no_deeper():
    truth_at, guess_at = np.array([[1, -1], [1, -1]]), np.array([[1, 2], [1, 2]])
    cut = metrics.cut_to_known(truth_at, guess_at, np.array([True, False]))
    assert cut.tolist() == [[1, -1], [1, 2]]


def test_leaving_level_and_distance_by_hand():
    assert metrics.leaving_level(TRUTH_AT, GUESS_AT)[:5].tolist() == [0, 2, 1, 0, 0]
    assert metrics.tree_distance(TRUTH_AT, GUESS_AT)[:5].tolist() == [0, 2, 4, 0, 0]


def test_stopping_early_and_going_on_leave_at_the_level_that_is_missing_or_too_many():
    truth_at = np.array([[1, 2, 3], [1, -1, -1]])
    guess_at = np.array([[1, -1, -1], [1, 2, 3]])
    assert metrics.leaving_level(truth_at, guess_at).tolist() == [2, 2]
    assert metrics.tree_distance(truth_at, guess_at).tolist() == [2, 2]


def test_hierarchical_sums_by_hand():
    shared, guessed, true = metrics.hierarchical_sums(TRUTH_AT, GUESS_AT)
    assert (shared.sum(), guessed.sum(), true.sum()) == (7, 10, 12)  # hP .7, hR 7/12, hF 14/22


def test_class_scores_by_hand():
    scores = metrics.class_scores(counts())
    assert scores.precision[0, [MS, MJ, WJ, WD]].tolist() == [1, 0, 0.5, 1]
    assert scores.recall[0, [MS, MJ, WJ, WD]].tolist() == [0.5, 0, 1, 0.5]
    assert scores.f1[0, [MS, MJ, WJ, WD]] == pytest.approx([2 / 3, 0, 2 / 3, 2 / 3])


def test_averages_by_hand():
    assert [float(value[0]) for value in metrics.micro(counts())] == pytest.approx([3 / 5, 3 / 6, 6 / 11])
    assert [float(value[0]) for value in metrics.macro(counts())] == pytest.approx([2.5 / 4, 2 / 4, 2 / 4])
    assert [float(value[0]) for value in metrics.weighted(counts())] == pytest.approx([4.5 / 6, 3 / 6, 10 / 18])


def test_no_rows_have_no_score():
    empty = metrics.class_counts(np.array([-1]), np.array([2]), 3)
    assert all(
        np.isnan(value[0]) for average in (metrics.micro, metrics.macro, metrics.weighted) for value in average(empty)
    )


def test_a_class_that_a_draw_misses_keeps_the_scores_of_the_sample():
    sample = metrics.class_counts(np.array([0, 1]), np.array([0, 0]), 2)
    absent = metrics.Scores(*(values[0] for values in metrics.class_scores(sample)))
    draw = metrics.class_counts(np.array([0, 1]), np.array([0, 0]), 2, np.array([[2.0, 0.0]]))
    assert metrics.macro(draw).f1[0] == 1  # the second class is gone
    assert metrics.macro(draw, absent).f1[0] == pytest.approx(0.5)


labels = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60)


@given(labels)
def test_scores_equal_those_of_scikit_learn(pairs):
    truth, guess = np.array(pairs).T
    found = metrics.class_counts(truth, guess, 5)
    present = np.unique(truth)
    for average, ours in (("macro", metrics.macro), ("weighted", metrics.weighted)):
        theirs = precision_recall_fscore_support(truth, guess, labels=present, average=average, zero_division=0)[:3]
        assert [float(value[0]) for value in ours(found)] == pytest.approx(theirs)
    theirs = precision_recall_fscore_support(truth, guess, average="micro", zero_division=0)[:3]
    assert [float(value[0]) for value in metrics.micro(found)] == pytest.approx(theirs)
    per_class = precision_recall_fscore_support(truth, guess, labels=range(5), average=None, zero_division=0)[:3]
    for ours, theirs in zip(metrics.class_scores(found), per_class, strict=True):
        assert ours[0] == pytest.approx(theirs)


paths = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(tuple)


@given(st.lists(st.tuples(paths, paths), min_size=1, max_size=30))
def test_hierarchical_scores_equal_those_of_hiclass(pairs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        hiclass = pytest.importorskip("hiclass.metrics")
    table = PathTable.of(path for pair in pairs for path in pair)
    truth, guess = (np.array([table.number[path] for path in column]) for column in zip(*pairs, strict=True))
    shared, guessed, true = metrics.hierarchical_sums(table.at_level[truth], table.at_level[guess])

    def prefixes(numbers):  # hiclass compares names as they are: every level must carry its whole path
        return np.array([[str(n) if n >= 0 else "" for n in table.at_level[number]] for number in numbers])

    ours = (shared.sum() / guessed.sum(), shared.sum() / true.sum(), 2 * shared.sum() / (guessed + true).sum())
    theirs = [score(prefixes(truth), prefixes(guess)) for score in (hiclass.precision, hiclass.recall)]
    assert ours[:2] == pytest.approx(theirs)
    if shared.sum():
        assert ours[2] == pytest.approx(hiclass.f1(prefixes(truth), prefixes(guess)))


def test_top_k_counts_no_rank_as_missed():
    rank = np.array([1, 2, 3, 0])
    assert metrics.top_k(rank, 1).tolist() == [True, False, False, False]
    assert metrics.top_k(rank, 3).tolist() == [True, True, True, False]


def test_calibration_error_by_hand():
    confidence = np.array([0.6, 0.6, 0.6, 0.6, 0.9, 0.9])
    right = np.array([True, True, True, False, True, False])
    bins = metrics.reliability(confidence, right, bins=2)
    assert bins.rows.tolist() == [4, 2]
    assert bins.accuracy.tolist() == [0.75, 0.5]
    assert metrics.expected_calibration_error(bins) == pytest.approx((4 * 0.15 + 2 * 0.4) / 6)


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.9, 1.0]), st.booleans()), min_size=1, max_size=40), st.randoms())
def test_bins_do_not_depend_on_the_order_of_rows(pairs, random):
    shuffled = random.sample(pairs, len(pairs))
    first, second = (
        metrics.reliability(np.array([c for c, _ in some]), np.array([r for _, r in some]))
        for some in (pairs, shuffled)
    )
    assert first.rows.tolist() == second.rows.tolist()
    assert first.accuracy == pytest.approx(second.accuracy)


def test_a_perfect_model_shows_the_error_of_chance_and_no_more():
    random = np.random.default_rng(3)
    confidence = random.beta(6, 1, size=4000)
    errors = []
    for _ in range(20):
        bins = metrics.reliability(confidence, random.random(4000) < confidence)
        errors.append(metrics.expected_calibration_error(bins))
    assert metrics.calibration_error_by_chance(confidence, bins) == pytest.approx(np.mean(errors), rel=0.15)
    liar = metrics.reliability(confidence, random.random(4000) < confidence**3)
    assert metrics.expected_calibration_error(liar) > 5 * np.mean(errors)


def test_without_rows_there_is_no_calibration_error():
    bins = metrics.reliability(np.zeros(0), np.zeros(0, dtype=bool))
    assert np.isnan(metrics.expected_calibration_error(bins))
    assert np.isnan(metrics.calibration_error_by_chance(np.zeros(0), bins))
