"""Two predictions files of the same pictures: what changed, and is it more than chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from atlas.errors import DataError
from atlas.evaluate import metrics
from atlas.evaluate.intervals import DRAWS, percentile_interval, resamples
from atlas.evaluate.paths import PathTable
from atlas.evaluate.rows import PredictionsFile, Rows
from atlas.evaluate.scores import Scorecard, gather, leaf_products
from atlas.records import Path

#: Chance, over the whole family of tests, that a model which only differs by noise is called worse.
ALPHA = 0.05
#: Share of the smaller file's rows that must be found in the other one.
ENOUGH = 0.5


@dataclass(frozen=True)
class Matched:
    """The rows that both files score, in one order and one numbering of paths and products, under one truth."""

    new: Rows
    old: Rows
    left_out: dict[str, int]  # rows by reason


@dataclass(frozen=True)
class Change:
    """One leaf, or all of them together (`path` is empty): F before and after, and the test of a fall."""

    path: Path
    products: int
    old_f1: float
    new_f1: float
    low: float
    high: float
    worse: int  # products on which the new model makes more mistakes that touch this leaf
    better: int
    p: float
    p_holm: float
    fell: bool


@dataclass(frozen=True)
class Comparison:
    """Everything that `--against` tells: differences are new minus old."""

    matched: Matched
    old: dict[str, float]
    new: dict[str, float]
    interval: dict[str, tuple[float, float]]  # of the difference
    overall: Change
    leaves: tuple[Change, ...]  # the largest fall first

    @property
    def fell(self) -> tuple[Change, ...]:
        """What is worse beyond chance: leaves, and the whole when it is."""
        return tuple(change for change in (self.overall, *self.leaves) if change.fell)


def compare(new: PredictionsFile, old: PredictionsFile, draws: int = DRAWS, seed: int = 0) -> Comparison:
    """The new file against the old one, on the rows that both have.

    Raises DataError when fewer than half of the smaller file's rows match.
    """
    matched = match(new, old)
    products = len(matched.new.product_ids)
    cards = [Scorecard(rows, products) for rows in (matched.new, matched.old)]
    (new_scores, new_counts), (old_scores, old_counts) = (card.scores() for card in cards)
    blocks = [
        gather(card.draw(weights) for weights in resamples(products, draws, seed, len(matched.new))) for card in cards
    ]
    (new_drawn, new_f1), (old_drawn, old_f1) = blocks
    interval = {name: _ends(values - old_drawn[name]) for name, values in new_drawn.items() if name in old_drawn}
    f1 = [metrics.class_scores(counts).f1 for counts in (old_counts, new_counts)]
    leaves = np.flatnonzero(new_counts.truths > 0)
    ends = percentile_interval(new_f1 - old_f1)
    overall, changes = _changes(matched, leaves, f1[0], f1[1], ends, (old_scores, new_scores, interval))
    return Comparison(matched, old_scores, new_scores, interval, overall, changes)


def match(new: PredictionsFile, old: PredictionsFile) -> Matched:
    """Rows of both files by (product_id, view), under one truth.

    A key that a file has twice is ambiguous and left out. Where the two truths differ because one tree is coarser, both
    guesses are judged as deep as the shorter truth says; where they contradict each other the row is left out.
    """
    table = PathTable.of({*new.rows.table.paths[1:], *old.rows.table.paths[1:]})
    new_places, old_places, twice = _common_keys(new.rows, old.rows)
    smaller = min(len(new.rows), len(old.rows))
    if len(new_places) < max(1, ENOUGH * smaller):
        raise DataError(
            f"only {len(new_places)} of {smaller} rows of the smaller file match by (product_id, view): {new.file} "
            f"holds split '{new.split}', {old.file} split '{old.split}'; compare predictions of the same pictures"
        )
    first, second = new.rows.only(new_places), old.rows.only(old_places)
    first, second = _on_table(first, table), _on_table(second, table)
    second = replace(second, product=first.product, product_ids=first.product_ids)
    first, second, contradicting = _under_one_truth(first, second)
    if not len(first):
        raise DataError(
            f"{new.file} and {old.file} share {len(new_places)} pictures, but no truth: their labels differ"
        )
    return Matched(
        first,
        second,
        {
            "only in the new file": len(new.rows) - len(new_places) - twice[0],
            "only in the old file": len(old.rows) - len(old_places) - twice[1],
            "same product_id and view twice": sum(twice),
            "truths contradict": contradicting,
        },
    )


def fall_p_value(worse: int, better: int) -> float:
    """P(at least `worse` of `worse + better` products | each is as likely to be worse as better): the exact sign test.

    With one picture a product and recall alone this is McNemar's test, one-sided. It is exact for any number, so that
    two products of a small leaf can never be called a fall: five that all got worse give 1/32.
    """
    total = worse + better
    log_half = total * math.log(2)
    return min(1.0, sum(math.exp(_log_choose(total, count) - log_half) for count in range(worse, total + 1)))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values corrected for their number by Holm (1979), in the given order: reject those <= alpha.

    p_(i) becomes max over j <= i of (m - j + 1) * p_(j), at most 1. Holds whatever the tests' dependence.
    """
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    corrected = np.minimum(1.0, np.maximum.accumulate(np.asarray(p_values, dtype=float)[order] * factors))
    back = np.empty(len(p_values))
    back[order] = corrected
    return [float(p) for p in back]


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _common_keys(new: Rows, old: Rows) -> tuple[NDArray[np.int64], NDArray[np.int64], tuple[int, int]]:
    """Places of the common rows in both files, in the new file's order, and how many rows of each are ambiguous."""
    places = [_unique_keys(rows) for rows in (new, old)]
    twice = (len(new) - len(places[0]), len(old) - len(places[1]))
    common = [key for key in places[0] if key in places[1]]
    found = [np.array([place[key] for key in common], dtype=np.int64) for place in places]
    return found[0], found[1], twice


