"""Does the evidence point at what a level rests on? Hide its brightest cells, hide as many elsewhere, compare."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atlas.evaluate.intervals import DRAWS, percentile_interval, resamples

#: Part of the cells that is hidden, by area: the cells of a grid are equally large.
HIDDEN_SHARE = 0.2
#: How many times as far a level should fall when its brightest cells are hidden as when random ones are.
GOAL = 2.0


@dataclass(frozen=True)
class LevelFaithfulness:
    """One level: how far its log probability falls on average, and the ratio of the two falls with its interval.

    Without a fall by random hiding there is no ratio; the level then reaches the goal when the brightest cells cost
    anything at all.
    """

    level: int  # from 1
    products: int
    brightest: float
    random: float
    ratio: float | None
    interval: tuple[float, float] | None

    @property
    def reached(self) -> bool:
        """Whether the goal is met."""
        return self.brightest > 0 and self.brightest >= GOAL * self.random


def brightest_cells(light: NDArray[Any], random: np.random.Generator) -> NDArray[np.intp]:
    """The cells (K, 2) of the brightest fifth of a light (h, w), as row and column; chance decides between equals."""
    shuffled = random.permutation(light.size)
    order = shuffled[np.argsort(-light.ravel()[shuffled], kind="stable")]
    return _cells(order[: hidden_cells(light.shape)], light.shape)


def moved_cells(cells: NDArray[np.intp], grid: tuple[int, ...], random: np.random.Generator) -> NDArray[np.intp]:
    """The same cells (K, 2) moved over a grid (h, w) by chance, round its edges: every cell is as likely as any other.

    A pattern keeps its shape: single cells strewn over a picture hide less than as many in one piece, wherever those
    lie, and would make any evidence look better than it is.
    """
    moved: NDArray[np.intp] = (cells + random.integers(grid)) % np.array(grid)
    return moved


def hidden_cells(grid: tuple[int, ...]) -> int:
    """K, the number of cells nearest to a fifth of a grid (h, w), but at least one."""
    return max(1, round(HIDDEN_SHARE * int(np.prod(grid))))


def measure(
    brightest: NDArray[np.float64], random: NDArray[np.float64], draws: int = DRAWS, seed: int = 0
) -> list[LevelFaithfulness]:
    """What each level rests on, from the falls of its log probability (P, D) for P products, nan beyond the answer.

    `brightest` is the fall when the brightest fifth is hidden, `random` the mean fall over random fifths; negative
    where hiding helped. ratio = (mean of `brightest`) / (mean of `random`). It is no mean of ratios: where a level is
    certain both falls are rounding, and the quotient of two roundings would count as much as any other. The interval is
    the percentile bootstrap over products, both falls of a product together; draws without a random fall do not count.
    """
    known = ~np.isnan(brightest)
    falls = np.where(known, [brightest, random], 0.0)  # (2, P, D)
    sums = [np.einsum("bp,fpd->bfd", weights, falls) for weights in resamples(len(brightest), draws, seed)]
    drawn = np.concatenate(sums)  # (draws, 2, D): sums; the numbers of products would cancel
    ratios = np.where(drawn[:, 1] > 0, drawn[:, 0] / np.where(drawn[:, 1] > 0, drawn[:, 1], 1), np.nan)
    low, high = percentile_interval(ratios)
    products = known.sum(axis=0)
    means = falls.sum(axis=1) / np.maximum(products, 1)  # (2, D)
    return [
        LevelFaithfulness(
            level=place + 1,
            products=int(products[place]),
            brightest=float(means[0, place]),
            random=float(means[1, place]),
            ratio=float(means[0, place] / means[1, place]) if means[1, place] > 0 else None,
            interval=(float(low[place]), float(high[place])) if np.isfinite(low[place]) else None,
        )
        for place in np.flatnonzero(products).tolist()
    ]


def summarize(levels: list[LevelFaithfulness], about: dict[str, Any]) -> dict[str, Any]:
    """The value of `faithfulness` in metrics.json; `about` says what was hidden from whom."""
    return {**about, "hidden_share": HIDDEN_SHARE, "goal": GOAL, "levels": [_plain(level) for level in levels]}


def _plain(level: LevelFaithfulness) -> dict[str, Any]:
    ends = list(level.interval) if level.interval else None
    return asdict(level) | {"interval": ends, "reached": level.reached}


def _cells(order: NDArray[np.intp], grid: tuple[int, ...]) -> NDArray[np.intp]:
    return np.stack(np.unravel_index(order, grid), axis=1)
