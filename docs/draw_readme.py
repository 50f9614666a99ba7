"""Redraws the README's pictures from the drawn store: `python docs/draw_readme.py atlas-demo/model`.

`docs/images/store.png` shows every leaf once, `docs/images/prediction.png` what that model says of three products
that it has never seen. The figures on it are the model's own.
"""

from __future__ import annotations

import sys
from pathlib import Path as FilePath

from PIL import Image, ImageDraw, ImageFont

import atlas
from atlas.demo.journey import FRESH_SEED
from atlas.demo.shelves import LEAVES
from atlas.demo.store import Product, draw, jpeg
from atlas.records import Prediction
from atlas.taxonomy.tree import format_path

IMAGES = FilePath(__file__).parent / "images"
#: Number of the leaf, of the product, and the view.
SHOWN = ((18, 0, "front"), (3, 0, "close"), (15, 2, "front"))
CARD_PX, GAP_PX, HIGH_PX = 640, 20, 420
PICTURE_PX = (304, 380)
INK, GREY, TRACK, PAPER, EDGE = (28, 32, 44), (116, 122, 136), (232, 234, 240), (255, 255, 255), (214, 218, 226)
BARS = ((67, 97, 238), (58, 134, 160), (230, 126, 60))


def draw_store_sheet(columns: int = 11) -> Image.Image:
    """Every leaf's first product, in rows."""
    wide, high = 160, 200
    rows = -(-len(LEAVES) // columns)
    sheet = Image.new("RGB", (columns * wide, rows * high), PAPER)
    for place, leaf in enumerate(LEAVES):
        picture = draw(Product.invent(leaf, 3, FRESH_SEED), "front" if leaf.focus == "whole" else "close")
        sheet.paste(picture, (place % columns * wide, place // columns * high))
    return sheet


def draw_predictions(model: str) -> Image.Image:
    """A card for each shown product: its picture, and the model's path with the probability of each level."""
    categorizer = atlas.load(model)
    width = len(SHOWN) * (CARD_PX + GAP_PX) - GAP_PX
    poster = Image.new("RGBA", (width, HIGH_PX), (0, 0, 0, 0))
    for place, (leaf, number, view) in enumerate(SHOWN):
        product = Product.invent(LEAVES[leaf], number, FRESH_SEED)
        prediction = categorizer.predict(jpeg(draw(product, view)))
        poster.paste(_card(draw(product, view, scale=2), prediction), (place * (CARD_PX + GAP_PX), 0))
    return poster


def _card(picture: Image.Image, prediction: Prediction) -> Image.Image:
    card = Image.new("RGBA", (CARD_PX, HIGH_PX), (0, 0, 0, 0))
    pen = ImageDraw.Draw(card)
    pen.rounded_rectangle((0, 0, CARD_PX - 1, HIGH_PX - 1), 24, fill=PAPER, outline=EDGE, width=2)
    card.paste(picture.resize(PICTURE_PX, Image.Resampling.LANCZOS), (20, 20), _rounded(PICTURE_PX, 14))
    left, right = PICTURE_PX[0] + 46, CARD_PX - 30
    levels = zip(prediction.path, prediction.level_probabilities, BARS, strict=True)
    for level, (name, probability, colour) in enumerate(levels):
        y = 34 + 92 * level
        pen.text((left, y + 34), name, INK, _font(name, right - left - 74), anchor="ls")
        pen.text((right, y + 34), f"{probability:.2f}", GREY, ImageFont.load_default(26), anchor="rs")
        pen.rounded_rectangle((left, y + 46, right, y + 56), 5, fill=TRACK)
        pen.rounded_rectangle((left, y + 46, left + max(10, (right - left) * probability), y + 56), 5, fill=colour)
    other = prediction.alternatives[0]
    lines = (f"next best, {other.probability:.2f}", format_path(other.path[:-1]) + " >", other.path[-1])
    for place, line in enumerate(lines):
        pen.text((left, 318 + 26 * place), line, GREY, _font(line, right - left, size=20))
    return card


def _font(text: str, room_px: float, size: int = 32) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The largest font up to `size` in which the text fits."""
    while size > 12 and ImageFont.load_default(size).getlength(text) > room_px:
        size -= 1
    return ImageFont.load_default(size)


def _rounded(size: tuple[int, int], radius: int) -> Image.Image:
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), radius, fill=255)
    return mask


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    draw_store_sheet().quantize(255).save(IMAGES / "store.png", optimize=True)
    draw_predictions(sys.argv[1] if len(sys.argv) > 1 else "atlas-demo/model").save(
        IMAGES / "prediction.png", optimize=True
    )
