"""The rows that evaluation works on, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atlas.evaluate.metrics import cut_to_known
from atlas.evaluate.paths import NO_PATH, PathTable
from atlas.taxonomy.tree import Taxonomy


@dataclass(frozen=True)
class Rows:
    """The rows of a predictions file whose truth is known, R of them, as arrays; paths are numbers of `table`.

    `known_no_deeper`: the truth is an inner node that is no answer; it is scored down to its own depth.
    `unknown`: the tree lacks the truth; levels below the deepest node it has count as wrong.
    """

    table: PathTable
    product: NDArray[np.int64]  # (R,) numbers from 0, in order of first appearance
    product_ids: tuple[str, ...]  # by that number
    view: NDArray[np.int64]  # (R,) -1 where the file has none
    truth: NDArray[np.int64]  # (R,)
    guess: NDArray[np.int64]  # (R,) NO_PATH where the row failed
    known_no_deeper: NDArray[np.bool_]  # (R,)
    unknown: NDArray[np.bool_]  # (R,)
    rank: NDArray[np.int64] | None  # (R,) place of the truth among the answers from 1, 0 = not listed
    level_probabilities: NDArray[np.float64] | None  # (R, D), nan beyond the guess
    answered_depth: NDArray[np.int64]  # (R,)
    near_train: NDArray[np.bool_] | None  # (R,)

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def failed(self) -> NDArray[np.bool_]:
        """(R,): rows that have no guess."""
        failed: NDArray[np.bool_] = self.guess == NO_PATH
        return failed

    @property
    def exact(self) -> NDArray[np.bool_]:
        """(R,): rows whose whole true path is known, so that they count for leaves."""
        return ~self.known_no_deeper

    @property
    def truth_at(self) -> NDArray[np.int32]:
        """(R, D): the truth level by level."""
        at_level: NDArray[np.int32] = self.table.at_level[self.truth]
        return at_level

    @property
    def guess_at(self) -> NDArray[np.int32]:
        """(R, D): the guess level by level, cut where the truth is known no deeper."""
        return cut_to_known(self.truth_at, self.table.at_level[self.guess], self.known_no_deeper).astype(np.int32)

    def only(self, keep: NDArray[Any]) -> Rows:
        """Some of the rows: a mask or places; products are numbered anew, so that only theirs are drawn."""
        numbers, product = np.unique(self.product[keep], return_inverse=True)
        arrays: dict[str, Any] = {
            name: None if value is None else value[keep]
            for name, value in vars(self).items()
            if name not in ("table", "product", "product_ids")
        }
        return replace(self, product=product, product_ids=tuple(self.product_ids[n] for n in numbers), **arrays)


@dataclass(frozen=True)
class PredictionsFile:
    """A predictions file: its scored rows, the tree it was made with, and where it comes from."""

    file: FilePath
    rows: Rows
    taxonomy: Taxonomy | None  # None when the file carries no tree: then every truth is taken as complete
    split: str
    total: int  # all rows of the file, also those without truth
    errors: dict[str, int]  # messages of failed rows, most frequent first
    model_ids: tuple[str, ...]
    taxonomy_ids: tuple[str, ...]
