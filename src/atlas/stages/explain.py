"""One picture for each answer, in the manner of the paper's figure 3: the product, then each level with its light."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from atlas.errors import AtlasError, ImageError, UsageError
from atlas.images import ImageConfig, decode, framed

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.ImageFont import FreeTypeFont

    from atlas.records import Picture, Prediction
    from atlas.stages.categorizer import Answer
    from atlas.stages.outputs import Sink
    from atlas.stages.rows import Chunk

PANEL_PX = (240, 320)
MARGIN_PX, CAPTION_PX = 12, 56
NAME_PX, FIGURE_PX = 20, 16
INK, MUTED, FRAME, PAPER = "#1c2331", "#667086", "#c5ccd8", "#ffffff"
#: Fonts of the usual systems, for names that Pillow's own cannot write; each is looked for where the system keeps its.
FONTS = (
    "DejaVuSans.ttf", "NotoSans-Regular.ttf", "NotoSansDevanagari-Regular.ttf", "NotoSansArabic-Regular.ttf",
    "NotoSansCJK-Regular.ttc", "wqy-zenhei.ttc", "Arial Unicode.ttf", "arial.ttf", "msyh.ttc", "Nirmala.ttf",
)  # fmt: skip
#: No letter at all: every font draws its sign for what it lacks.
_NO_LETTER = "\U0010ffff"
#: As `ExplainingSink` calls its drawings.
_DRAWINGS = "[0-9][0-9][0-9][0-9][0-9]*-*.png"


def draw_explanation(picture: Picture, prediction: Prediction, image: ImageConfig) -> Image.Image:
    """The product beside one panel a level: cells that decided stay as they are, the others fade to dark grey.

    The product is shown as far as a model with these `image` settings sees it. Cells keep the grid's true size: what
    looks coarse is coarse. A name in letters that no font here has is told by its level's number. Raises ImageError
    where the picture cannot be read.
    """
    product = ImageOps.contain(framed(decode(picture), image), PANEL_PX)
    panels = 1 + len(prediction.evidence)
    width = panels * PANEL_PX[0] + (panels + 1) * MARGIN_PX
    sheet = Image.new("RGB", (width, product.height + CAPTION_PX + 2 * MARGIN_PX), PAPER)
    _place(sheet, 0, product, "the product", f"whole path {prediction.probability:.2f}")
    levels = zip(prediction.evidence, prediction.path, prediction.level_probabilities, strict=False)
    for number, (light, name, probability) in enumerate(levels, 1):
        title = name if _font_for(name) else f"level {number}"
        _place(sheet, number, _lit(product, light), title, f"{probability:.2f}")
    return sheet


def claim_drawings(folder: FilePath, *, overwrite: bool = False) -> None:
    """Make sure that a folder can take the drawings of one call; with `overwrite` those of an earlier one go away.

    Raises UsageError for what is no folder, and for one that holds something unless with `overwrite`.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file: --explain draws into a folder, name a new one")
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not overwrite:
        raise UsageError(
            f"{folder} holds files already: name another folder with --explain, or use --overwrite to replace the "
            "drawings in it"
        )
    for drawing in folder.glob(_DRAWINGS):
        drawing.unlink()


class ExplainingSink:
    """A sink that also draws each answer into a folder, as `<row>-<product>.png`."""

    def __init__(self, sink: Sink, folder: FilePath, image: ImageConfig) -> None:
        """Pass everything on to `sink`; the folder appears with its first drawing. `image` says what the model sees."""
        self.sink, self.folder, self.image = sink, folder, image
        self.row = 0

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
            drawing = draw_explanation(picture, prediction, self.image)
        except ImageError:  # it was readable a moment ago; its row says what the model said
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        drawing.save(self.folder / f"{self.row:05d}-{name}.png")


def _lit(product: Image.Image, light: NDArray[np.float32]) -> Image.Image:
    share = np.asarray(light, dtype=np.float64) / max(float(np.max(light)), 1e-12)
    mask = Image.fromarray((255 * share).astype(np.uint8)).resize(product.size, Image.Resampling.NEAREST)
    dark = Image.eval(product.convert("L"), lambda value: value // 4 + 12).convert("RGB")
    return Image.composite(product, dark, mask)


def _place(sheet: Image.Image, number: int, panel: Image.Image, title: str, below: str) -> None:
    left = MARGIN_PX + number * (PANEL_PX[0] + MARGIN_PX)
    side, top = left + (PANEL_PX[0] - panel.width) // 2, MARGIN_PX
    draw = ImageDraw.Draw(sheet)
    # Without a frame a white product, or a light that falls on white, has no end on white paper.
    draw.rectangle((side - 1, top - 1, side + panel.width, top + panel.height), outline=FRAME)
    sheet.paste(panel, (side, top))
    under = top + panel.height + 6
    middle = left + PANEL_PX[0] // 2
    font = _font_for(title) or _own_font(NAME_PX)
    draw.text((middle, under), _short(draw, title, font), fill=INK, font=font, anchor="ma")
    draw.text((middle, under + 28), below, fill=MUTED, font=_own_font(FIGURE_PX), anchor="ma")


def _short(draw: ImageDraw.ImageDraw, text: str, font: FreeTypeFont) -> str:
    if draw.textlength(text, font) <= PANEL_PX[0]:
        return text
    while len(text) > 1 and draw.textlength(text + "…", font) > PANEL_PX[0]:
        text = text[:-1]
    return text + "…"


def _font_for(text: str) -> FreeTypeFont | None:
    """The first font that can write all of a text; None where there is none."""
    return next((font for font in _fonts() if all(_has(font, letter) for letter in set(text))), None)


def _fonts() -> Iterator[FreeTypeFont]:
    yield _own_font(NAME_PX)
    yield from filter(None, map(_system_font, FONTS))


@cache
def _own_font(size_px: int) -> FreeTypeFont:
    font = ImageFont.load_default(size_px)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


@cache
def _system_font(file: str) -> FreeTypeFont | None:
    try:
        return ImageFont.truetype(file, NAME_PX)
    except OSError:
        return None


@cache
def _has(font: FreeTypeFont, letter: str) -> bool:
    """Whether a font can write a letter: what it lacks, it draws as it draws no letter at all."""
    return letter.isspace() or _drawn(font, letter) != _drawn(font, _NO_LETTER)


def _drawn(font: FreeTypeFont, letter: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)
