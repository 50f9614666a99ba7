"""Paths as integers, so that a hundred thousand rows are compared in one numpy step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from atlas.records import Path

#: Number of the empty path in every table: a row without a guess.
NO_PATH = 0


@dataclass(frozen=True)
class PathTable:
    """Every path that some rows name, with all their prefixes, numbered; number 0 is the empty path.

    The table is wider than a taxonomy: it also holds true paths that the tree lacks. Two rows agree in their first
    `k + 1` names exactly when `at_level[:, k]` of their numbers is equal and not -1.
    """

    paths: tuple[Path, ...]

    @classmethod
    def of(cls, paths: Iterable[Path]) -> PathTable:
        """The table of these paths and of all their prefixes, sorted."""
        closed = {path[:depth] for path in paths for depth in range(1, len(path) + 1)}
        return cls(((), *sorted(closed)))

    @cached_property
    def number(self) -> dict[Path, int]:
        """The number of every path."""
        return {path: number for number, path in enumerate(self.paths)}

    @cached_property
    def levels(self) -> int:
        """The length of the longest path."""
        return max(map(len, self.paths))

    @cached_property
    def at_level(self) -> NDArray[np.int32]:
        """(P, D): the number of each path's first `k + 1` names, -1 beyond its end."""
        table = np.full((len(self.paths), self.levels), -1, dtype=np.int32)
        for row, path in enumerate(self.paths):
            table[row, : len(path)] = [self.number[path[:depth]] for depth in range(1, len(path) + 1)]
        return table

    @cached_property
    def name_at(self) -> NDArray[np.int32]:
        """(P, D): a number for the name alone that stands at each level, -1 beyond the path's end."""
        names = {name: place for place, name in enumerate(sorted({name for path in self.paths for name in path}))}
        table = np.full((len(self.paths), self.levels), -1, dtype=np.int32)
        for row, path in enumerate(self.paths):
            table[row, : len(path)] = [names[name] for name in path]
        return table

    @cached_property
    def last_name(self) -> NDArray[np.int32]:
        """(P,): a number for each path's last name; -1 for the empty path."""
        depth = np.array([len(path) for path in self.paths])
        last: NDArray[np.int32] = self.name_at[np.arange(len(depth)), np.maximum(depth - 1, 0)]
        return last
