"""A store's own category path of a page, without the front page and without the product."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator
from itertools import islice

from lxml.html import HtmlElement

from atlas.collect.reading.document import Document, text_of
from atlas.collect.reading.graph import Graph, Node, kinds
from atlas.collect.text import absolute_url, clean_text, split_url

#: Longer trails are lists of something else.
MAX_CRUMBS = 20
#: Breadcrumb lists of one page that are compared.
MAX_TRAILS = 20
#: What stores call their front page.
_HOME = re.compile(
    r"(?:home|start|main|front|index)(?:[ -]?page|seite)?|accueil|in[ií]cio|página inicial|hem|forside|hjem|etusivu"
    r"|strona główna|dom(?:ů|ov)|acasă|kezdőlap|главная(?: страница)?|головна|αρχική|ana ?sayfa|beranda|trang chủ"
    r"|หน้าแรก|首[页頁]|ホーム|トップ(?:ページ)?|홈|होम|الرئيسية|דף הבית|you are here",
    re.IGNORECASE,
)
#: Signs between levels that themes write as text.
_SIGNS = " \u00a0/\\>»›→▸▶|·•‹<:-–—"
#: Between the levels of a path that is written as one text.
_BETWEEN = re.compile(r"\s*(?:>|»|›|→|\|)\s*|\s+/\s+")


def clean_trail(names: Iterable[str], store: str, product: Collection[str] = ()) -> tuple[str, ...]:
    """The category names of a trail: the front page at its beginning and the product at its end are left out.

    `product` holds what the product is called: its title, its number.
    """
    trail = [name for name in (clean_text(name).strip(_SIGNS) for name in islice(names, MAX_CRUMBS)) if name]
    while trail and (_HOME.fullmatch(trail[0]) or trail[0].casefold() == store.casefold()):
        trail = trail[1:]
    while trail and any(_is_called(trail[-1], name) for name in product if name):
        trail = trail[:-1]
    return tuple(trail)


def split_trail(text: str) -> list[str]:
    """The levels of a path that is written as one text: `Men > Jeans`."""
    return [part for part in _BETWEEN.split(text) if part.strip()]


def listed_trail(graph: Graph, document: Document, store: str) -> tuple[str, ...]:
    """The longest of a page's breadcrumb lists, the first of equal ones."""
    lists = [node for node in graph.nodes if "BreadcrumbList" in kinds(node)][:MAX_TRAILS]
    trails = [clean_trail(_names(graph, node, document), store) for node in lists]
    old = [graph.text(node, "title", "name") for node in graph.nodes if "Breadcrumb" in kinds(node)]
    return max([*trails, clean_trail(old, store)], key=len)


def marked_trail(document: Document, store: str, product: Collection[str]) -> tuple[str, ...]:
    """The trail of an element that is marked as breadcrumb by label, role or class; its links, then its last words."""
    for element in islice(_marked(document.root), MAX_TRAILS):
        links = list(islice((link for link in element.iter("a")), MAX_CRUMBS))
        names = [text_of(link) for link in links if not _leads_home(link.get("href"), document)]
        if trail := clean_trail(names, store, product):
            return trail
    return ()


def _marked(root: HtmlElement) -> Iterator[HtmlElement]:
    for element in root.iter("nav", "ol", "ul", "div", "section"):
        words = f"{element.get('aria-label') or ''} {element.get('class') or ''} {element.get('id') or ''}".lower()
        if "breadcrumb" in words:
            yield element


def _names(graph: Graph, crumbs: Node, document: Document) -> list[str]:
    """The names of a breadcrumb list by their positions; the front page is known by its address too."""
    found: list[tuple[float, int, str]] = []
    for place, entry in enumerate(graph.values(crumbs, "itemListElement")[:MAX_CRUMBS]):
        if not isinstance(entry, dict):
            found.append((place, place, clean_text(entry)))
            continue
        target = next(iter(graph.values(entry, "item", "url")), None)
        address = _address(target)
        if not (address and place == 0 and _leads_home(address, document)):
            name = graph.text(entry, "name") or (graph.text(target, "name") if isinstance(target, dict) else "")
            found.append((_position(entry, place), place, name))
    return [name for _, _, name in sorted(found)]


def _address(target: object) -> str:
    if isinstance(target, dict):
        target = target.get("@id") or target.get("url")
    if isinstance(target, list):
        target = target[0] if target else ""
    return target if isinstance(target, str) else ""


def _position(entry: Node, place: int) -> float:
    """The number that an entry gives itself, else its place in the list."""
    value = entry.get("position")
    value = value[0] if isinstance(value, list) and value else value
    try:
        number = float(clean_text(value))
    except ValueError:
        return place + 1
    return number if math.isfinite(number) else place + 1


def _leads_home(address: str | None, document: Document) -> bool:
    """Whether an address is the store's front page."""
    url = absolute_url(document.base, address) if address else ""
    parts = split_url(url) if url else None
    return bool(parts) and parts is not None and not parts.path.strip("/") and not parts.query


def _is_called(name: str, title: str) -> bool:
    """Whether a level is what the product is called, whole or cut short with dots."""
    name, title = name.casefold(), title.casefold()
    short = re.sub(r"\s*(?:…|\.\.\.)$", "", name)
    return name == title or (short != name and len(short) >= 3 and title.startswith(short))
