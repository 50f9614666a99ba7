"""Pictures to pixels: decode, orient, flatten on white, resize. One way for training and for prediction."""

from __future__ import annotations

import io
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PIL import Image, ImageOps

from atlas.errors import ImageError, RecipeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atlas.records import Picture

#: A picture with more pixels than this is refused: it would cost more memory than any product photo is worth.
MAX_PIXELS = 80_000_000

Fit = Literal["stretch", "pad", "crop"]


@dataclass(frozen=True)
class ImageConfig:
    """How every picture becomes pixels for one model.

    `fit` is what happens to the sides' ratio: "stretch" ignores it (the paper's 150 x 150, section 4.2.1), "pad" keeps
    the whole picture and fills with white, "crop" keeps the middle.
    """

    height_px: int = 150
    width_px: int = 150
    fit: Fit = "stretch"

    def __post_init__(self) -> None:
        if min(self.height_px, self.width_px) < 8:
            raise RecipeError(f"image size {self.height_px}x{self.width_px} px is too small: use 8 px or more")
        if self.fit not in ("stretch", "pad", "crop"):
            raise RecipeError(f"image.fit is {self.fit!r}: use 'stretch', 'pad' or 'crop'")


def open_picture(picture: Picture) -> Image.Image:
    """The picture as a PIL image, not decoded yet. Raises ImageError when there is no picture in it."""
    if isinstance(picture, Image.Image):
        return picture
    if isinstance(picture, np.ndarray):
        return _from_array(picture)
    try:
        source = io.BytesIO(picture) if isinstance(picture, bytes) else Path(os.fspath(picture))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd tag in a store's file is not the reader's business
            image = Image.open(source)
    except FileNotFoundError as error:
        raise ImageError(f"no such file: {os.fspath(picture)!r}") from error  # type: ignore[arg-type]
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageError(f"not a picture: {_short(error)}") from error
    if image.width * image.height > MAX_PIXELS:
        raise ImageError(f"{image.width}x{image.height} px is more than the {MAX_PIXELS:,} pixels allowed")
    return image


def read_pixels(picture: Picture, config: ImageConfig) -> NDArray[np.uint8]:
    """The picture as uint8 RGB (H, W, 3) of the configured size. Raises ImageError when it cannot be decoded.

    A JPEG is decoded at the smallest scale that is still twice the target, which is many times faster and changes
    pixels by a fraction of one step in 255.
    """
    image = decode(picture, (config.width_px, config.height_px))
    return np.asarray(_resize(image, config))


def decode(picture: Picture, size: tuple[int, int] | None = None) -> Image.Image:
    """The picture decoded, upright, in RGB and on white; `size` (width, height) allows a cheaper, reduced decode.

    Raises ImageError when the data is damaged or cut.
    """
    image = open_picture(picture)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if size is not None and image.format == "JPEG":
                longest = 2 * max(size)  # either side may be the longer one until the picture stands upright
                image.draft("RGB", (longest, longest))
            image = ImageOps.exif_transpose(image)
            return _flatten(image)
    except (OSError, ValueError, SyntaxError, ZeroDivisionError, Image.DecompressionBombError) as error:
        raise ImageError(f"damaged picture: {_short(error)}") from error


def difference_hash(picture: Picture) -> int:
    """64 bits that survive re-compression and resizing: is each cell of a 9x8 grey thumbnail brighter than its right one?

    Equal hashes mean near-equal pictures. A blank picture gives 0. Raises ImageError like `decode`.
    """
    grey = decode(picture, (64, 64)).convert("L").resize((9, 8), Image.Resampling.BOX)
    cells = np.asarray(grey, dtype=np.int16)
    bits = (cells[:, :-1] > cells[:, 1:]).ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _from_array(array: NDArray[Any]) -> Image.Image:
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] not in (3, 4) or 0 in array.shape:
        raise ImageError(f"array {array.dtype} {array.shape}: use uint8 of shape (height, width, 3)")
    return Image.fromarray(array)


def _flatten(image: Image.Image) -> Image.Image:
    """RGB, with transparent parts on white as stores show them."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layered = image.convert("RGBA")
        white = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(white, layered).convert("RGB")
    if image.mode.startswith("I"):  # 16 bits a channel: `convert` would clip instead of scale
        high = np.asarray(image, dtype=np.float32)
        return Image.fromarray((high / max(float(high.max()), 1.0) * 255).astype(np.uint8)).convert("RGB")
    return image.convert("RGB")


def _resize(image: Image.Image, config: ImageConfig) -> Image.Image:
    size = (config.width_px, config.height_px)
    if image.size == size:
        return image
    if config.fit == "pad":
        return ImageOps.pad(image, size, Image.Resampling.BILINEAR, color="white")
    if config.fit == "crop":
        return ImageOps.fit(image, size, Image.Resampling.BILINEAR)
    return image.resize(size, Image.Resampling.BILINEAR)


def _short(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
