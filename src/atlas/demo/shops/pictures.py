"""Pictures of products as a shop serves them: drawn when somebody first asks, and kept."""

from __future__ import annotations

import io
from pathlib import Path as FilePath
from threading import Lock

from PIL import Image

from atlas.demo.store import WIDTH_PX, Product, draw, jpeg
from atlas.storage import atomic_file


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
                part.write_bytes(jpeg(draw(product, view)))
        return file.read_bytes()


def _shrunk(data: bytes, width_px: int) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        return jpeg(image.resize((width_px, image.height * width_px // image.width), Image.Resampling.LANCZOS))
