"""Sums over the tree: from the log of each node's own mass to levels, answers and alternatives.

Rows are products, columns nodes. Sums go level by level from the deepest one up, so that a small mass beside a large
one keeps all its digits (differences of running sums would lose them), in time proportional to the nodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atlas.records import TreeArrays


class Level(NamedTuple):
    """The nodes of one depth, brothers and sisters side by side, and the parents they add up to."""

    depth: int
    nodes: NDArray[np.intp]  # (C,), every node of this depth, in order
    starts: NDArray[np.intp]  # (P,), where the children of each parent begin in `nodes`
    parents: NDArray[np.intp]  # (P,), every inner node one level up, in order

    @property
    def group(self) -> NDArray[np.intp]:
        """For each of `nodes` the place of its parent in `parents`, (C,)."""
        counts = np.diff(self.starts, append=len(self.nodes))
        return np.repeat(np.arange(len(self.parents)), counts)


def levels_upwards(tree: TreeArrays) -> Iterator[Level]:
    """The levels of a tree from the deepest one to the first. In preorder siblings' parents rise within one depth."""
    for depth in range(int(tree.depth.max()), 0, -1):
        nodes = np.flatnonzero(tree.depth == depth)
        parent = tree.parent[nodes]
        starts = np.flatnonzero(np.diff(parent, prepend=-1))
        yield Level(depth, nodes, starts, parent[starts].astype(np.intp))


def masses(log_mass: NDArray[Any]) -> NDArray[np.float64]:
    """Each node's own probability, (B, N), from the log of it; rows sum to 1 whatever rounding they came with."""
    log_mass = np.asarray(log_mass, dtype=np.float64)
    mass: NDArray[np.float64] = np.exp(log_mass - log_mass.max(axis=1, keepdims=True))
    mass /= mass.sum(axis=1, keepdims=True)
    return mass


def below(mass: NDArray[Any], tree: TreeArrays) -> NDArray[np.float64]:
    """The probability that a product lies at a node or anywhere below it, (B, N); 1 at the root when rows sum to 1."""
    total = np.array(mass.T, dtype=np.float64, order="C")
    for level in levels_upwards(tree):
        total[level.parents] += np.add.reduceat(total[level.nodes], level.starts, axis=0)
    return total.T


def log_below(log_mass: NDArray[Any], tree: TreeArrays) -> NDArray[np.float64]:
    """The log of `below`, (B, N), from the log of each node's own mass; exact where the probability underflows."""
    total = np.array(log_mass.T, dtype=np.float64, order="C")
    for level in levels_upwards(tree):
        total[level.parents] = log_sum(total[level.parents], total[level.nodes], level)
    return total.T


def log_sum(own: NDArray[np.float64], children: NDArray[np.float64], level: Level) -> NDArray[np.float64]:
    """The log of exp(own) plus the sum of exp(child) over each parent's children, (P, B), from (P, B) and (C, B)."""
    top = np.maximum(own, np.maximum.reduceat(children, level.starts, axis=0))
    spread = np.exp(children - top[level.group])
    result: NDArray[np.float64] = top + np.log(np.exp(own - top) + np.add.reduceat(spread, level.starts, axis=0))
    return result


def best(mass: NDArray[Any], tree: TreeArrays, count: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The answers with the highest own mass, highest first: nodes (B, count) and their probabilities (B, count).

    Of equal masses the node that comes first in the tree wins. A tree with fewer answers gives fewer columns.
    """
    answers = np.flatnonzero(tree.is_answer)
    left = np.array(mass[:, answers], dtype=np.float64)
    rows = np.arange(len(left))
    picked = np.empty((len(left), min(count, len(answers))), dtype=np.intp)
    probability = np.empty(picked.shape)
    for column in range(picked.shape[1]):  # a few passes are cheaper than sorting thousands of answers
        place = left.argmax(axis=1)
        picked[:, column], probability[:, column] = answers[place], left[rows, place]
        left[rows, place] = -1.0
    return picked, probability


def level_probabilities(below_row: NDArray[Any], node: int, tree: TreeArrays) -> tuple[float, ...]:
    """The probability of the first 1, 2, ... names on the way to a node, from one row of `below`; `()` for the root."""
    way = []
    while node > 0:
        way.append(min(float(below_row[node]), 1.0))
        node = int(tree.parent[node])
    return tuple(reversed(way))


def ways(nodes: NDArray[np.intp], tree: TreeArrays) -> NDArray[np.intp]:
    """The nodes at depth 0, 1, ... on the way to each of some nodes (B,), (B, levels + 1); -1 deeper than the node."""
    levels = int(tree.depth.max())
    way = np.full((len(nodes), levels + 1), -1, dtype=np.intp)
    for depth in range(levels, -1, -1):
        here = tree.depth[nodes] == depth
        way[here, depth] = nodes[here]
        nodes = np.where(here, tree.parent[nodes], nodes)
    return way
