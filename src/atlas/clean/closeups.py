"""Close-ups cut out of normal pictures: examples of both kinds where nobody has labelled any.

A close-up shows a part of the product alone. It is found by telling the product from a plain background, and kept when
most of it shows the product. Close-ups and normal pictures take the same way afterwards, so that neither sharpness nor
size nor compression says which is which.
"""

from __future__ import annotations

import hashlib
import io
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from atlas.errors import AtlasError, RecipeError
from atlas.images import decode
from atlas.recipe import from_mapping

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atlas.records import Picture

NORMAL, ZOOMED = "normal", "zoomed"
STANDARD = "standard"
#: The product is looked for in a picture of this many pixels a side, which takes a few milliseconds.
MASK_PX = 96


class Box(NamedTuple):
    """A part of a picture, in pixels or as shares of its sides; right and bottom are one past the end."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From top to bottom."""
        return self.bottom - self.top


class Cuts(NamedTuple):
    """What one picture gives: itself and its close-ups, as JPEG files that took the same way."""

    normal: bytes
    closeups: tuple[bytes, ...]


class Product(NamedTuple):
    """Where the product is: masks (h, w) of at most `MASK_PX` a side."""

    shown: NDArray[np.bool_]  # the product with what it encloses
    coloured: NDArray[np.bool_]  # what has another colour than the background
    ground: NDArray[np.float64] | None  # (3,), the colour of the background; None where it has none


class NoCloseUpError(AtlasError):
    """A picture out of which no close-up can be cut, and why."""


@dataclass(frozen=True)
class CloseUpConfig:
    """How close-ups are cut; what each key means stands in `closeups.toml`, where the values are."""

    seed: int
    per_picture: float
    scale: tuple[float, float]
    min_side_px: int
    cover: float
    own_colour: float
    tries: int
    background_step: int
    plain_border: float
    middle: tuple[float, float]
    min_product: float
    ground: float
    fill: float
    fill_margin: float
    detail: tuple[float, float]
    blur_px: tuple[float, float]
    side_px: tuple[int, int]
    quality: tuple[int, int]

    def __post_init__(self) -> None:
        for name in ("cover", "own_colour", "plain_border", "min_product", "ground", "fill", "fill_margin"):
            if not 0 <= getattr(self, name) <= 1:
                raise RecipeError(f"close-ups: {name} is {getattr(self, name)}: use a share from 0 to 1")
        for name in ("scale", "middle", "detail"):
            if not all(0 < value <= 1 for value in getattr(self, name)):
                raise RecipeError(f"close-ups: {name} is {list(getattr(self, name))}: use shares above 0, up to 1")
        for name in ("scale", "detail", "blur_px", "side_px", "quality"):
            low, high = getattr(self, name)
            if not 0 <= low <= high:
                raise RecipeError(f"close-ups: {name} is {[low, high]}: use the lower number first")
        if not 0 <= self.per_picture <= 100 or self.tries < 1 or self.min_side_px < 1 or self.side_px[0] < 8:
            raise RecipeError("close-ups: use a per_picture from 0 to 100, tries and min_side_px of 1, side_px of 8 up")
        if self.quality[1] > 95 or self.quality[0] < 1:
            raise RecipeError(f"close-ups: quality is {list(self.quality)}: use 1 to 95")


def load_closeups(name: str = STANDARD) -> CloseUpConfig:
    """The settings called `standard`, or those with what a TOML file says otherwise.

    Raises RecipeError for a file that is none, an unknown key and a value that is not allowed.
    """
    shipped = resources.files("atlas.clean") / "closeups.toml"
    values = tomllib.loads(shipped.read_text(encoding="utf-8"))
    if name != STANDARD:
        values |= _table(Path(name))
    return from_mapping(CloseUpConfig, values, f"close-ups {name!r}")


