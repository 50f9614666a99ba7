"""All headline scores at once, for the rows as they are or for any resample of their products."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atlas.evaluate import metrics
from atlas.evaluate.intervals import DRAWS, percentile_interval, resamples, widen_at_the_ends
from atlas.evaluate.rows import Rows

#: The k of top-k.
TOP_K = (1, 2, 3, 5, 10)


@dataclass(frozen=True)
class Headline:
    """Scores by name with, for each, the ends of its 95 % interval; and the same for the F of every path."""

    value: dict[str, float]
    interval: dict[str, tuple[float, float]]
    leaf_interval: NDArray[np.float64]  # (2, P) of F, by path number


class Scorecard:
    """The scores of some rows as a function of how often each product is drawn.

    Means are ratios of sums over products; precision, recall and F by class come from the cells of the confusion table.
    Both are linear in the weights, so one pass serves the scores and a thousand resamples.
    """

    def __init__(self, rows: Rows, products: int | None = None) -> None:
        """Sum the rows by product; `products` counts them where other rows share their numbering."""
        self.rows = rows
        self.products = len(rows.product_ids) if products is None else products
        ratios = _ratios(rows)
        self._part = np.stack([self._by_product(part) for part, _ in ratios.values()], axis=1)
        self._whole = np.stack([self._by_product(whole) for _, whole in ratios.values()], axis=1)
        self.counted = dict(zip(ratios, (self._whole > 0).sum(axis=0).tolist(), strict=True))
        self._cells = _Cells(rows)
        whole = self._cells.counts(np.ones((1, self.products)))
        self._sample = {prefix: metrics.Counts(*(values[0] for values in group)) for prefix, group in whole.items()}

    def _by_product(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(self.rows.product, weights=values, minlength=self.products).astype(np.float64)

    def draw(self, weights: NDArray[np.float64]) -> tuple[dict[str, NDArray[np.float64]], metrics.Counts]:
        """The scores by name, each (B,), and the leaf counts (B, P), for weights (B, products)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            drawn = (weights @ self._part) / (weights @ self._whole)
        scores = {name: drawn[:, place] for place, name in enumerate(self.counted)}
        counts = self._cells.counts(weights)
        for prefix, group in counts.items():
            scores |= _averages(group, self._sample[prefix], prefix)
        return scores, counts[""]

    def scores(self) -> tuple[dict[str, float], metrics.Counts]:
        """The scores of the rows as they are, and their leaf counts (P,)."""
        scores, _ = self.draw(np.ones((1, self.products)))
        return {name: float(values[0]) for name, values in scores.items()}, self._sample[""]

    def headline(self, draws: int = DRAWS, seed: int = 0) -> Headline:
        """The scores with their intervals over products."""
        value, counts = self.scores()
        drawn, leaf_f1 = gather(self.draw(weights) for weights in resamples(self.products, draws, seed, len(self.rows)))
        interval = {
            name: self._interval(name, value[name], percentile_interval(values)) for name, values in drawn.items()
        }
        return Headline(value, interval, self._leaf_intervals(percentile_interval(leaf_f1), counts))

    def _interval(self, name: str, score: float, ends: NDArray[np.float64]) -> tuple[float, float]:
        if name == "tree_distance":
            return float(ends[0]), float(ends[1])
        return widen_at_the_ends(ends, score, self.counted.get(name, self.products))

    def _leaf_intervals(self, ends: NDArray[np.float64], counts: metrics.Counts) -> NDArray[np.float64]:
        """(2, P): the ends by path; a leaf whose resamples cannot vary gets the exact bound for its own products."""
        f1 = metrics.class_scores(counts).f1
        products = leaf_products(self.rows)
        for path in np.flatnonzero(counts.truths > 0):
            ends[:, path] = widen_at_the_ends(ends[:, path], f1[path], products[path])
        return ends


def gather(
    blocks: Iterable[tuple[dict[str, NDArray[np.float64]], metrics.Counts]],
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.float64]]:
    """All blocks as one: scores by name (draws,), and F by path (draws, P), nan where a draw has no truth of it."""
    scores: dict[str, list[NDArray[np.float64]]] = {}
    leaf_f1 = []
    for drawn, leaves in blocks:
        for name, values in drawn.items():
            scores.setdefault(name, []).append(values)
        leaf_f1.append(np.where(leaves.truths > 0, metrics.class_scores(leaves).f1, np.nan))
    return {name: np.concatenate(parts) for name, parts in scores.items()}, np.concatenate(leaf_f1)


