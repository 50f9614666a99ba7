"""Labels that are probably wrong: each is judged by a linear probe that saw neither its row nor any near copy of it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from atlas.errors import MissingExtraError, NothingDoneError
from atlas.progress import Progress, Silent
from atlas.records import Path

#: Parts into which groups are dealt; each is judged by a probe fitted on the others.
FOLDS = 5
#: Regularisations of the probe (scikit-learn's C) that the first fold chooses from, strongest first.
STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)
#: A probe is fitted on at most so many rows, frequent labels thinned out first: more make it slow and hardly better.
MAX_FIT_ROWS = 50_000
#: A label with fewer rows to learn it from is not judged: its probe would call every one of them wrong.
MIN_SUPPORT = 5
#: What is believed of every label before anything is seen: this share is wrong, as firmly as so many rows would say it.
WRONG_SHARE, BELIEF_ROWS = 0.05, 1000
#: Rounds in which it is estimated how often each path is labelled as each other one; the tenth changes nothing to see.
ROUNDS = 10
#: A tree distance counts by this power: at 1, slips between siblings sink below doubtful rows of other branches.
DISTANCE_POWER = 0.5
#: A label whose own rows get less probability on average was not learned; how many of them are wrong is not estimated.
LEARNED = 0.3
#: Labels with a lower score get the verdict "suspect".
SUSPECT_BELOW = 0.5
#: Rows of which all probabilities are held twice at once.
CHUNK_ROWS = 1 << 16

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]


class Confusion(NamedTuple):
    """How many rows of one label the confident joint gives to another path."""

    given: int  # places in the paths
    likely: int
    rows: int


@dataclass(frozen=True)
class LabelCheck:
    """The labels of R rows, judged. Places are those of the paths that `check_labels` was given."""

    score: NDArray[np.float64]  # (R,) 0 is surely wrong, 1 surely right; 1 for a row that was not judged
    judged: NDArray[np.bool_]  # (R,) whether the label has rows enough for a verdict
    given_probability: NDArray[np.float64]  # (R,) that the label is right
    suggested: Ints  # (R,) the best path that contradicts the label
    probability: NDArray[np.float64]  # (R,) of that
    estimate: int  # labels that are wrong, by the confident joint
    confusions: tuple[Confusion, ...]  # most rows first
    unlearned: tuple[int, ...]  # labels that the probe does not find again: too few rows, or no likeness among them
    strength: float  # the regularisation that was chosen
    agreement: float  # share of judged rows whose label is the probe's first choice

    @property
    def order(self) -> Ints:
        """All judged rows, worst first."""
        ranked = np.argsort(self.score, kind="stable")
        return np.asarray(ranked[self.judged[ranked]])

    @property
    def suspect(self) -> NDArray[np.bool_]:
        """The verdict on each row (R,)."""
        return np.asarray(self.judged & (self.score < SUSPECT_BELOW))


def check_labels(
    features: Floats,
    labels: Ints,
    groups: Ints,
    paths: Sequence[Path],
    *,
    products: Ints | None = None,
    folds: int = FOLDS,
    seed: int = 0,
    progress: Progress | None = None,
) -> LabelCheck:
    """The label of each row, judged: how probably it is wrong, and what would be right.

    `features` (R, D) are one model's; `labels` and `groups` (R,) are whole numbers, a label its place in `paths`; rows
    of one group are judged together, by a probe that saw none of them. Rows with the same number in `products` (R,) are
    pictures of one product: they share one verdict (see `pool`). The score weighs the odds against the label with the
    root of the tree distance to the path suggested (see `score_labels`). Memory: 4 D + 8 K bytes a row for K paths,
    20 K more where products have several pictures. Raises MissingExtraError without the extra `clean`, NothingDoneError
    when fewer than two labels can be told apart.
    """
    progress = progress or Silent()
    probability, strength, judged = probe(
        features, labels, groups, len(paths), folds=folds, seed=seed, progress=progress
    )
    if products is not None:
        probability = pool(probability, labels, products)
    return score_labels(probability, labels, paths, judged, strength)


# -- the probe -------------------------------------------------------------------------------------------------------


def probe(
    features: Floats, labels: Ints, groups: Ints, count: int, *, folds: int, seed: int, progress: Progress
) -> tuple[Floats, float, NDArray[np.bool_]]:
    """Probabilities (R, K) of `count` labels, the regularisation chosen, and which rows can be judged (R,).

    Logistic regression on the features, each scaled to mean 0 and deviation 1. A row's probabilities come from a fit
    without its group. Frequent labels are thinned out where there are more than `MAX_FIT_ROWS`, and weigh more instead.
    """
    fold = deal_groups(labels, groups, folds, seed)
    scaled = _scaled(features)
    probability = np.zeros((len(labels), count), dtype=np.float32)
    judged = np.zeros(len(labels), dtype=np.bool_)
    progress.begin("judge labels", folds)
    strength = 0.0
    for part in range(folds):
        inside = fold == part
        fit_rows, weight = _thinned(np.flatnonzero(~inside), labels, seed)
        support = np.bincount(labels[fit_rows], minlength=count)
        if (support > 0).sum() < 2:
            raise NothingDoneError("fewer than two labels have rows in several groups: there is nothing to tell apart")
        trial = scaled[fit_rows], labels[fit_rows], weight
        if part == 0:
            strength = _choose(trial, scaled[inside], labels[inside])
        _judge(_fitted(*trial, strength), scaled, inside, probability)
        judged[inside] = support[labels[inside]] >= MIN_SUPPORT
        progress.advance()
    return probability, strength, judged


def deal_groups(labels: Ints, groups: Ints, folds: int, seed: int) -> Ints:
    """The fold (R,) of each row: groups stay whole, and those of one label are dealt evenly."""
    _, first, group = np.unique(groups, return_index=True, return_inverse=True)
    order = np.lexsort((np.random.default_rng(seed).random(len(first)), labels[first]))
    fold = np.empty(len(first), dtype=np.int64)
    fold[order] = np.arange(len(first)) % folds
    return np.asarray(fold[group])


def _scaled(features: Floats) -> Floats:
    mean, deviation = features.mean(axis=0, dtype=np.float64), features.std(axis=0, dtype=np.float64)
    return np.asarray((features - mean) / np.where(deviation > 0, deviation, 1), dtype=np.float32)


def _thinned(rows: Ints, labels: Ints, seed: int) -> tuple[Ints, Floats]:
    """At most `MAX_FIT_ROWS` of the rows, rare labels first, and the weights that give each label its due again."""
    if len(rows) <= MAX_FIT_ROWS:
        return rows, np.ones(len(rows), dtype=np.float32)
    shuffled = np.random.default_rng(seed).permutation(rows)
    by_label = shuffled[np.argsort(labels[shuffled], kind="stable")]
    start = np.searchsorted(labels[by_label], labels[by_label])
    rank = np.arange(len(by_label)) - start  # place among the rows of the same label
    kept = np.sort(by_label[np.argsort(rank, kind="stable")[:MAX_FIT_ROWS]])
    before, after = (np.bincount(labels[some], minlength=labels.max() + 1) for some in (rows, kept))
    return kept, (before[labels[kept]] / after[labels[kept]]).astype(np.float32)


def _choose(trial: tuple[Floats, Ints, Floats], features: Floats, labels: Ints) -> float:
    """The regularisation under which the rows left out (and whose label was learned) fit best."""
    known = np.flatnonzero(np.isin(labels, trial[1]))
    best, least = STRENGTHS[0], np.inf
    for strength in STRENGTHS:
        model = _fitted(*trial, strength)
        place = np.searchsorted(model.classes_, labels[known])
        chance = model.predict_proba(features[known])[np.arange(len(known)), place] if len(known) else np.ones(1)
        loss = float(-np.log(np.maximum(chance, 1e-9)).mean())
        if loss >= least:
            break  # weaker ones only get worse, and take longer
        best, least = strength, loss
    return best


def _fitted(features: Floats, labels: Ints, weight: Floats, strength: float) -> Any:
    try:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise MissingExtraError("clean", "looking for wrong labels") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the last digits of a probe do not matter
        return LogisticRegression(C=strength, max_iter=60, tol=1e-3).fit(features, labels, sample_weight=weight)


def _judge(model: Any, features: Floats, inside: NDArray[np.bool_], probability: Floats) -> None:
    """Write the model's probabilities of the rows inside; a label that it has not seen has none."""
    rows = np.flatnonzero(inside)
    for start in range(0, len(rows), CHUNK_ROWS):
        some = rows[start : start + CHUNK_ROWS]
        probability[np.ix_(some, model.classes_)] = model.predict_proba(features[some])