def cut_closeups(picture: Picture, config: CloseUpConfig) -> Cuts:
    """The picture and as many close-ups of it as the settings ask for; the same for the same content and seed.

    Raises NoCloseUpError where no product is found or every window is too small or shows too little of it, and
    ImageError for a picture that cannot be decoded.
    """
    image = decode(picture)
    content = hashlib.sha256(picture if isinstance(picture, bytes) else image.tobytes()).digest()
    random = np.random.default_rng((config.seed, int.from_bytes(content[:8], "big")))
    product = find_product(image, config)
    box = product_box(product.shown)
    fills = random.random() < config.fill
    shape = (box.width * image.width, box.height * image.height) if fills else (image.width, image.height)
    count = int(config.per_picture) + int(random.random() < config.per_picture % 1)
    painted = random.random() < config.ground
    windows = [_window(image.size, product, box, shape, config, random) for _ in range(max(1, count))]
    if painted and product.ground is not None:
        image = _on_other_ground(image, product.shown, product.ground, config.background_step, random)
    pixels = windows[0].width * windows[0].height
    frame = _frame(image, box, config.fill_margin * random.random()) if fills else Box(0, 0, *image.size)
    return Cuts(
        _milled(image, frame, pixels, config, random),
        tuple(_milled(image, window, window.width * window.height, config, random) for window in windows[:count]),
    )


def find_product(image: Image.Image, config: CloseUpConfig) -> Product:
    """Where the product is.

    Background is what has the border's middle colour and hangs together with the border. Where the border has no such
    colour, the product is taken to be in the middle. Raises NoCloseUpError when next to nothing is left.
    """
    small = image.copy()
    small.thumbnail((MASK_PX, MASK_PX), Image.Resampling.BOX)
    pixels = np.asarray(small, dtype=np.int16)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    colour = np.median(border, axis=0)
    if (np.abs(border - colour).max(axis=1) <= config.background_step).mean() < config.plain_border:
        middle = _middle(pixels.shape[0], pixels.shape[1], config.middle)
        return Product(middle, middle, None)
    plain = np.abs(pixels - colour).max(axis=2) <= config.background_step
    shown = ~_from_border(plain)
    if shown.mean() < config.min_product:
        raise NoCloseUpError(f"no product stands out: it would be {shown.mean():.1%} of the picture")
    return Product(shown, ~plain, colour)


def product_box(shown: NDArray[np.bool_]) -> Box:
    """The box around a mask, in shares of its sides, but for the outermost half percent on each side (stray pixels)."""
    rows, columns = np.nonzero(shown)
    left, right = np.quantile(columns, (0.005, 0.995))
    top, bottom = np.quantile(rows, (0.005, 0.995))
    height, width = shown.shape
    return Box(int(left) / width, int(top) / height, (int(right) + 1) / width, (int(bottom) + 1) / height)


