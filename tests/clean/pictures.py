"""Drawn products on plain ground, each unlike the others, and what stores do to them."""

import io

import numpy as np
from PIL import Image, ImageDraw, ImageOps


def product(number, side_px=160, ground="white"):
    """A thing of a few coloured shapes in the middle of its ground; the same number always gives the same."""
    random = np.random.default_rng(number)
    image = Image.new("RGB", (side_px, side_px), ground)
    draw = ImageDraw.Draw(image)
    body = random.uniform(0.15, 0.3, 2).tolist() + random.uniform(0.7, 0.85, 2).tolist()
    draw.ellipse([side_px * end for end in body], fill=tuple(random.integers(20, 200, 3).tolist()))
    for _ in range(9):
        left, top = random.uniform(0.2, 0.6, 2)
        width, height = random.uniform(0.08, 0.25, 2)
        shape = draw.ellipse if random.random() < 0.5 else draw.rectangle
        box = [side_px * end for end in (left, top, left + width, top + height)]
        shape(box, fill=tuple(random.integers(0, 230, 3).tolist()))
    return image


def compressed(image, quality=30):
    sink = io.BytesIO()
    image.save(sink, "JPEG", quality=quality)
    return Image.open(sink).convert("RGB")


CHANGES = {
    "recompressed": compressed,
    "resized": lambda image: image.resize((70, 70)),
    "flipped": ImageOps.mirror,
    "bordered": lambda image: ImageOps.expand(image, 14, "navy"),
    "recoloured": lambda image: Image.composite(
        image, Image.new("RGB", image.size, "pink"), image.convert("L").point(lambda value: 255 * (value < 250))
    ),
    "cropped": lambda image: image.crop((6, 4, image.width - 5, image.height - 7)),
}
