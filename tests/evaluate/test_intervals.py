import numpy as np
import pytest

from atlas.evaluate.intervals import percentile_interval, resamples, widen_at_the_ends


def test_every_row_draws_as_many_products_as_there_are():
    weights = np.concatenate(list(resamples(7, draws=50, seed=1)))
    assert weights.shape == (50, 7)
    assert (weights.sum(axis=1) == 7).all()
    assert weights.mean() == pytest.approx(1)


def test_the_seed_decides_and_the_size_of_blocks_does_not():
    whole = np.concatenate(list(resamples(9, draws=40, seed=5)))
    blocks = list(resamples(9, draws=40, seed=5, width=300_000))
    assert len(blocks) > 1
    assert (np.concatenate(blocks) == whole).all()
    assert not (np.concatenate(list(resamples(9, draws=40, seed=6))) == whole).all()


def test_memory_is_bounded_whatever_the_number_of_products():
    assert next(resamples(500_000, draws=100)).nbytes <= 16e6


def test_interval_of_a_mean_is_near_the_normal_one():
    values = np.random.default_rng(0).normal(size=400)
    drawn = np.concatenate([weights @ values / 400 for weights in resamples(400, draws=2000, seed=2)])
    low, high = percentile_interval(drawn)
    assert (low, high) == pytest.approx(values.mean() + np.array([-1.96, 1.96]) * values.std() / 20, abs=0.01)


def test_nan_draws_do_not_count_and_nothing_but_nan_is_nan():
    drawn = np.stack([np.arange(101.0), np.full(101, np.nan)], axis=1)
    drawn[0, 0] = np.nan
    low, high = percentile_interval(drawn)
    assert low[0] == pytest.approx(np.quantile(np.arange(1, 101), 0.025))
    assert np.isnan(low[1])
    assert np.isnan(high[1])


@pytest.mark.parametrize(("products", "bound"), [(2, 0.158), (200, 0.982)])
def test_when_all_are_right_the_exact_bound_holds(products, bound):
    low, high = widen_at_the_ends(np.array([1.0, 1.0]), 1.0, products)
    assert (low, high) == (pytest.approx(bound, abs=1e-3), 1.0)
    low, high = widen_at_the_ends(np.array([0.0, 0.0]), 0.0, products)
    assert (low, high) == (0.0, pytest.approx(1 - bound, abs=1e-3))


def test_between_the_ends_nothing_is_widened():
    assert widen_at_the_ends(np.array([0.4, 0.6]), 0.5, 3) == (0.4, 0.6)
