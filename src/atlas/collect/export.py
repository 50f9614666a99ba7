"""`listings.jsonl`: every listing of the ledger with its pictures, whole and in an order that no crawl changes."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any, NamedTuple

from atlas.collect.guard import clean_or_raw
from atlas.collect.keep import picture_file
from atlas.collect.ledger import Ledger
from atlas.collect.reach import MAX_HOPS, NO_START
from atlas.storage import atomic_file

LISTINGS_FILE = "listings.jsonl"

#: One row for each listing. A page that moved speaks for itself only while nothing speaks for it at its new address,
#: and a page that Atlas may not ask any more does not speak at all.
_LISTINGS = """
SELECT page.id, page.store, page.kind, page.listing, page.split, page.note, page.start
FROM address AS page
WHERE listing IS NOT NULL AND status <> 'refused' AND NOT (
    status = 'moved' AND EXISTS (
        SELECT 1 FROM link JOIN address AS there ON there.id = link.target
        WHERE link.source = page.id AND link.kind = 'moved' AND there.listing IS NOT NULL))
ORDER BY listing_store, listing_url, product_id, url <> listing_url, url
"""
_PICTURES = """
SELECT picture.id, picture.url, picture.status, picture.sha256, picture.reason
FROM link JOIN address AS picture ON picture.id = link.target
WHERE link.source = ? AND link.kind = 'picture'
"""
_MOVED = """
SELECT there.id, there.url, there.status, there.sha256, there.reason
FROM link JOIN address AS there ON there.id = link.target
WHERE link.source = ? AND link.kind = 'moved'
"""


class _Picture(NamedTuple):
    id: int
    url: str
    status: str
    sha256: str | None
    reason: str | None


def write_listings(folder: FilePath, ledger: Ledger) -> int:
    """Write `listings.jsonl` in one step; gives the number of listings."""
    count = 0
    with atomic_file(folder / LISTINGS_FILE) as part, part.open("w", encoding="utf-8", newline="\n") as stream:
        for listing in listings(ledger.db):
            stream.write(json.dumps(listing, ensure_ascii=False) + "\n")
            count += 1
    return count


def listings(db: sqlite3.Connection) -> Iterator[dict[str, Any]]:
    """Every listing as `listings.jsonl` holds it, sorted by store and url; pages of one product count once."""
    paths = {(store, rank): json.loads(path) for store, rank, path in db.execute("SELECT store, rank, path FROM start")}
    rows = ((json.loads(row[3]), row) for row in db.execute(_LISTINGS))
    for _, same in itertools.groupby(rows, key=_identity):
        pages = list(same)
        told, (page, store, kind, _, split, note, _) = pages[0]
        rank = min((row[6] for _, row in pages), default=NO_START)
        path = told["path"] if kind == "entry" else paths.get((store, rank), [])
        yield _listing(db, page, told, path, split, note)


def _identity(row: tuple[dict[str, Any], Any]) -> tuple[Any, ...]:
    """Pages with the same are one product; rows of a url list each stand for themselves."""
    told, (page, _, kind, *_) = row
    return told["store"], told["url"], told["product_id"], page if kind == "entry" else None


def _listing(
    db: sqlite3.Connection, page: int, told: dict[str, Any], path: list[str], split: str | None, note: str | None
) -> dict[str, Any]:
    known = {picture.url: picture for picture in map(_Picture._make, db.execute(_PICTURES, (page,)))}
    keys = ("store", "url", "product_id", "title", "price", "currency", "breadcrumb")
    return {
        **{key: told[key] for key in keys},
        "path": path,
        "split": split,
        "images": [_image(db, url, known.get(url) or known.get(clean_or_raw(url)), note) for url in told["images"]],
    }


def _image(db: sqlite3.Connection, url: str, picture: _Picture | None, note: str | None) -> dict[str, Any]:
    """One picture: where it lies, or why it does not."""
    if picture is None:
        return {"url": url, "sha256": None, "file": None, "error": note or "no web address"}
    for _ in range(MAX_HOPS + 1):
        row = db.execute(_MOVED, (picture.id,)).fetchone() if picture.status == "moved" else None
        if row is None:
            break
        picture = _Picture._make(row)
    if picture.status == "done" and picture.sha256:
        return {"url": url, "sha256": picture.sha256, "file": picture_file(picture.sha256), "error": None}
    waiting = picture.status in ("waiting", "asked")
    return {"url": url, "sha256": None, "file": None, "error": "not asked yet" if waiting else picture.reason}
