"""Every trace of an address or a host taken out of a crawl folder, down to the bytes of its files."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from atlas.collect.crawl_log import LOG_FILE
from atlas.collect.export import LISTINGS_FILE, write_listings
from atlas.collect.guard import RefusedError, clean_url
from atlas.collect.keep import IMAGES, PAGES
from atlas.collect.ledger import Ledger
from atlas.collect.links import digest_of, names_of
from atlas.errors import NothingDoneError, UsageError
from atlas.storage import write_text

#: What stands in the ledger from the first row that is taken out until the last file is.
_UNFINISHED = "forgetting"
#: What may follow an address in a text, so that `/jeans/1` is not found in `/jeans/10` or `/jeans/1.html`.
_URL_ENDS = r"(?=$|[\s\"'<>,;()\[\]{}#|]|\.(?:\s|$))"


@dataclass
class Forgotten:
    """What was taken out, in words that say where it stood."""

    addresses: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    listings: int = 0  # that went, or lost a picture
    log_lines: int = 0

    @property
    def lines(self) -> list[str]:
        """One line for each trace, and sums."""
        sums = [f"{LISTINGS_FILE}: {self.listings:,} listings", f"{LOG_FILE}: {self.log_lines:,} lines"]
        return [*self.addresses, *self.files, *sums]


def forget(folder: FilePath, what: str) -> Forgotten:
    """Take a url, or a host and all below it, out of a crawl for good; no later crawl of the folder brings it back.

    Pictures and kept pages that nothing else uses go with it. One that was killed is brought to its end by the next
    call. Raises NothingDoneError when there is no trace of it.
    """
    name = _name(what)
    ledger = Ledger(folder)
    try:
        found = _forget_rows(ledger, name)
        found.log_lines = _clean_log(folder / LOG_FILE, name)
        if not found.addresses and not found.log_lines and not ledger.meta(_UNFINISHED):
            raise NothingDoneError(f"{folder} knows nothing of {what}; nothing was removed")
        found.files = _remove_unused(folder, ledger.db)
        write_listings(folder, ledger)
        ledger.compact()
        ledger.drop_meta(_UNFINISHED)
    finally:
        ledger.close()
    return found


def _name(what: str) -> str:
    """The clean url or the host that is meant."""
    if "/" not in what and ":" not in what.partition(":")[2]:
        return what.strip().lower().rstrip(".")
    try:
        return clean_url(what)
    except RefusedError as error:
        raise UsageError(f"'{what}' is neither a url nor a host: {error}") from error


def _forget_rows(ledger: Ledger, name: str) -> Forgotten:
    found = Forgotten()
    with ledger.change() as db:
        gone = {row for row, names in _rows(db) if name in names}
        gone |= _orphans(db, gone)
        for row in sorted(gone):
            store, kind, url, listing = db.execute(
                "SELECT store, kind, url, listing FROM address WHERE id = ?", (row,)
            ).fetchone()
            shown = json.loads(listing)["url"] if kind == "entry" else url
            found.addresses.append(f"{store}, {kind}: {shown}")
            found.listings += listing is not None
            db.execute("DELETE FROM link WHERE ? IN (source, target)", (row,))
            db.execute("DELETE FROM address WHERE id = ?", (row,))
        found.listings += _clean_listings(db, name)
        found.addresses += _clean_starts(db, name)
        _clean_details(db, name)
        if found.addresses:
            db.execute("INSERT OR IGNORE INTO forgotten VALUES (?)", (digest_of(name),))
            db.execute("REPLACE INTO meta VALUES (?, 1)", (_UNFINISHED,))
    return found


def _rows(db: sqlite3.Connection) -> Iterator[tuple[int, list[str]]]:
    """Every row with the names under which it may be forgotten."""
    for row, url, listing_url in db.execute("SELECT id, url, IIF(listing IS NULL, NULL, listing_url) FROM address"):
        yield row, [*names_of(url), *(names_of(listing_url) if listing_url else [])]


def _orphans(db: sqlite3.Connection, gone: set[int]) -> set[int]:
    """Pictures of what goes, and what it had moved to, as far as nothing that stays leads to them."""
    orphans: set[int] = set()
    edge = set(gone)
    while edge:
        leads = {
            target
            for row in edge
            for (target,) in db.execute(
                "SELECT target FROM link WHERE source = ? AND kind IN ('picture', 'moved')", (row,)
            )
        }
        known = gone | orphans
        edge = {
            target
            for target in leads - known
            if all(source in known for (source,) in db.execute("SELECT source FROM link WHERE target = ?", (target,)))
        }
        orphans |= edge
    return orphans


def _clean_listings(db: sqlite3.Connection, name: str) -> int:
    """Take pictures out of listings that stay; gives how many listings had one."""
    rows = db.execute("SELECT id, listing FROM address WHERE listing IS NOT NULL").fetchall()
    count = 0
    for row, text in rows:
        listing = json.loads(text)
        kept = [url for url in listing["images"] if name not in names_of(url)]
        if len(kept) < len(listing["images"]):
            told = json.dumps(listing | {"images": kept}, ensure_ascii=False)
            db.execute("UPDATE address SET listing = ? WHERE id = ?", (told, row))
            count += 1
    return count


def _clean_details(db: sqlite3.Connection, name: str) -> None:
    """Take out of other addresses' rows what was said of this one."""
    says = _saying(name)
    rows = db.execute("SELECT id, detail FROM address WHERE detail IS NOT NULL").fetchall()
    told = [(row,) for row, detail in rows if says.search(detail)]
    db.executemany("UPDATE address SET detail = NULL WHERE id = ?", told)


