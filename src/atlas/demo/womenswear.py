"""Women's garments: one small drawing function each, in the lengths of `figures`."""

from __future__ import annotations

from atlas.demo.canvas import corners, darker, lighter, oval
from atlas.demo.figures import CHEST, NECK, SHOULDER, WAIST
from atlas.demo.tailor import STITCH, Tailor


def top(sew: Tailor) -> None:
    """A fitted top: a plain tee, one with puffed sleeves, or one with a frill at the waist."""
    sew.plain_trousers()
    neck = (4.2, sew.between(3.4, 6.4))
    sew.bodice(40 if sew.detail == 2 else 48, ease=0.6, fit=0.85, neck=neck, pointed=neck[1] > 5.2)
    if sew.detail == 2:
        sew.skirt(49, 12.4, top=38.5, curve=1.0, bell=0.6)
        sew.pleats(7, 39, 48.5, 11.6)
    sew.sleeves((0.55, 0.7, 1.3)[sew.detail], width=(1.3, 2.2, 1.4)[sew.detail])


def jeans(sew: Tailor) -> None:
    """High in the waist and close to the leg; skinny, straight, or flared below the knee."""
    sew.plain_top(40)
    sew.trousers(1.94, (5.3, 3.6, (2.4, 3.6, 6.2)[sew.detail]), top=37)
    sew.denim_details(37)


def shorts(sew: Tailor) -> None:
    """Short and high in the waist, with turned-up hems and often a belt."""
    sew.plain_top(40)
    sew.trousers(sew.between(0.34, 0.5), (5.8, 6.2, 6.2), top=37, turned_up=lighter(sew.colour, 0.18))
    sew.waistband(37, sew.trim if sew.detail else darker(sew.colour, 0.15))
    sew.lines([(3.0, 39.5), (4.4, 44), (8.8, 45.5)])
    sew.canvas.dot(0, 38.1, 0.75, STITCH)


def dress(sew: Tailor) -> None:
    """Bodice and skirt in one, with a sash; sleeveless, with puffs, or with long sleeves."""
    hem, spread = sew.between(66, 82), sew.between(14.5, 17)
    sew.skirt(hem, spread, top=37)
    sew.pleats(5, 40, hem - 1, spread * 0.8)
    sew.bodice(39, ease=0.5, fit=1.0, neck=(4.8, 5.0), pointed=sew.detail == 1, straps=(1.8, 0, 0)[sew.detail])
    sew.sleeves((0.0, 0.6, 1.9)[sew.detail], width=(0.0, 2.2, 1.2)[sew.detail])
    sew.waistband(37, sew.trim, 2.4)


def skirt(sew: Tailor) -> None:
    """From a broad waistband: pleated, in tiers, or straight with buttons."""
    hem, spread = sew.between(62, 80), 11.5 if sew.detail == 2 else sew.between(14, 18)
    sew.plain_top(40)
    sew.skirt(hem, spread, top=37)
    if sew.detail == 0:
        sew.pleats(11, 39, hem, spread * 0.93)
    elif sew.detail == 1:
        for share in (0.4, 0.72):
            sew.border(37 + (hem - 37) * share, 8 + (spread - 7.6) * share, sew.trim, 1.0)
    else:
        sew.line([(0, 39), (0, hem + 0.6)])
        sew.buttons(1.2, 42, hem - 4, 6, radius=0.6)
    sew.waistband(37, darker(sew.colour, 0.2), 2.6)


def cardigan(sew: Tailor) -> None:
    """Soft and open in front, to the hip or the thigh, with pockets, over a plain top."""
    hem, gap, band = sew.between(52, 66), sew.between(2.4, 4.0), lighter(sew.colour, 0.15)
    sew.plain_trousers()
    sew.bodice(hem, ease=1.6, fit=0.5, flare=1.0)
    sew.opening(sew.plain, hem=hem, width=gap, neck=3.6)
    sew.opening(darker(sew.plain, 0.25), hem=hem, width=2.2, neck=0)
    sew.lines([(3.6, NECK), (gap + 0.6, CHEST + 2), (gap + 0.4, hem)], band, 1.7)
    sew.both([(5.4, 45), (9.4, 45), (9.4, 50), (5.4, 50)], sharp=True)
    sew.sleeves(1.9, width=2.0, cuff=band)


def dungarees(sew: Tailor) -> None:
    """Trousers, long or short, with a bib and braces over a tee."""
    if sew.worn:
        sew.bodice(40, sew.plain, ease=0.7, fit=0.8)
        sew.sleeves(0.6, sew.plain)
    length = (1.93, 1.93, 0.55)[sew.detail]
    sew.trousers(length, (5.8, 5.0, 4.6), top=38, turned_up=lighter(sew.colour, 0.22))
    sew.waistband(37, darker(sew.colour, 0.15))
    sew.both([(3.4, NECK), (5.2, NECK + 0.4), (5.4, 28.5), (3.6, 28.5)], sharp=True)
    sew.middle([(5.6, 27), (6.6, 38)], sharp=True)
    sew.line([(-2.6, 30.5), (2.6, 30.5), (2.6, 34.5), (0, 35.8), (-2.6, 34.5), (-2.6, 30.5)], STITCH, 0.45)
    for x in (-4.4, 4.4):
        sew.canvas.dot(x, 28.6, 0.8, STITCH)


