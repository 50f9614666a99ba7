"""Products in the data that shop systems leave in a page for their own scripts.

Covers Shopify's product JSON, Magento's gallery, PrestaShop's `data-product`, and the state of single-page shops
(`__NEXT_DATA__`, `window.__STATE__ = {...}`): any object that lies under a key such as `product`, or whose address is
the page's, and that has a name together with a price or pictures.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from atlas.collect.reading.breadcrumbs import MAX_CRUMBS
from atlas.collect.reading.document import Document
from atlas.collect.reading.facts import Facts
from atlas.collect.reading.loose_json import read_json, read_literal
from atlas.collect.reading.picture_sizes import MAX_PICTURES, ORIGINAL_PX, ImageLink
from atlas.collect.reading.pictures import picture_link
from atlas.collect.reading.prices import Market, lowest, read_amount
from atlas.collect.text import clean_text, split_url

#: Objects and lists of one page's state that are looked at.
MAX_PARTS = 100_000
#: Literals of one script that are looked at.
MAX_LITERALS = 20
#: Variants of one product that are looked at.
MAX_VARIANTS = 300
_PRODUCT_KEY = re.compile(
    r"(?:current|selected|initial|main)?_?(?:product|pdp|item)(?:_?(?:data|details?|info|page))?", re.I
)
_ASSIGNED = re.compile(r"(?:window|self|globalThis|var|let|const)[\s.\[][\s\w.$\[\]\"']{1,60}?=\s*(?=\{)")
_NAMES = ("name", "title", "productName", "product_name", "displayName")
_PRICES = (
    *("salePrice", "sale_price", "sellingPrice", "discountedPrice", "specialPrice", "finalPrice", "final_price"),
    *("currentPrice", "price_amount", "price", "price_min", "minPrice", "priceRange", "prices", "pricing", "amount"),
)
_AMOUNTS = (
    *(
        "sale",
        "selling",
        "discounted",
        "final",
        "finalPrice",
        "current",
        "now",
        "minVariantPrice",
        "min",
        "low",
        "amount",
    ),
    *("value", "price", "centAmount"),
)
_CURRENCIES = ("currency", "currencyCode", "currency_code", "priceCurrency", "currencyIso")
_IMAGES = ("images", "gallery", "media", "photos", "pictures", "imageUrls", "image_urls", "image", "featured_image")
_ADDRESSES = ("full", "zoom", "large", "originalSrc", "original", "src", "url", "href", "image", "contentUrl", "thumb")
_NUMBERS = ("sku", "productId", "product_id", "styleId", "id", "reference")
_OWN_ADDRESSES = ("handle", "slug", "urlKey", "url_key", "url", "link", "permalink", "canonicalUrl", "landingPageUrl")
_TRAILS = ("breadcrumbs", "breadcrumb", "categoryPath")


def state_facts(document: Document, market: Market) -> list[Facts]:
    """What scripts of the page know of its product; empty where they know none, or several and no telling which."""
    slug = _slug(document)
    ranked: dict[int, list[dict[str, Any]]] = {}
    gallery: list[ImageLink] = []
    for key, value in islice(_parts(_values(document)), MAX_PARTS):
        gallery += _magento_gallery(value, document)
        ranked.setdefault(_rank(key, value, slug), []).append(value)
    best = max(ranked, default=0)
    alike = ranked.get(best, [])
    sure = best > 1 or (best == 1 and len({_words(value, _NAMES) for value in alike}) == 1)
    facts = [_facts(alike[0], document, market)] if sure else []
    return facts + ([Facts("gallery data", images=tuple(gallery[:MAX_PICTURES]))] if gallery else [])


def _values(document: Document) -> Iterator[Any]:
    """The values of all scripts that hold data, and of `data-product` attributes."""
    for script, text in document.scripts():
        kind = (script.get("type") or "").lower()
        if kind == "text/x-magento-init" or ("json" in kind and "ld+json" not in kind):
            yield from _read(text)
        elif kind in ("", "text/javascript", "application/javascript", "module"):
            for found in islice(_ASSIGNED.finditer(text), MAX_LITERALS):
                yield from _read_from(text, found.end())
    for element in document.root.iter("div", "section", "form", "main", "article"):
        if (text := element.get("data-product") or "").startswith("{"):
            yield from ({"product": value} for value in _read(text))


def _read(text: str) -> list[Any]:
    try:
        return read_json(text)[0]
    except ValueError:
        return []


def _read_from(text: str, start: int) -> list[Any]:
    try:
        return [read_literal(text, start)]
    except ValueError:
        return []


def _parts(values: Iterable[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object with the key that it lies under, outer ones first."""
    waiting: deque[tuple[str, Any]] = deque(("", value) for value in values)
    while waiting:
        key, value = waiting.popleft()
        if isinstance(value, dict):
            yield key, value
            waiting += [(name, item) for name, item in value.items() if isinstance(item, dict | list)]
        elif isinstance(value, list):
            waiting += [("", item) for item in value if isinstance(item, dict | list)]


