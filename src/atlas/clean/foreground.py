"""The thing that a picture shows, cut from its ground and brought to one place and size."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

#: Pictures are looked at in this many pixels a side, whatever their shape: the window below undoes the stretch.
LOOK_PX = 64
#: Side of what comes out.
SIDE_PX = 32

#: Pixels this near to the ground's colour (of 255, in the channel that differs most) are ground.
_GROUND_STEP = 10
#: Ground that changes slowly, as light falls off, may go this many times further than it does along the edge, ..
_DRIFT = 3
#: .. in steps of at most this.
_GRADIENT_STEP = 5
#: A line is of one colour when its pixels differ from their median by less, on average.
_LINE_STEP = 8
_FRAME_STEP = 24
#: Frames within frames that are looked through, and how much of a side each may take.
_FRAMES, _FRAME_SHARE = 3, 0.2
#: Less foreground than this, or more than the other, is no cut-out: the whole picture counts.
_LEAST, _MOST = 0.02, 0.97
#: Parts that vanish when so many pixels are taken off all round are writing or dirt, as long as others do not.
_CORES_PX = (3, 2, 1)
#: The window reaches so many standard deviations of the foreground's pixels from their mean.
_REACH = 2.2
#: Points that are averaged for each pixel that comes out, along each axis.
_SAMPLES = 3

Floats = NDArray[np.float32]
#: Top, bottom, left, right.
Box: TypeAlias = tuple[int, int, int, int]


class Cutout(NamedTuple):
    """A foreground in its own window."""

    colour: Floats  # (3, SIDE_PX, SIDE_PX) RGB from 0 to 255, times `cover`
    cover: Floats  # (SIDE_PX, SIDE_PX) share of each pixel that is foreground
    contrast: float  # how far the picture's pixels are from one colour: standard deviation, 0 to 127

    def mirrored(self) -> Cutout:
        """The same seen in a mirror."""
        return Cutout(self.colour[:, :, ::-1], self.cover[:, ::-1], self.contrast)


def cut_out(picture: Image.Image) -> Cutout:
    """The foreground of an RGB picture, moved and scaled so that its mean and spread along each axis are the same.

    Frames of one colour are looked through. Ground is what joins the edge in the edge's colour. So frames, margins, the
    ground's colour, the picture's size and small crops change little of what comes out.
    """
    pixels = _planes(picture)
    inner, ground = _without_frames(pixels)
    if inner != (0, LOOK_PX, 0, LOOK_PX):
        top, bottom, left, right = inner
        scale_x, scale_y = picture.width / LOOK_PX, picture.height / LOOK_PX
        box = (left * scale_x, top * scale_y, right * scale_x, bottom * scale_y)
        pixels = _planes(picture, box)
    cover = _foreground(pixels, ground)
    rows, columns = _window(cover.sum(axis=1)), _window(cover.sum(axis=0))
    layers = np.concatenate([pixels * cover, cover[None]])
    seen = rows @ layers @ columns.T
    return Cutout(seen[:3], seen[3], float(pixels.std(axis=(1, 2)).max()))


def _planes(picture: Image.Image, box: tuple[float, float, float, float] | None = None) -> Floats:
    """The picture, or a box of it, as (3, LOOK_PX, LOOK_PX)."""
    small = picture.resize((LOOK_PX, LOOK_PX), Image.Resampling.BILINEAR, box, reducing_gap=2.0)
    return np.ascontiguousarray(np.asarray(small, np.float32).transpose(2, 0, 1))


def _without_frames(pixels: Floats) -> tuple[Box, Floats]:
    """What lies within frames of one colour, and the ground's colour (3,) there.

    A thing of one colour on its ground looks like a picture in a frame, too: it is none.
    """
    box: Box = (0, LOOK_PX, 0, LOOK_PX)
    ground, plain = _ground(pixels)
    for _ in range(_FRAMES if plain else 0):
        top, bottom, left, right = box
        near = _distance(pixels[:, top:bottom, left:right], ground) < _FRAME_STEP
        inner = _inner(near)
        if inner is None or _ring(near[inner[0] : inner[1], inner[2] : inner[3]]).mean() > 0.05:
            break  # its colour goes on inside: this is no frame, but the ground
        inner = (top + inner[0], top + inner[1], left + inner[2], left + inner[3])
        inside = pixels[:, inner[0] : inner[1], inner[2] : inner[3]]
        colour, plain = _ground(inside)
        if (_distance(inside, colour) < _FRAME_STEP).mean() > _MOST:
            break
        box, ground = inner, colour
        if not plain:
            break
    return box, ground


def _ground(pixels: Floats) -> tuple[Floats, bool]:
    """The middle colour (3,) of a picture's edge, and whether all of the edge has it."""
    lines = (pixels[:, 0], pixels[:, -1], pixels[:, :, 0], pixels[:, :, -1])
    ground = np.median(np.concatenate(lines, axis=1), axis=1)
    return ground, all(_is_plain(line, ground) for line in lines)


