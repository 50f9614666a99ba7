"""The ledger's connection to its file: what SQLite refuses is told as what it means for the crawl."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path as FilePath
from typing import Any

from atlas.errors import DataError, UsageError

#: SQLite reports a full disk as a failed write, too. With less than this left it is taken for one.
SPARE_BYTES = 1_000_000
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_IN_USE = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_CLOSED = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)


def connect(file: FilePath) -> sqlite3.Connection:
    """An open connection without transactions of its own, on which every statement fails as `explained` says."""

    class Connection(sqlite3.Connection):
        def execute(self, *statement: Any) -> sqlite3.Cursor:
            with _explaining(file):
                return super().execute(*statement)

        def executemany(self, *statement: Any) -> sqlite3.Cursor:
            with _explaining(file):
                return super().executemany(*statement)

        def executescript(self, script: str) -> sqlite3.Cursor:
            with _explaining(file):
                return super().executescript(script)

    with _explaining(file):
        return sqlite3.connect(file, isolation_level=None, timeout=30, factory=Connection)


@contextmanager
def _explaining(file: FilePath) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise explained(error, file) from error


def explained(error: sqlite3.DatabaseError, file: FilePath) -> Exception:
    """What an error of SQLite means: OSError as other files raise it for a full disk and for one that may not be
    written, DataError for a file that is damaged or foreign, UsageError for one that another program holds.

    What only a mistake of ours leads to comes back as it is.
    """
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _is_full(file)):
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))
    if code in _CLOSED:
        return OSError(errno.EACCES, str(error), str(file))
    if code in _IN_USE:
        return UsageError(f"{file} is in use by another program: close that, then call this again")
    if code == sqlite3.SQLITE_IOERR:
        return DataError(f"{file} cannot be read or written: {error}; look at its disk, then call this again")
    if code in _DAMAGED:
        return DataError(f"{file} is damaged or no ledger: {error}; --overwrite begins a new crawl")
    return error


def _is_full(file: FilePath) -> bool:
    try:
        return shutil.disk_usage(file.parent).free < SPARE_BYTES
    except OSError:
        return False
