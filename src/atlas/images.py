"""Pictures to pixels: decode, orient, flatten on white, resize. One way for training and for prediction."""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from atlas.errors import ImageError, RecipeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atlas.records import Picture

#: A picture with more pixels than this is refused: it would cost more memory than any product photo is worth.
MAX_PIXELS = 80_000_000
MAX_FILE_BYTES = 256 * 2**20

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
    if isinstance(picture, np.ndarray):
        return _from_array(picture)
    if isinstance(picture, Image.Image):
        image = picture
    else:
        image = _open_encoded(picture if isinstance(picture, bytes) else _file_bytes(picture))
    if image.width * image.height > MAX_PIXELS:
        raise ImageError(f"{image.width}x{image.height} px is more than the {MAX_PIXELS:,} pixels allowed")
    if 0 in image.size:
        raise ImageError(f"{image.width}x{image.height} px is no picture")
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
            if size is not None and image.format == "JPEG" and image is not picture:  # a caller's image stays as it is
                longest = 2 * max(size)  # either side may be the longer one until the picture stands upright
                image.draft("RGB", (longest, longest))
            image.load()
            return _flatten(_upright(image))
    except Exception as error:  # decoders raise whatever a damaged file leads them to
        raise ImageError(f"damaged picture: {_short(error)}") from error


def framed(image: Image.Image, config: ImageConfig) -> Image.Image:
    """What of a picture a model sees, as large as it is: cut to the model's frame, or with the margins added to it."""
    if config.fit == "stretch":
        return image
    ratio = config.width_px / config.height_px
    across, along = max(1, round(image.height * ratio)), max(1, round(image.width / ratio))
    if config.fit == "crop":
        return ImageOps.fit(image, (min(image.width, across), min(image.height, along)), Image.Resampling.BILINEAR)
    return ImageOps.pad(image, (max(image.width, across), max(image.height, along)), color="white")


def pixel_hash(image: Image.Image) -> int:
    """64 bits of a digest of an RGB picture's size and pixels: the same for the same picture in whatever file."""
    digest = hashlib.blake2b(b"%dx%d" % image.size, digest_size=8)
    digest.update(image.tobytes())
    return int.from_bytes(digest.digest(), "big")


def _open_encoded(data: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd tag in a store's file is not the reader's business
            return Image.open(io.BytesIO(data))
    except UnidentifiedImageError as error:
        raise ImageError("not a picture: none of the known formats") from error
    except Exception as error:  # decoders raise whatever a damaged file leads them to
        raise ImageError(f"not a picture: {_short(error)}") from error


def _file_bytes(picture: str | os.PathLike[str]) -> bytes:
    """The whole file, so that no handle stays open however decoding ends."""
    try:
        file = Path(picture)
        size_bytes = file.stat().st_size
        if size_bytes <= MAX_FILE_BYTES:
            return file.read_bytes()
    except FileNotFoundError as error:
        raise ImageError(f"no such file: {str(picture)!r}") from error
    except (OSError, ValueError) as error:
        raise ImageError(f"unreadable file {str(picture)!r}: {_short(error)}") from error
    except TypeError as error:
        kind = type(picture).__name__
        raise ImageError(f"{kind} is no picture: use a file, bytes, a PIL image or an array") from error
    raise ImageError(f"{size_bytes:,} bytes are more than the {MAX_FILE_BYTES:,} allowed for a picture")


def _upright(image: Image.Image) -> Image.Image:
    """The picture turned as its EXIF orientation says; a broken EXIF block does not cost the picture."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # the block is a small file format of its own, and as often damaged
        return image


def _from_array(array: NDArray[Any]) -> Image.Image:
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] not in (3, 4) or 0 in array.shape:
        raise ImageError(f"array {array.dtype} {array.shape}: use uint8 of shape (height, width, 3)")
    return Image.fromarray(array)


def _flatten(image: Image.Image) -> Image.Image:
    """RGB, with transparent parts on white as stores show them."""
    if image.mode[0] in "IF":  # more than 8 bits a channel: `convert` would clip instead of scale
        high = np.nan_to_num(np.asarray(image, dtype=np.float32), posinf=0, neginf=0).clip(0)
        top = 65535.0 if image.mode.startswith("I;16") else max(float(high.max()), 1.0)
        return Image.fromarray((high / top * 255).round().astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        layered = image.convert("RGBA")
        white = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(white, layered).convert("RGB")
    return image.convert("RGB")


def _resize(image: Image.Image, config: ImageConfig) -> Image.Image:
    size = (config.width_px, config.height_px)
    if image.size == size:
        return image
    if config.fit == "pad":
        scale = min(size[0] / image.width, size[1] / image.height)
        inner = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        padded = Image.new("RGB", size, "white")
        padded.paste(
            image.resize(inner, Image.Resampling.BILINEAR), ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2)
        )
        return padded
    if config.fit == "crop":
        return ImageOps.fit(image, size, Image.Resampling.BILINEAR)
    return image.resize(size, Image.Resampling.BILINEAR)


def _short(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
