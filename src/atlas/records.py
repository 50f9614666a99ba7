"""The few frozen types that cross a border between rooms. Plain data, no torch, no behaviour."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

#: A category path: names from the first level down; the root itself is `()`.
Path: TypeAlias = tuple[str, ...]

#: One picture: a file name, encoded bytes, a PIL image, or a uint8 array (H, W, 3).
Picture: TypeAlias = "str | os.PathLike[str] | bytes | Image | NDArray[Any]"

#: Log mass of a node where nothing can stop; its probability is exactly 0 in float32.
IMPOSSIBLE = -1e4


class TreeArrays(NamedTuple):
    """The tree as a model and `decide` see it: integers, never words.

    Nodes are numbered in preorder: node 0 is the root, a parent comes before its children, and the nodes below `n` are
    exactly `n + 1 .. end[n] - 1`.
    """

    parent: NDArray[np.int32]  # (N,), -1 at the root
    token: NDArray[np.int32]  # (N,), place of the node's name in the vocabulary, 0 at the root
    is_answer: NDArray[np.bool_]  # (N,), where a product may stop
    end: NDArray[np.int32]  # (N,), one past the last node of the subtree
    depth: NDArray[np.int32]  # (N,), 0 at the root


class Batch(NamedTuple):
    """What a model scores: pictures of one size, and titles as token ids where the model reads them.

    The arrays are numpy's before a device is known and torch's after; the shapes are the same.
    """

    pixels: Any  # uint8 (B, 3, H, W)
    tokens: Any | None = None  # int (B, T), or None for a model that looks only


class Alternative(NamedTuple):
    """Another answer for the same product."""

    path: Path
    probability: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """What Atlas says of one product.

    `path` is the best answer (empty when `error` says why there is none), `probability` its mass, and
    `level_probabilities[k]` the probability that the product lies below the first `k + 1` names of `path`.
    `evidence[k]` says which part of the picture decided that level: a light (h, w) over a grid of cells that sums to 1;
    empty unless it was asked for.
    """

    path: Path
    probability: float
    level_probabilities: tuple[float, ...]
    alternatives: tuple[Alternative, ...] = ()
    error: str | None = None
    evidence: tuple[NDArray[np.float32], ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Listing:
    """What one product page of one store says of its product.

    `url` is absolute and the page's own canonical one, `product_id` the page's number for the product or, where it has
    none, one derived from the url. A range of prices keeps its lowest; `currency` is an ISO 4217 code. `breadcrumb` is
    the store's own category path without "Home" and without the product; `images` are absolute urls in the page's
    order, the largest form of each picture once. `path` is the taxonomy path that the start of the crawl was given.
    """

    store: str
    url: str
    product_id: str
    title: str | None
    price: float | None
    currency: str | None
    breadcrumb: tuple[str, ...]
    images: tuple[str, ...]
    path: Path = ()
