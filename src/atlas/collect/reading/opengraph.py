"""What a page says of its product for social networks, and what its plain text says where all else fails."""

from __future__ import annotations

from atlas.collect.reading.breadcrumbs import split_trail
from atlas.collect.reading.document import Document
from atlas.collect.reading.facts import Facts
from atlas.collect.reading.pictures import picture_link
from atlas.collect.reading.prices import Market, read_amount
from atlas.collect.text import clean_text

#: Signs that stores put between a product's name and their own.
_SIGNS = (" | ", " - ", " – ", " — ", " :: ", " · ", " » ")


def opengraph_facts(document: Document, market: Market, store: str) -> Facts:
    """Title, price, category, pictures and number from OpenGraph; of the title the store's own name is left out."""
    amounts = ("product:sale_price:amount", "product:price:amount", "og:price:amount")
    signs = ("product:sale_price:currency", "product:price:currency", "og:price:currency")
    currency = market.code(document.meta(*signs))
    price = read_amount(document.meta(*amounts), market, currency)
    shown = [*document.metas.get("og:image:secure_url", ()), *document.metas.get("og:image", ())]
    shown += document.metas.get("og:image:url", ())
    return Facts(
        "OpenGraph",
        title=without_store(document.meta("og:title", "twitter:title"), document, store),
        price=price,
        currency=currency if price else None,
        category=tuple(split_trail(document.meta("product:category"))),
        images=tuple(link for link in (picture_link(document.base, url) for url in shown) if link),
        product_id=document.meta("product:retailer_item_id", "product:sku"),
    )


def page_facts(document: Document, store: str) -> Facts:
    """The title that a page shows: its heading, else that of its window."""
    window = next((clean_text(tag.text) for tag in document.root.iter("title") if tag.text), "")
    return Facts("page text", title=document.heading() or without_store(window, document, store))


def without_store(title: str, document: Document, store: str) -> str:
    """A title without the store's name at its end or beginning; empty where it is nothing else."""
    names = {name.casefold() for name in (document.meta("og:site_name"), store) if name}
    if title.casefold() in names:
        return ""
    for sign in _SIGNS:
        before, found, after = title.rpartition(sign)
        if found and after.strip().casefold() in names:
            return before.strip()
        before, found, after = title.partition(sign)
        if found and before.strip().casefold() in names:
            return after.strip()
    return title
