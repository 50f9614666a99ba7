"""What a picture shows in 128 small numbers, by which another copy of it is found again. Needs no model."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from atlas.clean.foreground import SIDE_PX, Cutout, cut_out

if TYPE_CHECKING:
    from PIL import Image

#: Names the numbers below: descriptors of another name cannot be compared with these.
DESCRIPTOR = "outline-1"
#: A picture whose pixels differ less from one colour (standard deviation, of 255) shows nothing.
BLANK = 2.0
#: Numbers of which a descriptor consists; the first half is the same for a picture and its mirror image.
LENGTH = 128
#: Cells along each axis, and directions, in which edges are counted.
_CELLS, _DIRECTIONS = 4, 8
#: Frequencies kept along each axis: of light, of each of two colours, of the outline.
_LIGHT, _COLOUR, _OUTLINE = 12, 6, 8
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def describe(picture: Image.Image) -> NDArray[np.int8]:
    """What an upright RGB picture shows, (128,), all zero where it shows nothing.

    Copies of a picture lie close together (squared distance some hundreds, of two pictures some thousands to ten
    thousands), whether one was compressed, resized, mirrored, framed, cropped a little, relit, stamped, or put on
    another ground. The weights come from a linear discriminant analysis (`benchmarks/descriptor_weights.py`).
    """
    cutout = cut_out(picture)
    if cutout.contrast < BLANK:
        return np.zeros(LENGTH, np.int8)
    weights, mean = _weights()
    described = np.rint(weights @ (features(cutout) - mean)).clip(-127, 127).astype(np.int8)
    if not described.any():
        described[0] = 1  # only a blank picture is all zero
    return described


def mirrored(descriptors: NDArray[np.int8]) -> NDArray[np.int8]:
    """The descriptors (.., 128) of the same pictures seen in a mirror."""
    turned = descriptors.copy()
    turned[..., LENGTH // 2 :] *= -1
    return turned


@cache
def _weights() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    with (files("atlas.clean") / "descriptor.npz").open("rb") as file, np.load(file) as stored:
        return np.asarray(stored["weights"], np.float32), np.asarray(stored["mean"], np.float32)


def features(cutout: Cutout) -> NDArray[np.float32]:
    """What is measured of a cut-out before it is weighed (410,): light and colour by frequency, outline, edges, levels.

    Light is taken relative to its mean and spread within the outline, so that lighting changes two numbers only.
    """
    luma = np.tensordot(_LUMA, cutout.colour, 1).astype(np.float32)
    blue, red = 0.564 * (cutout.colour[2] - luma), 0.713 * (cutout.colour[0] - luma)
    mass = float(cutout.cover.sum())
    mean = float(luma.sum()) / mass
    light = luma - mean * cutout.cover
    spread = float(np.sqrt((light**2).sum() / mass)) + 4
    light = np.asarray(light / spread, np.float32)
    parts: list[NDArray[Any]] = [
        _frequencies(light, _LIGHT),
        _frequencies(blue, _COLOUR) / 20,
        _frequencies(red, _COLOUR) / 20,
        _frequencies(cutout.cover, _OUTLINE) * 1.5,
        _edges(light),
        np.array([mean, spread]) / 20,
    ]
    return np.concatenate(parts).astype(np.float32)


def _frequencies(plane: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """The lowest frequencies of a plane (discrete cosine transform), `count` along each axis, in one row."""
    waves = _waves(count)
    return np.asarray(waves @ plane @ waves.T, np.float32).ravel()


@cache
def _waves(count: int) -> NDArray[np.float32]:
    place = np.arange(SIDE_PX) + 0.5
    waves = np.cos(np.pi * np.outer(np.arange(count), place) / SIDE_PX) * np.sqrt(2 / SIDE_PX)
    waves[0] /= np.sqrt(2)
    return np.asarray(waves, np.float32)


def _edges(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much edge of each direction lies in each cell; square root, so that a strong one does not drown the rest."""
    across, down = np.zeros_like(light), np.zeros_like(light)
    across[:, 1:-1] = light[:, 2:] - light[:, :-2]
    down[1:-1] = light[2:] - light[:-2]
    strength = np.hypot(across, down).ravel()
    angle = (np.arctan2(down, across).ravel() % np.pi) * (_DIRECTIONS / np.pi)
    low = np.floor(angle)
    share, first = angle - low, low.astype(np.int64) % _DIRECTIONS
    place, size = _cell_of_pixel(), _DIRECTIONS * _CELLS**2
    second = (first + 1) % _DIRECTIONS
    amount = np.bincount(first * _CELLS**2 + place, strength * (1 - share), size)
    amount += np.bincount(second * _CELLS**2 + place, strength * share, size)
    return np.asarray(np.sqrt(amount + 0.01), np.float32)


@cache
def _cell_of_pixel() -> NDArray[np.int64]:
    line = np.arange(SIDE_PX) * _CELLS // SIDE_PX
    return (line[:, None] * _CELLS + line).ravel()


@cache
def mirror() -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Order and signs (410,) by which the features of a picture become those of its mirror image."""
    place, sign = [], []
    for count in (_LIGHT, _COLOUR, _COLOUR, _OUTLINE):
        place.append(np.arange(count**2))
        sign.append(np.tile((-1.0) ** np.arange(count), count))
    cells = np.arange(_DIRECTIONS * _CELLS**2).reshape(_DIRECTIONS, _CELLS, _CELLS)
    place.append(cells[-np.arange(_DIRECTIONS) % _DIRECTIONS][:, :, ::-1].ravel())
    place.append(np.arange(2))
    sign += [np.ones(cells.size), np.ones(2)]
    starts = np.cumsum([0] + [len(part) for part in place[:-1]])
    order = np.concatenate([part + start for part, start in zip(place, starts, strict=True)])
    return order, np.concatenate(sign).astype(np.float32)