def pool(probability: Floats, labels: Ints, products: Ints) -> Floats:
    """The probabilities (R, K) of what each row's product says with all its pictures that have the same label.

    Their logarithms are summed and divided by the root of their number: pictures of one product say partly the same,
    so two of them weigh more than one and less than two independent ones.
    """
    _, of, count = np.unique(np.stack([products, labels]), axis=1, return_inverse=True, return_counts=True)
    if len(count) == len(labels):
        return probability
    total = np.zeros((len(count), probability.shape[1]))
    np.add.at(total, of, np.log(np.maximum(probability, 1e-9)))
    total /= np.sqrt(count)[:, None]
    chance = np.exp(total - total.max(axis=1, keepdims=True))
    return np.asarray((chance / chance.sum(axis=1, keepdims=True))[of], dtype=np.float32)


# -- from probabilities to scores ------------------------------------------------------------------------------------


def score_labels(
    probability: Floats, labels: Ints, paths: Sequence[Path], judged: NDArray[np.bool_], strength: float = 0.0
) -> LabelCheck:
    """The labels judged by probabilities (R, K) that come from elsewhere than their own rows.

    The probe says what a row would usually be labelled as, p(c). With q(y|c), how often a true c is labelled y, the
    chance of c for a row labelled y is p(c) q(y|c), scaled to sum 1. q is estimated from all rows in a few rounds, and
    starts from a belief (`WRONG_SHARE`) that holds against few rows. With odds = chance of the best other path over
    that of the label, and d their tree distance, the score is 1 / (1 + odds * d ** DISTANCE_POWER).

    A path above or below the label does not contradict it: its chance counts for the label.
    """
    agrees, distance = tree_distances(paths)
    noise = _noise(probability, labels, judged)
    given, other = np.zeros(len(labels)), np.zeros(len(labels))
    suggested = np.zeros(len(labels), dtype=np.int64)
    for rows, chance in _chances(probability, labels, noise):
        at = np.arange(len(rows))
        kin = agrees[labels[rows]]
        given[rows] = (chance * kin).sum(axis=1)
        rest = np.where(kin, -1.0, chance)
        suggested[rows] = rest.argmax(axis=1)
        other[rows] = np.maximum(rest[at, suggested[rows]], 0.0)
    weight = distance[labels, suggested] ** DISTANCE_POWER
    score = np.where(judged, given / np.maximum(given + other * weight, 1e-300), 1.0)
    rows = np.flatnonzero(judged)
    estimate, confusions, unlearned = confident_joint(probability[rows], labels[rows])
    agreement = float((probability[rows].argmax(axis=1) == labels[rows]).mean()) if len(rows) else 0.0
    return LabelCheck(score, judged, given, suggested, other, estimate, confusions, unlearned, strength, agreement)


