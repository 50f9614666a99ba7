"""A tree as rows that can be printed: one per node, with what lies below it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from atlas.records import Path
from atlas.taxonomy.tree import Taxonomy


class Row(NamedTuple):
    """One node of a printed tree."""

    node: int
    path: Path
    branch: str  # the lines to the left of the name, such as "│  ├─ "
    leaves: int  # leaves at or below the node
    products: int | None  # products at or below the node, where they were counted


def tree_rows(taxonomy: Taxonomy, products: Mapping[Path, int] | None = None, levels: int | None = None) -> list[Row]:
    """The nodes in preorder without the root, down to `levels`, each with the leaves and products at or below it."""
    leaves = _below(taxonomy, np.isin(np.arange(len(taxonomy)), taxonomy.leaves).astype(np.int64))
    counts = None if products is None else _below(taxonomy, _own_products(taxonomy, products))
    rows = []
    for node in range(1, len(taxonomy)):
        if levels is None or taxonomy.depth[node] <= levels:
            count = None if counts is None else int(counts[node])
            rows.append(Row(node, taxonomy.paths[node], _branch(taxonomy, node), int(leaves[node]), count))
    return rows


def count_products(labels: Iterable[tuple[str, Path]]) -> Counter[Path]:
    """Products by path from (product id, path) pairs; a product with many pictures counts once, by its first path."""
    path_of: dict[str, Path] = {}
    for product_id, path in labels:
        path_of.setdefault(product_id, path)
    return Counter(path_of.values())


def _own_products(taxonomy: Taxonomy, products: Mapping[Path, int]) -> NDArray[np.int64]:
    """Products by the deepest node that the tree has of their path, (N,)."""
    own = np.zeros(len(taxonomy), dtype=np.int64)
    for path, count in products.items():
        own[taxonomy.deepest(path)] += count
    return own


def _below(taxonomy: Taxonomy, own: NDArray[np.int64]) -> NDArray[np.int64]:
    """What lies at or below each node, (N,): subtrees are slices in preorder, so a running sum is enough."""
    running = np.concatenate([[0], np.cumsum(own)])
    return running[taxonomy.end] - running[:-1]  # type: ignore[no-any-return]


def _branch(taxonomy: Taxonomy, node: int) -> str:
    """First-level names stand at the margin; deeper ones hang on lines that end at the last sibling."""
    way = taxonomy.ancestors(node)[1:]
    if not way:
        return ""
    last = [taxonomy.end[step] == taxonomy.end[taxonomy.parent[step]] for step in way]
    return "".join("   " if is_last else "│  " for is_last in last[:-1]) + ("└─ " if last[-1] else "├─ ")
