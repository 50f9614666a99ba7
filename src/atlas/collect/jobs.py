"""What the ledger hands out, and what it is given back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from atlas.collect.links import Target
from atlas.records import Listing


class Job(NamedTuple):
    """One address to be asked now."""

    id: int
    store: str
    kind: str  # "page" or "picture"
    url: str
    host: str
    tries: int
    etag: str | None
    modified: str | None
    sha256: str | None
    rules: str | None


@dataclass(frozen=True)
class Visit:
    """How an address was asked and what came, as the ledger keeps it."""

    http: int | None = None
    etag: str | None = None
    modified: str | None = None
    content_type: str | None = None
    robots_tag: str | None = None
    sha256: str | None = None
    bytes: int | None = None
    robots: str | None = None
    rendered: bool = False
    rules: str | None = None


class Reading(NamedTuple):
    """What stays of a page that was read: `note` says what of it was left out, such as "noai"."""

    listing: Listing | None
    targets: Sequence[Target]
    note: str | None = None
