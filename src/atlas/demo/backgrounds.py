"""What stands behind the people: from a plain sheet to a street; and what garments are laid on."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import numpy as np
from PIL import Image, ImageDraw

from atlas.demo.canvas import Colour, darker, lighter, mix

Size = tuple[int, int]
PASTELS: tuple[Colour, ...] = (
    (236, 232, 226),
    (222, 230, 234),
    (240, 222, 214),
    (224, 234, 220),
    (232, 224, 238),
    (246, 234, 208),
    (206, 212, 218),
    (196, 182, 170),
    (168, 190, 196),
)


def sheet(size: Size, dice: Random) -> Image.Image:
    """White or nearly white."""
    return Image.new("RGB", size, dice.choice(((255, 255, 255), (248, 248, 248), (240, 240, 242))))


def studio(size: Size, dice: Random) -> Image.Image:
    """One colour that grows darker to the edges, and a soft floor."""
    colour = dice.choice(PASTELS)
    x, y = np.meshgrid(np.linspace(-1, 1, size[0] // 4), np.linspace(-1, 1, size[1] // 4))
    share = np.clip((x * x + (y + 0.2) ** 2) * 0.16 + 0.14 * (y > 0.82), 0, 1)[..., None]
    pixels = np.array(lighter(colour, 0.3)) * (1 - share) + np.array(darker(colour, 0.5)) * share
    return Image.fromarray(pixels.astype(np.uint8)).resize(size, Image.Resampling.BILINEAR)


def wall(size: Size, dice: Random) -> Image.Image:
    """A painted wall, a skirting board and a floor."""
    colour, wood = dice.choice(PASTELS), dice.choice(((196, 156, 116), (160, 116, 84), (206, 200, 194)))
    image, pen, floor = _start(size, colour, dice.uniform(0.8, 0.92))
    if dice.random() < 0.5:
        for x in range(0, size[0], size[0] // 9):
            pen.line((x, 0, x, floor), fill=darker(colour, 0.08), width=4)
    pen.rectangle((0, floor, size[0], size[1]), fill=wood)
    pen.rectangle((0, floor - 12, size[0], floor), fill=lighter(colour, 0.6))
    return image


def bricks(size: Size, dice: Random) -> Image.Image:
    """A brick wall and a pavement."""
    colour = dice.choice(((182, 106, 84), (214, 206, 196), (150, 126, 112)))
    image, pen, floor = _start(size, lighter(colour, 0.4), dice.uniform(0.86, 0.95))
    high, wide = size[1] // 26, size[0] // 8
    for row, y in enumerate(range(0, floor, high)):
        for x in range(-wide * (row % 2) // 2, size[0], wide):
            pen.rectangle((x + 2, y + 2, x + wide - 3, y + high - 3), fill=darker(colour, dice.uniform(0, 0.14)))
    pen.rectangle((0, floor, size[0], size[1]), fill=(148, 146, 146))
    return image


def street(size: Size, dice: Random) -> Image.Image:
    """Houses with windows under an evening or a day sky."""
    sky = dice.choice(((176, 212, 236), (250, 212, 176), (206, 214, 226)))
    image, pen, floor = _start(size, sky, 0.9)
    x = -20
    while x < size[0]:
        wide, top = dice.randrange(90, 170), dice.randrange(20, 260)
        house = mix(
            dice.choice(PASTELS), dice.choice(((196, 96, 80), (88, 110, 136), (222, 176, 96))), dice.uniform(0.2, 0.7)
        )
        pen.rectangle((x, top, x + wide, floor), fill=house)
        for window_x in range(x + 14, x + wide - 24, 36):
            for y in range(top + 18, floor - 50, 54):
                pen.rectangle(
                    (window_x, y, window_x + 20, y + 30),
                    fill=dice.choice((lighter(house, 0.5), darker(house, 0.3), (252, 232, 168))),
                )
        x += wide
    pen.rectangle((0, floor, size[0], size[1]), fill=(132, 130, 136))
    pen.rectangle((0, floor, size[0], floor + 8), fill=(196, 194, 190))
    return image


def park(size: Size, dice: Random) -> Image.Image:
    """Hills, round trees and a path."""
    image, pen, floor = _start(size, (192, 222, 238), 0.62)
    pen.circle((dice.randrange(size[0]), 60), 34, fill=(255, 238, 180))
    for _ in range(3):
        x, radius = dice.randrange(size[0]), dice.randrange(160, 300)
        pen.circle((x, floor + radius // 2), radius, fill=mix((140, 186, 122), (96, 150, 104), dice.random()))
    for _ in range(6):
        x, y, radius = dice.randrange(size[0]), dice.randrange(floor - 40, floor + 90), dice.randrange(28, 58)
        pen.rectangle((x - 5, y, x + 5, y + radius * 2), fill=(124, 88, 62))
        pen.circle((x, y), radius, fill=mix((74, 132, 82), (156, 178, 84), dice.random()))
    middle = dice.randrange(size[0])
    pen.polygon(
        ((middle - 40, floor + 120), (middle + 40, floor + 120), (middle + 240, size[1]), (middle - 240, size[1])),
        fill=(222, 204, 170),
    )
    return image


def room(size: Size, dice: Random) -> Image.Image:
    """A window, a picture, a plant and a rug."""
    image = wall(size, dice)
    pen = ImageDraw.Draw(image)
    side = dice.choice((20, size[0] - 170))
    pen.rectangle((side, 50, side + 150, 250), fill=(255, 255, 252))
    pen.rectangle((side + 10, 60, side + 140, 240), fill=dice.choice(((190, 222, 240), (250, 222, 190))))
    pen.line((side + 75, 60, side + 75, 240), fill=(255, 255, 252), width=8)
    other = size[0] - side - 110
    pen.rectangle((other, 90, other + 80, 190), fill=dice.choice(((120, 86, 60), (60, 60, 66))))
    pen.rectangle((other + 8, 98, other + 72, 182), fill=dice.choice(PASTELS))
    pen.circle((other + 40, 140), 20, fill=dice.choice(((214, 96, 80), (60, 120, 130), (232, 184, 80))))
    pot, base = other + 40, round(size[1] * 0.9)
    for lean in range(-60, 61, 20):
        pen.line((pot, base - 70, pot + lean, base - 210 + abs(lean)), fill=(70, 128, 82), width=13)
    pen.polygon(((pot - 34, base - 74), (pot + 34, base - 74), (pot + 24, base), (pot - 24, base)), fill=(206, 122, 88))
    return image


def boutique(size: Size, dice: Random) -> Image.Image:
    """A rail full of clothes on hangers."""
    image = wall(size, dice)
    pen = ImageDraw.Draw(image)
    rail = dice.randrange(60, 140)
    for x in range(-10, size[0], 34):
        colour = mix(dice.choice(PASTELS), (dice.randrange(256), dice.randrange(256), dice.randrange(256)), 0.5)
        pen.line((x + 15, rail, x + 15, rail + 16), fill=(90, 86, 90), width=3)
        drop = rail + dice.randrange(150, 290)
        pen.polygon(
            ((x + 15, rail + 14), (x + 32, rail + 40), (x + 34, drop), (x, drop), (x + 1, rail + 40)),
            fill=colour,
            outline=darker(colour, 0.3),
        )
    pen.line((0, rail, size[0], rail), fill=(110, 106, 112), width=8)
    return image


def boards(size: Size, dice: Random) -> Image.Image:
    """Wooden boards, seen from above."""
    colour = dice.choice(((206, 170, 130), (166, 124, 92), (226, 216, 204), (120, 100, 88)))
    image, pen, _ = _start(size, colour, 1.0)
    wide = size[0] // dice.randrange(4, 7)
    for x in range(0, size[0] + wide, wide):
        pen.rectangle((x, 0, x + wide - 4, size[1]), fill=darker(colour, dice.uniform(0.02, 0.16)))
        for _ in range(4):
            grain = x + dice.randrange(wide)
            pen.line((grain, 0, grain + dice.randrange(-10, 10), size[1]), fill=darker(colour, 0.2), width=2)
    return image


def marble(size: Size, dice: Random) -> Image.Image:
    """Pale stone with veins."""
    image, pen, _ = _start(size, dice.choice(((240, 240, 242), (228, 224, 220))), 1.0)
    for _ in range(9):
        x, y = dice.randrange(size[0]), 0
        while y < size[1]:
            to = (x + dice.randrange(-50, 60), y + dice.randrange(20, 80))
            pen.line((x, y, *to), fill=(206, 206, 212), width=dice.randrange(2, 6))
            x, y = to
    return image


def blanket(size: Size, dice: Random) -> Image.Image:
    """A coloured cloth with broad stripes."""
    colour = dice.choice(PASTELS)
    image, pen, _ = _start(size, colour, 1.0)
    step = dice.randrange(50, 110)
    for x in range(0, size[0], step):
        pen.rectangle((x, 0, x + step // 2, size[1]), fill=mix(colour, dice.choice(PASTELS), 0.6))
    return image


def _start(size: Size, colour: Colour, horizon: float) -> tuple[Image.Image, ImageDraw.ImageDraw, int]:
    image = Image.new("RGB", size, colour)
    return image, ImageDraw.Draw(image), round(size[1] * horizon)


Backdrop = Callable[[Size, Random], Image.Image]
CALM: tuple[Backdrop, ...] = (sheet, sheet, studio, wall)
BUSY: tuple[Backdrop, ...] = (studio, wall, bricks, street, park, room, boutique)
BELOW: tuple[Backdrop, ...] = (sheet, sheet, boards, marble, blanket, studio)
