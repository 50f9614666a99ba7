"""`crawl.log`: what Scrapy and its libraries have to say, and every address that was refused or failed."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path as FilePath

LOG_FILE = "crawl.log"


@contextlib.contextmanager
def log_to(file: FilePath) -> Iterator[None]:
    """Everything that is logged in between goes to a file and nowhere else."""
    handler = logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers, root.level = [handler], logging.INFO
    try:
        yield
    finally:
        root.handlers, root.level = before, level
        handler.close()
