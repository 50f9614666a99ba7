"""The test pictures of `zoom.py`: close-ups and normal pictures from real photos, both through the same mill.

`python benchmarks/zoom_pictures.py FASHION_PHOTOS --sheet sheet.png` draws some of them to look at and says how far the
variance of the Laplacian alone would get: F of 0.60 at most, or the pictures would be told apart by their sharpness.
"""

from __future__ import annotations

import argparse
import io
import tomllib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy import ndimage

SETTINGS = tomllib.loads(Path(__file__).with_name("zoom_test.toml").read_text(encoding="utf-8"))
#: Tries to place a window before the next larger scale is taken.
TRIES = 60

Box = tuple[int, int, int, int]  # left, top, right, bottom


@dataclass(frozen=True)
class ZoomPicture:
    """One picture of the test. `scale` is the one it was drawn for, whether it became a close-up or not."""

    product_id: str
    kind: str
    zoomed: bool
    scale: float
    fills: bool  # the product fills the frame, or the close-up has the product's shape
    jpeg: bytes


def make_pictures(photos: Path, ground: str = "own") -> list[ZoomPicture]:
    """All test pictures, one for each photo, in the order of the files; on grounds of another kind when told."""
    rows = photo_rows([photos / name for name in SETTINGS["sources"]])
    made = (_made(row, SETTINGS, ground) for row in rows)
    return [picture for picture in made if picture is not None]


def photo_rows(files: list[Path]) -> Iterator[dict[str, object]]:
    for file in files:
        for batch in pq.ParquetFile(file).iter_batches(200, columns=["id", "subCategory", "image"]):
            yield from batch.to_pylist()


def _made(row: dict, told: dict, ground: str) -> ZoomPicture | None:
    """The test picture of a photo; None where no close-up of any scale fits into its product."""
    random = np.random.default_rng((told["seed"], int(row["id"])))
    photo = Image.open(io.BytesIO(row["image"]["bytes"])).convert("RGB")
    shown = product_mask(np.asarray(photo), told["background_step"])
    box = _box(shown)
    if ground != "own":
        photo = _on_ground(photo, shown, ground, np.random.default_rng((told["seed"], int(row["id"]), 1)))
    fills = row["subCategory"] in told["fill_kinds"] and random.random() < told["fill_share"]
    shape = (box[2] - box[0], box[3] - box[1]) if fills else photo.size
    zoomed = random.random() < told["zoomed_share"]
    scale = random.choice(told["scales"])
    found = next(
        (
            (larger, window)
            for larger in [each for each in told["scales"] if each >= scale]
            if (window := _window(shown, box, shape, larger, random, told))
        ),
        None,
    )
    if found is None:
        return None
    scale, window = found
    frame = window if zoomed else _with_margin(box, photo.size, told["fill_margin"]) if fills else (0, 0, *photo.size)
    pixels = (window[2] - window[0]) * (window[3] - window[1])
    jpeg = _milled(photo.crop(frame), pixels, random, told)
    return ZoomPicture(str(row["id"]), row["subCategory"], zoomed, scale, fills, jpeg)


def _on_ground(photo: Image.Image, shown: NDArray[np.bool_], ground: str, random: np.random.Generator) -> Image.Image:
    """The product on a light grey, on one colour, or on patches of many: a shop's wall, a studio, a street."""
    size = (photo.height, photo.width, 3)
    if ground == "patches":
        cells = random.integers(0, 256, (*random.integers(3, 9, 2), 3), dtype=np.uint8)
        behind = np.asarray(Image.fromarray(cells).resize(photo.size, Image.Resampling.BICUBIC))
    else:
        behind = np.broadcast_to(random.integers(150, 226) if ground == "grey" else random.integers(0, 256, 3), size)
    mask = Image.fromarray(shown.astype(np.uint8) * 255).filter(ImageFilter.GaussianBlur(1))
    share = np.asarray(mask, np.float64)[..., None] / 255
    return Image.fromarray((np.asarray(photo) * share + behind * (1 - share)).astype(np.uint8))


def product_mask(pixels: NDArray[np.uint8], step: int) -> NDArray[np.bool_]:
    """Which pixels (H, W) of a photo (H, W, 3) show the product: not the border's colour, holes filled."""
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    far = np.abs(pixels.astype(int) - np.median(border, axis=0)).max(axis=2) > step
    return ndimage.binary_fill_holes(ndimage.binary_opening(far, iterations=1))


def _box(shown: NDArray[np.bool_]) -> Box:
    """Around all but the outermost half percent of the product's pixels on each side."""
    if not shown.any():
        return 0, 0, shown.shape[1], shown.shape[0]
    rows, columns = np.nonzero(shown)
    left, right = np.quantile(columns, (0.005, 0.995))
    top, bottom = np.quantile(rows, (0.005, 0.995))
    return int(left), int(top), int(right) + 1, int(bottom) + 1


