"""A store file made ready for a crawl: who asks, where the store is at home, and what is followed of a page."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace

from atlas.collect.fetch import agent_name
from atlas.collect.guard import (
    Exceptions,
    RefusedError,
    check_shape,
    clean_or_raw,
    clean_url,
    host_of,
    is_same_site,
    read_exceptions,
)
from atlas.collect.jobs import Reading
from atlas.collect.links import Target
from atlas.collect.page import Found
from atlas.collect.reach import Fault, LinkKind
from atlas.collect.store_file import StoreFile

#: More links of one page are a trap.
MAX_LINKS = 5_000


@dataclass(frozen=True)
class Shop:
    """A store as visits see it; `rules` is a digest of all that decides what a page gives."""

    file: StoreFile
    agent: str
    homes: frozenset[str]
    exceptions: Exceptions
    rules: str


def shop_of(store: StoreFile) -> Shop:
    """A store made ready. Raises RecipeError for exceptions that name nothing."""
    homes = frozenset(host_of(clean_url(start.url)) for start in store.start)
    exceptions = read_exceptions(store.polite.allow_addresses)
    return Shop(store, agent_name(store.polite.agent_contact), homes, exceptions, rules_of(store))


def rules_of(store: StoreFile) -> str:
    """A digest of all that decides what a page gives: with another one, pages are read anew."""
    told = asdict(store)
    kept = {key: told[key] for key in ("name", "currency", "decimal", "render", "links", "select", "browser")}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]


def what_is_off(store: StoreFile) -> list[str]:
    """The guards that a store file turns off, in words."""
    polite = store.polite
    told = {
        "robots.txt is not obeyed": not polite.obey_robots,
        "noai and noimageai are not obeyed": not polite.obey_noai,
        "no delay between requests": polite.delay_s == 0,
        f"private addresses allowed: {', '.join(polite.allow_addresses)}": bool(polite.allow_addresses),
        "no contact in the agent's name": not polite.agent_contact,
    }
    return [words for words, off in told.items() if off]


def what_stays(shop: Shop, found: Found) -> Reading:
    """The listing of a page and the links that are followed; pictures only where the page does not forbid it."""
    listing, note = found.listing, None
    wish = "noai" if found.noai else "noimageai" if found.noimageai else None
    if shop.file.polite.obey_noai:
        note = wish
    targets = [target_of(shop, "product", url) for url in found.products[:MAX_LINKS]]
    targets += [target_of(shop, "next", url) for url in found.next_pages[:MAX_LINKS]]
    if listing is not None:
        listing = replace(listing, images=tuple(map(clean_or_raw, listing.images)))
        targets += [target_of(shop, "picture", url) for url in listing.images if note is None]
    return Reading(listing, targets, note)


def target_of(shop: Shop, link: LinkKind, url: str, kind: str = "page") -> Target:
    """A link, with the reason why it is not followed if there is one. Pages stay on the store's own site."""
    try:
        url = clean_url(url)
        if link != "picture" and kind == "page":
            check_shape(url)
            if not is_same_site(host_of(url), shop.homes):
                raise RefusedError("another site", host_of(url))
    except RefusedError as error:
        return Target(link, url, Fault("refused", error.reason, error.detail))
    return Target(link, url)
