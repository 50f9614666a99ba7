"""One picture for each answer, in the manner of the paper's figure 3: the product, then each level with its light."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from atlas.errors import AtlasError, ImageError
from atlas.images import decode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atlas.records import Picture, Prediction
    from atlas.stages.categorizer import Answer
    from atlas.stages.outputs import Sink
    from atlas.stages.rows import Chunk

PANEL_PX = (240, 320)
MARGIN_PX, CAPTION_PX = 12, 56
INK, MUTED, PAPER = "#1c2331", "#667086", "#ffffff"


def draw_explanation(picture: Picture, prediction: Prediction) -> Image.Image:
    """The product beside one panel a level: cells that decided stay as they are, the others fade to dark grey.

    Cells keep the grid's true size: what looks coarse is coarse. Raises ImageError when the picture cannot be read.
    """
    product = ImageOps.contain(decode(picture), PANEL_PX)
    panels = 1 + len(prediction.evidence)
    width = panels * PANEL_PX[0] + (panels + 1) * MARGIN_PX
    sheet = Image.new("RGB", (width, PANEL_PX[1] + CAPTION_PX + 2 * MARGIN_PX), PAPER)
    _place(sheet, 0, product, "the product", f"whole path {prediction.probability:.2f}")
    levels = zip(prediction.evidence, prediction.path, prediction.level_probabilities, strict=False)
    for number, (light, name, probability) in enumerate(levels, 1):
        _place(sheet, number, _lit(product, light), name, f"{probability:.2f}")
    return sheet


class ExplainingSink:
    """A sink that also draws each answer into a folder, as `<row>-<product>.png`."""

    def __init__(self, sink: Sink, folder: FilePath) -> None:
        """Pass everything on to `sink`."""
        self.sink, self.folder = sink, folder
        self.row = 0
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, chunk: Chunk, answers: Sequence[Answer]) -> None:
        """See stages.outputs.Sink."""
        for product_id, picture, answer in zip(chunk.product_ids, chunk.pictures, answers, strict=True):
            self.row += 1
            if answer.prediction.error is None and not isinstance(picture, AtlasError):
                self._draw(product_id, picture, answer.prediction)
        self.sink.write(chunk, answers)

    def _draw(self, product_id: str, picture: Picture, prediction: Prediction) -> None:
        name = re.sub(r"[^\w.-]+", "-", FilePath(product_id).stem)[:60].strip("-.") or "product"
        try:
            draw_explanation(picture, prediction).save(self.folder / f"{self.row:05d}-{name}.png")
        except ImageError:  # it was readable a moment ago; its row says what the model said
            return


def _lit(product: Image.Image, light: NDArray[np.float32]) -> Image.Image:
    share = np.asarray(light, dtype=np.float64) / max(float(np.max(light)), 1e-12)
    mask = Image.fromarray((255 * share).astype(np.uint8)).resize(product.size, Image.Resampling.NEAREST)
    dark = Image.eval(product.convert("L"), lambda value: value // 4 + 12).convert("RGB")
    return Image.composite(product, dark, mask)


def _place(sheet: Image.Image, number: int, panel: Image.Image, title: str, below: str) -> None:
    left = MARGIN_PX + number * (PANEL_PX[0] + MARGIN_PX)
    top = MARGIN_PX + (PANEL_PX[1] - panel.height)
    sheet.paste(panel, (left + (PANEL_PX[0] - panel.width) // 2, top))
    draw = ImageDraw.Draw(sheet)
    under = MARGIN_PX + PANEL_PX[1] + 6
    middle = left + PANEL_PX[0] // 2
    draw.text((middle, under), _short(draw, title), fill=INK, font=ImageFont.load_default(20), anchor="ma")
    draw.text((middle, under + 28), below, fill=MUTED, font=ImageFont.load_default(16), anchor="ma")


def _short(draw: ImageDraw.ImageDraw, text: str) -> str:
    font = ImageFont.load_default(20)
    if draw.textlength(text, font) <= PANEL_PX[0]:
        return text
    while len(text) > 1 and draw.textlength(text + "…", font) > PANEL_PX[0]:
        text = text[:-1]
    return text + "…"