def _window(
    shown: NDArray[np.bool_], box: Box, shape: tuple[int, int], scale: float, random: np.random.Generator, told: dict
) -> Box | None:
    side = scale * np.sqrt((box[2] - box[0]) * (box[3] - box[1]))
    bend = np.sqrt(shape[0] / shape[1])
    width, height = round(side * bend), round(side / bend)
    if min(width, height) < told["min_side_px"] or width > shown.shape[1] or height > shown.shape[0]:
        return None
    for _ in range(TRIES):
        left = int(random.integers(0, shown.shape[1] - width + 1))
        top = int(random.integers(0, shown.shape[0] - height + 1))
        if shown[top : top + height, left : left + width].mean() >= told["min_cover"]:
            return left, top, left + width, top + height
    return None


def _with_margin(box: Box, size: tuple[int, int], margin: float) -> Box:
    wide, high = round(margin * (box[2] - box[0])), round(margin * (box[3] - box[1]))
    return max(0, box[0] - wide), max(0, box[1] - high), min(size[0], box[2] + wide), min(size[1], box[3] + high)


def _milled(part: Image.Image, pixels: int, random: np.random.Generator, told: dict) -> bytes:
    """The part of a photo shrunk to about `pixels`, blurred, enlarged, compressed: the same for both classes."""
    detail = random.uniform(*told["detail"])
    factor = min(1.0, detail * np.sqrt(pixels / (part.width * part.height)))
    small = part.resize(_times(part.size, factor), Image.Resampling[told["shrink"].upper()])
    small = small.filter(ImageFilter.GaussianBlur(random.uniform(*told["blur_px"])))
    large = small.resize(
        _times(small.size, told["longer_side_px"] / max(small.size)), Image.Resampling[told["enlarge"].upper()]
    )
    sink = io.BytesIO()
    large.save(sink, "JPEG", quality=int(random.integers(*told["quality"])))
    return sink.getvalue()


def _times(size: tuple[int, int], factor: float) -> tuple[int, int]:
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def laplacian_f(pictures: list[ZoomPicture]) -> float:
    """The best F for close-ups that any threshold on the variance of the Laplacian reaches, on either side of it."""
    return _best_f(pictures, [ndimage.laplace(_grey(picture)).var() for picture in pictures])


def border_f(pictures: list[ZoomPicture]) -> float:
    """The same for the share of the border that is nearly white."""
    greys = map(_grey, pictures)
    borders = (np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]]) for grey in greys)
    return _best_f(pictures, [(border > 235).mean() for border in borders])


def _grey(picture: ZoomPicture) -> NDArray[np.float64]:
    return np.asarray(Image.open(io.BytesIO(picture.jpeg)).convert("L"), np.float64)


def _best_f(pictures: list[ZoomPicture], values: list[float]) -> float:
    order = np.argsort(values, kind="stable")
    zoomed = np.array([picture.zoomed for picture in pictures])[order]
    best = 0.0
    for truth in (zoomed, zoomed[::-1]):
        hits = np.cumsum(truth)
        best = max(best, float((2 * hits / (np.arange(1, len(truth) + 1) + truth.sum())).max()))
    return best


def draw_sheet(pictures: list[ZoomPicture], file: Path, columns: int = 16, rows: int = 5) -> None:
    """Close-ups above, normal pictures below."""
    sheet = Image.new("RGB", (columns * 104, 2 * rows * 104 + 8), "crimson")
    for half, zoomed in enumerate((True, False)):
        chosen = sorted(
            (picture for picture in pictures if picture.zoomed == zoomed), key=lambda one: zlib.crc32(one.jpeg)
        )
        for place, picture in enumerate(chosen[: columns * rows]):
            image = Image.open(io.BytesIO(picture.jpeg))
            image.thumbnail((102, 102))
            sheet.paste(image, ((place % columns) * 104, half * (rows * 104 + 8) + place // columns * 104))
    sheet.save(file)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--sheet", type=Path)
    asked = parser.parse_args()
    found = make_pictures(asked.photos)
    for scale in SETTINGS["scales"]:
        here = [picture for picture in found if picture.scale == scale]
        print(
            f"scale {scale}: {sum(one.zoomed for one in here)} close-ups, {sum(not one.zoomed for one in here)} normal"
        )
    print(f"fill the frame: {sum(one.fills and not one.zoomed for one in found)} normal pictures")
    print(f"variance of the Laplacian alone: F {laplacian_f(found):.3f}")
    print(f"white border alone: F {border_f(found):.3f}")
    if asked.sheet:
        draw_sheet(found, asked.sheet)