def _from_border(candidates: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The candidates (h, w) that hang together with the border, over sides."""
    reached = np.zeros_like(candidates)
    reached[[0, -1]], reached[:, [0, -1]] = candidates[[0, -1]], candidates[:, [0, -1]]
    count = -1
    while count != (count := int(reached.sum())):
        for flip in (slice(None), slice(None, None, -1)):  # a sweep each way fills long stretches at once
            for lines, allowed in ((reached[flip], candidates[flip]), (reached.T[flip], candidates.T[flip])):
                for above, below, free in zip(lines, lines[1:], allowed[1:], strict=False):
                    below |= above & free
    return reached


def _middle(height: int, width: int, share: tuple[float, float]) -> NDArray[np.bool_]:
    """An ellipse in the middle (h, w)."""
    y = (np.arange(height) + 0.5) / height * 2 - 1
    x = (np.arange(width) + 0.5) / width * 2 - 1
    return np.asarray((x[None] / share[0]) ** 2 + (y[:, None] / share[1]) ** 2 <= 1)


def _window(
    size: tuple[int, int],
    product: Product,
    box: Box,
    shape: tuple[float, float],
    config: CloseUpConfig,
    random: np.random.Generator,
) -> Box:
    """A window of a picture of this size, in pixels, that shows mostly product. Raises NoCloseUpError without one."""
    low, high = config.scale
    root = np.sqrt(box.width * size[0] * box.height * size[1])
    bend = np.sqrt(shape[0] / shape[1])
    smallest = config.min_side_px / root * max(bend, 1 / bend)
    if smallest > high:
        raise NoCloseUpError(f"the product is {root:.0f} px large: no window of {config.min_side_px} px fits")
    shown, coloured = _sums(product.shown), _sums(product.coloured)
    for _ in range(config.tries):
        side = random.uniform(max(low, smallest), high) * root
        width, height = min(side * bend, size[0]), min(side / bend, size[1])
        left, top = random.uniform(0, size[0] - width), random.uniform(0, size[1] - height)
        window = Box(left, top, left + width, top + height)
        if _share(shown, window, size) >= config.cover and _share(coloured, window, size) >= config.own_colour:
            return window
    raise NoCloseUpError(f"no window in {config.tries} shows {config.cover:.0%} product")


def _sums(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """The sums (h + 1, w + 1) of all that lies above and left."""
    return np.pad(mask.astype(np.int32).cumsum(0).cumsum(1), ((1, 0), (1, 0)))


def _share(sums: NDArray[np.int32], window: Box, size: tuple[int, int]) -> float:
    """The share of a window that a mask covers, from its sums."""
    height, width = sums.shape[0] - 1, sums.shape[1] - 1
    left, right = int(window.left * width / size[0]), min(width, int(np.ceil(window.right * width / size[0])))
    top, bottom = int(window.top * height / size[1]), min(height, int(np.ceil(window.bottom * height / size[1])))
    inside = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    return float(inside / max(1, (right - left) * (bottom - top)))


def _on_other_ground(
    image: Image.Image, shown: NDArray[np.bool_], ground: NDArray[np.float64], step: int, random: np.random.Generator
) -> Image.Image:
    """The picture with its plain background in another colour, a gradient, or patches."""
    pixels = np.asarray(image, dtype=np.float32)
    around = Image.fromarray(~shown).convert("L").resize(image.size, Image.Resampling.BILINEAR)
    plain = np.abs(pixels - ground).max(axis=2) <= step
    mask = Image.fromarray(((np.asarray(around) > 80) & plain).astype(np.uint8) * 255)
    share = np.asarray(mask.filter(ImageFilter.GaussianBlur(1)), dtype=np.float32)[..., None] / 255
    cells = (*random.integers(1, 7, 2).tolist(), 3)
    colours = random.uniform(0, 255, 3) + random.choice((0.0, 20.0, 90.0)) * random.standard_normal(cells)
    patches = Image.fromarray(colours.clip(0, 255).astype(np.uint8)).resize(image.size, Image.Resampling.BICUBIC)
    mixed = pixels * (1 - share) + np.asarray(patches, dtype=np.float32) * share
    return Image.fromarray(mixed.astype(np.uint8))


def _frame(image: Image.Image, box: Box, margin: float) -> Box:
    """The product's box in pixels, with a margin of so much of its sides."""
    wide, high = margin * box.width, margin * box.height
    return Box(
        max(0, box.left - wide) * image.width,
        max(0, box.top - high) * image.height,
        min(1, box.right + wide) * image.width,
        min(1, box.bottom + high) * image.height,
    )


def _milled(image: Image.Image, part: Box, pixels: float, config: CloseUpConfig, random: np.random.Generator) -> bytes:
    """A part of the picture shrunk to about `pixels`, blurred, enlarged, compressed: the way that both kinds take."""
    factor = min(1.0, float(random.uniform(*config.detail) * np.sqrt(pixels / (part.width * part.height))))
    size = _at_least_one(part.width * factor, part.height * factor)
    small = image.resize(size, Image.Resampling.BOX if factor < 0.5 else Image.Resampling.BILINEAR, part)
    small = small.filter(ImageFilter.GaussianBlur(float(random.uniform(*config.blur_px))))
    longer = int(random.integers(config.side_px[0], config.side_px[1] + 1))
    scale = longer / max(size)
    large = small.resize(_at_least_one(size[0] * scale, size[1] * scale), Image.Resampling.BILINEAR)
    sink = io.BytesIO()
    large.save(sink, "JPEG", quality=int(random.integers(config.quality[0], config.quality[1] + 1)))
    return sink.getvalue()


def _at_least_one(width: float, height: float) -> tuple[int, int]:
    return max(1, round(width)), max(1, round(height))


def _table(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise RecipeError(f"no close-up settings {str(file)!r}: use '{STANDARD}' or a TOML file")
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{file} is not TOML: {error}") from error