def saree(sew: Tailor) -> None:
    """A pleated fall from the waist, its end slanting over one shoulder, and a blouse in the border's colour."""
    tail = sew.between(62, 78)
    sew.skirt(95, 12.5)
    sew.border(95, 12.5, sew.trim, 3.0)
    for x in (-4.5, -3, -1.5, 0, 1.5):
        sew.line([(x * 0.5, 42), (x, 94)])
    sew.bodice(33.5, sew.trim, ease=0.5, fit=0.9, neck=(4.4, 4.6))
    sew.sleeves(0.7, sew.trim, width=1.0)
    across = [(10.4, 27), (4.4, 33), (-5.5, 46), (-10.6, 50), (-10.2, 42), (-6.6, 36), (-1, 27)]
    sew.fill([*corners((4.2, NECK), (9.4, SHOULDER)), *across])
    sew.line([(4.3, NECK + 0.4), (0, 27), (-5.2, 34.6), (-9.4, 41)], sew.trim, 1.6)
    sew.fill([(7.6, SHOULDER - 0.6), (11.2, SHOULDER + 1), (13.6, 44), *corners((14.6, tail), (9.4, tail)), (9.8, 40)])
    sew.fill([(9.4, tail - 5), (14.5, tail - 5), (14.7, tail), (9.3, tail)], sew.trim, sharp=True)


def salwar_kameez(sew: Tailor) -> None:
    """A long tunic over full trousers gathered at the ankle, and mostly a scarf over both shoulders."""
    hem, scarf = sew.between(63, 74), lighter(sew.trim, 0.3)
    sew.trousers(1.93, (7.2, 6.4, 2.6), sew.trim)
    sew.bodice(hem, ease=0.7, fit=0.9, flare=3.4, neck=(4.0, 4.6))
    sew.border(hem, sew.figure.build.hip + 3.9, sew.trim, 1.8, curve=0)
    sew.sleeves((1.2, 1.9, 0.8)[sew.detail], width=1.3, cuff=sew.trim)
    sew.middle([(0, NECK + 4.8), (2.8, NECK + 4), (2.2, 29), (0, 33)], sew.trim, shade=0)
    if hem < 70.7:
        sew.both([(3.4, NECK - 0.6), (8.6, SHOULDER - 0.6), (9.6, 34), *corners((10.2, 58), (6, 58)), (5.6, 34)], scarf)
        sew.middle([(0, 25.4), (3.6, NECK), (8.4, SHOULDER), (5.2, 27), (0, 30.5)], scarf)


def lehenga_choli(sew: Tailor) -> None:
    """A short blouse, a bare waist, and a wide flared skirt with borders; often a veil from one shoulder."""
    spread = sew.between(19, 24)
    sew.skirt(94, spread, top=41, curve=1.6, bell=0.42)
    sew.pleats(8, 43, 88, spread * 0.9)
    sew.border(94, spread, sew.trim, 4.4, curve=1.4)
    sew.border(86, spread * 0.94, sew.trim, 1.2, curve=1.4)
    sew.waistband(41, sew.trim, 2.6)
    sew.bodice(33, ease=0.4, fit=1.0, neck=(4.4, 5.0))
    sew.waistband(32, sew.trim, 1.4)
    sew.sleeves(0.6, width=1.0, cuff=sew.trim)
    if sew.detail:
        fall = [(-11.6, 46), *corners((-17, 74), (-11, 76)), (-7.4, 46), (-2, 29)]
        sew.fill([(-3.6, NECK), (-9.0, SHOULDER), *fall], lighter(sew.trim, 0.35))


def bathrobe(sew: Tailor) -> None:
    """Soft towelling wrapped over, with a shawl collar, wide sleeves and a tied belt."""
    hem, rim = sew.between(70, 82), lighter(sew.colour, 0.3)
    sew.bodice(hem, ease=2.0, fit=0.6, flare=1.8, neck=(3.6, 10), pointed=True)
    sew.line([(-0.5, 30), (3.6, 44), (4.4, hem)], width=0.7)
    sew.sleeves(1.8, width=2.6, cuff=rim)
    sew.both([(3, NECK - 1.6), (5.6, NECK + 0.4), (6.2, 26), (-2.2, WAIST), (-3.2, WAIST), (1.6, 26.5)], rim)
    sew.waistband(WAIST - 0.6, rim, 2.6)
    sew.line([(-3.8, 50), (-2.0, WAIST + 1), (-0.6, 48)], rim, 1.5)
    sew.fill(oval(-2.0, WAIST + 0.8, 1.7, 1.5), rim)
    sew.fill([(6, 46), (10, 46), (10, 52), (6, 52)], sharp=True)