def _unique_keys(rows: Rows) -> dict[tuple[str, int], int]:
    keys = [(rows.product_ids[p], v) for p, v in zip(rows.product.tolist(), rows.view.tolist(), strict=True)]
    seen: dict[tuple[str, int], int] = {}
    twice = set()
    for place, key in enumerate(keys):
        if seen.setdefault(key, place) != place:
            twice.add(key)
    return {key: place for key, place in seen.items() if key not in twice}


def _on_table(rows: Rows, table: PathTable) -> Rows:
    """The rows with paths numbered by a larger table."""
    number = np.array([table.number[path] for path in rows.table.paths])
    return replace(rows, table=table, truth=number[rows.truth], guess=number[rows.guess])


def _under_one_truth(new: Rows, old: Rows) -> tuple[Rows, Rows, int]:
    """Both files' rows judged alike, without those whose truths contradict, and the number of these.

    Where one truth is a prefix of the other, the shorter one holds and guesses are cut to its depth. A truth that
    either tree knows no deeper is known no deeper.
    """
    truths = np.stack([new.truth_at, old.truth_at])
    shared = metrics.levels_shared(truths[0], truths[1])
    depth = (truths >= 0).sum(axis=2)
    agree = shared == depth.min(axis=0)
    differ = agree & (new.truth != old.truth)
    truth = np.where(depth[0] <= depth[1], new.truth, old.truth)
    partial = (new.known_no_deeper & (depth[0] <= depth[1])) | (old.known_no_deeper & (depth[1] <= depth[0]))
    judged = []
    for rows in (new, old):
        guess = np.where(differ, _cut(rows.table, rows.guess, depth.min(axis=0)), rows.guess)
        judged.append(replace(rows, truth=truth, guess=guess, known_no_deeper=partial, rank=_no_rank(rows, differ)))
    return judged[0].only(agree), judged[1].only(agree), int((~agree).sum())


