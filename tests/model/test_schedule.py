import math

import pytest

from atlas.model.schedule import OneCycleConfig, one_cycle


def test_the_defaults_are_fastais_one_cycle():
    config, steps = OneCycleConfig(peak=3e-3), 100
    first, top, last = (one_cycle(config, step, steps) for step in (0, 30, 100))
    assert first == pytest.approx((3e-3 / 25, 0.95))
    assert top == pytest.approx((3e-3, 0.85))
    assert last == pytest.approx((3e-3 / 25e4, 0.95))


def test_halfway_up_is_halfway_between():
    rates = one_cycle(OneCycleConfig(peak=1.0, start_division=10), 15, 100)
    assert rates.learning_rate == pytest.approx((0.1 + 1.0) / 2)
    assert rates.momentum == pytest.approx(0.9)


def test_a_quarter_down_follows_the_cosine():
    config = OneCycleConfig(peak=1.0, warmup_share=0.2, end_division=math.inf)
    assert one_cycle(config, 40, 100).learning_rate == pytest.approx((1 + math.cos(math.pi / 4)) / 2)


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_short_runs_have_finite_rates(steps):
    assert all(0 < one_cycle(OneCycleConfig(), step, steps).learning_rate <= 3e-3 for step in range(steps))
