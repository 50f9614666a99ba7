"""A saved page to a listing: structured data first, the store's selectors over it. Pure, and never raises."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import TypeAlias, TypeVar

from atlas.collect.content import CRAWLER, wishes_of
from atlas.collect.page import Found, Page
from atlas.collect.reading.breadcrumbs import clean_trail, marked_trail
from atlas.collect.reading.charset import decode
from atlas.collect.reading.document import Document, read_document
from atlas.collect.reading.facts import Facts, merge, of_one_product
from atlas.collect.reading.graph import Graph, read_jsonld
from atlas.collect.reading.links import continues, next_urls, product_urls
from atlas.collect.reading.microdata import MICRODATA, RDFA, read_items
from atlas.collect.reading.opengraph import opengraph_facts, page_facts
from atlas.collect.reading.page_state import state_facts
from atlas.collect.reading.prices import Market, country_of
from atlas.collect.reading.selectors import matches, selected_facts
from atlas.collect.reading.shell import is_shell
from atlas.collect.reading.structured import is_called_product, lists_products, product_facts
from atlas.collect.store_file import PATTERN_SIGN, StoreFile
from atlas.collect.text import split_url
from atlas.records import Listing, Path

T = TypeVar("T")
#: What the sources of a page say of its product, by their names, the surest first.
Told: TypeAlias = dict[str, list[Facts]]

#: Sources whose pictures are put together, because each often knows only some of them.
GALLERY = frozenset({"JSON-LD", "microdata", "RDFa", "page data", "gallery data"})


def extract(page: Page, store: StoreFile, path: Path = ()) -> Found:
    """What a page gives: its listing if it is a product's, the links it has, and what was missing or broken.

    `path` is passed on to the listing. Any bytes give an answer: what cannot be read costs itself and is told in
    `notes`. Time and memory grow with the page's size.
    """
    notes: list[str] = []
    document = _guarded("page", lambda: _document(page, notes), read_document("", page.url), notes)
    graphs = _graphs(document, notes)
    told = _told(document, graphs, store, notes)
    is_product = _guarded("page", lambda: _is_product(document, store, told, graphs), False, notes)
    listing, sources = _listing(document, store, told, path, notes) if is_product else (None, {})
    none: tuple[str, ...] = ()
    products = _guarded("links", lambda: product_urls(document, store.links, graphs.values(), is_product), none, notes)
    following = _guarded("next page", lambda: next_urls(document, store.links), none, notes)
    wishes = _wishes(document, page.robots_tag)
    return Found(
        listing,
        products,
        following,
        noai="noai" in wishes,
        noimageai="noimageai" in wishes,
        needs_browser=not page.rendered and _needs_browser(document, store, bool(listing or products)),
        sources=sources,
        notes=tuple(notes),
    )


def _wishes(document: Document, robots_tag: str) -> set[str]:
    """What a page says to all crawlers, or to this one, in its header and its head."""
    told = [text for name in ("robots", CRAWLER) for text in document.metas.get(name, ())]
    return {*wishes_of(robots_tag), *re.split(r"[\s,;]+", " ".join(told).lower())}


def own_address(body: bytes) -> str:
    """The address that a page gives itself, empty where it gives none."""
    return read_document(decode(body).text, "").url


def _document(page: Page, notes: list[str]) -> Document:
    decoded = decode(page.body, page.content_type)
    document = read_document(decoded.text, page.url)
    unknown = "" if document.url else "page: its address is not known, so that relative links lead nowhere"
    notes += [note for note in (decoded.note, unknown, *document.notes) if note]
    return document


def _graphs(document: Document, notes: list[str]) -> dict[str, Graph]:
    """The page's structured data by the name of its syntax, the surest first."""
    scripts = [(script.get("type") or "", text) for script, text in document.scripts()]
    return {
        "JSON-LD": _guarded("JSON-LD", lambda: read_jsonld(scripts, notes), Graph(), notes),
        "microdata": _guarded("microdata", lambda: read_items(document, MICRODATA), Graph(), notes),
        "RDFa": _guarded("RDFa", lambda: read_items(document, RDFA), Graph(), notes),
    }


