"""Men's garments: one small drawing function each, in the lengths of `figures`."""

from __future__ import annotations

from atlas.demo.canvas import Colour, corners, darker, lighter, oval
from atlas.demo.fabrics import GOLD
from atlas.demo.figures import CHEST, HIP, NECK, SHOULDER
from atlas.demo.tailor import PALE, Tailor

LINEN: Colour = (240, 234, 220)
SILVER: Colour = (206, 206, 210)


def shirt(sew: Tailor) -> None:
    """Collar, button front and a pocket; sleeves long with cuffs, or short."""
    paint = lighter(sew.colour, 0.25)
    sew.plain_trousers()
    sew.bodice(51, ease=1.0, fit=0.3)
    if sew.between(0, 1) > 0.35:
        sew.sleeves(1.96, cuff=paint)
    else:
        sew.sleeves(0.8, width=2.0)
    sew.collar(paint)
    sew.lines([(0.9, NECK + 3), (0.9, 51)])
    sew.buttons(0, NECK + 5, 49, 7)
    sew.line([(3.4, 26.5), (8, 26.5), (8, 31), (5.7, 32.2), (3.4, 31), (3.4, 26.5)])


def jeans(sew: Tailor) -> None:
    """Straight denim, low in the waist, with bright stitching."""
    sew.plain_top(43)
    turned_up = lighter(sew.colour, 0.3) if sew.detail else None
    sew.trousers(1.97, (5.9, sew.between(4.9, 5.4), sew.between(4.0, 5.2)), top=41, turned_up=turned_up)
    sew.denim_details(41)


def shorts(sew: Tailor) -> None:
    """Roomy, to the knee, with a drawstring and often cargo pockets."""
    sew.plain_top(43)
    sew.trousers(sew.between(0.86, 1.02), (6.6, 6.6, 6.6), top=41)
    sew.waistband(41, darker(sew.colour, 0.15))
    sew.lines([(0.5, 43), (1.3, 48)], PALE, 0.55)
    if sew.detail:
        sew.both([(4.2, 57), (9.6, 57), (9.8, 64), (4.4, 64)], sharp=True)
        sew.lines([(4.2, 58.8), (9.6, 58.8)])


def jacket(sew: Tailor) -> None:
    """Short and zipped, with ribbed hem and cuffs; a standing collar or a broad one."""
    rib, gap = darker(sew.colour, 0.3), sew.between(0.6, 3.2)
    half = sew.figure.build.chest + 1.8
    sew.plain_trousers()
    sew.bodice(48, ease=2.2, fit=0.1)
    sew.opening(sew.plain, hem=47.5, width=gap)
    sew.lines([(gap, CHEST + 1), (gap, 47.5)], SILVER, 0.7)
    sew.both([(gap, 46), (half, 46), (half - 0.8, 50), (gap, 50)], rib, sharp=True)
    sew.lines([(5.4, 37), (8.6, 42)], rib, 0.9)
    sew.sleeves(1.94, width=2.3, cuff=rib)
    if sew.detail:
        sew.both([(5.6, NECK + 1.4), (4.4, NECK - 2.2), (3.2, NECK - 1), (2.6, NECK + 4.5), (3.6, NECK + 5)], rib)
    else:
        sew.collar(sew.fabric, spread=6.6, drop=7.4, neck=3.4)


def suit(sew: Tailor) -> None:
    """Lapels over shirt and tie, two buttons, and trousers of the same cloth."""
    sew.trousers(1.97, (5.4, 4.4, 3.7))
    sew.bodice(53, ease=1.2, fit=0.75, flare=0.6)
    sew.middle(corners((3.4, NECK - 1), (0, NECK + 16)), PALE, shade=0)
    sew.middle([(0.9, NECK + 1.8), (1.6, NECK + 12), (0, NECK + 14.5)], sew.trim, sharp=True)
    sew.collar(PALE, spread=3.8, drop=4.2)
    lapel = [(3.2, NECK - 1.4), (5.4, NECK + 1.2), (6.7, NECK + 5), (5.0, NECK + 5.6), (6.3, NECK + 7.2)]
    sew.both([*lapel, (0.1, NECK + 17), (2.9, NECK + 1.5)], lighter(sew.colour, 0.07), sharp=True)
    sew.line([(0, NECK + 17), (0.4, 46), (1.6, 53)])
    sew.buttons(0.9, 37, 41, 2, darker(sew.colour, 0.6), 0.65)
    sew.fill([(5.0, 27.6), (8.4, 27.0), (8.4, 28.2), (5.0, 28.8)], PALE, sharp=True)
    sew.lines([(4.6, 43.5), (9.0, 43)], width=0.7)
    sew.sleeves(1.93, width=1.4)


def hoodie(sew: Tailor) -> None:
    """A hood around the neck, its strings, and a pouch in front."""
    rib, half = darker(sew.colour, 0.16), sew.figure.build.chest + 1.6
    sew.plain_trousers()
    sew.middle([(0, NECK - 5), (6.8, NECK - 4), (8.2, NECK + 1), (5, NECK + 3.4)], darker(sew.colour, 0.3))
    sew.bodice(51, ease=2.0, fit=0.15, neck=(4.2, 4.0))
    sew.sleeves(1.95, width=2.2, cuff=rib)
    sew.middle([(half, 48.6), (half - 0.8, 52)], rib, sharp=True)
    sew.middle([(4.6, 38.5), (7.6, 45), (7.6, 48)], sharp=True)
    sew.both([(7.6, NECK - 2.4), (8.2, NECK + 2.2), (1.2, NECK + 6.4), (0.6, NECK + 4), (4.8, NECK)])
    sew.lines([(1.7, NECK + 5.6), (2.1, NECK + 13)], PALE, 0.6)
    if sew.detail == 2:
        sew.fill(oval(0, 33, 4.2, 2.8), sew.trim, shade=0)


