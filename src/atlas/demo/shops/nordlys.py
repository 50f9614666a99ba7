"""Nordlys: garment first, prices in euro, nothing for machines, and one section that only a browser can see."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from random import Random
from typing import ClassVar

from atlas.demo.shops.goods import Item, Price, shelves
from atlas.demo.shops.markup import Html, fill, slug, together
from atlas.demo.shops.pictures import DETAIL
from atlas.demo.shops.shop import JSON, Answer, Shop, Site
from atlas.demo.store import VIEWS, WIDTH_PX, Product
from atlas.records import Path

NAME = "nordlys"
RUPEES_PER_EURO = 18  # it is an expensive shop
WEARERS = {"Men": "him", "Women": "her"}


class Nordlys(Shop):
    """Title: `Oxford shirt, navy checked – for him`. Price: `1.299,95 EUR`. Lists: `/c/apparel/topwear/2/`."""

    name: ClassVar[str] = NAME
    files: ClassVar[tuple[str, ...]] = ("robots.txt", "style.css", "occasion.js")
    closed: ClassVar[str] = "/outlet"
    per_page: ClassVar[int] = 30
    stray: ClassVar[Path] = ("Lookbook",)
    club: ClassVar[Path] = ("Outlet",)
    scripted: ClassVar[Path] = ("Occasion",)  # the section whose lists come by script, a few products at a time
    per_load: ClassVar[int] = 8

    def number(self, product: Product) -> str:
        """Such as `110012`: six digits, the first two by the kind of garment."""
        leaf, number = product.product_id.split("-")
        return f"{int(leaf) + 11}{number}"

    def address(self, product: Product, *, closed: bool) -> str:
        """Nothing but the number."""
        return f"{self.closed if closed else '/item'}/{self.number(product)}.html"

    def title(self, product: Product) -> str:
        """The kind first, no brand, and who it is for at the end."""
        return f"{product.noun.capitalize()}, {product.words.lower()} – for {WEARERS[product.leaf.gender]}"

    def price(self, product: Product) -> Price:
        """In euro, written in two ways; every sixth product has a range."""
        dice = Random(f"{product.seed}/{NAME}/price")
        low = round(round(product.price / RUPEES_PER_EURO) - 0.05, 2)
        if dice.random() < 1 / 6:
            high = low + 10 * dice.randrange(1, 5)
            return Price(low, "EUR", f"{_euros(low)} – {_euros(high)} EUR", high)
        return Price(low, "EUR", f"{_euros(low)} EUR" if dice.random() < 0.7 else f"€ {_euros(low)}")

    def shelf(self, product: Product) -> Path:
        """The mapped category."""
        return shelves(NAME)[product.leaf.path]

    def picture_url(self, product: Product, view: str, width_px: int = WIDTH_PX) -> str:
        """The number, the picture's place, and `s` for small."""
        place = (*VIEWS, "lost", DETAIL).index(view) + 1
        return f"/i/{self.number(product)}_{place}{'_s' if width_px < WIDTH_PX else ''}.jpg"

    def list_url(self, path: Path, number: int = 1) -> str:
        """The category's names, and the page as a folder."""
        return "/".join(["/c" if path else "", *map(slug, path), *([str(number)] if number > 1 else []), ""])

    def places(self, item: Item) -> Iterator[Path]:
        """Products of the scripted section stand in no other list."""
        return (path for path in super().places(item) if self._by_script(path) == self._by_script(item.shelf))

    def count_pages(self, path: Path) -> int:
        """One shell for a scripted list."""
        return 1 if self._by_script(path) else super().count_pages(path)

    def site(self) -> Site:
        """Also what the scripted section fetches."""
        yield from super().site()
        for path in filter(self._by_script, self.shelves):
            for number in range(1, -(-len(self.shelves[path]) // self.per_load) + 1):
                yield f"/api{self.list_url(path)}{number}", partial(self.load, path, number)

    def load(self, path: Path, number: int) -> Answer:
        """Some products of the scripted section as JSON, and whether there are more."""
        items = self.shelves[path]
        end = number * self.per_load
        pieces = [self._facts(item) for item in items[end - self.per_load : end]]
        return Answer(json.dumps({"pieces": pieces, "more": end < len(items)}).encode(), JSON)

    def page(self, title: str, main: Html) -> Answer:
        """Head, navigation and foot."""
        nav = together(self._link(path) for path in self.below(()))
        return Answer(fill(NAME, "page", title=title, nav=nav, main=main).encode(), "text/html")

    def list_page(self, path: Path, number: int) -> Answer:
        """Rows of large pictures with the categories above, or an empty shell for a script."""
        heading = path[-1] if path else "The whole wardrobe"
        below = together(self._link(other) for other in self.below(path)) if path else ""
        if self._by_script(path):
            return self.page(f"{heading} – Nordlys", fill(NAME, "shell", heading=heading, below=below))
        count = self.count_pages(path)
        main = fill(
            NAME,
            "list",
            heading=heading,
            below=below,
            pieces=together(fill(NAME, "piece", **self._facts(item)) for item in self.on_page(path, number)),
            place=f"{number} / {count}",
            onward=fill(NAME, "onward", url=self.list_url(path, number + 1)) if number < count else "",
        )
        return self.page(f"{heading} – Nordlys", main)

    def product_page(self, item: Item) -> Answer:
        """Pictures in a row and a short text."""
        dice = Random(f"{item.product.seed}/{NAME}/text")
        main = fill(
            NAME,
            "product",
            url=self.base + item.url,
            crumbs=together(self._link(item.breadcrumb[:depth]) for depth in range(len(item.breadcrumb) + 1)),
            title=item.title or "",
            heading="" if item.title is None else fill(NAME, "heading", title=item.title),
            pictures=together(
                fill(NAME, "picture", large=picture, small=picture.replace(".jpg", "_s.jpg"))
                for picture in item.pictures
            ),
            price=item.price.text,
            brand=item.product.brand,
            number=item.number,
            care=dice.choice(("Wash at 30 degrees", "Wash by hand", "Dry clean only")),
        )
        return self.page(f"{item.title} – Nordlys" if item.title else "Nordlys", main)

    def _by_script(self, path: Path) -> bool:
        return path[: len(self.scripted)] == self.scripted

    def _facts(self, item: Item) -> dict[str, str]:
        """What a list shows of a product; the link says where it was clicked, as shops like to know."""
        picture = self.picture_url(item.product, "front")
        return {"url": f"{item.url}?from=list", "title": item.title or "", "price": item.price.text, "picture": picture}

    def _link(self, path: Path) -> Html:
        return fill(NAME, "link", url=self.list_url(path), name=path[-1] if path else "Home")


def _euros(amount: float) -> str:
    """`1.299,95`."""
    return f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))