def tree_distances(paths: Sequence[Path]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Which paths lie above, below or at each other (K, K), and their distances, from 0 (the same) to 1 (none shared).

    The distance is 1 - 2 * levels shared / (levels of one + levels of the other).
    """
    deepest = max(map(len, paths))
    name: dict[str, int] = {}
    levels = np.full((len(paths), deepest), -1)
    for row, path in enumerate(paths):
        levels[row, : len(path)] = [name.setdefault(level, len(name)) for level in path]
    depth = np.array([len(path) for path in paths])
    same = (levels[:, None] == levels[None]) & (levels[:, None] >= 0)
    shared = np.logical_and.accumulate(same, axis=2).sum(axis=2)
    return shared == np.minimum(depth[:, None], depth), 1 - 2 * shared / (depth[:, None] + depth)


def _noise(probability: Floats, labels: Ints, judged: NDArray[np.bool_]) -> NDArray[np.float64]:
    """q (K, K): how often a row whose true path is c (first axis) is labelled y."""
    count = probability.shape[1]
    belief = np.full((count, count), WRONG_SHARE / max(count - 1, 1))
    np.fill_diagonal(belief, 1 - WRONG_SHARE)
    noise = belief
    for _ in range(ROUNDS):
        by_label = np.zeros((count, count))  # (y, c)
        for rows, chance in _chances(probability, labels, noise):
            np.add.at(by_label, labels[rows], chance * judged[rows, None])
        found = BELIEF_ROWS * belief + by_label.T
        noise = found / found.sum(axis=1, keepdims=True)
    return noise


def _chances(
    probability: Floats, labels: Ints, noise: NDArray[np.float64]
) -> Iterator[tuple[Ints, NDArray[np.float64]]]:
    """Rows, some at a time, with the chance (r, K) of each path, given picture and label."""
    for start in range(0, len(labels), CHUNK_ROWS):
        rows = np.arange(start, min(start + CHUNK_ROWS, len(labels)))
        chance = np.maximum(probability[rows], 1e-9) * noise[:, labels[rows]].T
        yield rows, chance / chance.sum(axis=1, keepdims=True)


def confident_joint(probability: Floats, labels: Ints) -> tuple[int, tuple[Confusion, ...], tuple[int, ...]]:
    """How many labels are wrong by the confident joint (Northcutt et al. 2021), which for which, and those unlearned.

    Calculated by cleanlab. Labels whose own rows get less than `LEARNED` on average are left out: so low a bar would be
    passed by rows of every kind. Raises MissingExtraError without the extra `clean`.
    """
    try:
        from cleanlab.count import compute_confident_joint
    except ImportError as error:
        raise MissingExtraError("clean", "estimating how many labels are wrong") from error
    rows = np.arange(len(labels))
    support = np.bincount(labels, minlength=probability.shape[1])
    own = np.bincount(labels, probability[rows, labels], minlength=len(support)) / np.maximum(support, 1)
    unlearned = tuple(np.flatnonzero((support > 0) & (own < LEARNED)).tolist())
    used = np.flatnonzero((support > 0) & (own >= LEARNED))
    if len(used) < 2:
        return 0, (), unlearned
    inside = np.flatnonzero(np.isin(labels, used))
    held = np.maximum(probability[np.ix_(inside, used)].astype(np.float64), 1e-9)
    held /= held.sum(axis=1, keepdims=True)
    joint = compute_confident_joint(np.searchsorted(used, labels[inside]), held, calibrate=False)
    np.fill_diagonal(joint, 0)
    confusions = [Confusion(int(used[y]), int(used[c]), int(joint[y, c])) for y, c in np.argwhere(joint > 0).tolist()]
    return int(joint.sum()), tuple(sorted(confusions, key=lambda confusion: -confusion.rows)), unlearned