def _clean_starts(db: sqlite3.Connection, name: str) -> list[str]:
    """Take starts out of the ledger's own copy of the store files; gives them in words."""
    found = []
    for store, rank, url in db.execute("SELECT store, rank, url FROM start").fetchall():
        if name in names_of(url):
            db.execute("DELETE FROM start WHERE store = ? AND rank = ?", (store, rank))
            found.append(f"{store}, start: {url}")
    for store, file, off in db.execute("SELECT name, file, off FROM store").fetchall():
        told = [json.dumps(_without(json.loads(text), _saying(name))) for text in (file, off)]
        db.execute("UPDATE store SET file = ?, off = ? WHERE name = ?", (*told, store))
    return found


def _without(value: Any, says: re.Pattern[str]) -> Any:
    """A value from JSON without the texts, and what holds such a text as its url, that say a name."""
    if isinstance(value, dict):
        return {key: _without(item, says) for key, item in value.items()}
    if isinstance(value, list):
        return [
            _without(item, says)
            for item in value
            if not says.search(str(item.get("url") if isinstance(item, dict) else item))
        ]
    return "" if isinstance(value, str) and says.search(value) else value


def _saying(name: str) -> re.Pattern[str]:
    """Finds a url, or a host and those below it, in a text; not what merely begins or ends alike."""
    if "/" in name:
        return re.compile(re.escape(name) + _URL_ENDS)
    begins = r"(?<![\w-])" if re.search("[.:]", name) else r"//(?:[^\s/]*\.)?"  # a word is no host by itself
    return re.compile(begins + re.escape(name) + r"(?![\w-]|\.\w)")


def _remove_unused(folder: FilePath, db: sqlite3.Connection) -> list[str]:
    """Take away bodies that no row names, older forms of pages among them; gives their files."""
    removed = []
    for kind in (IMAGES, PAGES):
        for file in sorted(folder.glob(f"{kind}/??/*")):
            sha256 = file.name.removesuffix(".gz")
            if not db.execute("SELECT 1 FROM address WHERE sha256 = ? LIMIT 1", (sha256,)).fetchone():
                file.unlink()
                removed.append(f"{kind}/{sha256[:2]}/{file.name}")
    return removed


def _clean_log(file: FilePath, name: str) -> int:
    """Take lines that name it out of the log; gives how many."""
    if not file.exists():
        return 0
    lines = file.read_text("utf-8", "replace").splitlines()
    says = _saying(name)
    kept = [line for line in lines if not says.search(line)]
    if len(kept) < len(lines):
        write_text(file, "".join(f"{line}\n" for line in kept))
    return len(lines) - len(kept)