def _no_rank(rows: Rows, differ: NDArray[np.bool_]) -> NDArray[np.int64] | None:
    """Ranks are of the own tree's answers: comparable only where no truth had to be cut."""
    return None if rows.rank is None or differ.any() else rows.rank


def _cut(table: PathTable, path: NDArray[np.int64], depth: NDArray[np.int64]) -> NDArray[np.int64]:
    """The paths' first `depth` names, as numbers; a shorter path stays."""
    place = np.maximum(depth - 1, 0)
    cut: NDArray[np.int64] = table.at_level[path, place].astype(np.int64)
    return np.where(cut < 0, path, cut)


def _ends(drawn: NDArray[np.float64]) -> tuple[float, float]:
    low, high = percentile_interval(drawn)
    return float(low), float(high)


def _changes(
    matched: Matched, leaves: NDArray[np.int64], old_f1: NDArray[np.float64], new_f1: NDArray[np.float64],
    ends: NDArray[np.float64], whole: tuple[dict[str, float], dict[str, float], dict[str, tuple[float, float]]],
) -> tuple[Change, tuple[Change, ...]]:  # fmt: skip
    """The change of the whole and of every leaf, tested as one family."""
    worse, better = _signs_by_leaf(matched)
    all_worse, all_better = _signs_overall(matched)
    signs = [(all_worse, all_better), *((int(worse[leaf]), int(better[leaf])) for leaf in leaves)]
    p_values = [fall_p_value(*sign) for sign in signs]
    corrected = holm(p_values)
    name = "micro.f1"
    facts: list[tuple[Path, int, float, float, float, float]] = [
        ((), len(matched.new.product_ids), whole[0][name], whole[1][name], *whole[2][name])
    ]
    products = leaf_products(matched.new)
    paths = matched.new.table.paths
    facts += [
        (paths[n], int(products[n]), float(old_f1[n]), float(new_f1[n]), float(ends[0, n]), float(ends[1, n]))
        for n in leaves
    ]
    changes = [
        Change(*fact, *sign, p, p_holm, fell=p_holm <= ALPHA and fact[3] < fact[2])
        for fact, sign, p, p_holm in zip(facts, signs, p_values, corrected, strict=True)
    ]
    ordered = sorted(changes[1:], key=lambda change: (not change.fell, change.new_f1 - change.old_f1, change.path))
    return changes[0], tuple(ordered)


def _signs_overall(matched: Matched) -> tuple[int, int]:
    """Products with more, and with fewer, wrong pictures in the new file."""
    new, old = (matched.new, matched.old)
    change = ((new.truth != new.guess) & new.exact).astype(int) - ((old.truth != old.guess) & old.exact)
    by_product = np.bincount(new.product, weights=change)
    return int((by_product > 0).sum()), int((by_product < 0).sum())


def _signs_by_leaf(matched: Matched) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(P,) each: products that make more, and fewer, mistakes touching a leaf in the new file.

    A mistake touches the leaf it was taken from and the leaf it was put in: both lower an F. Only the difference of a
    product's two counts enters, and of that only the sign.
    """
    paths, products = len(matched.new.table.paths), len(matched.new.product_ids)
    keys, amounts = [], []
    for rows, sign in ((matched.new, 1), (matched.old, -1)):
        wrong = rows.exact & (rows.truth != rows.guess)
        for touched in (rows.truth[wrong], rows.guess[wrong]):
            keys.append(touched * products + rows.product[wrong])
            amounts.append(np.full(int(wrong.sum()), sign))
    key, place = np.unique(np.concatenate(keys), return_inverse=True)
    change = np.bincount(place, weights=np.concatenate(amounts), minlength=len(key))
    leaf = key // products
    return np.bincount(leaf[change > 0], minlength=paths), np.bincount(leaf[change < 0], minlength=paths)
