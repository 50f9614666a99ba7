"""Smooth shapes on a picture: everything is drawn at three times its size and shrunk at the end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw

Colour: TypeAlias = tuple[int, int, int]
Point: TypeAlias = tuple[float, float]
Outline: TypeAlias = Sequence[Point]

#: How many times larger than the finished picture everything is drawn.
OVERSIZE = 3
WHITE: Colour = (255, 255, 255)


class Paint(Protocol):
    """Something that can cover an area: a fabric with its pattern."""

    @property
    def colour(self) -> Colour:
        """Its main colour, from which shades and outlines are mixed."""

    def cloth(self, size: tuple[int, int], unit_px: float) -> Image.Image:
        """A picture of `size` covered with it; `unit_px` is the length of one body unit."""


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """The colour that lies `share` of the way from the first to the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def darker(colour: Colour, share: float = 0.35) -> Colour:
    """The same colour, nearer to black."""
    return mix(colour, (20, 14, 24), share)


def lighter(colour: Colour, share: float = 0.35) -> Colour:
    """The same colour, nearer to white."""
    return mix(colour, WHITE, share)


def smooth(outline: Outline, rounds: int = 3) -> list[Point]:
    """The closed outline with its corners cut again and again (Chaikin); a point given twice stays a sharp corner."""
    points = np.asarray(outline, dtype=float)
    for _ in range(rounds):
        following = np.roll(points, -1, axis=0)
        points = np.stack([0.75 * points + 0.25 * following, 0.25 * points + 0.75 * following], axis=1).reshape(-1, 2)
    return [(float(x), float(y)) for x, y in points]


def corners(*points: Point) -> list[Point]:
    """Each point twice, so that `smooth` leaves it sharp."""
    return [point for point in points for _ in range(2)]


def oval(x: float, y: float, wide: float, high: float) -> list[Point]:
    """A closed outline around (x, y) with half axes `wide` and `high`."""
    turns = (2 * math.pi * step / 28 for step in range(28))
    return [(x + wide * math.cos(turn), y + high * math.sin(turn)) for turn in turns]


def mirrored(right: Outline) -> list[Point]:
    """A closed outline from its right half, given from top to bottom."""
    return [*right, *((-x, y) for x, y in reversed(right))]


def along(line: Outline, place: float) -> Point:
    """The point after `place` pieces of a broken line: 1.5 is the middle of the second piece."""
    piece = min(int(place), len(line) - 2)  # a place beyond the end lies on the last piece's straight continuation
    (x, y), (next_x, next_y) = line[piece], line[piece + 1]
    share = place - piece
    return x + (next_x - x) * share, y + (next_y - y) * share


def tube(
    line: Outline, widths: Sequence[float], length: float | None = None, *, round_start: bool = True
) -> list[Point]:
    """The outline of a limb around a broken line, with a half width at each point, cut after `length` pieces."""
    length = len(line) - 1 if length is None else length
    places = [float(step) for step in range(len(line)) if step < length] + [length]
    middle = np.array([along(line, place) for place in places])
    half = np.interp(places, range(len(line)), widths)[:, None]
    ahead = np.gradient(middle, axis=0)
    normal = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1) / np.linalg.norm(ahead, axis=1, keepdims=True)
    left, right = middle + normal * half, middle - normal * half
    start = [middle[:1] - ahead[:1] / np.linalg.norm(ahead[0]) * half[0]] if round_start else [right[:1], left[:1]]
    around = np.concatenate([*start, left, left[-1:], right[-1:], right[::-1]])
    return smooth([(float(x), float(y)) for x, y in around])


@dataclass(frozen=True)
class Frame:
    """Where body units lie: `zoom` pixels a unit, the body's origin at the pixel (x, y), turned by `turn` degrees."""

    zoom: float
    x: float
    y: float
    turn: float = 0.0

    @classmethod
    def centred(cls, y: float, at: Point, zoom: float, turn: float = 0.0) -> Frame:
        """The frame that shows the middle line's point at height `y` at the pixel `at`."""
        angle = math.radians(turn)
        return cls(zoom, at[0] + y * zoom * math.sin(angle), at[1] - y * zoom * math.cos(angle), turn)

    def scaled(self, factor: int) -> Frame:
        """The same view on a picture that is `factor` times as large."""
        return Frame(self.zoom * factor, self.x * factor, self.y * factor, self.turn)

    def pixels(self, outline: Outline) -> NDArray[np.float64]:
        """The outline in oversize pixels, (points, 2)."""
        angle = math.radians(self.turn)
        rotation = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        placed: NDArray[np.float64] = np.asarray(outline, dtype=float) @ rotation * self.zoom + (self.x, self.y)
        return placed * OVERSIZE


class Canvas:
    """A backdrop on which shapes are laid, each with a darker side and a fine outline."""

    def __init__(self, backdrop: Image.Image, frame: Frame) -> None:
        """`backdrop` is the oversize picture to draw on; it is changed."""
        self.image = backdrop
        self.frame = frame
        self.unit_px = frame.zoom * OVERSIZE
        self._pen = ImageDraw.Draw(backdrop)
        self._cloths: dict[Paint, Image.Image] = {}

    def fill(self, outline: Outline, paint: Paint | Colour, *, shade: float = 0.2, edge: float = 0.4) -> None:
        """Cover an outline: `shade` darkens the side away from the light, `edge` is the width of the line around it."""
        colour = paint if isinstance(paint, tuple) else paint.colour
        points = self.frame.pixels(outline)
        depth = round(1.5 * self.unit_px)
        left, top = np.maximum(points.min(axis=0).astype(int) - depth, 0).tolist()
        right, bottom = np.minimum(points.max(axis=0).astype(int) + depth, self.image.size).tolist()
        if right <= left or bottom <= top:
            return
        mask = Image.new("L", (right - left, bottom - top))
        ImageDraw.Draw(mask).polygon([tuple(point) for point in (points - (left, top)).tolist()], fill=255)
        box = (left, top, right, bottom)
        self.image.paste(paint if isinstance(paint, tuple) else self._cloth(paint).crop(box), box, mask)
        if shade:
            dim = ImageChops.subtract(mask, ImageChops.offset(mask, -depth, -depth // 3), scale=1 / shade)
            self.image.paste(darker(colour, 0.8), box, dim)
        if edge:
            self.line([*outline, outline[0]], darker(colour, 0.42), edge)

    def line(self, points: Outline, colour: Colour, width: float = 0.4) -> None:
        """A line through the points, `width` body units wide."""
        placed = [tuple(point) for point in self.frame.pixels(points).tolist()]
        self._pen.line(placed, fill=colour, width=max(2, round(width * self.unit_px)), joint="curve")

    def dot(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """A plain filled circle."""
        self.fill(oval(x, y, radius, radius), colour, shade=0, edge=0)

    def finished(self) -> Image.Image:
        """The picture at its real size, with smooth edges."""
        return self.image.reduce(OVERSIZE)

    def _cloth(self, paint: Paint) -> Image.Image:
        if paint not in self._cloths:
            self._cloths[paint] = paint.cloth(self.image.size, self.unit_px)
        return self._cloths[paint]
