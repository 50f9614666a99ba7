"""What lies on a shop's shelves, and what is wrong with some of it: the truth that a crawl is measured against."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from random import Random
from typing import Literal

from atlas.demo.store import Product
from atlas.records import Listing, Path
from atlas.taxonomy.tree import parse_path

#: "stray" products have a breadcrumb that no row of the mapping knows, "lost picture" ones name a picture that is not
#: there, links to "gone" ones are dead, and "members" ones lie in the part that robots.txt forbids. "close-up" ones
#: have one more picture, of a detail, "copied" ones show another product's pictures, and "wrong shelf" ones name the
#: category of another kind.
Oddity = Literal[
    "wrong title", "no title", "lost picture", "stray", "gone", "members", "close-up", "copied", "wrong shelf"
]
#: Each share of a shop's products; of every kind there is at least one.
SHARES: dict[Oddity, float] = {
    "wrong title": 0.04,
    "no title": 0.03,
    "lost picture": 0.02,
    "stray": 0.015,
    "gone": 0.01,
    "members": 0.02,
    "close-up": 0.03,
    "copied": 0.02,
    "wrong shelf": 0.01,
}


@dataclass(frozen=True)
class Price:
    """What something costs, as a number and as the shop writes it; with `high` it is a range that begins at `low`."""

    low: float
    currency: str
    text: str
    high: float | None = None


@dataclass(frozen=True)
class Item:
    """One product in one shop. Addresses begin with `/`; `title` is what the page says, which may be wrong or None."""

    product: Product
    number: str
    url: str
    title: str | None
    price: Price
    shelf: Path  # the category under which it is listed
    breadcrumb: Path  # the category that its own page names
    pictures: tuple[str, ...]  # the large ones, and one that is not there where a picture is lost
    shown: Product  # whose pictures it has: its own, or another product's
    oddity: Oddity | None = None

    @property
    def may_be_seen(self) -> bool:
        """Whether a polite visitor can get its page."""
        return self.oddity not in ("gone", "members")

    def listing(self, store: str, base: str) -> Listing:
        """What a crawl should find; `base` is the shop's own address."""
        images = tuple(base + picture for picture in self.pictures)
        return Listing(
            store=store,
            url=base + self.url,
            product_id=self.number,
            title=self.title,
            price=self.price.low,
            currency=self.price.currency,
            breadcrumb=self.breadcrumb,
            images=images,
        )


def spread_oddities(products: Sequence[Product], seed: str) -> dict[str, Oddity]:
    """What is odd, by product id; a product has one oddity at most."""
    names = [product.product_id for product in products]
    Random(seed).shuffle(names)
    oddities = [oddity for oddity, share in SHARES.items() for _ in range(max(1, round(share * len(products))))]
    return dict(zip(names, oddities, strict=False))


def another(product: Product, products: Sequence[Product], *, alike: bool = False) -> Product:
    """A product of another kind, or with `alike` another one of the same kind; the same where there is none."""
    others = [other for other in products if (other.leaf is product.leaf) is alike and other is not product]
    return Random(product.seed).choice(others or [product])


@cache
def shelves(store: str) -> dict[Path, Path]:
    """The shop's category for each taxonomy path: the shipped mapping read backwards."""
    rows = csv.DictReader(mapping_text().splitlines())
    return {parse_path(row["path"]): parse_path(row["store_path"]) for row in rows if row["store"] == store}


def mapping_text() -> str:
    """The mapping of both shops' trees to the drawn store's, as CSV."""
    return (resources.files("atlas.demo.shops") / "mapping.csv").read_text(encoding="utf-8")
