"""What a shop says of a product to machines: schema.org as one graph, as loose blocks, or as microdata."""

from __future__ import annotations

import json
from typing import Any

from atlas.demo.shops.goods import Item
from atlas.demo.shops.markup import Html, fill, together

SCHEMA = "https://schema.org"
#: What a plugin left behind: a block that is no JSON, beside good ones.
BROKEN = '{"@context": "https://schema.org", "@type": "Organization", "name": "Haveli", /* todo */}'

Trail = list[tuple[str, str]]  # absolute url and name of each step, from Home to the product if it has a title


def graph(item: Item, base: str, trail: Trail) -> Html:
    """Product and trail in one JSON-LD block."""
    return _script(json.dumps({"@context": SCHEMA, "@graph": [_crumbs(trail), _product(item, base)]}))


def blocks(item: Item, base: str, trail: Trail) -> Html:
    """Product and trail in a JSON-LD block each, after one that cannot be read."""
    good = (json.dumps({"@context": SCHEMA, **block}) for block in (_crumbs(trail), _product(item, base)))
    return together(_script(text) for text in (BROKEN, *good))


def microdata(item: Item, base: str, trail: Trail) -> Html:
    """The same as attributes of elements that nobody sees."""
    steps = (
        fill("haveli", "micro_step", place=place, url=url, name=name) for place, (url, name) in enumerate(trail, 1)
    )
    return fill(
        "haveli",
        "micro",
        name=Html("") if item.title is None else fill("haveli", "micro_name", title=item.title),
        number=item.number,
        image=base + item.pictures[0],
        price=f"{item.price.low:.2f}",
        currency=item.price.currency,
        steps=together(steps),
    )


def _product(item: Item, base: str) -> dict[str, Any]:
    """It names the first picture only, as many shops do."""
    return {
        "@type": "Product",
        **({} if item.title is None else {"name": item.title}),
        "sku": item.number,
        "brand": {"@type": "Brand", "name": item.product.brand},
        "image": base + item.pictures[0],
        "offers": {**_offer(item), "priceCurrency": item.price.currency},
    }


def _offer(item: Item) -> dict[str, Any]:
    if item.price.high is None:
        return {"@type": "Offer", "price": f"{item.price.low:.2f}"}
    return {"@type": "AggregateOffer", "lowPrice": item.price.low, "highPrice": item.price.high}


def _crumbs(trail: Trail) -> dict[str, Any]:
    steps = [
        {"@type": "ListItem", "position": place, "item": {"@id": url, "name": name}}
        for place, (url, name) in enumerate(trail, 1)
    ]
    return {"@type": "BreadcrumbList", "itemListElement": steps}


def _script(text: str) -> Html:
    return Html('<script type="application/ld+json">' + text.replace("</", "<\\/") + "</script>\n")
