"""Links between addresses in the ledger, and what they say of how far each lies from a start."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from atlas.collect.guard import host_of
from atlas.collect.reach import Fault, LinkKind, Reach

_REACH = ", ".join(Reach._fields)
_SET_REACH = f"({_REACH}) = ({', '.join('?' * len(Reach._fields))})"


class Target(NamedTuple):
    """Where a link leads: a clean url, or one that is `refused` and stays in the ledger with the reason."""

    kind: LinkKind
    url: str
    refused: Fault | None = None


class Links:
    """The links of one ledger in the current `round`; every method runs inside the caller's transaction."""

    def __init__(self, db: sqlite3.Connection, round: int) -> None:
        self.db = db
        self.round = round
        self._forgotten = {digest for (digest,) in db.execute("SELECT digest FROM forgotten")}

    def lead_to(self, store: str, kind: str, url: str, reach: Reach, fault: Fault | None = None) -> int:
        """The row of an address to which something leads in this round; with a fault it stays unasked."""
        row = self.db.execute(
            "SELECT id FROM address WHERE store = ? AND kind = ? AND url = ?", (store, kind, url)
        ).fetchone()
        if row is None:
            return self._add(store, kind, url, reach, fault or reach.fault)
        if fault:
            self.db.execute(
                "UPDATE address SET status = ?, reason = ?, detail = ?, round = ? WHERE id = ?",
                (*fault, self.round, row[0]),
            )
        else:
            self._arrive(row[0], reach)
        return int(row[0])

    def replace(
        self, source: int, store: str, reach: Reach, targets: Iterable[Target], kind: str | None = None
    ) -> set[str]:
        """Replace the links of an address, and let what they lead to know. Gives the hosts of all targets.

        `kind` is what the targets are, where that is not told by the link: a redirect of a picture leads to a picture.
        """
        targets = [target for target in targets if not self.forgets(target.url)]
        fruitful = any(target.kind == "product" for target in targets)
        self.db.execute("DELETE FROM link WHERE source = ?", (source,))
        for target in targets:
            wanted = kind or ("picture" if target.kind == "picture" else "page")
            found = self.lead_to(store, wanted, target.url, reach.behind(target.kind, fruitful), target.refused)
            self.db.execute("INSERT OR IGNORE INTO link VALUES (?, ?, ?)", (source, found, target.kind))
        return {host_of(target.url) for target in targets if target.refused is None}

    def forgets(self, url: str) -> bool:
        """Whether somebody asked that this address leave no trace."""
        return bool(self._forgotten) and not self._forgotten.isdisjoint(map(digest_of, names_of(url)))

    def pass_on(self, source: int) -> set[str]:
        """Let what an address leads to, by the links that are known, count for this round. Gives the hosts of it."""
        hosts: set[str] = set()
        for target, offered in self._offers(source):
            hosts |= self._arrive(target, offered)
        return hosts

    def reach_of(self, address: int) -> Reach:
        """How far an address lies from the starts."""
        return Reach(*self.db.execute(f"SELECT {_REACH} FROM address WHERE id = ?", (address,)).fetchone())

    def leads_back(self, address: int) -> bool:
        """Whether following redirects from an address comes back to it."""
        seen, here = {address}, address
        while True:
            row = self.db.execute(
                "SELECT target FROM link JOIN address ON address.id = source "
                "WHERE source = ? AND link.kind = 'moved' AND status = 'moved'",
                (here,),
            ).fetchone()
            if row is None:
                return False
            here = int(row[0])
            if here in seen:
                return here == address
            seen.add(here)

    def _add(self, store: str, kind: str, url: str, reach: Reach, fault: Fault | None) -> int:
        added = self.db.execute(
            f"INSERT INTO address (store, kind, url, host, status, reason, detail, round, {_REACH}) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (store, kind, url, host_of(url), *(fault or ("waiting", None, None)), self.round, *reach),
        )
        return int(added.lastrowid or 0)

    def _arrive(self, address: int, offered: Reach) -> set[str]:
        """Something leads to an address: it is asked once in a round, and a nearer way is passed on. Gives hosts."""
        hosts: set[str] = set()
        open_ends = [(address, offered)]
        while open_ends:
            address, offered = open_ends.pop()
            kind, host, status, last_round, read_as, *known = self.db.execute(
                f"SELECT kind, host, status, round, read_as, {_REACH} FROM address WHERE id = ?", (address,)
            ).fetchone()
            before = Reach(*known)
            least = offered.least(before)
            if last_round < self.round:
                status = self._meet(address, kind, status, offered)
            elif least != before:
                unread = status == "done" and read_as is not None and least.role < read_as
                status = self._come_nearer(address, status, least, unread or before.fault is not None)
            else:
                continue
            hosts.add(host)
            if status in ("done", "moved"):
                open_ends += self._offers(address)
        return hosts

    def _meet(self, address: int, kind: str, status: str, reach: Reach) -> str:
        """First met in this round. A picture that is there is not asked again, all else is. Gives the new status."""
        fault = reach.fault
        if fault is None and not (kind == "picture" and status in ("done", "moved")):
            status = "waiting"
        status, reason, detail = fault or (status, None, None)
        self.db.execute(
            f"UPDATE address SET {_SET_REACH}, round = ?, tries = 0, status = ?, reason = ?, detail = ? WHERE id = ?",
            (*reach, self.round, status, reason, detail, address),
        )
        return status

    def _come_nearer(self, address: int, status: str, reach: Reach, ask: bool) -> str:
        """A shorter way to an address that this round knows. Gives its status, "waiting" where it opens the way."""
        if ask and reach.fault is None:
            status = "waiting"
        self.db.execute(f"UPDATE address SET {_SET_REACH}, status = ? WHERE id = ?", (*reach, status, address))
        return status

    def _offers(self, source: int) -> list[tuple[int, Reach]]:
        """What an address offers to all that it links to."""
        reach = self.reach_of(source)
        links = self.db.execute("SELECT target, kind FROM link WHERE source = ?", (source,)).fetchall()
        fruitful = any(kind == "product" for _, kind in links)
        return [(target, reach.behind(kind, fruitful)) for target, kind in links]


def names_of(url: str) -> list[str]:
    """Under which names an address may be forgotten: itself, its host with and without port, and those above."""
    host = host_of(url)
    name = host.rpartition(":")[0] if re.search(r":\d+$", host) else host
    labels = name.split(".")
    return [url, host, name, *(".".join(labels[place:]) for place in range(1, len(labels) - 1))]


def digest_of(text: str) -> str:
    """What is kept of an address that must be forgotten: nothing that it could be read from."""
    return hashlib.sha256(text.encode()).hexdigest()
