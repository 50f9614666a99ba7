"""Faces and hair. A head leans by `lean` to the right; its lengths are those of `figures`."""

from __future__ import annotations

from collections.abc import Callable

from atlas.demo.canvas import Canvas, Colour, Outline, Point, darker, mirrored, mix, oval, smooth
from atlas.demo.people import Person

INK: Colour = (50, 44, 48)
RED: Colour = (190, 30, 50)
LIPS: Colour = (196, 52, 72)
GOLD: Colour = (230, 186, 80)


def draw_head(canvas: Canvas, person: Person, lean: float) -> None:
    """Ears, face, beard, ornaments and the hair that frames them."""
    skin, jaw = person.skin, person.build.jaw
    for side in (-1, 1):
        canvas.fill(oval(lean + side * 5.4, 9.2, 1.1, 1.6), darker(skin, 0.08))
    face = [(2.2, 1.6), (5.4, 3.6), (5.5, 9.5), (jaw, 14.4), (jaw * 0.4, 15.9)]
    canvas.fill(_moved(smooth(mirrored(face)), lean), skin)
    if person.gender == "Men":
        _draw_beard(canvas, person, lean)
    _draw_face(canvas, person, lean)
    _draw_ornaments(canvas, person, lean)
    STYLES[person.gender][person.hairstyle](canvas, person, lean)


def draw_hair_behind(canvas: Canvas, person: Person, lean: float) -> None:
    """Hair that falls behind the neck, where there is any."""
    if person.hairstyle in BEHIND:
        BEHIND[person.hairstyle](canvas, person, lean)


def _moved(outline: Outline, lean: float) -> list[Point]:
    return [(x + lean, y) for x, y in outline]


def _draw_face(canvas: Canvas, person: Person, lean: float) -> None:
    skin, woman = person.skin, person.gender == "Women"
    ink = darker(mix(skin, (60, 30, 30), 0.4), 0.6)
    for side in (-1, 1):
        x = lean + side * 2.3
        canvas.fill(oval(x, 8.9, 1.0, 0.72), mix((255, 253, 250), skin, 0.15), shade=0, edge=0)
        canvas.dot(x, 8.9, 0.68, ink)
        brow = [(x - 1.1, 7.4), (x + side * 0.2, 7.0), (x + 1.1, 7.3)]
        canvas.line(brow, darker(person.hair, 0.2), 0.35 if woman else 0.65)
        if woman:
            canvas.line([(x + side * 0.5, 8.5), (x + side * 1.2, 8.0)], ink, 0.35)
            canvas.dot(lean + side * 3.4, 11.2, 0.95, mix(skin, (232, 96, 104), 0.3))
    canvas.line(_moved([(0.1, 9.6), (0.5, 10.9), (-0.2, 11.1)], lean), darker(skin, 0.3), 0.3)
    smile = _moved([(-1.5, 12.5), (-0.7, 13.1), (0.7, 13.1), (1.5, 12.5)], lean)
    canvas.line(smile, LIPS if woman else darker(skin, 0.5), 0.75 if woman else 0.45)


def _draw_beard(canvas: Canvas, person: Person, lean: float) -> None:
    hair = mix(person.hair, person.skin, 0.12)
    if "beard" in person.extras:
        beard = [(0, 11.0), (3.8, 11.4), (5.5, 8.4), (5.4, 12), (3.8, 16.2), (0, 17)]
        canvas.fill(_moved(smooth(mirrored(beard)), lean), hair, edge=0)
    if person.extras & {"beard", "moustache"}:
        moustache = smooth(mirrored([(0, 11.2), (2.4, 12.6), (0, 12.0)]))
        canvas.fill(_moved(moustache, lean), darker(hair, 0.15), edge=0)
    if "beard" in person.extras:
        canvas.fill(oval(lean, 12.9, 1.6, 0.8), mix(person.skin, LIPS, 0.35), shade=0, edge=0)


def _draw_ornaments(canvas: Canvas, person: Person, lean: float) -> None:
    woman = person.gender == "Women"
    for side in (-1, 1):
        if "glasses" in person.extras:
            rim = oval(lean + side * 2.4, 8.9, 1.7, 1.5)
            canvas.line([*rim, rim[0]], INK, 0.35)
        if woman and "earrings" in person.extras:
            canvas.dot(lean + side * 5.7, 11.6, 0.7, GOLD)
    if "glasses" in person.extras:
        canvas.line(_moved([(-0.7, 8.8), (0.7, 8.8)], lean), INK, 0.35)
    if woman and "bindi" in person.extras:
        canvas.dot(lean, 6.2, 0.5, RED)


# -- hair: a style is an outline, or a function where one outline is not enough ----------------------------------------

Style = Callable[[Canvas, "Person", float], None]


def _cut(outline: Outline) -> Style:
    """The style of one smooth outline in the hair's colour."""

    def draw(canvas: Canvas, person: Person, lean: float) -> None:
        canvas.fill(_moved(smooth(outline), lean), person.hair)

    return draw


