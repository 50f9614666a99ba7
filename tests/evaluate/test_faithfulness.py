import numpy as np
import pytest

from atlas.evaluate.faithfulness import brightest_cells, hidden_cells, measure, moved_cells

NAN = np.nan


def test_falls_are_averaged_before_they_are_divided():
    # four products; the second one is certain of its answer: both falls are rounding, and their quotient is 0.01
    brightest = np.array([[3.0, 1.0], [1e-9, 1e-9], [1.0, 0.5], [2.0, NAN]])
    random = np.array([[1.0, 1.0], [1e-7, 1e-7], [0.5, 0.5], [0.5, NAN]])
    first, second = measure(brightest, random, draws=200)
    assert (first.level, first.products) == (1, 4)
    assert first.brightest == pytest.approx(6 / 4)
    assert first.random == pytest.approx(2 / 4)
    assert first.ratio == pytest.approx(3)
    assert first.reached
    assert (second.level, second.products) == (2, 3)
    assert second.brightest == pytest.approx(1.5 / 3)
    assert second.ratio == pytest.approx(1)
    assert not second.reached


def test_the_interval_is_that_of_other_products():
    random = np.random.default_rng(0).exponential(size=(400, 1))
    noise = np.random.default_rng(1).normal(size=(400, 1))
    (level,) = measure(3 * random + noise, random)
    low, high = level.interval
    assert low < 3 < high
    assert high - low < 0.6
    (fewer,) = measure((3 * random + noise)[:40], random[:40])
    assert fewer.interval[1] - fewer.interval[0] > 2 * (high - low)
    assert measure(3 * random + noise, random) == [level]  # the same figures whenever it is asked


def test_equal_products_leave_no_doubt():
    (level,) = measure(np.full((9, 1), 0.8), np.full((9, 1), 0.2))
    assert level.ratio == pytest.approx(4)
    assert level.interval == pytest.approx((4, 4))


def test_without_a_random_fall_there_is_no_ratio():
    (level,) = measure(np.full((3, 1), 0.5), np.full((3, 1), -0.1))
    assert (level.ratio, level.interval, level.reached) == (None, None, True)
    (dead,) = measure(np.zeros((3, 1)), np.zeros((3, 1)))
    assert (dead.ratio, dead.reached) == (None, False)


def test_a_level_that_no_answer_reaches_is_left_out():
    assert [level.level for level in measure(np.array([[1.0, NAN]]), np.array([[0.1, NAN]]))] == [1]


def test_a_fifth_of_the_cells_is_hidden():
    assert [hidden_cells(grid) for grid in ((8, 8), (5, 4), (3, 2), (2, 2), (1, 1))] == [13, 4, 1, 1, 1]


def test_the_brightest_cells_are_taken():
    light = np.zeros((4, 5))
    light[0, 3], light[2, 1], light[3, 4], light[1, 0] = 0.4, 0.3, 0.2, 0.05
    cells = brightest_cells(light, np.random.default_rng(0))
    assert sorted(map(tuple, cells.tolist())) == [(0, 3), (1, 0), (2, 1), (3, 4)]


def test_chance_decides_between_equals():
    random = np.random.default_rng(0)
    counts = np.zeros((5, 4))
    for _ in range(400):
        for row, column in brightest_cells(np.full((5, 4), 0.05), random):
            counts[row, column] += 1
    assert counts.min() > 50  # each of 20 cells is expected 80 times; the first four would have had all 400


def test_moved_cells_keep_their_shape_and_may_lie_anywhere():
    random, cells = np.random.default_rng(0), np.array([[0, 0], [0, 1], [1, 0]])
    counts = np.zeros((4, 5))
    for _ in range(2000):
        moved = moved_cells(cells, (4, 5), random)
        corner, right, below = moved.tolist()
        assert right == [corner[0], (corner[1] + 1) % 5]
        assert below == [(corner[0] + 1) % 4, corner[1]]
        counts[tuple(moved.T)] += 1
    assert counts.sum() == 6000
    assert counts.min() > 0.8 * 6000 / 20
