"""`crawl.sqlite`: what was asked and what came of it, and what is still to be asked. Killed at any moment, it is whole.

Every change is one transaction, so a page's listing, its links and its state are there together or not at all. What
was under way when a crawl died is waiting again when the ledger is opened for the next one.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path as FilePath
from typing import Any

from atlas.collect.connection import connect
from atlas.collect.jobs import Job, Reading, Visit
from atlas.collect.links import Links, Target
from atlas.collect.reach import LIST, Fault, Reach
from atlas.errors import DataError
from atlas.records import Listing, Path

LEDGER_FILE = "crawl.sqlite"
VERSION = 1


#: What is known of a body, unless the page must come whole: when its links were not taken because it was met as a
#: product page, or when its scripts make what it shows, so that its bytes do not tell whether that changed.
_KNOWN = "IIF(kind = 'picture' OR (read_as <= role AND NOT rendered), {0}, NULL)"
_JOB = ", ".join(_KNOWN.format(name) if name in ("etag", "modified", "sha256") else name for name in Job._fields)


#: The columns that describe a body.
_BODY = ", ".join(
    f"{name} = :{name}" for name in ("etag", "modified", "content_type", "robots_tag", "sha256", "rendered", "rules")
)


def check_crawl(folder: FilePath) -> None:
    """Nothing for a crawl folder. Raises DataError for any other."""
    if not (folder / LEDGER_FILE).is_file():
        raise DataError(f"{folder} is no crawl: it has no {LEDGER_FILE}; name a folder that `atlas collect` wrote")


class Ledger:
    """An open `crawl.sqlite`. All methods that write do so in one transaction."""

    def __init__(self, folder: FilePath, *, create: bool = False) -> None:
        file = folder / LEDGER_FILE
        if not create:
            check_crawl(folder)
        self.db = connect(file)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = NORMAL")
        self._prepare(file)
        self._links = Links(self.db, int(self.meta("round") or 0))

    def _prepare(self, file: FilePath) -> None:
        (version,) = self.db.execute("PRAGMA user_version").fetchone()
        if version == 0:
            script = files("atlas.collect").joinpath("schema.sql").read_text("utf-8")
            self.db.executescript(f"BEGIN; {script} PRAGMA user_version = {VERSION}; COMMIT;")
        elif version != VERSION:
            raise DataError(f"{file} has format {version}, this Atlas reads {VERSION}: use the Atlas that wrote it")

    @property
    def round(self) -> int:
        """The crawl that is going on or was the last, counted from 1; 0 before the first."""
        return self._links.round

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    def compact(self) -> None:
        """Give back the room of what was deleted, so that its bytes are gone from the file and its log."""
        self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.db.execute("VACUUM")
        self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of the block or nothing of it."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield self.db
            self.db.execute("COMMIT")
        except BaseException:
            if self.db.in_transaction:  # a full disk may have ended it
                self.db.execute("ROLLBACK")
            raise

    def meta(self, key: str) -> str | None:
        """One fact about the crawl as a whole."""
        row = self.db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def set_meta(self, **facts: object) -> None:
        """Write facts about the crawl as a whole."""
        with self.change():
            self.db.executemany("REPLACE INTO meta VALUES (?, ?)", [(key, str(value)) for key, value in facts.items()])

    def drop_meta(self, key: str) -> None:
        """Take out a fact about the crawl as a whole."""
        with self.change():
            self.db.execute("DELETE FROM meta WHERE key = ?", (key,))

    # -- rounds and stores -------------------------------------------------------------------------------------------

    @property
    def unfinished(self) -> bool:
        """Whether the last crawl did not come to its end."""
        return self.meta("state") == "open"

    def begin(self, *, resume: bool) -> None:
        """Open a round: the last one again with `resume`, else a new one that asks every page whether it changed."""
        self._links.round += not resume or self.round == 0
        self.set_meta(round=self.round, state="open", began=_now())
        with self.change():
            self.db.execute("UPDATE address SET status = 'waiting' WHERE status = 'asked'")

    def finish(self) -> bool:
        """Close the round, or leave it open where something is still waiting; whether it is closed."""
        left = self.db.execute(
            "SELECT 1 FROM address WHERE status IN ('waiting', 'asked') AND round = ? LIMIT 1", (self.round,)
        ).fetchone()
        self.set_meta(state="open" if left else "closed", ended=_now())
        return not left

    def set_store(self, name: str, file: Mapping[str, Any], rules: str, off: Sequence[str]) -> None:
        """Write down how a store is crawled from now on."""
        told = {**file, "start": [start for start in file["start"] if not self._links.forgets(start["url"])]}
        with self.change():
            self.db.execute(
                "REPLACE INTO store VALUES (?, ?, ?, ?)", (name, json.dumps(told), rules, json.dumps(list(off)))
            )

    def store_rules(self, name: str) -> str | None:
        """By which rules a store was crawled last."""
        row = self.db.execute("SELECT rules FROM store WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set_starts(self, store: str, starts: Sequence[tuple[str, Path]]) -> None:
        """Begin at these urls; where several lead to one product, the path of the first of them holds."""
        with self.change():
            self.db.execute("DELETE FROM start WHERE store = ?", (store,))
            for rank, (url, path) in enumerate(starts):
                if self._links.forgets(url):
                    continue
                self.db.execute("INSERT INTO start VALUES (?, ?, ?, ?)", (store, rank, url, json.dumps(path)))
                self._links.lead_to(store, "page", url, Reach(LIST, start=rank))

    def add_entries(self, store: str, entries: Iterable[tuple[Listing, str | None, Sequence[Target]]]) -> None:
        """Take in rows of a url list with their splits: listings without a page, whose pictures are to be asked."""
        with self.change():
            for listing, split, pictures in entries:
                if self._links.forgets(listing.url):
                    continue
                key = json.dumps([listing.product_id, listing.url, listing.path, split], ensure_ascii=False)
                entry = self._links.lead_to(store, "entry", key, Reach())
                self.db.execute("UPDATE address SET status = 'done', split = ? WHERE id = ?", (split, entry))
                self._write_listing(entry, listing, path=listing.path)
                self._links.replace(entry, store, Reach(), pictures)

    def drop_old_entries(self, store: str) -> None:
        """Take out what a url list has no longer."""
        with self.change():
            self.db.execute("DELETE FROM address WHERE store = ? AND kind = 'entry' AND round < ?", (store, self.round))

    # -- the frontier ------------------------------------------------------------------------------------------------

    def hosts(self) -> list[str]:
        """Hosts that have something waiting."""
        return [
            host
            for (host,) in self.db.execute(
                "SELECT DISTINCT host FROM address WHERE status = 'waiting' AND round = ? ORDER BY host", (self.round,)
            )
        ]

    def claim(self, host: str, count: int, closed: Sequence[str] = ()) -> list[Job]:
        """The next addresses of one host, marked as asked; of `closed` stores pictures only."""
        only = f"AND NOT (kind = 'page' AND store IN ({', '.join('?' * len(closed))}))"
        with self.change():
            rows = self.db.execute(
                f"SELECT {_JOB} FROM address WHERE host = ? AND status = 'waiting' AND round = ? {only} "
                "ORDER BY id LIMIT ?",
                (host, self.round, *closed, count),
            ).fetchall()
            self.db.executemany("UPDATE address SET status = 'asked' WHERE id = ?", [row[:1] for row in rows])
        return [Job(*row) for row in rows]

    def put_back(self, jobs: Iterable[Job]) -> None:
        """Let claimed addresses wait again."""
        with self.change():
            self.db.executemany(
                "UPDATE address SET status = 'waiting' WHERE id = ? AND status = 'asked'", [(job.id,) for job in jobs]
            )

    # -- what came of it ---------------------------------------------------------------------------------------------

    def record_page(self, job: Job, visit: Visit, reading: Reading) -> set[str]:
        """A page was read: its listing, its links and its state. Gives the hosts that may have something to ask now."""
        with self.change():
            self._settle(job, "done", visit)
            return self._write_reading(job.id, job.store, reading)

    def record_reading(self, page: int, store: str, rules: str, reading: Reading) -> None:
        """A page that was kept was read once more, by these rules."""
        with self.change():
            self.db.execute("UPDATE address SET rules = ? WHERE id = ?", (rules, page))
            self._write_reading(page, store, reading)

    def record_picture(self, job: Job, visit: Visit) -> None:
        """A picture lies under its hash."""
        with self.change():
            self._settle(job, "done", visit)

    def record_move(self, job: Job, visit: Visit, target: Target) -> set[str]:
        """An address leads elsewhere. One that leads back to itself failed."""
        with self.change():
            self._settle(job, "moved", visit)
            hosts = self._links.replace(job.id, job.store, self._links.reach_of(job.id), [target], kind=job.kind)
            if self._links.leads_back(job.id):
                self._settle(job, "failed", visit, Fault("failed", "redirect loop"))
        return hosts

    def record_unchanged(self, job: Job, visit: Visit) -> set[str]:
        """A page is as it was: what is known of it holds, and its links count for this round too."""
        with self.change():
            self._settle(job, "done", visit, keep_body=True)
            if self.db.execute("SELECT read_as > role FROM address WHERE id = ?", (job.id,)).fetchone()[0]:
                self.db.execute("UPDATE address SET status = 'waiting' WHERE id = ?", (job.id,))
                return {job.host}  # it turned out to be a list meanwhile, so its links are needed
            return self._links.pass_on(job.id)

    def record_fault(self, job: Job, fault: Fault, visit: Visit | None = None) -> None:
        """Nothing came of it; what was known of the address before stays."""
        with self.change():
            self._settle(job, fault.status, visit or Visit(), fault, keep_body=True)

    def record_retry(self, job: Job) -> None:
        """It did not come this time; it waits for another try."""
        with self.change():
            self.db.execute("UPDATE address SET status = 'waiting', tries = tries + 1 WHERE id = ?", (job.id,))

    def give_up(self, host: str, fault: Fault) -> int:
        """Nothing will come from a host: what waits for it has failed. Gives how many that are."""
        with self.change():
            return self.db.execute(
                "UPDATE address SET status = ?, reason = ?, detail = ?, asked_at = ?, asked_round = ? "
                "WHERE host = ? AND status = 'waiting' AND round = ?",
                (*fault, _now(), self.round, host, self.round),
            ).rowcount

    def _settle(
        self, job: Job, status: str, visit: Visit, fault: Fault | None = None, *, keep_body: bool = False
    ) -> None:
        """The row's new state. `keep_body` leaves what describes the body as it was."""
        values = {
            **vars(visit), "id": job.id, "status": status, "now": _now(), "round": self.round,
            "reason": fault and fault.reason, "detail": fault and fault.detail,
        }  # fmt: skip
        body = "" if keep_body else f"{_BODY}, "
        self.db.execute(
            f"UPDATE address SET {body} status = :status, reason = :reason, detail = :detail, robots = :robots, "
            "http = :http, bytes = :bytes, asked_at = :now, asked_round = :round WHERE id = :id",
            values,
        )

    def _write_reading(self, page: int, store: str, reading: Reading) -> set[str]:
        reach = self._links.reach_of(page)
        self.db.execute(
            "UPDATE address SET listing = NULL, read_as = ?, note = ? WHERE id = ?", (reach.role, reading.note, page)
        )
        if reading.listing is not None and not self._links.forgets(reading.listing.url):
            self._write_listing(page, reading.listing)
        is_list = reach.role == LIST
        followed = [target for target in reading.targets if is_list or target.kind == "picture"]
        return self._links.replace(page, store, reach, followed)

    def _write_listing(self, page: int, listing: Listing, path: Path = ()) -> None:
        images = [url for url in listing.images if not self._links.forgets(url)]
        told = {name: getattr(listing, name) for name in Listing.__dataclass_fields__} | {
            "path": path,
            "images": images,
        }
        self.db.execute(
            "UPDATE address SET listing = ?, listing_store = ?, listing_url = ?, product_id = ? WHERE id = ?",
            (json.dumps(told, ensure_ascii=False), listing.store, listing.url, listing.product_id, page),
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
