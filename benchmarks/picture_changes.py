"""Eight things that stores do to a picture, each drawn at random: what a near-duplicate search must see through."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps
from scipy import ndimage

Change: TypeAlias = Callable[[Image.Image, np.random.Generator], Image.Image]
#: Words of watermarks; the descriptor's fit and the test draw from the same few, at random places and sizes.
WORDS = ("SAMPLE", "shop.example", "© 2026", "SALE -30%", "NEW IN", "photo by us")


def encoded(image: Image.Image, quality: int) -> bytes:
    sink = io.BytesIO()
    image.save(sink, "JPEG", quality=quality)
    return sink.getvalue()


def changed(image: Image.Image, kind: str, random: np.random.Generator) -> bytes:
    """The picture after one change, as a JPEG of quality 75 to 92 (15 to 40 for "recompressed")."""
    quality = random.integers(15, 41) if kind == "recompressed" else random.integers(75, 93)
    return encoded(KINDS[kind](image, random), int(quality))


def _same(image: Image.Image, _: np.random.Generator) -> Image.Image:
    return image


def _resized(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """To 30 to 60 % of its side."""
    scale = random.uniform(0.3, 0.6)
    return image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)


def _flipped(image: Image.Image, _: np.random.Generator) -> Image.Image:
    return ImageOps.mirror(image)


def _bordered(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """A frame of one colour, 3 to 15 % of the side, of two widths."""
    across, down = (int(random.uniform(0.03, 0.15) * image.width) for _ in range(2))
    return ImageOps.expand(image, (across, down), tuple(random.integers(0, 256, 3).tolist()))


def _watermarked(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """A word, dark or light, 25 to 55 % opaque, level or aslant, anywhere."""
    word = WORDS[random.integers(len(WORDS))]
    font = ImageFont.load_default(image.width * random.uniform(0.08, 0.16))
    box = [int(side) for side in font.getbbox(word)]
    ink = int(random.choice([0, 255])) if random.random() < 0.5 else int(random.integers(60, 200))
    stamp = Image.new("LA", (box[2] + 4, box[3] + 4), (ink, 0))
    ImageDraw.Draw(stamp).text((2, 2), word, fill=(ink, int(random.uniform(0.25, 0.55) * 255)), font=font)
    if random.random() < 0.5:
        stamp = stamp.rotate(random.uniform(-45, 45), Image.Resampling.BILINEAR, expand=True)
    layer = image.convert("RGBA")
    place = [int(random.uniform(0, max(1, side - own))) for side, own in zip(image.size, stamp.size, strict=True)]
    layer.alpha_composite(stamp.convert("RGBA"), (place[0], place[1]))
    return layer.convert("RGB")


def _recoloured(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """The background, all that joins the edge in its colour, in another colour, with soft seams."""
    pixels = np.asarray(image, np.float32)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    ground = np.median(edge, axis=0)
    alike = np.abs(pixels - ground).max(axis=2) < 14
    inside = _joined_to_edge(alike)
    mask = Image.fromarray(inside.astype(np.uint8) * 255).resize(image.size)
    colour = Image.new("RGB", image.size, tuple(random.integers(20, 256, 3).tolist()))
    return Image.composite(colour, image, mask)


def _joined_to_edge(alike: np.ndarray) -> np.ndarray:
    part, _ = ndimage.label(np.pad(alike, 1, constant_values=True))
    return (part == part[0, 0])[1:-1, 1:-1]


def _cropped(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """2 to 7 % off each side."""
    left, right = (random.uniform(0.02, 0.07, 2) * image.width).astype(int).tolist()
    top, bottom = (random.uniform(0.02, 0.07, 2) * image.height).astype(int).tolist()
    return image.crop((left, top, image.width - right, image.height - bottom))


def _relit(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """Brightness, contrast and saturation each by up to a quarter."""
    for enhancer in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = enhancer(image).enhance(random.uniform(0.75, 1.25))
    return image


KINDS: dict[str, Change] = {
    "recompressed": _same,
    "resized": _resized,
    "flipped": _flipped,
    "bordered": _bordered,
    "watermarked": _watermarked,
    "recoloured": _recoloured,
    "cropped": _cropped,
    "relit": _relit,
}
