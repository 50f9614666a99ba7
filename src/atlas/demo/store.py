"""A whole drawn store: products with their views, titles and prices, as pictures and a table.

Everything follows from a seed: the same seed gives the same store, byte for byte.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from random import Random

from PIL import Image, ImageEnhance

from atlas.demo.backgrounds import BELOW, BUSY, CALM
from atlas.demo.canvas import OVERSIZE, Canvas, Frame
from atlas.demo.figures import LAID_OUT, POSES, Figure
from atlas.demo.people import Person
from atlas.demo.shelves import LEAVES, Leaf, choose_look
from atlas.demo.tailor import Look, Tailor
from atlas.progress import Progress, Silent
from atlas.storage import atomic_file, claim_output, publish_folder
from atlas.taxonomy.tree import format_path

WIDTH_PX, HEIGHT_PX = 160, 200
VIEWS = ("front", "close", "laid", "second")
#: From where to where, in hundredths of a person's height, a close picture shows; some cut off the head, as stores do.
CLOSE = {"upper": ((-3, 62), (10, 60)), "lower": ((30, 101), (16, 101)), "whole": ((-3, 84), (8, 101), (11, 92))}
LAID = {"upper": (2, 66), "lower": (30, 102), "whole": (9, 101)}
FULL = (-5, 101)
BRANDS = (
    "Velora",
    "Kessani",
    "Brindle",
    "Marokai",
    "Oonava",
    "Tillcove",
    "Zarin",
    "Pemberly",
    "Suraya",
    "Nordhem",
    "Amloka",
    "Quillon",
)
COLUMNS = ("product_id", "title", "price", "currency", "store", "breadcrumb", "path", "view", "image")


@dataclass(frozen=True)
class Product:
    """One thing for sale, as every picture of it shows it."""

    product_id: str
    leaf: Leaf
    look: Look
    person: Person
    brand: str
    words: str  # its colour and pattern, "Navy Striped"
    noun: str
    price: int
    seed: str

    @classmethod
    def invent(cls, leaf: Leaf, number: int, seed: int) -> Product:
        """Product `number` of a leaf in the store of that seed."""
        key = f"{seed}/{leaf.name}/{number}"
        dice = Random(key)
        look, words = choose_look(leaf, dice)
        person = Person.meet(leaf.gender, dice)
        brand, noun = dice.choice(BRANDS), dice.choice(leaf.nouns)
        price = round(dice.uniform(*leaf.price) / 50) * 50 - 1
        return cls(f"{LEAVES.index(leaf):02d}-{number:04d}", leaf, look, person, brand, words, noun, price, key)

    @property
    def title(self) -> str:
        """What a plain table calls it."""
        return f"{self.brand} {self.leaf.gender} {self.words} {self.noun}"

    @property
    def views(self) -> tuple[str, ...]:
        """The kinds of pictures there are of it, two to four."""
        shown = [view for view in VIEWS if view != "laid" or self.leaf.lies_flat]
        return tuple(shown[: 2 + Random(self.seed + "/views").randrange(len(shown) - 1)])


def draw(product: Product, view: str, scale: int = 1) -> Image.Image:
    """One picture of a product, 160 x 200 px times `scale`; `view` is "front", "close", "laid" or "second"."""
    dice = Random(f"{product.seed}/{view}")
    worn = view != "laid"
    pose = dice.choice(tuple(POSES.values())) if worn else LAID_OUT
    backdrop = dice.choice(CALM if view == "front" else BUSY if worn else BELOW)
    ground = backdrop((WIDTH_PX * OVERSIZE, HEIGHT_PX * OVERSIZE), dice)
    frame = _frame(product.leaf, view, dice)
    canvas = Canvas(ground.resize((ground.width * scale, ground.height * scale)), frame.scaled(scale))
    dress(canvas, product, Figure(product.person, pose), worn=worn)
    return _lit(canvas.finished(), dice)


def dress(canvas: Canvas, product: Product, figure: Figure, *, worn: bool = True) -> None:
    """Draw a product on a figure, or laid out when nobody wears it."""
    tailor = Tailor(canvas, figure, product.look, worn=worn)
    if not worn:
        product.leaf.draw(tailor)
        return
    figure.draw_behind(canvas)
    figure.draw_body(canvas)
    product.leaf.draw(tailor)
    figure.draw_head(canvas)


def _frame(leaf: Leaf, view: str, dice: Random) -> Frame:
    """A camera that moves a little from picture to picture."""
    top, bottom = {"front": FULL, "laid": LAID[leaf.focus]}.get(view) or dice.choice(CLOSE[leaf.focus])
    middle = (WIDTH_PX / 2 + dice.uniform(-9, 9), HEIGHT_PX / 2 + dice.uniform(-4, 4))
    turn = dice.uniform(-9, 9) if view == "laid" else dice.uniform(-2, 2)
    return Frame.centred((top + bottom) / 2, middle, HEIGHT_PX / (bottom - top) * dice.uniform(0.92, 1.03), turn)


def _lit(image: Image.Image, dice: Random) -> Image.Image:
    """The picture in slightly other light."""
    image = ImageEnhance.Brightness(image).enhance(dice.uniform(0.86, 1.1))
    return ImageEnhance.Color(image).enhance(dice.uniform(0.75, 1.15))


def jpeg(image: Image.Image) -> bytes:
    """The picture as JPEG."""
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=88)
    return stream.getvalue()


def invent_store(products: int, seed: int = 0, leaves: Sequence[Leaf] = LEAVES) -> Iterator[Product]:
    """`products` different products, the leaves in turn."""
    for number in range(products):
        yield Product.invent(leaves[number % len(leaves)], number // len(leaves), seed)


def draw_store(
    folder: FilePath,
    products: int,
    seed: int = 0,
    *,
    leaves: Sequence[Leaf] = LEAVES,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> FilePath:
    """The table `products.csv` of a new store drawn into `folder`, its pictures in `images/` beside it.

    Raises UsageError when the folder exists, unless with `overwrite`.
    """
    progress = progress or Silent()
    part = claim_output(folder, overwrite=overwrite)
    progress.begin("draw", products)
    rows = []
    (part / "images").mkdir()
    for product in invent_store(products, seed, leaves):
        for view in product.views:
            file = f"images/{product.product_id}-{view}.jpg"
            (part / file).write_bytes(jpeg(draw(product, view)))
            rows.append(_row(product, view, file))
        progress.advance()
    _write_table(part / "products.csv", rows)
    publish_folder(part, folder)
    return folder / "products.csv"


def _row(product: Product, view: str, file: str) -> dict[str, str | int]:
    path = format_path(product.leaf.path)
    return {
        "product_id": product.product_id,
        "title": product.title,
        "price": product.price,
        "currency": "INR",
        "store": "drawn",
        "breadcrumb": f"Home > {path}",
        "path": path,
        "view": VIEWS.index(view),
        "image": file,
    }


def _write_table(file: FilePath, rows: list[dict[str, str | int]]) -> None:
    with atomic_file(file) as part, part.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