def kurta(sew: Tailor) -> None:
    """A loose knee-long shirt with side slits and a short button band, over pale pyjama."""
    if sew.worn:
        sew.trousers(1.95, (5.6, 4.4, 3.6), LINEN)
    _kurta_front(sew, sew.between(66, 73))
    sew.sleeves(1.9, width=1.7, cuff=sew.trim if sew.detail == 1 else None)
    _band_collar(sew)


def sherwani(sew: Tailor) -> None:
    """A long fitted coat of woven silk: gold edges, buttons all the way, often a stole over one shoulder."""
    hem = sew.between(68, 74)
    if sew.worn:
        sew.trousers(1.97, (4.8, 3.6, 2.6), (236, 222, 192))
    sew.bodice(hem, ease=1.5, fit=0.8, flare=2.6)
    sew.border(hem, sew.figure.build.hip + 3.6, GOLD, 2.0, curve=0)
    sew.sleeves(1.92, cuff=GOLD)
    sew.line([(0, NECK + 2), (0, HIP), (0.8, hem)], GOLD, 1.3)
    sew.buttons(0, NECK + 5, 54, 9, lighter(GOLD, 0.45), 0.7)
    _band_collar(sew)
    sew.lines([(3.4, NECK - 1.6), (0.4, NECK + 2.6)], GOLD, 0.8)
    if sew.detail:
        sew.fill(corners((3.6, NECK), (9.4, SHOULDER), (8.6, 66), (3.4, 66)), sew.trim)
        sew.line([(3.6, 64), (8.5, 64)], GOLD, 1.3)


def dhoti_kurta(sew: Tailor) -> None:
    """A short kurta over a pleated dhoti that is caught between the legs."""
    shadow = darker(LINEN, 0.22)
    for side in (-1, 1):
        knee, ankle = (side * x for x, _ in sew.figure.leg(side)[1:])
        outer = [(9.6, 44), (12.4, 58), (knee + 6.4, 74), (ankle + 3.6, 89), (ankle - 2.0, 91), (ankle - 3.0, 84)]
        folds = [[(2, 52), (knee + share * 5, 74), (ankle + share * 3, 88)] for share in (-0.3, 0.3, 0.8)]
        sew.fill([(side * x, y) for x, y in [(0, 46), *outer, (0.4, 66)]], LINEN)
        for fold in folds:
            sew.line([(side * x, y) for x, y in fold], shadow)
        sew.line([(side * x, y) for x, y in ((10.8, 52), (knee + 5.6, 74), (ankle + 2.6, 89))], sew.trim, 1.0)
    sew.middle([(2.4, 52), (3.0, 66), (0, 74)], LINEN)
    sew.lines([(1.3, 54), (1.5, 68)], shadow)
    _kurta_front(sew, 58)
    sew.sleeves(1.85, width=1.7)
    _band_collar(sew)


def vest(sew: Tailor) -> None:
    """A sleeveless undershirt with narrow straps and a deep neck."""
    sew.plain_trousers()
    sew.bodice(50, ease=0.4, fit=0.6, neck=(4.6, sew.between(6, 8)), straps=2.6)
    sew.sleeves()
    sew.line([(-10, 48.8), (10, 48.8)])


def boxers(sew: Tailor) -> None:
    """Loose and short, with a broad waistband that carries the maker's name."""
    if sew.worn:
        sew.sleeves()
        shadow = darker(sew.figure.person.skin, 0.25)
        sew.lines([(6, 29.5), (1.5, 30.6)], shadow)
        sew.line([(0, 39.5), (0, 40.3)], shadow)
    sew.trousers(sew.between(0.46, 0.62), (6.2, 6.4, 6.4), top=43)
    sew.waistband(42.4, sew.trim, 3.0)
    for x in range(-6, 7, 2):
        sew.line([(x - 0.5, 43.6), (x + 0.5, 43.6)], lighter(sew.trim, 0.7), 0.8)
    sew.line([(1.2, 46), (1.2, 50.5), (0, 52)])


def _kurta_front(sew: Tailor, hem: float) -> None:
    half = sew.figure.build.hip + 1.5
    sew.bodice(hem, ease=1.4, fit=0.2, flare=1.4)
    sew.lines([(half, HIP + 2), (half + 0.6, hem)], width=0.6)
    sew.middle([(1.3, NECK + 2), (1.3, 37), (0, 38.6)], lighter(sew.colour, 0.18), sharp=True)
    sew.buttons(0, NECK + 5, 35, 4, sew.trim, 0.55)


def _band_collar(sew: Tailor) -> None:
    band = [(3.4, NECK - 2), (4.0, NECK + 0.6), (0.3, NECK + 3.2), (0.3, NECK + 1)]
    sew.both(band, lighter(sew.colour, 0.12), sharp=True)