def _told(document: Document, graphs: dict[str, Graph], store: StoreFile, notes: list[str]) -> Told:
    language = document.root.get("lang") or document.meta("og:locale")
    market = Market(store.currency, store.decimal, country_of(document.url, language[:20]))
    readers: dict[str, Callable[[], list[Facts]]] = {
        "selectors": lambda: [selected_facts(document, store.select, market, store.name)],
        **{
            syntax: partial(product_facts, graph, syntax, document, market, store.name)
            for syntax, graph in graphs.items()
        },
        "page data": lambda: state_facts(document, market),
        "OpenGraph": lambda: [opengraph_facts(document, market, store.name)],
        "page text": lambda: [page_facts(document, store.name)],
    }
    return {source: _guarded(source, reader, [], notes) for source, reader in readers.items()}


def _guarded(what: str, reader: Callable[[], T], empty: T, notes: list[str]) -> T:
    """What a reader gives; one that fails on a page nobody thought of costs its own findings, never those of others."""
    try:
        return reader()
    except Exception as error:
        notes.append(f"{what}: could not be read ({type(error).__name__}: {str(error)[:100]})")
        return empty


def _is_product(document: Document, store: StoreFile, told: Told, graphs: dict[str, Graph]) -> bool:
    """Whether a page is a product's, by the first that tells: the store's own mark, structured data, the selectors."""
    mark = store.select.product_page
    if mark.startswith(PATTERN_SIGN):
        return bool(re.search(mark.removeprefix(PATTERN_SIGN), document.url))
    if mark:
        return bool(matches(document, mark))
    known = [facts for source in (*graphs, "page data") for facts in told[source]]
    named = any(facts.title or facts.price or facts.product_id for facts in known)
    if named or is_called_product(document) or any(facts.price for facts in told["OpenGraph"]):
        return True
    shown = any(facts.title and (facts.price or facts.images) for facts in told["selectors"])
    return shown and not _is_list(document, store, graphs)


def _is_list(document: Document, store: StoreFile, graphs: dict[str, Graph]) -> bool:
    """Whether a page that shows title and price still is a list: a start, a later page of one, or with a next page."""
    if any(continues(document.url, start.url) for start in store.start):
        return True
    return any(lists_products(graph) for graph in graphs.values()) or bool(next_urls(document, store.links))


def _listing(
    document: Document, store: StoreFile, told: Told, path: Path, notes: list[str]
) -> tuple[Listing, dict[str, str]]:
    """The listing of a product page, and for each field that says something where it was found."""
    everything = [facts for group in told.values() for facts in group]
    facts, images, sources = merge(of_one_product(everything, "selectors"), GALLERY)
    trail, sources["breadcrumb"] = _trail(document, store.name, facts, sources)
    if not facts.currency:
        sources["currency"] = "store file"
    if not facts.product_id:
        sources["product_id"] = "url"
    listing = Listing(
        store=store.name,
        url=document.canonical,
        product_id=facts.product_id or _number(document.canonical),
        title=facts.title or None,
        price=facts.price,
        currency=facts.currency or store.currency or None if facts.price else None,
        breadcrumb=trail,
        images=images,
        path=path,
    )
    notes += _missing(listing)
    return listing, {name: source for name, source in sources.items() if getattr(listing, name, None)}


def _trail(document: Document, store: str, facts: Facts, sources: dict[str, str]) -> tuple[tuple[str, ...], str]:
    """The store's category path and its source: as listed, as the page shows it, else the product's category."""
    product = (facts.title, facts.product_id, document.heading())
    listed = clean_trail(facts.breadcrumb, store, product)
    shown = listed or marked_trail(document, store, product)
    if shown:
        return shown, sources["breadcrumb"] if listed else "page text"
    return clean_trail(facts.category, store, product), sources.get("category", "")


def _missing(listing: Listing) -> list[str]:
    """What a listing lacks, in words."""
    lacks = [f"{name}: none found" for name in ("title", "price", "breadcrumb", "images") if not getattr(listing, name)]
    unclear = bool(listing.price) and not listing.currency
    return lacks + (["currency: not clear from the page; the store file may name it"] if unclear else [])


def _number(url: str) -> str:
    """A product's number where its page has none: path and query of its address, which are stable."""
    parts = split_url(url)
    return (f"{parts.path.strip('/')}{'?' + parts.query if parts.query else ''}" if parts else "") or url


def _needs_browser(document: Document, store: StoreFile, found_any: bool) -> bool:
    """Whether the store file says so of the page's address, or nothing was found and the page is an empty shell."""
    if store.browser.always and re.search(store.browser.always, document.url):
        return True
    return not found_any and is_shell(document)
