"""The pieces that garments are sewn from: bodice, sleeves, collar, trousers, skirt, border."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from atlas.demo.canvas import (
    Canvas,
    Colour,
    Outline,
    Paint,
    Point,
    along,
    corners,
    darker,
    lighter,
    mirrored,
    smooth,
    tube,
)
from atlas.demo.fabrics import Fabric
from atlas.demo.figures import CHEST, CROTCH, HIP, NECK, SHOULDER, WAIST, Figure

Cover: TypeAlias = Paint | Colour
Widths: TypeAlias = tuple[float, float, float]
STITCH: Colour = (214, 168, 96)
PALE: Colour = (246, 244, 240)


@dataclass(frozen=True)
class Look:
    """What stays the same on every picture of one product."""

    fabric: Fabric
    trim: Colour
    plain: Colour  # of what is worn along with it
    cut: float  # 0 to 1: how long or wide
    detail: int  # 0, 1 or 2: the small things


class Tailor:
    """Sews one product's pieces onto a figure, or lays them out flat when nobody wears them."""

    def __init__(self, canvas: Canvas, figure: Figure, look: Look, *, worn: bool) -> None:
        self.canvas = canvas
        self.figure = figure
        self.worn = worn
        self.fabric, self.trim, self.plain, self.detail = look.fabric, look.trim, look.plain, look.detail
        self.colour = look.fabric.colour
        self._cut = look.cut

    def between(self, least: float, most: float) -> float:
        """A length between the two, by the product's cut."""
        return least + (most - least) * self._cut

    # -- needle and thread -------------------------------------------------------------------------------------------

    def fill(self, outline: Outline, paint: Cover | None = None, *, sharp: bool = False, shade: float = 0.2) -> None:
        """Cover an outline, smoothed unless `sharp`, with a paint or with the product's own fabric."""
        self.canvas.fill(outline if sharp else smooth(outline), paint or self.fabric, shade=shade)

    def middle(self, right: Outline, paint: Cover | None = None, *, sharp: bool = False, shade: float = 0.2) -> None:
        """Cover a piece that lies across the middle line, from its right half."""
        self.fill(mirrored(right), paint, sharp=sharp, shade=shade)

    def both(self, right: Outline, paint: Cover | None = None, *, sharp: bool = False) -> None:
        """Cover the same piece on the right and on the left."""
        for side in (1, -1):
            self.fill([(side * x, y) for x, y in right], paint, sharp=sharp)

    def line(self, points: Outline, colour: Colour | None = None, width: float = 0.4) -> None:
        """A seam."""
        self.canvas.line(points, colour or darker(self.colour, 0.45), width)

    def lines(self, right: Outline, colour: Colour | None = None, width: float = 0.4) -> None:
        """The same seam on the right and on the left."""
        for side in (1, -1):
            self.line([(side * x, y) for x, y in right], colour, width)

    def buttons(
        self, x: float, top: float, bottom: float, count: int, colour: Colour | None = None, radius: float = 0.5
    ) -> None:
        """A row of buttons, from `top` down to `bottom`."""
        for y in np.linspace(top, bottom, count).tolist():
            self.canvas.dot(x, y, radius, colour or lighter(self.colour, 0.75))

    # -- above the waist ---------------------------------------------------------------------------------------------

    def bodice(
        self,
        hem: float,
        paint: Cover | None = None,
        *,
        ease: float = 0.8,
        fit: float = 0.5,
        flare: float = 0.0,
        neck: tuple[float, float] = (3.4, 3.0),
        pointed: bool = False,
        straps: float = 0.0,
    ) -> None:
        """The front of a garment from the neck to `hem`.

        `ease` is how far it stands off the body, `fit` how much of the waist it follows (0 falls straight), `flare` how
        much the hem widens; `neck` is the half width and depth of the opening; `straps` is theirs, where there are any.
        """
        wide = self.figure.build.shoulder + ease * 0.4
        opening = (0.0 if pointed else neck[0] * 0.65, NECK + neck[1])
        shoulder = [(wide - 1.4, SHOULDER - 0.6), (wide, SHOULDER + 1.6), (wide - 0.2, SHOULDER + 4)]
        if straps:
            shoulder = [*corners((neck[0] + straps, NECK)), (neck[0] + straps, SHOULDER + 5)]
        heights = [CHEST, *(y for y in (WAIST, HIP, CROTCH + 6) if y < hem - 1), hem, hem]
        side = [(self._hang(y, ease, fit) + flare * (y - CHEST) / (hem - CHEST), y) for y in heights]
        if not self.worn:
            back = [*corners((neck[0], NECK)), (neck[0] * 0.7, opening[1] + 0.6), (0, opening[1] + 0.6)]
            self.fill([(0, NECK + 2), *mirrored(back)], darker(self.colour, 0.5), shade=0)
        self.middle([opening, *corners((neck[0], NECK)), *shoulder, *side], paint)

    def _hang(self, y: float, ease: float, fit: float) -> float:
        """The half width of cloth that hangs from the chest and follows the body by `fit`."""
        body, chest = self.figure.half_width(y) + ease, self.figure.build.chest + ease
        return body if body > chest else chest + (body - chest) * fit

    def sleeves(
        self, length: float = 0.0, paint: Cover | None = None, *, width: float = 1.5, cuff: Cover | None = None
    ) -> None:
        """Both arms, and sleeves of `length` (1 to the elbow, 2 to the wrist) that stand off by `width`."""
        widths = [half + width for half in self.figure.build.arm]
        for side in (-1, 1):
            arm = self.figure.arm(side)
            if self.worn:
                self.figure.draw_arm(self.canvas, side)
            if length:
                self.canvas.fill(tube(arm, widths, length), paint or self.fabric)
            if cuff:
                self._end(arm, length, widths, cuff, height=0.2)

    def _end(self, limb: Outline, length: float, widths: list[float], paint: Cover, height: float) -> None:
        """A band around the end of a sleeve or a trouser leg."""
        half = float(np.interp(length, (0, 1, 2), widths)) + 0.2
        band = [along(limb, length - height), along(limb, length)]
        self.canvas.fill(tube(band, [half, half], round_start=False), paint)

    def collar(self, paint: Cover, *, spread: float = 4.6, drop: float = 5.0, neck: float = 3.0) -> None:
        """The two pointed leaves of a shirt's collar."""
        leaf = [(neck, NECK - 1.6), (spread, NECK + 0.8), (spread * 0.8, NECK + drop), (0, NECK + 2.6)]
        self.both(leaf, paint, sharp=True)

    def opening(self, paint: Cover, *, hem: float, width: float, neck: float = 3.2) -> None:
        """What shows between the open fronts of a jacket."""
        self.middle([*corners((neck, NECK)), (width, CHEST + 3), *corners((width, hem))], paint, shade=0)

    # -- below the waist ---------------------------------------------------------------------------------------------

    def trousers(
        self,
        length: float = 1.96,
        widths: Widths = (5.4, 4.6, 3.8),
        paint: Cover | None = None,
        *,
        top: float = 40.0,
        turned_up: Colour | None = None,
    ) -> None:
        """Both legs from the waist at `top`, of `length` (1 to the knee, 2 to the ankle)."""
        right, left = (self._half_trousers(side, length, widths, top) for side in (1, -1))
        self.fill([*right, *reversed(left)], paint)
        colour = paint if isinstance(paint, tuple) else (paint or self.fabric).colour
        self.line([(0, top + 2), (0, CROTCH)], darker(colour, 0.4))
        if turned_up:
            for side in (-1, 1):
                self._end(self.figure.leg(side), length, list(widths), turned_up, height=0.1)

    def _half_trousers(self, side: int, length: float, widths: Widths, top: float) -> list[Point]:
        leg, hip = self.figure.leg(side), self.figure.build.hip
        outline = [*corners((side * (self.figure.half_width(top) + 0.4), top))]
        outline.append((side * max(hip + 0.5, hip * 0.5 + widths[0]), HIP))
        places = [0.25, *([1.0] if length > 1.2 else []), length, length]
        edges = [(along(leg, place), float(np.interp(place, (0, 1, 2), widths)), place * 1.1) for place in places]
        outline += [(x + side * half, y) for (x, y), half, _ in edges]
        inner = [(side * max(side * x - half, daylight), y) for (x, y), half, daylight in edges[1:]]
        return [*outline, *reversed(inner), (side * 0.1, CROTCH + 1.2)]

    def waistband(self, top: float, paint: Cover, height: float = 2.2) -> None:
        """A level band around the waist."""
        upper, lower = self.figure.half_width(top) + 0.6, self.figure.half_width(top + height) + 0.6
        self.middle([(upper, top), (lower, top + height)], paint, sharp=True)

    def denim_details(self, top: float) -> None:
        """Waistband, pockets, fly and side seams of jeans, in bright thread."""
        half = self.figure.half_width(top)
        self.waistband(top, darker(self.colour, 0.15))
        self.lines([(half * 0.45, top + 2.4), (half * 0.6, top + 5.4), (half + 0.6, top + 6.6)], STITCH, 0.45)
        for side in (-1, 1):
            self.line([(x + side * 3.2, y) for x, y in self.figure.leg(side)], STITCH, 0.28)
        self.line([(1.5, top + 2.4), (1.5, top + 7.4), (0, top + 9.4)], STITCH)
        self.canvas.dot(0, top + 1.1, 0.75, STITCH)

    def skirt(self, hem: float, spread: float, *, top: float = 38.0, curve: float = 1.2, bell: float = 0.5) -> None:
        """A skirt from the waist to a rounded hem of half width `spread`; `bell` is how early it widens."""
        waist, hip = self.figure.half_width(top) + 0.5, self.figure.build.hip + 0.8
        wider = spread - waist
        side = [(max(hip, waist + wider * bell * 0.7), HIP), (max(hip, waist + wider * (bell + 0.2)), (top + hem) / 2)]
        self.middle([*corners((waist, top)), *side, *corners((spread, hem)), (spread * 0.45, hem + curve)])

    def pleats(self, count: int, top: float, hem: float, spread: float) -> None:
        """Folds that fan out from the waist to the hem."""
        waist = self.figure.half_width(top) * 0.7
        for share in np.linspace(-1, 1, count).tolist():
            self.line([(share * waist, top + 1), (share * waist * 1.4, HIP), (share * spread, hem + 0.5)], width=0.35)

    def border(self, hem: float, half: float, paint: Cover, height: float, curve: float = 1.2) -> None:
        """A band above a rounded hem."""
        low, high = hem + 2 * curve, hem + 2 * curve - height
        lower = [*corners((-half, hem)), (0.0, low), *corners((half, hem))]
        upper = [*corners((half * 0.985, hem - height)), (0.0, high), *corners((-half * 0.985, hem - height))]
        self.fill([*lower, *upper], paint, shade=0)

    # -- what is worn along with the product -------------------------------------------------------------------------

    def plain_trousers(self) -> None:
        """Quiet trousers under a top that is for sale."""
        if self.worn:
            self.trousers(1.96, (5.2, 4.4, 3.6) if self.figure.person.gender == "Men" else (5.0, 3.6, 2.7), self.plain)

    def plain_top(self, hem: float) -> None:
        """A quiet shirt above a garment that is for sale."""
        if self.worn:
            man = self.figure.person.gender == "Men"
            self.bodice(hem, self.plain, ease=0.7, fit=0.5 if man else 0.9, neck=(3.4, 2.6))
            self.sleeves(0.75 if man else 0.5, self.plain, width=1.4)
