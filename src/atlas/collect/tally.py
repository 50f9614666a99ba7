"""What a crawl came to, counted in its ledger."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from atlas.collect.ledger import Ledger
from atlas.collect.reach import NO_START
from atlas.records import Path


def count_spent(ledger: Ledger) -> dict[str, tuple[int, int]]:
    """Pages asked and bytes received in this round, by host."""
    rows = ledger.db.execute(
        "SELECT host, SUM(kind = 'page'), COALESCE(SUM(bytes), 0) FROM address WHERE asked_round = ? GROUP BY host",
        (ledger.round,),
    )
    return {host: (pages, received) for host, pages, received in rows}


def count_found(ledger: Ledger) -> dict[str, int]:
    """Pages that gave a listing in this round, by store."""
    rows = ledger.db.execute(
        "SELECT store, COUNT(*) FROM address WHERE kind = 'page' AND listing IS NOT NULL AND asked_round = ? "
        "GROUP BY store",
        (ledger.round,),
    )
    return dict(rows.fetchall())


def count_stores(ledger: Ledger) -> dict[str, dict[str, int]]:
    """For each store of the last crawl: pages that were asked, listings, pictures at hand, and what is not there."""
    counts = ledger.db.execute(
        """
        SELECT store,
            SUM(kind = 'page' AND asked_round IS :round),
            SUM(listing IS NOT NULL AND status <> 'refused'),
            SUM(kind = 'picture' AND status = 'done'),
            SUM(status = 'refused' AND round = :round), SUM(status = 'failed' AND round = :round),
            SUM(status IN ('waiting', 'asked') AND round = :round)
        FROM address GROUP BY store HAVING MAX(round) = :round ORDER BY store
        """,
        {"round": ledger.round},
    )
    names = ("pages", "listings", "pictures", "refused", "failed", "left")
    return {store: dict(zip(names, map(int, row), strict=True)) for store, *row in counts}


def count_reasons(ledger: Ledger, status: str) -> dict[str, int]:
    """How often each reason stands beside a status, most frequent first; what pages forbid themselves is refused."""
    part = "UNION ALL SELECT note, round FROM address WHERE note IS NOT NULL" if status == "refused" else ""
    rows = ledger.db.execute(
        f"SELECT reason, COUNT(*) FROM (SELECT reason, round FROM address WHERE status = ? {part}) WHERE round = ? "
        "GROUP BY reason ORDER BY COUNT(*) DESC, reason",
        (status, ledger.round),
    )
    return {reason or "unknown": count for reason, count in rows}


def count_left(ledger: Ledger, why: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Hosts of which something still waits: how much, and why it was left, as far as `why` knows."""
    rows = ledger.db.execute(
        "SELECT host, COUNT(*) FROM address WHERE round = ? AND status IN ('waiting', 'asked') GROUP BY host",
        (ledger.round,),
    )
    return {host: {"addresses": count, "why": why.get(host, "stopped")} for host, count in rows}


def count_dead(ledger: Ledger) -> dict[Path, tuple[int, int]]:
    """Pictures, and those of them that failed, for each category path that has a dead one."""
    paths = {
        (store, rank): tuple(json.loads(path))
        for store, rank, path in ledger.db.execute("SELECT store, rank, path FROM start")
    }
    rows = ledger.db.execute(
        """
        SELECT page.store, page.start, json_extract(page.listing, '$.path'), COUNT(*), SUM(picture.status = 'failed')
        FROM address AS page
        JOIN link ON link.source = page.id AND link.kind = 'picture'
        JOIN address AS picture ON picture.id = link.target
        WHERE page.listing IS NOT NULL AND page.status <> 'refused' GROUP BY 1, 2, 3
        """
    )
    pictures: Counter[Path] = Counter()
    dead: Counter[Path] = Counter()
    for store, start, written, count, failed in rows:
        path = paths.get((store, start), ()) if start < NO_START and written == "[]" else tuple(json.loads(written))
        pictures[path] += count
        dead[path] += failed
    return {path: (pictures[path], count) for path, count in sorted(dead.items()) if count}
