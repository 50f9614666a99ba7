"""Temperatures that make a model's probabilities mean what they say, one for each level of the tree.

At an inner node a product takes one of the options: a child, or stopping there. With the options' probabilities p of
the model, level k of temperature T says q = p^(1/T) / sum(p^(1/T)). Temperature scaling as in Guo et al. 2017, "On
Calibration of Modern Neural Networks", section 4, on log p(child | parent) in place of the logits of a flat softmax.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from atlas.decide.posterior import levels_upwards, log_below, log_sum, ways
from atlas.records import IMPOSSIBLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atlas.decide.posterior import Level
    from atlas.records import TreeArrays

    Columns = NDArray[np.float64]
    Nodes = NDArray[np.intp]

#: A level seen in fewer rows than this keeps temperature 1.
MIN_ROWS = 30
#: Temperatures lie between these two, however sure the few rows of a level are.
COLDEST, HOTTEST = 0.1, 10.0
#: The model's own word counts as much as this many rows, so that a handful of right guesses does not freeze a level.
PRIOR_ROWS = 10.0
#: Log probabilities under this are impossible options, which no temperature brings back.
NEVER = IMPOSSIBLE / 2


class Choices(NamedTuple):
    """What rows had to choose from at one level, and what their truth chose; options of one row lie side by side."""

    log_p: NDArray[np.float64]  # (K,), log probability of each option
    starts: NDArray[np.intp]  # (R,), where the options of each row begin
    chosen: NDArray[np.intp]  # (R,), place of the true option in `log_p`


def fit_temperatures(log_mass: NDArray[Any], truth: NDArray[Any], tree: TreeArrays) -> tuple[float, ...]:
    """One temperature per level that minimises the negative log likelihood of the true nodes; 1.0 where rows are few.

    `log_mass` is (B, N), `truth` (B,) nodes. A truth that is no answer is known no deeper: it counts for its levels
    only, the root for none. The likelihood of the rows never falls.
    """
    return fit_choices([choices_at_levels(log_mass, truth, tree)])


def choices_at_levels(log_mass: NDArray[Any], truth: NDArray[Any], tree: TreeArrays) -> tuple[Choices, ...]:
    """What the truths chose at each level, first level first: all that fitting needs of a batch, and small."""
    total, own = log_below(log_mass, tree), np.asarray(log_mass, dtype=np.float64)
    family = _families(tree)
    way = ways(np.asarray(truth, dtype=np.intp), tree)
    return tuple(
        _choices(own, total, way[:, depth], way[:, depth + 1], family, tree) for depth in range(way.shape[1] - 1)
    )


def fit_choices(batches: Sequence[Sequence[Choices]]) -> tuple[float, ...]:
    """One temperature per level from the choices of one or more batches (`fit_temperatures`, in bounded memory)."""
    return tuple(_fit(_join(level)) for level in zip(*batches, strict=True))


def apply_temperatures(log_mass: NDArray[Any], temperatures: Sequence[float], tree: TreeArrays) -> NDArray[np.float64]:
    """The log masses (B, N) that the temperatures make of a model's; rows sum to 1, temperatures of 1 change nothing.

    An impossible node stays impossible. Raises ValueError unless there is one positive temperature per level.
    """
    levels = list(levels_upwards(tree))
    if len(temperatures) != len(levels) or not all(0 < temperature < np.inf for temperature in temperatures):
        raise ValueError(f"temperatures {tuple(temperatures)}: use {len(levels)} of them, one per level, each above 0")
    old = np.array(log_mass.T, dtype=np.float64, order="C")
    if all(temperature == 1 for temperature in temperatures):
        return old.T
    total = log_below(log_mass, tree).T
    new = np.empty_like(old)
    new[0] = 0.0  # from here on: the log of what arrives at a node, to be shared out among its options
    for level in reversed(levels):
        _share_out(new, old, total, level, temperatures[level.depth - 1])
    return np.where(old <= NEVER, IMPOSSIBLE, np.maximum(new, IMPOSSIBLE)).T


def _share_out(new: Columns, old: Columns, total: Columns, level: Level, temperature: float) -> None:
    """Give the children of one level, and stopping above them, their shares of what arrived at the parents."""
    stop = (old[level.parents] - total[level.parents]) / temperature
    child = (total[level.nodes] - total[level.parents][level.group]) / temperature
    arrived = new[level.parents] - log_sum(stop, child, level)
    new[level.nodes] = arrived[level.group] + child
    new[level.parents] = arrived + stop


class _Families(NamedTuple):
    children: NDArray[np.intp]  # every node but the root, brothers and sisters side by side
    first: NDArray[np.intp]  # (N,), where a node's children begin in it
    size: NDArray[np.intp]  # (N,), how many they are
    rank: NDArray[np.intp]  # (N,), a node's place among its brothers and sisters


def _families(tree: TreeArrays) -> _Families:
    size = np.bincount(tree.parent[1:], minlength=len(tree.parent))
    first = np.cumsum(size) - size
    children = 1 + np.argsort(tree.parent[1:], kind="stable")
    rank = np.zeros(len(size), dtype=np.intp)
    rank[children] = np.arange(len(children)) - first[tree.parent[children]]
    return _Families(children, first, size, rank)


def _choices(own: Columns, total: Columns, here: Nodes, after: Nodes, family: _Families, tree: TreeArrays) -> Choices:
    """The options of the rows that are at an inner node `here` (B,) and go on to `after` (B,), or stop (-1)."""
    reached = (here >= 0) & (total[np.arange(len(here)), here] > NEVER)
    rows = np.flatnonzero(reached & ((after >= 0) | tree.is_answer[here]) & (family.size[here] > 0))
    here, after = here[rows], after[rows]
    counts = family.size[here] + 1  # the last option is stopping
    ends = np.cumsum(counts)
    row = np.repeat(np.arange(len(rows)), counts)
    place = np.arange(len(row)) - (ends - counts)[row]
    stops = place == counts[row] - 1
    node = np.where(stops, here[row], family.children[np.where(stops, 0, family.first[here[row]] + place)])
    log_p = np.where(stops, own[rows[row], node], total[rows[row], node]) - total[rows[row], here[row]]
    chosen = np.where(after >= 0, ends - counts + family.rank[after], ends - 1)
    return _that_matter(Choices(log_p, ends - counts, chosen))


def _that_matter(choices: Choices) -> Choices:
    """The rows that a temperature can change: two possible options or more, the true one among them."""
    if not len(choices.starts):
        return choices
    possible = np.add.reduceat((choices.log_p > NEVER).astype(np.intp), choices.starts)
    keep = (possible > 1) & (choices.log_p[choices.chosen] > NEVER)
    counts = np.diff(choices.starts, append=len(choices.log_p))
    starts = np.cumsum(counts[keep]) - counts[keep]
    inside = (choices.chosen - choices.starts)[keep]
    return Choices(choices.log_p[np.repeat(keep, counts)], starts, starts + inside)


def _join(batches: Sequence[Choices]) -> Choices:
    offsets = np.cumsum([0] + [len(batch.log_p) for batch in batches])[:-1]
    return Choices(
        np.concatenate([batch.log_p for batch in batches]),
        np.concatenate([batch.starts + offset for batch, offset in zip(batches, offsets, strict=True)]),
        np.concatenate([batch.chosen + offset for batch, offset in zip(batches, offsets, strict=True)]),
    )


def _fit(choices: Choices) -> float:
    """The temperature of one level, by halving the interval in which the slope of the likelihood changes its sign.

    The negative log likelihood is convex in 1/T. So is that of the prior, rows drawn from the model's own word, which
    is least at T = 1: the answer lies between 1 and the rows' own optimum, and the rows' likelihood cannot fall.
    """
    if len(choices.starts) < MIN_ROWS:
        return 1.0
    truth = choices.log_p[choices.chosen].sum() + PRIOR_ROWS * _expected_log(choices, 1.0).mean()
    weight = 1.0 + PRIOR_ROWS / len(choices.starts)
    low, high = np.log(1 / HOTTEST), np.log(1 / COLDEST)
    for _ in range(40):
        middle = (low + high) / 2
        if weight * _expected_log(choices, float(np.exp(middle))).sum() < truth:
            low = middle  # too hot: the true options are more likely than the model expects
        else:
            high = middle
    return float(np.exp(-(low + high) / 2))


def _expected_log(choices: Choices, sharpness: float) -> NDArray[np.float64]:
    """For each row the mean of log p under p^sharpness, (R,): the slope of the log of its normaliser."""
    scaled = choices.log_p * sharpness
    group = np.repeat(np.arange(len(choices.starts)), np.diff(choices.starts, append=len(scaled)))
    share = np.exp(scaled - np.maximum.reduceat(scaled, choices.starts)[group])
    total: NDArray[np.float64] = np.add.reduceat(share * choices.log_p, choices.starts)
    return total / np.add.reduceat(share, choices.starts)
