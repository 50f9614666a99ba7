import numpy as np
import pytest
from PIL import Image

from atlas.demo.canvas import OVERSIZE, Canvas, Frame, along, corners, darker, lighter, mirrored, mix, smooth, tube

SQUARE = [(0.0, 0.0), (8.0, 0.0), (8.0, 8.0), (0.0, 8.0)]


def test_one_round_of_smoothing_cuts_every_corner_at_a_quarter():
    assert smooth(SQUARE, rounds=1) == [(2, 0), (6, 0), (8, 2), (8, 6), (6, 8), (2, 8), (0, 6), (0, 2)]


def test_smoothing_stays_within_the_outline_and_keeps_doubled_points():
    rounded = np.array(smooth([*corners((0.0, 0.0)), *SQUARE[1:]]))
    assert rounded.min() >= 0
    assert rounded.max() <= 8
    assert (0.0, 0.0) in smooth([*corners((0.0, 0.0)), *SQUARE[1:]])
    assert (0.0, 0.0) not in smooth(SQUARE)


def test_mirrored_outline_is_symmetric():
    outline = mirrored([(1, 0), (2, 5), (1, 9)])
    assert outline == [(1, 0), (2, 5), (1, 9), (-1, 9), (-2, 5), (-1, 0)]


def test_along_a_broken_line():
    line = [(0.0, 0.0), (10.0, 0.0), (10.0, 4.0)]
    assert along(line, 0.5) == (5, 0)
    assert along(line, 1.5) == (10, 2)
    assert along(line, 2) == (10, 4)
    assert along(line, 2.5) == (10, 6)


def test_tube_has_the_width_asked_for_and_ends_where_it_is_cut():
    outline = np.array(tube([(0.0, 0.0), (0.0, 10.0), (0.0, 20.0)], [2.0, 2.0, 2.0], 1.5, round_start=False))
    assert outline[:, 1].max() == 15
    assert outline[:, 0].min() == pytest.approx(-2)
    assert outline[:, 0].max() == pytest.approx(2)


def test_colours_move_towards_black_and_white():
    assert mix((0, 0, 0), (200, 100, 50), 0.5) == (100, 50, 25)
    assert sum(darker((120, 120, 120))) < 360 < sum(lighter((120, 120, 120)))


@pytest.mark.parametrize("turn", [0, 30, -90])
def test_a_centred_frame_shows_its_point_where_it_was_asked_to(turn):
    frame = Frame.centred(50, (80, 100), zoom=2, turn=turn)
    assert frame.pixels([(0, 50)])[0] == pytest.approx((80 * OVERSIZE, 100 * OVERSIZE))


def test_fill_paints_inside_and_leaves_the_rest():
    canvas = Canvas(Image.new("RGB", (60, 60), "white"), Frame(1, 10, 10))
    canvas.fill([(-5, -5), (5, -5), (5, 5), (-5, 5)], (200, 0, 0), shade=0, edge=0)
    finished = canvas.finished()
    assert finished.size == (20, 20)
    assert finished.getpixel((10, 10)) == (200, 0, 0)
    assert finished.getpixel((2, 2)) == (255, 255, 255)


def test_a_shape_outside_the_picture_changes_nothing():
    canvas = Canvas(Image.new("RGB", (60, 60), "white"), Frame(1, 10, 10))
    canvas.fill([(500, 500), (510, 500), (505, 510)], (200, 0, 0))
    assert canvas.finished().getextrema() == ((255, 255),) * 3
