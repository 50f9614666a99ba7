import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from atlas.dataset.augment import AugmentConfig, draw_changes, draw_mixing, epoch_order, uniform
from atlas.dataset.loader import blend, change
from atlas.errors import RecipeError

ROWS = np.arange(64)
SIZE = (12, 8)


@given(st.integers(0, 2**40), st.integers(0, 1000), st.permutations(list(range(20))))
def test_a_rows_numbers_depend_on_the_row_alone(seed, epoch, rows):
    together = uniform(seed, epoch, np.arange(20), 3)
    assert np.array_equal(uniform(seed, epoch, np.array(rows), 3), together[rows])
    assert ((together >= 0) & (together < 1)).all()


def test_numbers_are_uniform_and_differ_by_seed_and_epoch():
    many = uniform(0, 0, np.arange(50_000), 4)
    assert np.abs(many.mean(0) - 0.5).max() < 0.01
    assert np.abs(many.var(0) - 1 / 12).max() < 0.002
    assert np.abs(np.corrcoef(many.T) - np.eye(4)).max() < 0.02
    assert np.abs(np.corrcoef(many[:-1, 0], many[1:, 0])[0, 1]) < 0.02
    assert not np.isclose(uniform(1, 0, ROWS, 4), uniform(0, 1, ROWS, 4)).any()


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.integers(1, 4))
def test_an_epoch_visits_every_row_once(group_rows, window):
    order = epoch_order(group_rows, window, seed=3, epoch=1)
    assert sorted(order.tolist()) == list(range(sum(group_rows)))


def test_a_window_bounds_the_row_groups_in_use():
    order = epoch_order([10] * 12, 3, seed=0, epoch=0)
    windows = [set((order[start : start + 30] // 10).tolist()) for start in range(0, 120, 30)]
    assert [len(groups) for groups in windows] == [3] * 4
    assert not np.array_equal(order, epoch_order([10] * 12, 3, seed=0, epoch=1))


def test_no_change_gives_the_picture_back():
    pixels = torch.randint(0, 256, (64, 3, *SIZE), dtype=torch.uint8)
    assert not AugmentConfig().moves
    assert torch.allclose(change(pixels, draw_changes(AugmentConfig(), SIZE, 0, 0, ROWS)), pixels.float(), atol=1e-3)


def test_a_sure_flip_mirrors():
    pixels = torch.randint(0, 256, (64, 3, *SIZE), dtype=torch.uint8)
    drawn = draw_changes(AugmentConfig(flip=1.0), SIZE, 0, 0, ROWS)
    assert torch.allclose(change(pixels, drawn), pixels.flip(3).float(), atol=1e-3)


def test_half_of_the_rows_flip():
    drawn = draw_changes(AugmentConfig(flip=0.5), SIZE, 0, 0, np.arange(10_000))
    assert (drawn.affine[:, 0, 0] < 0).mean() == pytest.approx(0.5, abs=0.02)


def test_a_crop_keeps_the_asked_area_and_stays_inside():
    affine = draw_changes(AugmentConfig(area=0.5, stretch=0.2), SIZE, 0, 0, np.arange(5000)).affine
    width, height = affine[:, 0, 0], affine[:, 1, 1]
    assert (width * height).min() > 0.5 * 0.85
    assert (np.abs(affine[:, 0, 2]) + width <= 1 + 1e-6).all()
    assert (np.abs(affine[:, 1, 2]) + height <= 1 + 1e-6).all()


def test_a_quarter_turn_of_a_square_turns_it():
    pixels = torch.zeros(1, 3, 9, 9, dtype=torch.uint8)
    pixels[:, :, 0, 4] = 255
    config = AugmentConfig(rotate_deg=90)
    drawn = draw_changes(config, (9, 9), 0, 0, np.array([0]))
    turn = np.arctan2(-drawn.affine[0, 0, 1], drawn.affine[0, 0, 0])
    bright = np.argwhere(change(pixels, drawn)[0, 0].numpy() > 100)[0] - 4
    radius = np.hypot(*bright)
    assert radius == pytest.approx(4, abs=1.0)
    # the output cell at (x, y) reads the input at R(turn) (x, y): the bright cell above the middle comes from there
    x, y = bright[1], bright[0]
    assert x * np.cos(turn) - y * np.sin(turn) == pytest.approx(0, abs=1.0)
    assert x * np.sin(turn) + y * np.cos(turn) == pytest.approx(-4, abs=1.0)


def test_light_changes_around_mid_grey():
    pixels = torch.full((64, 3, *SIZE), 127, dtype=torch.uint8)
    drawn = draw_changes(AugmentConfig(brightness=0.1, contrast=0.5), SIZE, 0, 0, ROWS)
    values = change(pixels, drawn)[:, 0, 0, 0]
    assert torch.allclose(values, torch.from_numpy(127.5 + 255 * drawn.brightness), atol=1.0)
    assert 10 < values.max() - values.min() < 52


def test_a_sum_and_a_box_blend_as_their_share_says():
    pixels = torch.stack([torch.zeros(3, *SIZE), torch.full((3, *SIZE), 200.0)]).to(torch.uint8)
    kinds = set()
    for step in range(40):
        mixing = draw_mixing(AugmentConfig(mix=1.0), SIZE, 2, seed=0, epoch=0, step=step, done=0)
        if mixing is None or mixing.partner[0] == 0:
            continue
        kinds.add(mixing.box is None)
        mixed = blend(pixels, mixing)
        assert float(mixed[0].float().mean()) == pytest.approx(200 * (1 - mixing.share), abs=0.5)
        assert float(mixed[1].float().mean()) == pytest.approx(200 * mixing.share, abs=0.5)
    assert kinds == {True, False}


def test_the_share_of_blended_batches():
    config = AugmentConfig(mix=0.3)
    blended = [draw_mixing(config, SIZE, 4, 0, 0, step, 0.2) is not None for step in range(2000)]
    assert np.mean(blended) == pytest.approx(0.3, abs=0.03)
    assert draw_mixing(AugmentConfig(), SIZE, 4, 0, 0, 0, 0.2) is None


def test_the_last_part_of_the_training_is_not_blended():
    config = AugmentConfig(mix=1.0, mix_until=0.8)
    assert draw_mixing(config, SIZE, 4, 0, 0, 0, 0.79) is not None
    assert draw_mixing(config, SIZE, 4, 0, 0, 0, 0.8) is None


@pytest.mark.parametrize("values", [{"flip": 1.5}, {"area": 0.0}, {"mix": -0.1}])
def test_shares_out_of_range_are_refused(values):
    with pytest.raises(RecipeError, match="share"):
        AugmentConfig(**values)
