"""What extraction takes and what it gives: a page as it was received, and all that was found on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from atlas.records import Listing


@dataclass(frozen=True, slots=True)
class Page:
    """One page as a server or a browser gave it.

    `url` is the address it came from in the end, after redirects. `body` has its content encoding (gzip, brotli)
    undone and its charset not. `content_type` and `robots_tag` are the headers `Content-Type` and `X-Robots-Tag`.
    `rendered` says that a browser has run the page's scripts.
    """

    url: str
    body: bytes
    content_type: str = ""
    robots_tag: str = ""
    rendered: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What one page gives.

    `listing` is None where the page is no product page. `products` and `next_pages` are absolute urls without
    fragments, in the page's order, each once. `noai` and `noimageai` are the page's wish, passed on as data.
    `needs_browser` says that the page is an empty shell whose content comes by script. `sources` names for each field
    of the listing where it was found; `notes` tell what was broken, missing or left out.
    """

    listing: Listing | None = None
    products: tuple[str, ...] = ()
    next_pages: tuple[str, ...] = ()
    noai: bool = False
    noimageai: bool = False
    needs_browser: bool = False
    sources: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
