"""The product of a page in its structured data, in whichever syntax that came."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from atlas.collect.reading.breadcrumbs import listed_trail, split_trail
from atlas.collect.reading.document import Document
from atlas.collect.reading.facts import Facts
from atlas.collect.reading.graph import Graph, Node, kinds
from atlas.collect.reading.offers import offered_price
from atlas.collect.reading.picture_sizes import MAX_PICTURES, ImageLink
from atlas.collect.reading.pictures import picture_link
from atlas.collect.reading.prices import Market
from atlas.collect.text import absolute_url, same_site, split_url

_PRODUCTS = frozenset({"Product", "ProductGroup", "IndividualProduct", "ProductModel", "SomeProducts"})
_LISTS = frozenset({"ItemList", "CollectionPage", "SearchResultsPage", "OfferCatalog"})
#: Properties that number a product, the store's own first.
_NUMBERS = ("sku", "productID", "productGroupID", "inProductGroupWithID", "gtin13", "gtin", "gtin14", "gtin12", "gtin8")
_NO_NUMBERS = frozenset({"n/a", "na", "none", "null", "undefined", "-", "0"})
#: Products of one page that are looked at.
MAX_PRODUCTS = 2_000


def product_facts(graph: Graph, source: str, document: Document, market: Market, store: str) -> list[Facts]:
    """What a graph says of the one product that its page is about, each node of it for itself; empty for a list page.

    The breadcrumb comes along with the first, or alone where there is no product.
    """
    products = main_products(graph, document)
    facts = [_facts(graph, product, source, document, market) for product in products]
    trail = Facts(source, breadcrumb=listed_trail(graph, document, store))
    return [trail, *facts] if trail.breadcrumb else facts


def main_products(graph: Graph, document: Document) -> list[Node]:
    """The nodes of the product that a page is about: one, or several of one name; none on a page that lists products.

    Of several products it is the one whose address is the page's, else the one that the page is headed with, else the
    first, where the page calls itself a product.
    """
    products = [node for node in _root_products(graph) if _name(graph, node) or graph.values(node, "offers", *_NUMBERS)]
    own = [node for node in products if is_here(product_url(graph, node, document), document)]
    headed = [node for node in products if _name(graph, node) == document.heading().casefold()]
    names = {_name(graph, node) for node in products}
    if len(names) <= 1 and ("" not in names or len(products) == 1):
        foreign = products and not own and not headed and product_url(graph, products[0], document)
        return [] if foreign and lists_products(graph) else products
    first = products[:1] if is_called_product(document) else []
    chosen = own or headed or first
    return [node for node in products if chosen and _name(graph, node) == _name(graph, chosen[0])]


def lists_products(graph: Graph) -> bool:
    """Whether the structured data says that the page is a list."""
    return any(kinds(node) & _LISTS for node in graph.nodes)


def is_called_product(document: Document) -> bool:
    """Whether OpenGraph says that the page is a product."""
    return document.meta("og:type").lower() in ("product", "og:product", "product.item", "product:item")


def product_url(graph: Graph, product: Node, document: Document) -> str:
    """The absolute address that a product gives itself, empty where it gives none."""
    offers = graph.items(product, "offers")[:1]
    values = [
        *graph.values(product, "url")[:1],
        *(value for offer in offers for value in graph.values(offer, "url")[:1]),
    ]
    named = [value for value in (product.get("@id"),) if isinstance(value, str) and "/" in value]
    return next(filter(None, (absolute_url(document.base, _text(value)) for value in [*values, *named])), "")


def listed_urls(graph: Graph, document: Document) -> list[str]:
    """The addresses of the products that a page lists: entries of its item lists, else all its products."""
    lists = [
        node
        for node in graph.nodes
        if kinds(node) & {"ItemList", "OfferCatalog"} and "BreadcrumbList" not in kinds(node)
    ]
    entries = [entry for node in lists for entry in graph.values(node, "itemListElement")]
    listed = [_entry_url(graph, entry, document) for entry in entries[:MAX_PRODUCTS]]
    return [url for url in listed if url] or [product_url(graph, node, document) for node in _root_products(graph)]


def _entry_url(graph: Graph, entry: Any, document: Document) -> str:
    if not isinstance(entry, dict):
        return absolute_url(document.base, entry)
    item = next(iter(graph.items(entry, "item")), None)
    named = product_url(graph, item, document) if item else ""
    plain = next(iter(graph.values(entry, "url", "item")), "")
    return named or absolute_url(document.base, _text(plain)) or product_url(graph, entry, document)


def _facts(graph: Graph, product: Node, source: str, document: Document, market: Market) -> Facts:
    price = offered_price(graph, product, market)
    category, url = graph.text(product, "category"), product_url(graph, product, document)
    return Facts(
        source,
        title=graph.text(product, "name", "isVariantOf"),
        price=price.amount if price else None,
        currency=price.currency if price else None,
        category=() if category.isdigit() else tuple(split_trail(category)),
        images=tuple(_images(graph, product, document)),
        product_id=_number(graph, product),
        elsewhere=bool(url) and not is_here(url, document),
    )


def _images(graph: Graph, product: Node, document: Document) -> list[ImageLink]:
    """The pictures of a product, of its variants where it has none itself."""
    own = [*graph.values(product, "image"), *graph.values(product, "photo", "images")]
    if not own:
        variants = graph.items(product, "hasVariant", "model", "isVariantOf")[:MAX_PICTURES]
        own = [value for variant in variants for value in graph.values(variant, "image")]
    links = (_image(graph, value, document) for value in own[:MAX_PICTURES])
    return [link for link in links if link]


def _image(graph: Graph, value: Any, document: Document) -> ImageLink | None:
    if not isinstance(value, dict):
        return picture_link(document.base, value)
    named = next(iter(graph.values(value, "contentUrl", "url", "@id")), None)
    width = graph.text(value, "width").removesuffix("px").strip()
    return picture_link(document.base, _text(named), float(width) if width.isdecimal() and len(width) < 6 else 0.0)


def _number(graph: Graph, product: Node) -> str:
    """The store's number of a product; words that stand for none are none."""
    offers = graph.items(product, "offers")[:1]
    told = [graph.text(product, name) for name in _NUMBERS] + [graph.text(offer, "sku") for offer in offers]
    plain = (text.removeprefix("sku:").removeprefix("mpn:") for text in told)
    return next((text for text in plain if text and text.lower() not in _NO_NUMBERS), "")


def _root_products(graph: Graph) -> list[Node]:
    """Products that stand for themselves, not those that others point to as related or as variants."""
    offered = (graph.items(node, "itemOffered") for node in graph.roots if "Offer" in kinds(node))
    roots: Iterable[Node] = [*graph.roots, *(node for nodes in offered for node in nodes)]
    return [node for node in roots if kinds(node) & _PRODUCTS][:MAX_PRODUCTS]


def _name(graph: Graph, product: Node) -> str:
    return graph.text(product, "name", "isVariantOf").casefold()


def is_here(url: str, document: Document) -> bool:
    """Whether an address is the page's own, be it the one that it was got from or the canonical one."""
    return _is_one(url, document.url) or _is_one(url, document.canonical)


def _is_one(url: str, other: str) -> bool:
    """Whether two addresses are of one page: the same host and path, and queries that do not contradict each other."""
    left, right = split_url(url), split_url(other)
    if not url or not left or not right or left.path.rstrip("/") != right.path.rstrip("/"):
        return False
    return same_site(url, other) and (left.query == right.query or not left.query or not right.query)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("@id") or value.get("url")
    return value if isinstance(value, str) else ""
