"""What a crawl came to: figures for people, for JSON and for the exit code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from atlas.collect.fetch import agent_name
from atlas.collect.ledger import Ledger
from atlas.collect.polite import Host
from atlas.collect.shop import what_is_off
from atlas.collect.store_file import StoreFile
from atlas.collect.tally import count_dead, count_left, count_reasons, count_stores
from atlas.taxonomy.tree import format_path


@dataclass(frozen=True)
class CollectSummary:
    """What a crawl came to. `record` holds its figures, ready for JSON."""

    output: FilePath
    record: dict[str, Any]

    @property
    def failed(self) -> int:
        """Addresses that were wanted and did not come, and rows of lists that have none."""
        left = [part for part in self.record["left"].values() if not part["wished"]]
        return sum([*self.record["failed"].values(), *self.record["skipped"].values(), *(p["addresses"] for p in left)])


def summary_of(
    output: FilePath,
    ledger: Ledger,
    stores: Mapping[str, StoreFile],
    hosts: Mapping[str, Host],
    listings: int,
    skipped: Mapping[str, int],
) -> CollectSummary:
    """What the ledger and the hosts of the last run say; `skipped` counts rows of lists that gave nothing."""
    why = {
        name: host.rest or _page_budget(host) for name, host in hosts.items() if host.rest or not host.has_pages_left
    }
    limited = ledger.meta("limit") not in (None, "None")
    left = count_left(ledger, {host: words for host, words in why.items() if words})
    for part in left.values():
        part["why"] = "limit" if limited and part["why"] == "stopped" else part["why"]
        part["wished"] = part["why"] == "limit" or part["why"].startswith("budget")
    return CollectSummary(
        output,
        {
            "round": ledger.round,
            "listings": listings,
            "stores": count_stores(ledger),
            "agents": {name: agent_name(store.polite.agent_contact) for name, store in stores.items()},
            "off": {name: off for name, store in stores.items() if (off := what_is_off(store))},
            "refused": count_reasons(ledger, "refused"),
            "failed": count_reasons(ledger, "failed"),
            "skipped": dict(skipped),
            "left": left,
            "dead": {
                format_path(path): {"pictures": pictures, "dead": dead}
                for path, (pictures, dead) in count_dead(ledger).items()
            },
        },
    )


def _page_budget(host: Host) -> str:
    return f"budget of {host.budget.pages:,} pages"


def why_nothing(summary: CollectSummary) -> str:
    """The error of a crawl without a listing."""
    record = summary.record
    reasons = [f"{count:,} {reason}" for kind in ("refused", "failed") for reason, count in record[kind].items()]
    reasons += [f"{host}: {part['why']}" for host, part in record["left"].items()]
    told = "; ".join(reasons) or "no page has a listing: see `atlas extract STORE.toml URL` for one of them"
    return f"nothing was collected into {summary.output} ({told})"