def leaf_products(rows: Rows) -> NDArray[np.int64]:
    """(P,): how many products have this path as their whole truth."""
    pairs = np.unique(np.stack([rows.truth[rows.exact], rows.product[rows.exact]]), axis=1)
    return np.bincount(pairs[0], minlength=len(rows.table.paths))


class _Cells:
    """The distinct (truth, guess, known no deeper) triples of some rows, and the rows that stand in each."""

    def __init__(self, rows: Rows) -> None:
        triples = np.stack([rows.truth, rows.guess, rows.known_no_deeper])
        cells, cell = np.unique(triples, axis=1, return_inverse=True)
        pairs, self._rows_of_pair = np.unique(np.stack([rows.product, cell.ravel()]), axis=1, return_counts=True)
        self._product, self._cell = pairs
        self._count = cells.shape[1]
        truth, guess, partial = cells[0], cells[1], cells[2].astype(bool)
        self._paths = len(rows.table.paths)
        self._truth_at = rows.table.at_level[truth]
        self._guess_at = metrics.cut_to_known(self._truth_at, rows.table.at_level[guess], partial)
        self._truth = np.where(partial, -1, truth)
        self._guess = np.where(guess == 0, -1, guess)

    def counts(self, weights: NDArray[np.float64]) -> dict[str, metrics.Counts]:
        """(B, P) counts for weights (B, products): by whole path under "", by the first k names under "level.k."."""
        cell_weights = metrics.sum_by(weights[:, self._product] * self._rows_of_pair, self._cell, self._count)
        found = {"": metrics.class_counts(self._truth, self._guess, self._paths, cell_weights)}
        for level in range(self._truth_at.shape[1]):
            truth, guess = self._truth_at[:, level], self._guess_at[:, level]
            found[f"level.{level + 1}."] = metrics.class_counts(truth, guess, self._paths, cell_weights)
        return found


def _averages(counts: metrics.Counts, sample: metrics.Counts, prefix: str) -> dict[str, NDArray[np.float64]]:
    """`micro.precision` ... `weighted.f1`, each (B,), from counts (B, P) and those of the rows as they are (P,)."""
    used, known = sample.truths + sample.guesses > 0, sample.truths > 0
    every, truths = (metrics.Counts(*(values[:, some] for values in counts)) for some in (used, known))
    absent = metrics.class_scores(metrics.Counts(*(values[known] for values in sample)))
    found = {
        "micro": metrics.micro(every),
        "macro": metrics.macro(truths, absent),
        "weighted": metrics.weighted(truths),
    }
    return {
        f"{prefix}{average}.{part}": values
        for average, scores in found.items()
        for part, values in scores._asdict().items()
    }


def _ratios(rows: Rows) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Scores that are a ratio of two sums over rows: name -> (part (R,), whole (R,))."""
    truth_at, guess_at, answered = rows.truth_at, rows.guess_at, ~rows.failed
    right, scored = metrics.level_hits(truth_at, guess_at)
    name_right, _ = metrics.level_hits(rows.table.name_at[rows.truth], rows.table.name_at[rows.guess])
    last = rows.exact & (rows.table.last_name[rows.truth] == rows.table.last_name[rows.guess])
    shared, guessed, true = metrics.hierarchical_sums(truth_at, guess_at)
    distance = metrics.tree_distance(truth_at, guess_at) * answered
    found = {
        "name_accuracy": (last, rows.exact),
        "hierarchical.precision": (shared, guessed),
        "hierarchical.recall": (shared, true),
        "hierarchical.f1": (2 * shared, guessed + true),
        "tree_distance": (distance, distance > 0),
    }
    for level in range(rows.table.levels):
        committed = scored[:, level] & (rows.answered_depth > level)
        found |= {
            f"level.{level + 1}.accuracy": (right[:, level], scored[:, level]),
            f"level.{level + 1}.name_accuracy": (name_right[:, level], scored[:, level]),
            f"level.{level + 1}.coverage": (committed, scored[:, level]),
            f"level.{level + 1}.accuracy_where_answered": (right[:, level] & committed, committed),
        }
    if rows.rank is not None:
        found |= {f"top_k.{k}": (metrics.top_k(rows.rank, k) & rows.exact, rows.exact) for k in TOP_K}
    return {name: (part.astype(np.float64), whole.astype(np.float64)) for name, (part, whole) in found.items()}
