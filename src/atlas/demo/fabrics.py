"""Colours and patterns of the drawn store's cloth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

from PIL import Image, ImageDraw

from atlas.demo.canvas import Colour, darker, lighter, mix

#: The names that titles use, and the colours they stand for.
COLOURS: dict[str, Colour] = {
    "White": (244, 242, 236),
    "Cream": (238, 224, 196),
    "Grey": (160, 164, 172),
    "Charcoal": (72, 74, 84),
    "Black": (44, 42, 50),
    "Navy": (40, 54, 100),
    "Blue": (62, 110, 184),
    "Sky": (142, 190, 224),
    "Teal": (36, 132, 134),
    "Mint": (156, 212, 184),
    "Green": (58, 132, 84),
    "Olive": (116, 122, 66),
    "Mustard": (222, 170, 52),
    "Orange": (228, 124, 52),
    "Coral": (236, 116, 104),
    "Red": (196, 48, 54),
    "Maroon": (122, 34, 54),
    "Pink": (236, 156, 182),
    "Magenta": (190, 52, 122),
    "Purple": (112, 70, 146),
    "Lavender": (184, 168, 216),
    "Brown": (130, 88, 60),
    "Khaki": (190, 168, 124),
}
GOLD: Colour = (226, 182, 84)
DENIMS: dict[str, Colour] = {
    "Indigo": (46, 64, 112),
    "Mid Blue": (76, 112, 160),
    "Washed Blue": (134, 166, 200),
    "Black": (58, 58, 68),
    "Grey": (134, 138, 148),
}


@dataclass(frozen=True)
class Fabric:
    """A colour, a second one, and the pattern that they make; one for each product."""

    colour: Colour
    accent: Colour
    pattern: str = "Plain"
    size: float = 4.0  # of one repeat, in hundredths of a person's height

    def cloth(self, size: tuple[int, int], unit_px: float) -> Image.Image:
        """A picture of `size` covered with the fabric."""
        image = Image.new("RGB", size, self.colour)
        PATTERNS[self.pattern](ImageDraw.Draw(image), size, max(6, round(self.size * unit_px)), self)
        return image


def plain(pen: ImageDraw.ImageDraw, size: tuple[int, int], step: int, fabric: Fabric) -> None:
    """Nothing but the colour."""


def stripes(pen: ImageDraw.ImageDraw, size: tuple[int, int], step: int, fabric: Fabric) -> None:
    """Level bands, as on a sailor's shirt."""
    for y in range(0, size[1], step):
        pen.rectangle((0, y, size[0], y + step * 2 // 5), fill=fabric.accent)


def pinstripes(pen: ImageDraw.ImageDraw, size: tuple[int, int], step: int, fabric: Fabric) -> None:
    """Fine upright lines."""
    for x in range(0, size[0], step // 2):
        pen.rectangle((x, 0, x + step // 14, size[1]), fill=fabric.accent)


def checks(pen: ImageDraw.ImageDraw, size: tuple[int, int], step: int, fabric: Fabric) -> None:
    """Bands both ways, stronger where they cross."""
    half, across = step // 2, mix(fabric.colour, fabric.accent, 0.55)
    for x in range(0, size[0], step):
        pen.rectangle((x, 0, x + half, size[1]), fill=across)
    for y in range(0, size[1], step):
        pen.rectangle((0, y, size[0], y + half), fill=across)
        for x in range(0, size[0], step):
            pen.rectangle((x, y, x + half, y + half), fill=fabric.accent)


def dots(pen: ImageDraw.ImageDraw, size: tuple[int, int], step: int, fabric: Fabric) -> None:
    """Polka dots."""
    for x, y in _scattered(size, step):
        pen.circle((x, y), step / 5, fill=fabric.accent)


def flowers(pen: ImageDraw.ImageDraw, size: tuple[int, int], step: int, fabric: Fabric) -> None:
    """Four petals around a bright heart, and a leaf."""
    petal = step / 6
    for x, y in _scattered(size, round(step * 1.5)):
        pen.line((x, y, x + 2.6 * petal, y + 2.6 * petal), fill=(86, 140, 88), width=max(2, step // 10))
        for dx, dy in ((petal, 0), (-petal, 0), (0, petal), (0, -petal)):
            pen.circle((x + dx, y + dy), petal, fill=fabric.accent)
        pen.circle((x, y), petal * 0.7, fill=GOLD)


def motifs(pen: ImageDraw.ImageDraw, size: tuple[int, int], step: int, fabric: Fabric) -> None:
    """Small drops with a point, the buti of woven silk."""
    drop = step / 4
    for x, y in _scattered(size, step):
        pen.polygon(((x, y - 2 * drop), (x + drop * 0.9, y), (x - drop * 0.9, y)), fill=fabric.accent)
        pen.circle((x, y), drop * 0.9, fill=fabric.accent)
        pen.circle((x, y), drop * 0.35, fill=fabric.colour)


def zigzags(pen: ImageDraw.ImageDraw, size: tuple[int, int], step: int, fabric: Fabric) -> None:
    """Chevron lines."""
    for y in range(-step, size[1], step):
        line = [(x, y + step // 2 * (turn % 2)) for turn, x in enumerate(range(0, size[0] + step, step // 2))]
        pen.line(line, fill=fabric.accent, width=max(2, step // 5), joint="curve")


def denim(pen: ImageDraw.ImageDraw, size: tuple[int, int], step: int, fabric: Fabric) -> None:
    """Twill: close slanting lines, a little lighter."""
    for x in range(-size[1], size[0], max(5, step // 3)):
        pen.line((x, size[1], x + size[1], 0), fill=lighter(fabric.colour, 0.12), width=2)


def knit(pen: ImageDraw.ImageDraw, size: tuple[int, int], step: int, fabric: Fabric) -> None:
    """Upright ribs, a little darker."""
    for x in range(0, size[0], max(5, step // 3)):
        pen.line((x, 0, x, size[1]), fill=darker(fabric.colour, 0.14), width=max(2, step // 10))


def terry(pen: ImageDraw.ImageDraw, size: tuple[int, int], step: int, fabric: Fabric) -> None:
    """Soft loops of towelling."""
    for x, y in _scattered(size, max(7, step // 3)):
        pen.circle((x, y), step / 14, fill=darker(fabric.colour, 0.1))


def _scattered(size: tuple[int, int], step: int) -> Iterator[tuple[int, int]]:
    """A grid whose every second row is moved by half a step."""
    for x, (row, y) in product(range(0, size[0] + step, step), enumerate(range(0, size[1] + step, step * 3 // 4))):
        yield x + step // 2 * (row % 2), y


PATTERNS: dict[str, Callable[[ImageDraw.ImageDraw, tuple[int, int], int, Fabric], None]] = {
    "Plain": plain,
    "Striped": stripes,
    "Pinstriped": pinstripes,
    "Checked": checks,
    "Dotted": dots,
    "Floral": flowers,
    "Woven": motifs,
    "Zigzag": zigzags,
    "Denim": denim,
    "Ribbed": knit,
    "Terry": terry,
}
