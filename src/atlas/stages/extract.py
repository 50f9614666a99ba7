"""What one page of a store would give: for writing a store file, and for looking into one that disappoints."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import TypeAlias

from atlas.collect.extract import extract, own_address
from atlas.collect.page import Found, Page
from atlas.collect.reading.selectors import check_selectors
from atlas.collect.store_file import StoreFile, load_store_file
from atlas.errors import DataError, UsageError

#: Asks a store for a page, within the bounds of its store file.
Fetch: TypeAlias = Callable[[str, StoreFile], Page]
#: A saved page that is larger is something else.
MAX_PAGE_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Extracted:
    """A page and what was found on it; `is_assumed` says that nobody told where a saved page lies."""

    page: Page
    found: Found
    is_assumed: bool = False


def extract_page(store_file: FilePath, source: str, fetch: Fetch, url: str = "") -> Extracted:
    """What a saved page (gzip allowed), or the page at an address, gives by a store file.

    `url` is where a saved page came from; without it the page is taken to lie where it says itself, else at the store's
    first start. `fetch` is called for an address only. Raises UsageError for a missing page and for a `url` that is
    none or stands beside an address, DataError for a file that cannot be read, RecipeError for a faulty store file.
    """
    store = load_store_file(store_file)
    check_selectors(store)
    if is_address(source):
        if url:
            raise UsageError(f"--url {url} stands beside the address {source}: leave one of them out")
        page = fetch(source, store)
    else:
        if url and not is_address(url):
            raise UsageError(f"--url is '{url}': use an address that begins with http:// or https://")
        body = _saved(FilePath(source))
        told = url or own_address(body)
        first = next((start.url for start in store.start), "")
        page = Page(told or first, body)
        return Extracted(page, extract(page, store), is_assumed=not told)
    return Extracted(page, extract(page, store))


def is_address(source: str) -> bool:
    """Whether a source is no file but lies in the web."""
    return source.lower().startswith(("http://", "https://"))


def _saved(file: FilePath) -> bytes:
    try:
        with file.open("rb") as stream:
            packed = stream.read(2) == b"\x1f\x8b"
        with gzip.open(file) if packed else file.open("rb") as stream:
            body = stream.read(MAX_PAGE_BYTES + 1)
    except FileNotFoundError as error:
        raise UsageError(
            f"there is no page {file}: name a saved page, or an address with http:// or https://"
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(body) > MAX_PAGE_BYTES:
        raise DataError(f"{file} has more than {MAX_PAGE_BYTES // 2**20} MiB: name one saved page")
    return body
