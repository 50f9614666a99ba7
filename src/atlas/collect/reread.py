"""Kept pages read once more by today's store files: extraction without a network."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import NamedTuple

from atlas.collect.keep import read_page
from atlas.collect.ledger import Ledger
from atlas.collect.page import Page
from atlas.collect.reader import Readers, UnreadableError
from atlas.collect.shop import shop_of, what_stays
from atlas.collect.store_file import StoreFile
from atlas.errors import UsageError
from atlas.progress import Progress

#: Pages that are read at the same time.
AT_ONCE = 8


class _Row(NamedTuple):
    id: int
    store: str
    url: str
    sha256: str
    content_type: str | None
    robots_tag: str | None
    rendered: int


def read_kept_pages(folder: FilePath, ledger: Ledger, stores: Mapping[str, StoreFile], progress: Progress) -> int:
    """Read every kept page of these stores anew into the ledger; gives how many. Raises UsageError for none."""
    rows = ledger.db.execute(
        f"SELECT {', '.join(_Row._fields)} FROM address WHERE kind = 'page' AND sha256 IS NOT NULL "
        f"AND status IN ('done', 'failed') AND store IN ({', '.join('?' * len(stores))}) ORDER BY id",
        tuple(stores),
    )
    found = list(map(_Row._make, rows))
    progress.begin("read kept pages", len(found))
    count = asyncio.run(_read(folder, ledger, stores, found, progress))
    if not count:
        raise UsageError(
            f"{folder} kept no page of {', '.join(stores)}: crawl with keep.pages = true in the store file"
        )
    return count


async def _read(
    folder: FilePath, ledger: Ledger, stores: Mapping[str, StoreFile], rows: list[_Row], progress: Progress
) -> int:
    shops = {name: shop_of(store) for name, store in stores.items()}
    readers, waiting, count = Readers(stores), iter(rows), 0

    async def work() -> None:
        nonlocal count
        for row in waiting:
            shop, body = shops[row.store], read_page(folder, row.sha256)
            progress.advance()
            if body is None:
                progress.say(f"{row.url}: its kept page is gone or damaged; what was known of it stays")
                continue
            page = Page(row.url, body, row.content_type or "", row.robots_tag or "", bool(row.rendered))
            try:
                reading = what_stays(shop, await readers.read(row.store, page, shop.file.budget.page_s))
            except UnreadableError as error:
                progress.say(f"{row.url}: {error}; what was known of it stays")
                continue
            ledger.record_reading(row.id, row.store, shop.rules, reading)
            count += 1

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(work())
    finally:
        await readers.close()
    return count