def _locks(places: Outline, radius: float) -> Style:
    """The style of many round curls."""

    def draw(canvas: Canvas, person: Person, lean: float) -> None:
        for x, y in places:
            canvas.fill(oval(lean + x, y, radius, radius), person.hair, shade=0.1, edge=0.25)

    return draw


def _shaven(canvas: Canvas, person: Person, lean: float) -> None:
    cap = smooth(mirrored([(0, 1.2), (4.4, 1.8), (5.7, 4.4), (5.6, 7.4), (4.8, 4.9), (0, 4.1)]))
    canvas.fill(_moved(cap, lean), mix(person.skin, person.hair, 0.55), shade=0, edge=0)


def _turban(canvas: Canvas, person: Person, lean: float) -> None:
    cloth = mix(person.shoes, (196, 60, 70), 0.75)
    wound = mirrored([(0, -3.4), (5.2, -2.6), (7.4, 2.2), (6.0, 6.4), (2.2, 4.8), (0, 3.0)])
    canvas.fill(_moved(smooth(wound), lean), cloth)
    for fold in ([(-6.4, 4.4), (1.8, -2.2)], [(6.4, 4.4), (-0.6, 0.2)], [(-5.8, 5.6), (4.8, 0.4)]):
        canvas.line(_moved(fold, lean), darker(cloth, 0.25), 0.35)


def _bun(canvas: Canvas, person: Person, lean: float) -> None:
    canvas.fill(oval(lean, -2.2, 2.9, 2.5), person.hair)
    PARTED(canvas, person, lean)


def _braid(canvas: Canvas, person: Person, lean: float) -> None:
    PARTED(canvas, person, lean)
    for bead in range(6):
        canvas.fill(oval(6.0 + 0.15 * bead, 14.5 + 3.1 * bead, 1.7, 2.0), person.hair, shade=0.1)
    canvas.dot(6.9, 32.0, 0.8, (222, 74, 104))


CROWN = ((-5.2, 4.4), (-4.4, 1.4), (-1.8, -0.2), (1.4, -0.4), (4.2, 1.2), (5.3, 4.2), (0, 2.2), (-2.8, 2.6), (2.8, 2.6))
CASCADE = ((4.4, 1.0), (6.0, 4.0), (7.2, 8.0), (7.4, 12.2), (7.0, 16.4), (4.6, 19.0), (3.0, 14.0), (3.0, 8.0))
SHORT = [(-5.8, 8), (-6.1, 3.4), (-3.2, -0.6), (2.4, -0.9), (5.9, 2.6), (5.8, 8), (5.2, 5.2), (3.4, 3.8), (-1, 4.6)]
QUIFF = [(-5.7, 7.6), (-5.9, 3.4), (-4.2, 0.4), (-1, -2.8), (5.2, -2.2), (6.2, 2.4), (5.7, 7.6), (5, 4.2), (0, 3.4)]
SWEPT = [(-5.9, 10.5), (-6.4, 4), (-3.4, -0.8), (3.4, -0.8), (6.4, 4), (5.9, 10.5), (5, 6.4), (1.6, 3), (-0.6, 2.4)]
PARTED = _cut(mirrored([(0, -0.8), (4.4, -0.6), (6.6, 4), (6.0, 10.5), (5.2, 7), (3.2, 4.4), (0, 2.0)]))
FRINGE = _cut([*SWEPT, (-3.6, 4.6), (-5.0, 7.4)])
LONG = _cut(mirrored([(0, -0.6), (5.6, 0.4), (7.2, 6), (7.8, 16), (8.2, 27), (5.4, 30), (0, 29)]))

STYLES: dict[str, dict[str, Style]] = {
    "Men": {
        "short": _cut([*SHORT, (-4.6, 4.2), (-5.3, 6)]),
        "quiff": _cut([*QUIFF, (-4.8, 4.0)]),
        "curls": _locks(CROWN, 2.2),
        "shaven": _shaven,
        "turban": _turban,
    },
    "Women": {
        "long": PARTED,
        "long with fringe": FRINGE,
        "bob": FRINGE,
        "bun": _bun,
        "locks": PARTED,
        "ponytail": FRINGE,
        "braid": _braid,
    },
}
BEHIND: dict[str, Style] = {
    "long": LONG,
    "long with fringe": LONG,
    "bob": _cut(mirrored([(0, -0.8), (6.0, 0.2), (7.8, 6), (8.2, 15.4), (5.0, 17.2), (0, 16)])),
    "locks": _locks([(side * x, y) for side in (-1, 1) for x, y in CASCADE], 3.0),
    "ponytail": _cut([(3, 0), (8.0, 1.0), (10.4, 8), (9.6, 17), (8.0, 21), (7.4, 14), (6.4, 6)]),
}
