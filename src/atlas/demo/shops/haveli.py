"""Haveli: gender first, prices in rupees, data for machines on every product page, pictures that load when seen."""

from __future__ import annotations

from random import Random
from typing import ClassVar

from atlas.demo.shops import machine
from atlas.demo.shops.goods import Item, Price, shelves
from atlas.demo.shops.markup import Html, fill, slug, together
from atlas.demo.shops.shop import THUMB_PX, Answer, Shop
from atlas.demo.store import WIDTH_PX, Product
from atlas.records import Path

NAME = "haveli"


class Haveli(Shop):
    """Title: `Velora Men Navy Checked Oxford Shirt`. Price: `Rs. 1,299.00`. Lists: `/men/clothing?page=2`."""

    name: ClassVar[str] = NAME
    files: ClassVar[tuple[str, ...]] = ("robots.txt", "style.css", "lazy.js")
    closed: ClassVar[str] = "/members"
    per_page: ClassVar[int] = 24
    stray: ClassVar[Path] = ("Gifts",)
    club: ClassVar[Path] = ("Members",)

    def number(self, product: Product) -> str:
        """Such as `HV-000012`."""
        return f"HV-{product.product_id.replace('-', '')}"

    def address(self, product: Product, *, closed: bool) -> str:
        """The words of the product and its number."""
        return f"{self.closed if closed else '/p'}/{slug(product.title)}-{slug(self.number(product))}"

    def title(self, product: Product) -> str:
        """Brand, gender, colour and kind in one line."""
        return product.title

    def price(self, product: Product) -> Price:
        """In whole rupees; every fifth product has a range."""
        dice = Random(f"{product.seed}/{NAME}/price")
        if dice.random() < 0.8:
            return Price(product.price, "INR", _rupees(product.price))
        high = product.price + 50 * dice.randrange(2, 12)
        return Price(product.price, "INR", f"{_rupees(product.price)} – {_rupees(high)}", high)

    def shelf(self, product: Product) -> Path:
        """The mapped category and often one below it, named after the kind of garment."""
        path = shelves(NAME)[product.leaf.path]
        return (*path, _plural(product.noun)) if len(product.leaf.nouns) > 1 else path

    def picture_url(self, product: Product, view: str, width_px: int = WIDTH_PX) -> str:
        """In a folder for each width."""
        return f"/media/{width_px}/{product.product_id}-{view}.jpg"

    def list_url(self, path: Path, number: int = 1) -> str:
        """The category's names, and the page as a query."""
        return "/" + "/".join(map(slug, path)) + (f"?page={number}" if number > 1 else "")

    def page(self, title: str, main: Html) -> Answer:
        """Head, navigation and foot."""
        nav = together(self._link(path) for path in self.below(()))
        return Answer(fill(NAME, "page", title=title, nav=nav, main=main).encode())

    def list_page(self, path: Path, number: int) -> Answer:
        """A grid of cards beside the categories below."""
        count = self.count_pages(path)
        heading = path[-1] if path else "New and loved"
        main = fill(
            NAME,
            "list",
            crumbs=self._crumbs(path[:-1]),
            heading=heading,
            count=f"{len(self.shelves[path]):,}",
            below=together(Html(f"<li>{self._link(other)}</li>") for other in self.below(path) or [path]),
            cards=together(map(self._card, self.on_page(path, number))),
            numbers=together(self._number(path, other, number) for other in range(1, count + 1)),
            onward=fill(NAME, "onward", number=number + 1) if number < count else "",
        )
        return self.page(f"{heading} | Haveli", main)

    def product_page(self, item: Item) -> Answer:
        """Pictures, price and sizes, and the same once more for machines."""
        main = fill(
            NAME,
            "product",
            crumbs=self._crumbs(item.breadcrumb),
            photos=together(self._photo(item, picture) for picture in item.pictures),
            heading="" if item.title is None else fill(NAME, "heading", title=item.title),
            old=_rupees(round(item.price.low * 1.3 / 100) * 100 - 1),
            price=item.price.text,
            brand=item.product.brand,
            colour=item.product.words,
            number=item.number,
            data=self._data(item),
        )
        return self.page(f"{item.title} | Haveli" if item.title else "Haveli", main)

    def _data(self, item: Item) -> Html:
        form = Random(f"{item.product.seed}/{NAME}/data").choice(
            (machine.graph, machine.graph, machine.blocks, machine.microdata)
        )
        path = item.breadcrumb
        trail = [(self.list_url(path[:depth]), path[depth - 1] if depth else "Home") for depth in range(len(path) + 1)]
        trail += [(item.url, item.title)] if item.title else []
        return form(item, self.base, [(self.base + url, name) for url, name in trail])

    def _card(self, item: Item) -> Html:
        return fill(
            NAME,
            "card",
            url=item.url,
            small=self.picture_url(item.product, "front", THUMB_PX),
            large=self.picture_url(item.product, "front"),
            brand=item.product.brand,
            title=item.title or "",
            price=item.price.text,
            badge="Members only" if item.oddity == "members" else "",
        )

    def _photo(self, item: Item, picture: str) -> Html:
        small = picture.replace(f"/{WIDTH_PX}/", f"/{THUMB_PX}/")
        return fill(NAME, "photo", small=small, large=picture, title=item.title or "")

    def _crumbs(self, path: Path) -> Html:
        return Html(" / ".join(self._link(path[:depth]) for depth in range(len(path) + 1)))

    def _link(self, path: Path) -> Html:
        return fill(NAME, "link", url=self.list_url(path), name=path[-1] if path else "Home")

    def _number(self, path: Path, number: int, here: int) -> Html:
        kind = "here" if number == here else "there"
        return fill(NAME, "number", url=self.list_url(path, number), number=number, kind=kind)


def _rupees(amount: float) -> str:
    return f"Rs.\N{NO-BREAK SPACE}{amount:,.2f}"


def _plural(noun: str) -> str:
    return noun + ("es" if noun.endswith("ss") else "" if noun.endswith("s") else "s")
