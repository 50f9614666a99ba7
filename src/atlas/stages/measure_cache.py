"""Measures of pictures kept from one check to the next, under the digest of each picture's content.

One SQLite file for each version of what is measured. It may be deleted at any time: what is missing is measured again.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path as FilePath
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from atlas.clean.measures import MEASURES, Measures
from atlas.errors import UsageError

#: Pictures asked for in one query.
_ASKED = 500

_CREATE = """
CREATE TABLE IF NOT EXISTS pictures (
    sha256 BLOB PRIMARY KEY,
    fault TEXT NOT NULL, format TEXT NOT NULL, frames INTEGER NOT NULL,
    width_px INTEGER NOT NULL, height_px INTEGER NOT NULL, size_bytes INTEGER NOT NULL,
    detail REAL NOT NULL, letters REAL NOT NULL, lines INTEGER NOT NULL,
    letter_share REAL NOT NULL, unevenness REAL NOT NULL, pixel_hash INTEGER NOT NULL,
    descriptor BLOB, kind TEXT
) WITHOUT ROWID
"""


class Measured(NamedTuple):
    """One picture's measures, and its descriptor unless it cannot be read."""

    sha256: str
    measures: Measures
    descriptor: NDArray[np.generic] | None


def default_folder() -> FilePath:
    """Where measures are kept unless told: `atlas` in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (FilePath(base) if base and FilePath(base).is_absolute() else FilePath.home() / ".cache") / "atlas"


class MeasureCache:
    """The kept measures. A context manager; whatever was added is safe once `keep` has returned."""

    def __init__(self, folder: FilePath, version: str = MEASURES) -> None:
        """Open or begin the file of this version. Raises UsageError where that cannot be."""
        name = hashlib.sha256(version.encode()).hexdigest()[:12]
        self.file = folder / f"measures-{name}.sqlite"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(self.file, timeout=60)
            self._base.execute("PRAGMA journal_mode=WAL")
            self._base.execute("PRAGMA synchronous=NORMAL")
            self._base.execute(_CREATE)
        except (sqlite3.DatabaseError, OSError) as error:
            raise self._unusable(error) from error

    def __enter__(self) -> MeasureCache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._base.close()

    def known(self, digests: Iterable[str]) -> set[str]:
        """Those of the digests (64 hexadecimal digits) whose pictures were measured before."""
        return {sha256.hex() for (sha256,) in self._rows("sha256", digests)}

    def read(self, digests: Iterable[str]) -> Iterator[Measured]:
        """What is known of these pictures, in no certain order."""
        for sha256, *values, blob, kind in self._rows("*", digests):
            values[-1] %= 2**64  # SQLite's whole numbers have a sign
            descriptor = None if blob is None else np.frombuffer(blob, dtype=np.dtype(kind))
            yield Measured(sha256.hex(), Measures(*values), descriptor)

    def keep(self, measured: Sequence[Measured]) -> None:
        """Add these pictures, all or none."""
        try:
            with self._base:
                self._base.executemany(
                    f"INSERT OR REPLACE INTO pictures VALUES ({','.join('?' * 15)})", map(_as_row, measured)
                )
        except sqlite3.DatabaseError as error:
            raise self._unusable(error) from error

    def _rows(self, columns: str, digests: Iterable[str]) -> Iterator[tuple[Any, ...]]:
        waiting = iter(digests)
        try:
            while some := list(islice(waiting, _ASKED)):
                marks = ",".join("?" * len(some))
                yield from self._base.execute(
                    f"SELECT {columns} FROM pictures WHERE sha256 IN ({marks})", [bytes.fromhex(one) for one in some]
                ).fetchall()
        except sqlite3.DatabaseError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> UsageError:
        return UsageError(f"{self.file} cannot be used ({error}): delete it, or name another folder with --cache")


def _as_row(measured: Measured) -> tuple[object, ...]:
    *values, pixel_hash = measured.measures
    signed = pixel_hash - 2**64 if pixel_hash >= 2**63 else pixel_hash
    vector = measured.descriptor
    blob, kind = (None, None) if vector is None else (np.ascontiguousarray(vector).tobytes(), vector.dtype.str)
    return (bytes.fromhex(measured.sha256), *values, signed, blob, kind)
