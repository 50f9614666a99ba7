"""Drawn pictures whose answer sits in one quarter: does the evidence lie there?"""

import numpy as np
import pytest
from benchmarks.quadrant_light import PATHS, QUARTER_PX, draw, inside, measure, trained


def test_light_is_shared_out_by_area():
    light = np.zeros((4, 4))
    light[0, 0], light[1, 3], light[3, 3] = 0.5, 0.3, 0.2
    assert [inside(light, quarter) for quarter in range(4)] == pytest.approx([0.5, 0.3, 0, 0.2])
    middle = np.zeros((3, 3))  # the middle row and column lie on the border
    middle[0, 0], middle[1, 0], middle[1, 1] = 0.5, 0.3, 0.2
    assert [inside(middle, quarter) for quarter in range(4)] == pytest.approx([0.7, 0.05, 0.2, 0.05])
    assert sum(inside(np.full((5, 7), 1 / 35), quarter) for quarter in range(4)) == pytest.approx(1)


def test_the_product_is_in_its_quarter_and_nowhere_else():
    for number, path in enumerate(PATHS):
        picture, quarter = draw(path, np.random.default_rng(number))
        pale = (np.asarray(picture).min(axis=2) > 200).reshape(2, QUARTER_PX, 2, QUARTER_PX).mean(axis=(1, 3)).ravel()
        assert pale.argmax() == quarter
        assert pale[quarter] > 0.25


def test_pictures_repeat_by_seed_and_differ_without():
    first, again, other = (np.asarray(draw(PATHS[0], np.random.default_rng(seed))[0]) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_a_path_decoder_looks_where_the_answer_is(tmp_path, kind):
    found = measure(trained(tmp_path, kind), 200)
    assert found["accuracy"] > 0.95
    assert found["all_levels"] >= 0.95, found


@pytest.mark.slow
def test_hiding_finds_where_the_answer_of_a_flat_model_is(tmp_path):
    found = measure(trained(tmp_path, "flat"), 60, by_hiding=True)
    assert found["accuracy"] > 0.95
    assert found["all_levels"] >= 0.95, found
