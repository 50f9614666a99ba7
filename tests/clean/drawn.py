"""Pictures with lettering, and things that only look as if they had some, drawn from a seed."""

from __future__ import annotations

import io
from random import Random

from PIL import Image, ImageDraw, ImageFont

WORDS = (
    *("chest", "waist", "hip", "length", "shoulder", "sleeve", "small", "medium"),
    *("large", "wash", "cold", "iron", "low", "cotton", "linen", "care", "fit"),
)


def encoded(picture: Image.Image, kind: str = "JPEG") -> bytes:
    out = io.BytesIO()
    picture.save(out, kind)
    return out.getvalue()


def size_chart(seed: int, size: tuple[int, int] = (360, 480)) -> Image.Image:
    """A table of numbers under a heading, ruled or striped."""
    dice = Random(seed)
    ink, paper = ((20, 20, 30), (250, 250, 246)) if dice.random() < 0.7 else ((240, 240, 240), (40, 50, 80))
    picture = Image.new("RGB", size, paper)
    draw = ImageDraw.Draw(picture)
    draw.text((20, 15), "SIZE CHART", ink, ImageFont.load_default(26))
    rows, columns = dice.randrange(6, 11), dice.randrange(4, 6)
    step_x, step_y = (size[0] - 40) / columns, (size[1] - 90) / rows
    for row in range(rows):
        top = 70 + row * step_y
        draw.line([20, top - 4, size[0] - 20, top - 4], ink)
        for column in range(columns):
            word = dice.choice(WORDS).title()[:6] if row == 0 else str(dice.randrange(28, 120))
            draw.text((24 + column * step_x, top), word, ink, ImageFont.load_default(16))
    return picture


def packaging(seed: int, size: tuple[int, int] = (400, 400)) -> Image.Image:
    """A printed box on white, turned a little."""
    dice = Random(seed)
    shade = tuple(dice.randrange(30, 120) for _ in range(3))
    box = Image.new("RGB", (size[0] * 3 // 4, size[1] * 3 // 4), shade)
    draw = ImageDraw.Draw(box)
    draw.text((20, 14), dice.choice(WORDS).upper(), "white", ImageFont.load_default(38))
    for line in range(7):
        words = " ".join(dice.choice(WORDS) for _ in range(5))
        draw.text((20, 80 + 28 * line), words[:32], "white", ImageFont.load_default(16))
    turned = box.rotate(dice.uniform(-5, 5), expand=True, resample=Image.Resampling.BICUBIC, fillcolor="white")
    picture = Image.new("RGB", size, "white")
    picture.paste(turned, ((size[0] - turned.width) // 2, (size[1] - turned.height) // 2))
    return picture


def checked_shirt(seed: int, size: tuple[int, int] = (300, 400)) -> Image.Image:
    """A garment of small checks on white: many blots in rows, and no letter."""
    dice = Random(seed)
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    cell, dark = dice.randrange(6, 14), tuple(dice.randrange(20, 120) for _ in range(3))
    left, top, right, bottom = size[0] // 6, size[1] // 6, size[0] * 5 // 6, size[1] * 9 // 10
    draw.rectangle([left, top, right, bottom], (225, 220, 210))
    for y in range(top, bottom - cell, 2 * cell):
        for x in range(left, right - cell, 2 * cell):
            draw.rectangle([x, y, x + cell - 1, y + cell - 1], dark)
    return picture


def striped_shirt(seed: int, size: tuple[int, int] = (300, 400)) -> Image.Image:
    """A garment of stripes on white."""
    dice = Random(seed)
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    high = dice.randrange(5, 12)
    for y in range(size[1] // 6, size[1] * 5 // 6, 2 * high):
        shade = tuple(dice.randrange(20, 120) for _ in range(3))
        draw.rectangle([size[0] // 6, y, size[0] * 5 // 6, y + high - 1], shade)
    return picture
