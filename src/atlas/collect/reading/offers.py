"""What a product costs, from all the shapes in which schema.org says it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from atlas.collect.reading.graph import Graph, Node, kinds
from atlas.collect.reading.prices import Market, Price, lowest, read_amount

#: Offers of one product that are looked at.
MAX_OFFERS = 500
#: Kinds of price that nobody pays now.
_NOT_PAID = frozenset(
    {
        "ListPrice",
        "StrikethroughPrice",
        "SRP",
        "MSRP",
        "MinimumAdvertisedPrice",
        "InvoicePrice",
        "Regular",
        "RegularPrice",
    }
)
#: Terms under which a price holds for some buyers or for a part of the product only.
_CONDITIONS = (
    "validForMemberTier",
    "membershipPointsEarned",
    "referenceQuantity",
    "eligibleQuantity",
    "billingDuration",
)


def offered_price(graph: Graph, product: Node, market: Market) -> Price | None:
    """The lowest price that a product is offered for now: its own, else its variants'; None where none is told."""
    own = lowest(islice(_own_prices(graph, product, market), MAX_OFFERS), market.currency)
    variants = graph.items(product, "hasVariant", "model")[:MAX_OFFERS]
    theirs = (price for variant in variants for price in _own_prices(graph, variant, market))
    return own or lowest(islice(theirs, MAX_OFFERS), market.currency)


def _own_prices(graph: Graph, product: Node, market: Market) -> Iterator[tuple[float | None, str | None]]:
    """Amount and currency of every offer; a price on the product itself where it has none."""
    found = False
    for offer in graph.items(product, "offers", "offer")[:MAX_OFFERS]:
        for price in _offer_prices(graph, offer, market):
            found = found or price[0] is not None
            yield price
    if not found:
        yield _stated(graph, product, market, "lowPrice", "price")


def _offer_prices(graph: Graph, offer: Node, market: Market) -> Iterator[tuple[float | None, str | None]]:
    stated = _stated(graph, offer, market, "lowPrice", "price", "minPrice")
    if stated[0] is not None:
        yield stated
        return
    currency = stated[1]
    specified = graph.items(offer, "priceSpecification")[:MAX_OFFERS]
    paid = [price for price in specified if not _is_other(graph, price)] or specified
    for price in paid:
        amount, own = _stated(graph, price, market, "price", "minPrice")
        yield amount, own or currency
    if "AggregateOffer" in kinds(offer) or not specified:
        for inner in graph.items(offer, "offers")[:MAX_OFFERS]:
            amount, own = _stated(graph, inner, market, "price", "lowPrice")
            yield amount, own or currency


def _stated(graph: Graph, node: Node, market: Market, *keys: str) -> tuple[float | None, str | None]:
    """Amount and currency that a node states itself; text such as `₹ 499` may tell both."""
    currency = market.code(graph.text(node, "priceCurrency", "currency"))
    for key in keys:
        for value in graph.values(node, key)[:1]:
            amount = read_amount(value, market, currency)
            if amount is not None:
                return amount, currency or (market.code_in(value) if isinstance(value, str) else None)
    return None, currency


def _is_other(graph: Graph, price: Node) -> bool:
    """Whether a price is one for members, for a unit, or the one that is crossed out."""
    kind = graph.text(price, "priceType").rpartition("/")[2]
    return kind in _NOT_PAID or any(price.get(name) for name in _CONDITIONS)
