"""Learning rate and momentum as a pure function of the step, so that a run can stop and go on anywhere."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from atlas.errors import RecipeError


class Rates(NamedTuple):
    """What an optimizer uses at one step."""

    learning_rate: float
    momentum: float


@dataclass(frozen=True)
class OneCycleConfig:
    """Smith's one-cycle policy (2017) in fastai 1.0's form and with its defaults.

    The learning rate climbs from `peak / start_division` to `peak` over `warmup_share` of the steps and falls to
    `peak / end_division`, both along a half cosine; the momentum goes the other way between its two values.
    """

    peak: float = 3e-3
    warmup_share: float = 0.3
    start_division: float = 25.0
    end_division: float = 25e4
    momentum_high: float = 0.95
    momentum_low: float = 0.85

    def __post_init__(self) -> None:
        if min(self.peak, self.start_division, self.end_division) <= 0:
            raise RecipeError("schedule.peak, start_division and end_division: use numbers above 0")
        shares = (self.warmup_share, self.momentum_high, self.momentum_low)
        if min(shares) < 0 or max(shares) > 1:
            raise RecipeError("schedule.warmup_share, momentum_high and momentum_low: use shares from 0 to 1")


def one_cycle(config: OneCycleConfig, step: int, steps: int) -> Rates:
    """Learning rate and momentum at `step` of `steps` (counted from 0)."""
    warm = max(1, int(steps * config.warmup_share))
    if step < warm:
        share = step / warm
        start, end = config.peak / config.start_division, config.peak
        high, low = config.momentum_high, config.momentum_low
    else:
        share = (step - warm) / max(1, steps - warm)
        start, end = config.peak, config.peak / config.end_division
        high, low = config.momentum_low, config.momentum_high
    return Rates(_cosine(start, end, share), _cosine(high, low, share))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
