"""One picture measured: plain numbers about its file, its pixels and its lettering, from which everything is scored."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from atlas.clean.descriptor import DESCRIPTOR, describe
from atlas.clean.lettering import NONE, Lettering, lettering
from atlas.errors import ImageError
from atlas.images import decode, open_picture, pixel_hash

#: Number of what is measured and how: measures of another number, or with another descriptor, are no use.
MEASURES = f"1/{DESCRIPTOR}"
#: Sides to which pictures are reduced before their detail and their lettering are looked at.
DETAIL_PX, LETTERING_PX = 128, 400
#: Lettering cannot be seen in pictures whose longer side is shorter.
LEGIBLE_PX = 120
#: A slope of so many of 255 a pixel is detail.
_DETAIL_STEP = 8
#: The longest explanation kept.
MAX_FAULT_CHARS = 200

_EXTENSIONS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "MPO": (".jpg", ".jpeg", ".mpo"),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp",),
    "AVIF": (".avif",),
}


class Measures(NamedTuple):
    """What was measured of one picture. Where `fault` says why it cannot be read, the rest is 0."""

    fault: str
    format: str  # as its bytes say: "JPEG", "PNG", ..
    frames: int  # more than 1 moves, or has pages
    width_px: int  # upright
    height_px: int
    size_bytes: int
    detail: float  # share of pixels at an edge of any kind, 0 to 1
    letters: float
    lines: int
    letter_share: float  # of all edges, those of letters
    unevenness: float  # of the letters' heights
    pixel_hash: int  # 64 bits of a digest of size and pixels: equal pictures have equal ones, whatever their files


def measure(data: bytes) -> tuple[Measures, NDArray[np.generic] | None]:
    """The measures of an encoded picture and its descriptor; a picture that cannot be read has a fault and none."""
    try:
        opened = open_picture(data)
        kind, frames = opened.format or "", _frames(opened)
        picture = decode(data)
    except ImageError as error:
        return unreadable(str(error), len(data)), None
    except Exception as error:  # a decoder may raise anything on damaged data, and that costs this picture only
        return unreadable(f"{type(error).__name__}: {error}", len(data)), None
    found = _lettering(picture)
    measures = Measures(
        "", kind, frames, picture.width, picture.height, len(data), _detail(picture), *found, pixel_hash(picture)
    )
    return measures, np.asarray(describe(picture))


def unreadable(fault: str, size_bytes: int = 0) -> Measures:
    """The measures of a picture that cannot be read."""
    return Measures(" ".join(fault.split())[:MAX_FAULT_CHARS], "", 0, 0, 0, size_bytes, 0.0, *NONE, 0)


def name_fits(kind: str, name: str) -> bool:
    """Whether a file's ending is one of its format's; a name without a known ending always fits."""
    ending = PurePosixPath(name.split("?")[0].split("#")[0]).suffix.lower()
    known = any(ending in endings for endings in _EXTENSIONS.values())
    return not known or kind not in _EXTENSIONS or ending in _EXTENSIONS[kind]


def _frames(picture: Image.Image) -> int:
    """How many pictures the file shows one after another; a phone's second view in a JPEG (MPO) is none of them."""
    return 1 if picture.format == "MPO" else int(getattr(picture, "n_frames", 1))


def _detail(picture: Image.Image) -> float:
    grey = _grey(picture, DETAIL_PX)
    if min(grey.shape) < 2:
        return 0.0
    down, across = np.gradient(grey)
    return float((np.hypot(down, across) >= _DETAIL_STEP).mean())


def _lettering(picture: Image.Image) -> Lettering:
    if max(picture.size) < LEGIBLE_PX or min(picture.size) < LEGIBLE_PX // 8:
        return NONE
    grey = _grey(picture, LETTERING_PX)
    return lettering(grey) if min(grey.shape) >= 16 else NONE


def _grey(picture: Image.Image, longest_px: int) -> NDArray[np.float32]:
    """The picture in grey (H, W), 0 to 255, reduced to `longest_px` where it is larger."""
    grey = picture.convert("L")
    scale = longest_px / max(grey.size)
    if scale < 1:
        size = max(1, round(grey.width * scale)), max(1, round(grey.height * scale))
        grey = grey.resize(size, Image.Resampling.BOX if longest_px == DETAIL_PX else Image.Resampling.BICUBIC)
    return np.asarray(grey, dtype=np.float32)
