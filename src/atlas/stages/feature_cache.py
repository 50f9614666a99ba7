"""What a model sees of pictures, kept from one call to the next under the digest of each picture's content.

One SQLite file for each model. It may be deleted at any time: what is missing is calculated again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path as FilePath
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from atlas.errors import UsageError

#: Pictures asked for in one query.
_ASKED = 500
#: Half as many digits as the model calculates with: no linear probe sees the difference.
_KIND = np.dtype("<f2")


def rounded(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """The features with the digits that are kept."""
    return features.astype(_KIND).astype(np.float32)


class FeatureCache:
    """The kept features of one model. A context manager; what was added is safe once `keep` has returned."""

    def __init__(self, folder: FilePath, model_id: str) -> None:
        """Open or begin the file of this model. Raises UsageError where that cannot be."""
        self.file = folder / f"features-{model_id}.sqlite"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(self.file, timeout=60)
            self._base.execute("PRAGMA journal_mode=WAL")
            self._base.execute("PRAGMA synchronous=NORMAL")
            self._base.execute(
                "CREATE TABLE IF NOT EXISTS features (sha256 BLOB PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID"
            )
        except (sqlite3.DatabaseError, OSError) as error:
            raise self._unusable(error) from error

    def __enter__(self) -> FeatureCache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._base.close()

    def read(self, digests: Sequence[str]) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """What is known of these pictures (64 hexadecimal digits each), in no certain order."""
        try:
            for start in range(0, len(digests), _ASKED):
                some = [bytes.fromhex(digest) for digest in digests[start : start + _ASKED]]
                marks = ",".join("?" * len(some))
                for sha256, vector in self._base.execute(f"SELECT * FROM features WHERE sha256 IN ({marks})", some):
                    yield sha256.hex(), np.frombuffer(vector, dtype=_KIND).astype(np.float32)
        except sqlite3.DatabaseError as error:
            raise self._unusable(error) from error

    def keep(self, digests: Sequence[str], features: NDArray[np.float32]) -> None:
        """Add the features (B, D) of these pictures, all or none."""
        rows = [(bytes.fromhex(one), row.tobytes()) for one, row in zip(digests, features.astype(_KIND), strict=True)]
        try:
            with self._base:
                self._base.executemany("INSERT OR REPLACE INTO features VALUES (?, ?)", rows)
        except sqlite3.DatabaseError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> UsageError:
        return UsageError(f"{self.file} cannot be used ({error}): delete it, or name another folder with --cache")
