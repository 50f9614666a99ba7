"""Bodies on disk: pictures and kept pages under the hash of their content, so that none lies there twice or half."""

from __future__ import annotations

import gzip
import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path as FilePath

from atlas.errors import UsageError
from atlas.storage import PART_SUFFIX, atomic_file

IMAGES = "images"
PAGES = "pages"
LOCK_FILE = "crawl.lock"


def picture_file(sha256: str) -> str:
    """Where a picture lies inside the crawl folder: `images/ab/ab12..`."""
    return f"{IMAGES}/{sha256[:2]}/{sha256}"


def page_file(sha256: str) -> str:
    """Where a kept page lies inside the crawl folder: `pages/ab/ab12...gz`."""
    return f"{PAGES}/{sha256[:2]}/{sha256}.gz"


def sha256_of(body: bytes) -> str:
    """The SHA-256 of content as 64 hexadecimal digits."""
    return hashlib.sha256(body).hexdigest()


def keep_picture(folder: FilePath, body: bytes) -> str:
    """Write a picture, unless it is there; gives its SHA-256."""
    sha256 = sha256_of(body)
    _write(folder / picture_file(sha256), body)
    return sha256


def keep_page(folder: FilePath, body: bytes) -> str:
    """Write a page compressed, unless it is there; gives the SHA-256 of the page itself."""
    sha256 = sha256_of(body)
    _write(folder / page_file(sha256), gzip.compress(body, mtime=0))
    return sha256


def read_page(folder: FilePath, sha256: str) -> bytes | None:
    """A kept page, None where it was not kept or is damaged."""
    try:
        return gzip.decompress((folder / page_file(sha256)).read_bytes())
    except (OSError, EOFError, gzip.BadGzipFile):
        return None


@contextmanager
def locked(folder: FilePath) -> Iterator[None]:
    """Work alone in a crawl folder; the lock goes with the process, however that ends.

    Raises UsageError for a folder that is not there, or in which somebody works.
    """
    import fcntl

    if not folder.is_dir():
        raise UsageError(f"{folder} is no crawl: name a folder that `atlas collect` wrote")
    with (folder / LOCK_FILE).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(f"another crawl works in {folder}: wait for it, or name another folder") from error
        yield


def remove_leftovers(folder: FilePath) -> None:
    """Take away what a killed crawl had half written."""
    for part in _parts(folder):
        part.unlink(missing_ok=True)


def ask_for_lost(folder: FilePath, db: sqlite3.Connection, round: int) -> None:
    """Let pictures whose file somebody took away be asked again, inside the caller's transaction."""
    rows = db.execute("SELECT id, sha256 FROM address WHERE kind = 'picture' AND status = 'done'")
    lost = [(round, row) for row, sha256 in rows if not sha256 or not (folder / picture_file(sha256)).is_file()]
    db.executemany(
        "UPDATE address SET status = IIF(round = ?, 'waiting', 'failed'), reason = 'file is gone', "
        "sha256 = NULL, etag = NULL, modified = NULL WHERE id = ?",
        lost,
    )


def _parts(folder: FilePath) -> Iterator[FilePath]:
    yield from folder.glob(f".*{PART_SUFFIX}")
    for kind in (IMAGES, PAGES):
        yield from folder.glob(f"{kind}/??/.*{PART_SUFFIX}")


def _write(file: FilePath, body: bytes) -> None:
    if file.exists():
        return
    with atomic_file(file) as part:
        part.write_bytes(body)
