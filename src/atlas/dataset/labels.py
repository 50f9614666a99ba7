"""From the paths that rows bring to the tree and the labels that a model learns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from atlas.errors import NothingDoneError
from atlas.records import Path
from atlas.taxonomy.tree import Taxonomy

Rare: TypeAlias = Literal["fold", "drop"]


class Labels(NamedTuple):
    """The tree, and what becomes of each path that was seen: another one, itself, or None when its rows go."""

    taxonomy: Taxonomy
    becomes: dict[Path, Path | None]


def fold_into(taxonomy: Taxonomy, paths: Sequence[Path]) -> list[Path | None]:
    """Each path cut at the deepest level that the tree has; None where they share no level."""
    nodes = [taxonomy.deepest(path) for path in paths]
    return [taxonomy.paths[node] if node else None for node in nodes]


def products_by_path(path: NDArray[np.int32], product: NDArray[np.uint64], paths: Sequence[Path]) -> dict[Path, int]:
    """How many products (not pictures) each path has among these rows; `path` are places in `paths`."""
    order = np.lexsort((product, path))
    code, key = path[order], product[order]
    new = np.ones(len(order), bool)
    new[1:] = (code[1:] != code[:-1]) | (key[1:] != key[:-1])
    counts = np.bincount(code[new], minlength=len(paths))
    return {paths[place]: int(count) for place, count in enumerate(counts) if count}


def settle(
    seen: Sequence[Path], support: Mapping[Path, int], min_support: int, rare: Rare, given: Taxonomy | None = None
) -> Labels:
    """The tree and the final path of all `seen` ones, from the products that train has of each path (`support`).

    Without a `given` tree, the tree is that of the training labels, and a path that train lacks stays as it is. With
    `min_support` of 1 or more, a node with fewer training products at or below it is rare. "fold" moves its rows up to
    the first node on their way that is not, which becomes an answer; "drop" takes them out (then they do not count for
    the nodes above, which may become rare too). Rows that find no such node go.

    Raises NothingDoneError when no path is left.
    """
    start = given or (Taxonomy.from_labels(support) if support else None)
    if start is None:
        raise NothingDoneError(
            "train has no rows, so there is no tree to learn: check --splits, --where and rejected.jsonl"
        )
    if min_support <= 0 or (min_support == 1 and given is None):
        return Labels(start, {path: path for path in seen})
    kept = _kept_nodes(start, support, min_support, rare)
    becomes = {path: _up(path, start, kept, rare) for path in seen}
    folded = {end for path, end in becomes.items() if end is not None and end != path and path in support}
    left = [path for node, path in enumerate(start.paths) if node and kept[node]]
    if not left:
        raise NothingDoneError(f"no path has {min_support} products in train: lower --min-support")
    return Labels(_tree(start, left, folded), becomes)


def _kept_nodes(tree: Taxonomy, support: Mapping[Path, int], min_support: int, rare: Rare) -> list[bool]:
    """Which nodes have enough products at or below them; children come after parents, so one way back is enough."""
    count = [support.get(path, 0) for path in tree.paths]
    kept = [True] * len(tree)
    for node in range(len(tree) - 1, 0, -1):
        kept[node] = count[node] >= min_support
        if kept[node] or rare == "fold":
            count[int(tree.parent[node])] += count[node]
    return kept


def _up(path: Path, tree: Taxonomy, kept: Sequence[bool], rare: Rare) -> Path | None:
    """Where a path's rows go: the deepest node that is kept, for "drop" only if that is their own."""
    for depth in range(len(path), 0, -1):
        node = tree.find(path[:depth])
        if node is not None and kept[node]:
            return path[:depth] if rare == "fold" or depth == len(path) else None
    return None


def _tree(start: Taxonomy, left: Sequence[Path], folded: set[Path]) -> Taxonomy:
    """The nodes that are left, in their old order; answers: leaves, old answers, and what rare leaves folded into."""
    inner = {path[:-1] for path in left}
    old = {start.paths[node] for node in start.answers}
    answers = [path for path in left if path not in inner or path in old or path in folded]
    return Taxonomy(answers, {path: name for path, name in start.ids.items() if path in set(left)})
