"""The measures: pure functions of integer arrays, with the formula in each docstring.

Conventions, the same everywhere: rows are pictures; `truth_at` and `guess_at` are (R, D) with the number of the first
`k + 1` names in column `k` and -1 beyond a path's end (`PathTable.at_level`). A row without a guess is -1 throughout:
it costs recall and never precision. A score that would divide by zero is 0 for a class and nan for a whole.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.integer]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: Bins of the calibration error, of equal mass.
BINS = 15


def cut_to_known(truth_at: Integers, guess_at: Integers, known_no_deeper: Flags) -> Integers:
    """The guesses (R, D), ended where a truth that is "known no deeper" ends: what lies below cannot be judged."""
    return np.where(known_no_deeper[:, None] & (truth_at < 0), -1, guess_at)


def level_hits(truth: Integers, guess: Integers) -> tuple[Flags, Flags]:
    """Two (R, D) arrays: is level `k` right, and is it scored at all (the truth reaches it).

    Level accuracy is `right.sum(0) / scored.sum(0)`. With `at_level` numbers the first `k + 1` names must agree, with
    `name_at` numbers the one name alone.
    """
    scored = truth >= 0
    return scored & (truth == guess), scored


def levels_shared(truth_at: Integers, guess_at: Integers) -> Integers:
    """(R,): how many names agree from the first level on; the depth of the lowest common ancestor."""
    shared: Integers = ((truth_at == guess_at) & (truth_at >= 0)).sum(axis=1)
    return shared


def leaving_level(truth_at: Integers, guess_at: Integers) -> Integers:
    """(R,): the level (1 is the first) at which the guess leaves the true path, 0 where it is right.

    A guess that stops early leaves at the first level it lacks, one that goes on leaves at the first level too many.
    """
    wrong = (truth_at != guess_at).any(axis=1)
    return np.where(wrong, levels_shared(truth_at, guess_at) + 1, 0)


def tree_distance(truth_at: Integers, guess_at: Integers) -> Integers:
    """(R,): edges between truth and guess, `|truth| + |guess| - 2 * shared`; 0 where they are the same node."""
    lengths = (truth_at >= 0).sum(axis=1) + (guess_at >= 0).sum(axis=1)
    distance: Integers = lengths - 2 * levels_shared(truth_at, guess_at)
    return distance


def hierarchical_sums(truth_at: Integers, guess_at: Integers) -> tuple[Integers, Integers, Integers]:
    """(R,) each: nodes that truth and guess share, nodes of the guess, nodes of the truth (ancestors and itself).

    With sums over rows, hP = shared / guess, hR = shared / truth, hF = 2 * shared / (guess + truth): the hierarchical
    precision, recall and F of Kiritchenko, Matwin and Famili (2005); the root counts for nobody.
    """
    return levels_shared(truth_at, guess_at), (guess_at >= 0).sum(axis=1), (truth_at >= 0).sum(axis=1)


class Counts(NamedTuple):
    """Rows by class, each (..., C): `right` = truth and guess, `truths` = support, `guesses` = rows put there."""

    right: Floats
    truths: Floats
    guesses: Floats


class Scores(NamedTuple):
    """Precision, recall and F, of one shape."""

    precision: Floats
    recall: Floats
    f1: Floats


def sum_by(values: Floats, group: Integers, count: int) -> Floats:
    """(B, count): for each row of `values` (B, K), its sums by `group` (K,); members of group -1 are left out."""
    inside = group >= 0
    values, group = values[:, inside], group[inside]
    draws = len(values)
    place = (np.arange(draws)[:, None] * count + group).ravel()
    sums = np.bincount(place, weights=values.ravel(), minlength=draws * count)
    return sums.astype(np.float64).reshape(draws, count)  # bincount counts in integers where there is nothing


def class_counts(truth: Integers, guess: Integers, classes: int, weights: Floats | None = None) -> Counts:
    """Counts (B, C) of rows by class for each draw of `weights` (B, R); one draw of ones where none are given.

    Rows whose truth is -1 are left out, with their guesses. A guess of -1 is no guess.
    """
    weights = np.ones((1, len(truth))) if weights is None else weights
    known = truth >= 0
    truth, guess, weights = truth[known], guess[known], weights[:, known]
    hit = truth == guess
    return Counts(
        right=sum_by(weights[:, hit], truth[hit], classes),
        truths=sum_by(weights, truth, classes),
        guesses=sum_by(weights, guess, classes),
    )


def class_scores(counts: Counts) -> Scores:
    """Per class (..., C): P = right / guesses, R = right / truths, F = 2 * right / (guesses + truths), 0 for 0 / 0."""
    return Scores(
        _ratio(counts.right, counts.guesses, empty=0.0),
        _ratio(counts.right, counts.truths, empty=0.0),
        _ratio(2 * counts.right, counts.guesses + counts.truths, empty=0.0),
    )


def micro(counts: Counts) -> Scores:
    """Scores (...) over the sums of all classes: with a guess in every row all three are the accuracy."""
    right, truths, guesses = (values.sum(axis=-1) for values in counts)
    return Scores(_ratio(right, guesses), _ratio(right, truths), _ratio(2 * right, guesses + truths))


def macro(counts: Counts, absent: Scores | None = None) -> Scores:
    """The plain mean (...) of the class scores over the classes that have truths.

    A class that was only ever guessed has no recall; its wrong guesses cost the classes they were taken from. For draws
    (B, C) of a sample, `absent` (C,) are the sample's scores: a class that a draw happens to miss keeps them, else the
    smallest classes would drop out of a third of the draws and the mean would drift away from the sample's.
    """
    scores = class_scores(counts)
    if absent is None:
        return _mean(scores, (counts.truths > 0).astype(np.float64))
    filled = (np.where(counts.truths > 0, drawn, kept) for drawn, kept in zip(scores, absent, strict=True))
    return _mean(Scores(*filled), np.ones_like(counts.truths))


def weighted(counts: Counts) -> Scores:
    """The mean (...) of the class scores, each class with the weight of its truths."""
    return _mean(class_scores(counts), counts.truths)


def top_k(rank: Integers, k: int) -> Flags:
    """(R,): is the truth among the first `k` answers? `rank` is its place from 1, or 0 where it is not listed."""
    return (rank >= 1) & (rank <= k)


class Reliability(NamedTuple):
    """Bins of rising confidence, each (bins,): mean confidence, share right, rows; and each row's bin (R,)."""

    confidence: Floats
    accuracy: Floats
    rows: Integers
    bin: Integers


