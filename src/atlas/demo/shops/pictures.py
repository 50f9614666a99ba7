"""Pictures of products as a shop serves them: drawn when somebody first asks, and kept."""

from __future__ import annotations

import io
from pathlib import Path as FilePath
from random import Random
from threading import Lock

from PIL import Image

from atlas.demo.store import HEIGHT_PX, LAID, WIDTH_PX, Product, draw, jpeg
from atlas.storage import atomic_file

#: The view that shows no more than a detail: how much of a person's height it shows, and how finely it is drawn.
DETAIL = "detail"
DETAIL_SHARE, DETAIL_SCALE = 0.16, 3


class Pictures:
    """A folder of JPEGs named as `draw_store` names them: what it drew is there already."""

    def __init__(self, folder: FilePath) -> None:
        self.folder = folder
        self._drawing = Lock()

    def jpeg(self, product: Product, view: str, width_px: int = WIDTH_PX) -> bytes:
        """One picture as JPEG, made smaller where `width_px` asks for it."""
        data = self._full(product, view)
        return data if width_px == WIDTH_PX else _shrunk(data, width_px)

    def _full(self, product: Product, view: str) -> bytes:
        file = self.folder / f"{product.product_id}-{view}.jpg"
        if not file.exists():
            with self._drawing, atomic_file(file) as part:  # two visitors may ask at the same moment
                part.write_bytes(jpeg(detail(product) if view == DETAIL else draw(product, view)))
        return file.read_bytes()


def detail(product: Product) -> Image.Image:
    """A part of the front picture, near the middle of the garment."""
    dice = Random(f"{product.seed}/{DETAIL}")
    whole = draw(product, "front", DETAIL_SCALE)
    top, bottom = LAID[product.leaf.focus]
    height = round(DETAIL_SHARE * whole.height)
    width = height * WIDTH_PX // HEIGHT_PX
    left = round(whole.width * dice.uniform(0.44, 0.56)) - width // 2
    upper = (
        round(whole.height * dice.uniform(0.35 * bottom + 0.65 * top, 0.65 * bottom + 0.35 * top) / 100) - height // 2
    )
    return whole.resize((WIDTH_PX, HEIGHT_PX), Image.Resampling.BICUBIC, (left, upper, left + width, upper + height))


def again(data: bytes) -> bytes:
    """A JPEG compressed once more, and harder."""
    stream = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        image.save(stream, "JPEG", quality=60)
    return stream.getvalue()


def _shrunk(data: bytes, width_px: int) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        return jpeg(image.resize((width_px, image.height * width_px // image.width), Image.Resampling.LANCZOS))