def _inner(near: NDArray[np.bool_]) -> Box | None:
    """Where lines begin that are not all of the edge's colour; None where that leaves too little to be in a frame."""
    rows, columns = np.flatnonzero(~near.all(axis=1)), np.flatnonzero(~near.all(axis=0))
    if not len(rows) or not len(columns):
        return None
    # two more lines each side: where frame and picture meet they are mixed
    box = (int(rows[0]) + 2, int(rows[-1]) - 1, int(columns[0]) + 2, int(columns[-1]) - 1)
    high, wide = max(box[0], near.shape[0] - box[1]), max(box[2], near.shape[1] - box[3])
    return box if max(high / near.shape[0], wide / near.shape[1]) <= _FRAME_SHARE else None


def _is_plain(line: Floats, ground: Floats) -> bool:
    """Whether all of a line (3, n) has about the ground's colour."""
    middle = np.median(line, axis=1)
    spread = np.abs(line - middle[:, None]).max(axis=0).mean()
    return bool(spread < _LINE_STEP and np.abs(middle - ground).max() < _FRAME_STEP)


def _ring(plane: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([plane[0], plane[-1], plane[:, 0], plane[:, -1]])


def _distance(pixels: Floats, colour: Floats) -> Floats:
    """How far each pixel is from a colour, in the channel that differs most (of equal shape, less the channels)."""
    apart = np.abs(pixels - colour[:, None, None])
    return np.asarray(np.maximum(np.maximum(apart[0], apart[1]), apart[2]))


def _foreground(pixels: Floats, ground: Floats) -> Floats:
    """1 where the picture shows its thing, 0 where ground that joins the edge does; all 1 where that makes no sense."""
    apart = _distance(pixels, ground)
    across = np.abs(np.diff(pixels, axis=2, prepend=pixels[:, :, :1]))
    down = np.abs(np.diff(pixels, axis=1, prepend=pixels[:, :1]))
    steep = np.maximum(across, down)
    steep = np.maximum(np.maximum(steep[0], steep[1]), steep[2])
    drift = _DRIFT * float(np.median(_ring(apart)))
    alike = (apart < _GROUND_STEP) | ((apart < drift) & (steep < _GRADIENT_STEP))
    ground_bits = _bits(alike)
    seen = _ALL & ~_spread(ground_bits & _EDGE, ground_bits)
    if not _LEAST <= seen.bit_count() / LOOK_PX**2 <= _MOST:
        return np.ones_like(apart)
    return _plane(_solid(seen))


# -- planes of LOOK_PX x LOOK_PX yes and no as one whole number: its shifts are the fastest way to neighbours ----------


def _bits(plane: NDArray[np.bool_]) -> int:
    """The plane line by line, with an empty column at the end of each, so that no line flows into the next."""
    return int.from_bytes(np.packbits(np.pad(plane, ((0, 0), (0, 1)))).tobytes(), "big")


def _plane(bits: int) -> Floats:
    rows = np.frombuffer(bits.to_bytes(LOOK_PX * _STRIDE // 8, "big"), np.uint8)
    return np.unpackbits(rows).reshape(LOOK_PX, _STRIDE)[:, :LOOK_PX].astype(np.float32)


_STRIDE = LOOK_PX + 1
_ALL = _bits(np.ones((LOOK_PX, LOOK_PX), np.bool_))
_EDGE = _ALL & ~_bits(np.pad(np.ones((LOOK_PX - 2, LOOK_PX - 2), np.bool_), 1))


def _spread(start: int, within: int) -> int:
    """The cells of `within` that hang together with one of `start`."""
    joined = start & within
    while True:
        wide = joined | joined << 1 | joined >> 1 | joined << _STRIDE | joined >> _STRIDE
        if (wide := wide & within) == joined:
            return joined
        joined = wide


def _grown(plane: int, by_px: int) -> int:
    for _ in range(by_px):
        plane = (plane | plane << 1 | plane >> 1) & _ALL
        plane = (plane | plane << _STRIDE | plane >> _STRIDE) & _ALL
    return plane


def _shrunk(plane: int, by_px: int) -> int:
    """The plane less so many pixels all round; what touches the picture's edge is not cut there."""
    return _ALL & ~_grown(_ALL & ~plane, by_px)


def _solid(seen: int) -> int:
    """What is seen less fine parts, and less small ones beside larger ones: writing on the ground goes.

    The outermost pixels go too, where more stays than goes: they are mixed with the ground's colour.
    """
    plain = _grown(_shrunk(seen, 1), 1)
    for depth_px in _CORES_PX:
        core = _shrunk(plain, depth_px)
        if core:
            whole = _spread(core, plain)
            inner = _shrunk(whole, 1)
            return inner if 2 * inner.bit_count() > whole.bit_count() else whole
    return seen


def _window(mass: Floats) -> Floats:
    """The matrix (SIDE_PX, LOOK_PX) that takes a picture's lines to those of the window around this mass (LOOK_PX,)."""
    place = np.arange(LOOK_PX) + 0.5
    weight = mass / mass.sum()
    middle = float(weight @ place)
    reach = _REACH * float(np.sqrt(weight @ (place - middle) ** 2))
    ends = np.linspace(middle - reach, middle + reach, SIDE_PX * _SAMPLES + 1)
    at = (ends[:-1] + ends[1:]) / 2 - 0.5
    shares = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(LOOK_PX)))
    return np.asarray(shares.reshape(SIDE_PX, _SAMPLES, LOOK_PX).mean(axis=1), np.float32)
