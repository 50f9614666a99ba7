"""Where a page leads: to products and to the next page of a list."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from urllib.parse import parse_qsl

from lxml.html import HtmlElement

from atlas.collect.reading.document import Document
from atlas.collect.reading.graph import Graph
from atlas.collect.reading.selectors import matches
from atlas.collect.reading.structured import listed_urls
from atlas.collect.store_file import PATTERN_SIGN, Links
from atlas.collect.text import absolute_url, same_site, split_url

#: Links of one page that are passed on.
MAX_LINKS = 10_000
#: What stands after the address of a list in that of its later pages.
_LATER = re.compile(r"[/-](?:(?:page|pg|p|seite|pagina)[/=_-]?\d{1,4}|\d{1,2})(?:\.html?)?", re.IGNORECASE)
#: Attributes in which an element that is no link keeps an address.
_ADDRESSES = ("href", "data-href", "data-url", "data-link", "data-product-url")


def product_urls(document: Document, links: Links, graphs: Iterable[Graph], is_product: bool) -> tuple[str, ...]:
    """The products that a page links to: those the store's selector finds, else those its structured data lists.

    Structured data counts on pages that are no product themselves, and for addresses on the page's own site.
    """
    if links.product:
        return _distinct(_chosen(document, links.product), document)
    if is_product:
        return ()
    listed = (url for graph in graphs for url in listed_urls(graph, document))
    return _distinct((url for url in listed if same_site(url, document.url)), document)


def next_urls(document: Document, links: Links) -> tuple[str, ...]:
    """The next pages of a list: those the store's selector finds, else those marked `rel=next`."""
    if links.next:
        return _distinct(_chosen(document, links.next), document)
    marked = (tag for tag in document.root.iter("link", "a") if "next" in (tag.get("rel") or "").lower().split())
    return _distinct((absolute_url(document.base, tag.get("href")) for tag in marked), document)


def continues(url: str, start: str) -> bool:
    """Whether an address is that of a list or of a later page of it: `/men`, `/men?page=2`, `/men/page/2`."""
    here, first = split_url(url), split_url(start)
    if not here or not first or not same_site(url, start):
        return False
    rest = here.path.rstrip("/").removeprefix(first.path.rstrip("/"))
    same = here.path.rstrip("/") == first.path.rstrip("/") or bool(_LATER.fullmatch(rest))
    return same and set(parse_qsl(first.query)) <= set(parse_qsl(here.query))


def _chosen(document: Document, rule: str) -> Iterator[str]:
    """Addresses by a pattern over all links of the page, or by a CSS selector."""
    if rule.startswith(PATTERN_SIGN):
        pattern = re.compile(rule.removeprefix(PATTERN_SIGN))
        every = (absolute_url(document.base, tag.get("href")) for tag in document.root.iter("a", "area"))
        return (url for url in every if url and pattern.search(url))
    return (_address(found, document) for found in matches(document, rule))


def _address(found: object, document: Document) -> str:
    """The address of a match: its text, its own attribute, that of the link inside it, or of the one around it."""
    if not isinstance(found, HtmlElement):
        return absolute_url(document.base, str(found))
    near = [found, *islice(found.iter("a"), 1), *islice(found.iterancestors("a"), 1)]
    written = (tag.get(name) for tag in near for name in _ADDRESSES)
    return next(filter(None, (absolute_url(document.base, value) for value in written if value)), "")


def _distinct(urls: Iterable[str], document: Document) -> tuple[str, ...]:
    """Each address once, without the page's own."""
    own = {absolute_url(document.url, document.url), ""}
    return tuple(islice(dict.fromkeys(url for url in urls if url not in own), MAX_LINKS))