def reliability(confidence: Floats, right: Flags, bins: int = BINS) -> Reliability:
    """At most `bins` bins of equal mass over (R,) confidences; equal ones share a bin, so row order is no matter."""
    _, value, ties = np.unique(confidence, return_inverse=True, return_counts=True)
    middle = np.cumsum(ties) - ties / 2  # the rank in the middle of the rows that share a value
    place = (middle * bins // max(len(confidence), 1)).astype(np.int64)[value]
    place = np.unique(place, return_inverse=True)[1]
    count = np.bincount(place)
    return Reliability(
        np.bincount(place, weights=confidence) / count, np.bincount(place, weights=right) / count, count, place
    )


def expected_calibration_error(bins: Reliability) -> float:
    """ECE = sum over bins of `rows / R * |share right - mean confidence|`; nan without rows.

    Naeini, Cooper and Hauskrecht 2015; with bins of equal mass, Nixon et al. 2019.
    """
    if not len(bins.rows):
        return float("nan")
    gap = np.abs(bins.accuracy - bins.confidence)
    return float((bins.rows * gap).sum() / bins.rows.sum())


def calibration_error_by_chance(confidence: Floats, bins: Reliability, draws: int = 200, seed: int = 0) -> float:
    """The mean ECE of a model that is calibrated perfectly and has these confidences (R,) on this many rows.

    No finite sample shows an ECE of 0: a measured one near this figure is noise.
    """
    if not len(confidence):
        return float("nan")
    random = np.random.default_rng(seed)
    total = 0.0
    for _ in range(draws):
        surplus = (random.random(len(confidence)) < confidence) - confidence
        total += np.abs(np.bincount(bins.bin, weights=surplus)).sum() / len(confidence)
    return total / draws


def _mean(scores: Scores, weight: Floats) -> Scores:
    total = weight.sum(axis=-1)
    return Scores(*(_ratio((values * weight).sum(axis=-1), total) for values in scores))


def _ratio(part: Floats, whole: Floats, empty: float = float("nan")) -> Floats:
    out = np.full(np.shape(whole), empty)
    np.divide(part, whole, out=out, where=np.asarray(whole) > 0)
    return out
