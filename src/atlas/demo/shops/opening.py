"""Both shops opened, with the files that a crawl of them needs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path as FilePath
from string import Template

from atlas.demo.shelves import LEAVES, Leaf
from atlas.demo.shops.goods import mapping_text
from atlas.demo.shops.haveli import Haveli
from atlas.demo.shops.markup import shop_file
from atlas.demo.shops.nordlys import Nordlys
from atlas.demo.shops.pictures import Pictures
from atlas.demo.shops.server import Door
from atlas.demo.shops.shop import Shop
from atlas.demo.store import Product, invent_store
from atlas.storage import write_text

SHOPS: tuple[type[Shop], ...] = (Haveli, Nordlys)


@dataclass(frozen=True)
class OpenShop:
    """A shop with its door open: what it sells (`shop`), who asked for what (`door`), and how to crawl it."""

    shop: Shop
    door: Door
    store_file: FilePath

    @property
    def url(self) -> str:
        """Its address, without a `/` at the end."""
        return self.door.base


@dataclass(frozen=True)
class Shops:
    """Both shops, and the mapping of their trees to the drawn store's."""

    haveli: OpenShop
    nordlys: OpenShop
    mapping: FilePath

    def __iter__(self) -> Iterator[OpenShop]:
        return iter((self.haveli, self.nordlys))


@contextmanager
def open_shops(
    folder: FilePath,
    products: int,
    seed: int = 0,
    *,
    leaves: Sequence[Leaf] = LEAVES,
    pictures: FilePath | None = None,
) -> Iterator[Shops]:
    """Two web shops on this machine that share `products` drawn products, until the block ends.

    `folder` gets a store file for each and the mapping. Pictures are drawn when they are asked for and kept in
    `pictures` (`folder/pictures`); what `draw_store` drew of the same seed can be given there. The ports are those of
    the store files that the folder holds already, where they are free, so that a crawl can be taken up again.
    """
    drawn = Pictures(pictures or folder / "pictures")
    shares = _shares(products, seed, leaves)
    opened: list[OpenShop] = []
    with ExitStack() as stack:
        for kind, share in zip(SHOPS, shares, strict=True):
            file = folder / f"{kind.name}.toml"
            door = _door(file)
            stack.callback(door.close)
            shop = kind(door.base, share, drawn, seed)
            write_text(file, Template(shop_file(kind.name, "store.toml")).substitute(base=door.base))
            door.open(shop)
            opened.append(OpenShop(shop, door, file))
        write_text(folder / "mapping.csv", mapping_text())
        haveli, nordlys = opened
        yield Shops(haveli, nordlys, folder / "mapping.csv")


def stock_shops(products: int, leaves: Sequence[Leaf] = LEAVES, seed: int = 0) -> tuple[Shop, ...]:
    """The same shops with their doors closed: what they sell, and what is wrong with it."""
    shares = _shares(products, seed, leaves)
    nowhere = Pictures(FilePath())
    return tuple(kind("", share, nowhere, seed) for kind, share in zip(SHOPS, shares, strict=True))


def _shares(products: int, seed: int, leaves: Sequence[Leaf]) -> list[list[Product]]:
    """What each shop sells: the leaves' products in turn."""
    goods = list(enumerate(invent_store(products, seed, leaves)))
    return [
        [product for count, product in goods if count // len(leaves) % len(SHOPS) == place]
        for place in range(len(SHOPS))
    ]


def _door(store_file: FilePath) -> Door:
    """A door on the port of last time if it is free, else on any."""
    text = store_file.read_text(encoding="utf-8") if store_file.exists() else ""
    before = re.search(r'"http://127\.0\.0\.1:(\d+)/', text)
    try:
        return Door(int(before[1]) if before else 0)
    except OSError:
        return Door()
