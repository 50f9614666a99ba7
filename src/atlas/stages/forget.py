"""`forget`: every trace of an address or a host out of a crawl folder."""

from __future__ import annotations

from pathlib import Path as FilePath

from atlas.collect.forget import Forgotten, forget
from atlas.collect.keep import locked
from atlas.collect.ledger import check_crawl


def forget_from(folder: FilePath, what: str) -> Forgotten:
    """Take a url or a host out of a crawl folder, while nobody else works in it; gives what was removed.

    Raises UsageError for what is neither and for a folder in use, DataError for one that holds no crawl,
    NothingDoneError when the crawl knows nothing of it.
    """
    check_crawl(folder)
    with locked(folder):
        return forget(folder, what)