def _rank(key: str, value: dict[str, Any], slug: str) -> int:
    """How surely an object is the page's product: 3 by key and address, 2 by address, 1 by key, 0 for none."""
    if not _words(value, _NAMES) or not any(name in value for name in (*_PRICES, *_IMAGES, "variants")):
        return 0
    ways = [split_url(clean_text(value.get(name))) for name in _OWN_ADDRESSES if isinstance(value.get(name), str)]
    is_here = bool(slug) and any(way and way.path.rstrip("/").rpartition("/")[2] == slug for way in ways)
    return 2 * is_here + bool(_PRODUCT_KEY.fullmatch(key))


def _slug(document: Document) -> str:
    parts = split_url(document.canonical)
    return parts.path.rstrip("/").rpartition("/")[2] if parts else ""


def _facts(product: dict[str, Any], document: Document, market: Market) -> Facts:
    variants = [item for item in _items(product.get("variants"))[:MAX_VARIANTS] if isinstance(item, dict)]
    price = lowest((_price(item, market) for item in [product, *variants]), market.currency)
    in_cents = "handle" in product and any(isinstance(item.get("price"), int) for item in [product, *variants])
    trail: list[Any] = next((product[name] for name in _TRAILS if isinstance(product.get(name), list)), [])
    numbers = (clean_text(item.get(name)) for item in [product, *variants[:1]] for name in _NUMBERS)
    return Facts(
        "page data",
        title=_words(product, _NAMES),
        price=price.amount / 100 if price and in_cents else price.amount if price else None,
        currency=price.currency if price else None,
        breadcrumb=tuple(filter(None, (_words(item, (*_NAMES, "label")) for item in trail[:MAX_CRUMBS]))),
        images=tuple(_images(product, document)),
        product_id=next(filter(None, numbers), ""),
    )


def _price(item: dict[str, Any], market: Market) -> tuple[float | None, str | None]:
    """Amount and currency: numbers, text, or objects such as `{"amount": 12.5, "currencyCode": "EUR"}`."""
    currency = market.code(_words(item, _CURRENCIES))
    for name in _PRICES:
        value, own = item.get(name), None
        for _ in range(3):  # {"priceRange": {"minVariantPrice": {"amount": ...}}}
            if isinstance(value, dict):
                own = market.code(_words(value, _CURRENCIES)) or own
                value = next((value[key] for key in _AMOUNTS if value.get(key) not in (None, "")), None)
        amount = read_amount(value, market, currency or own)
        if amount is not None:
            return amount, own or currency or (market.code_in(value) if isinstance(value, str) else None)
    return None, currency


def _images(product: dict[str, Any], document: Document) -> Iterator[ImageLink]:
    lists = (_items(product.get(name)) for name in _IMAGES)
    links = (_image(item, document) for item in next(filter(None, lists), [])[:MAX_PICTURES])
    return (link for link in links if link)


def _image(item: Any, document: Document) -> ImageLink | None:
    if not isinstance(item, dict):
        return picture_link(document.base, item)
    by_size = item.get("bySize")
    if isinstance(by_size, dict):
        sizes = [size for size in by_size.values() if isinstance(size, dict) and isinstance(size.get("width"), int)]
        item = max(sizes, key=lambda size: size["width"], default=item)
    links = (picture_link(document.base, item.get(name)) for name in _ADDRESSES if isinstance(item.get(name), str))
    return next(filter(None, links), None)


def _magento_gallery(value: dict[str, Any], document: Document) -> list[ImageLink]:
    """The pictures of `{"mage/gallery/gallery": {"data": [{"full": ...}]}}` in their own order."""
    gallery = value.get("mage/gallery/gallery")
    data = gallery.get("data") if isinstance(gallery, dict) else None
    links = [_image(item, document) for item in data[:MAX_PICTURES]] if isinstance(data, list) else []
    return [ImageLink(link.url, ORIGINAL_PX) for link in links if link]


def _items(value: Any) -> list[Any]:
    """A list, be it one value or the edges of a GraphQL answer."""
    if isinstance(value, dict):
        value = value.get("nodes", value.get("edges", [value]))
    items = value if isinstance(value, list) else [value] if value else []
    return [item["node"] if isinstance(item, dict) and isinstance(item.get("node"), dict) else item for item in items]


def _words(value: Any, names: Iterable[str]) -> str:
    """The first of these properties that says something; the value itself where it is text."""
    if isinstance(value, dict):
        return next(filter(None, (clean_text(value.get(name)) for name in names)), "")
    return clean_text(value)
