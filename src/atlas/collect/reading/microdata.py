"""Microdata and RDFa Lite in one walk over a page, as nodes in the shape of JSON-LD.

Both mark the same things by other attributes. The common library for them, extruct, takes squared time on long pages
and fails on deep ones (docs/log.md has the figures), so that a hostile page could stop a crawl with it.
"""

from __future__ import annotations

from itertools import islice
from typing import Any, NamedTuple

from lxml import etree
from lxml.html import HtmlElement

from atlas.collect.reading.document import Document, text_of
from atlas.collect.reading.graph import Graph, Node
from atlas.collect.reading.pictures import element_pictures

#: Elements elsewhere on the page that items may borrow properties from.
MAX_REFERENCES = 50


class Dialect(NamedTuple):
    """The attributes by which a syntax opens an item, names its type and its address, and names a property."""

    scope: str
    kind: str
    address: str
    property: str


MICRODATA = Dialect("itemscope", "itemtype", "itemid", "itemprop")
RDFA = Dialect("typeof", "typeof", "resource", "property")
#: Properties that are words even on a link, whose value would be its address.
_WORDS = frozenset({"name", "title", "price", "category", "sku", "brand"})
_PICTURES = frozenset({"image", "photo"})
_ADDRESS = {
    "a": "href",
    "area": "href",
    "link": "href",
    "object": "data",
    "iframe": "src",
    "embed": "src",
    "video": "src",
}


def read_items(document: Document, dialect: Dialect) -> Graph:
    """The graph of a page's items; those without a property that names them are roots."""
    if not document.root.xpath(f"boolean(//*[@{dialect.scope}])"):
        return Graph.of([])  # told in a fraction of the walk's time, and so for most pages
    roots: list[Node] = []
    borrowed: list[tuple[Node, str]] = []
    _walk(document.root, dialect, None, document.base, roots, borrowed)
    for item, name in borrowed[:MAX_REFERENCES]:
        for element in islice(_with_id(document.root, name), 1):
            _walk(element, dialect, item, document.base, [], [])
    return Graph.of(roots)


def _walk(
    top: HtmlElement,
    dialect: Dialect,
    owner: Node | None,
    base: str,
    roots: list[Node],
    borrowed: list[tuple[Node, str]],
) -> None:
    """Read everything in `top`; properties outside any item belong to `owner`."""
    opened: list[tuple[HtmlElement, Node]] = []
    for event, element in etree.iterwalk(top, events=("start", "end")):
        if event == "end":
            if opened and opened[-1][0] is element:
                opened.pop()
            continue
        item = opened[-1][1] if opened else owner
        names = _property_names(element, dialect)
        if element.get(dialect.scope) is not None:
            child = _item(element, dialect)
            borrowed += [(child, name) for name in (element.get("itemref") or "").split()]
            opened.append((element, child))
            if item is None or not names:
                roots.append(child)
            value: Any = child
        elif names and item is not None:
            value = _value(element, names, base)
        else:
            continue
        if item is not None:
            for name in names:
                item.setdefault(name, []).append(value)


def _item(element: HtmlElement, dialect: Dialect) -> Node:
    item: Node = {"@type": (element.get(dialect.kind) or "").split()}
    if address := element.get(dialect.address):
        item["@id"] = address
    return item


def _property_names(element: HtmlElement, dialect: Dialect) -> list[str]:
    """Names of properties without the vocabulary; those of another one (`og:title`) are left out."""
    names = (element.get(dialect.property) or "").split()
    plain = [name.removeprefix("http://schema.org/").removeprefix("https://schema.org/") for name in names]
    return [
        name.removeprefix("schema:") for name in plain if ":" not in name.removeprefix("schema:") and name[:1] != "@"
    ]


def _value(element: HtmlElement, names: list[str], base: str) -> Any:
    """What an element says of its property: an attribute where its tag or the syntax has one, else its words."""
    if element.get("content") is not None:
        return element.get("content")
    if _PICTURES.intersection(names) and element.tag != "link":
        found = [link.url for link in element_pictures(element, base)]
        return found or element.get("href") or element.get("src") or ""
    if element.tag in ("data", "meter"):
        return element.get("value") or text_of(element)
    if element.tag == "time":
        return element.get("datetime") or text_of(element)
    address = None if _WORDS.intersection(names) else element.get(_ADDRESS.get(str(element.tag), "resource"))
    return address if address is not None else text_of(element)


def _with_id(root: HtmlElement, name: str) -> Any:
    return (element for element in root.iter() if element.get("id") == name)
