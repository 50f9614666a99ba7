"""One small shop as addresses and answers: what it sells, and the pages that show it. It knows nothing of sockets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, TypeAlias

from atlas.demo.shops.goods import Item, Oddity, Price, another, spread_oddities
from atlas.demo.shops.markup import Html, shop_file
from atlas.demo.shops.pictures import DETAIL, Pictures, again
from atlas.demo.store import WIDTH_PX, Product
from atlas.records import Listing, Path

THUMB_PX = 80
NOT_FOUND = '<p class="lead">There is no such page here.</p>'
HTML = "text/html; charset=utf-8"
JSON = "application/json"
KINDS = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "txt": "text/plain; charset=utf-8"}


@dataclass(frozen=True)
class Answer:
    """What a shop says when it is asked for an address."""

    body: bytes
    content_type: str = HTML
    status: int = 200


Site: TypeAlias = Iterator[tuple[str, Callable[[], Answer]]]


class Shop(ABC):
    """A shop that lies at `base` and sells `products`; everything follows from these and the seed.

    `pages` has an answer for every address there is.
    """

    name: ClassVar[str]
    files: ClassVar[tuple[str, ...]]  # served as they are
    closed: ClassVar[str]  # the part that robots.txt forbids
    per_page: ClassVar[int]
    stray: ClassVar[Path]  # a category that no row of the mapping knows
    club: ClassVar[Path]  # the forbidden part's own category

    def __init__(self, base: str, products: Sequence[Product], pictures: Pictures, seed: int = 0) -> None:
        self.base, self.images = base, pictures
        oddities = spread_oddities(products, f"{seed}/{self.name}")
        self.items = tuple(self._item(product, products, oddities) for product in products)
        shelves: dict[Path, list[Item]] = defaultdict(list)
        for item in self.items:
            for path in self.places(item):
                shelves[path].append(item)
        self.shelves = dict(shelves)
        self.pages = dict(self.site())

    def answer(self, url: str) -> Answer:
        """The answer to an address that begins with `/`; a query that no page knows is ignored."""
        page = self.pages.get(url) or self.pages.get(url.partition("?")[0])
        return page() if page else replace(self.page("Not found", Html(NOT_FOUND)), status=404)

    @property
    def listings(self) -> tuple[Listing, ...]:
        """What an unbroken, polite crawl of all sections should find, by url."""
        listings = (item.listing(self.name, self.base) for item in self.items if item.may_be_seen)
        return tuple(sorted(listings, key=lambda listing: listing.url))

    def _item(self, product: Product, products: Sequence[Product], oddities: dict[str, Oddity]) -> Item:
        oddity = oddities.get(product.product_id)
        shelf = self.shelf(product)
        titled = another(product, products) if oddity == "wrong title" else product
        more = {"lost picture": ("lost",), "close-up": (DETAIL,)}.get(oddity or "", ())
        views = (*product.views, *more)
        told = self.shelf(another(product, products)) if oddity == "wrong shelf" else shelf
        return Item(
            product=product,
            number=self.number(product),
            url=self.address(product, closed=oddity == "members"),
            title=None if oddity == "no title" else self.title(titled),
            price=self.price(product),
            shelf=shelf,
            breadcrumb=self.stray if oddity == "stray" else told,
            pictures=tuple(self.picture_url(product, view) for view in views),
            oddity=oddity,
            shown=another(product, products, alike=True) if oddity == "copied" else product,
        )

    def places(self, item: Item) -> Iterator[Path]:
        """The categories that list an item."""
        yield from (item.shelf[:depth] for depth in range(len(item.shelf) + 1))
        if item.oddity in ("stray", "members"):
            yield self.stray if item.oddity == "stray" else self.club

    # -- all addresses -----------------------------------------------------------------------------------------------

    def site(self) -> Site:
        """Every address with what answers it."""
        for file in self.files:
            yield f"/{file}", partial(Answer, shop_file(self.name, file).encode(), KINDS[file.rpartition(".")[2]])
        for path in self.shelves:
            for number in range(1, self.count_pages(path) + 1):
                yield self.list_url(path, number), partial(self.list_page, path, number)
        for item in self.items:
            if item.oddity != "gone":
                yield item.url, partial(self.product_page, item)
            for view in (*item.product.views, *([DETAIL] if item.oddity == "close-up" else [])):
                for width_px in (THUMB_PX, WIDTH_PX):
                    yield self.picture_url(item.product, view, width_px), partial(self.picture, item, view, width_px)

    def picture(self, item: Item, view: str, width_px: int) -> Answer:
        """One picture."""
        if item.shown is not item.product:  # as copied pictures are: compressed once more
            copied = self.images.jpeg(item.shown, view if view in item.shown.views else "front", width_px)
            return Answer(again(copied), "image/jpeg")
        return Answer(self.images.jpeg(item.product, view, width_px), "image/jpeg")

    def count_pages(self, path: Path) -> int:
        """How many list pages a category has."""
        return -(-len(self.shelves[path]) // self.per_page)

    def on_page(self, path: Path, number: int) -> list[Item]:
        """What page `number` of a category shows."""
        return self.shelves[path][(number - 1) * self.per_page : number * self.per_page]

    def below(self, path: Path) -> list[Path]:
        """The categories right below one, in the order of their first products."""
        return [other for other in self.shelves if other[:-1] == path and other]

    # -- what each shop does in its own way --------------------------------------------------------------------------

    @abstractmethod
    def number(self, product: Product) -> str:
        """The shop's own number of a product."""

    @abstractmethod
    def address(self, product: Product, *, closed: bool) -> str:
        """Where its page lies; with `closed` in the part that is forbidden."""

    @abstractmethod
    def title(self, product: Product) -> str:
        """What the shop calls it."""

    @abstractmethod
    def price(self, product: Product) -> Price:
        """What it costs here."""

    @abstractmethod
    def shelf(self, product: Product) -> Path:
        """The category under which it is listed."""

    @abstractmethod
    def picture_url(self, product: Product, view: str, width_px: int = WIDTH_PX) -> str:
        """Where a picture lies."""

    @abstractmethod
    def list_url(self, path: Path, number: int = 1) -> str:
        """Where page `number` of a category lies."""

    @abstractmethod
    def list_page(self, path: Path, number: int) -> Answer:
        """Page `number` of a category."""

    @abstractmethod
    def product_page(self, item: Item) -> Answer:
        """The page of one product."""

    @abstractmethod
    def page(self, title: str, main: Html) -> Answer:
        """A page with the shop's head and foot around its content."""
