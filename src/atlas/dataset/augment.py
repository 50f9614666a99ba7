"""What happens to each training picture, drawn from (seed, epoch, row) alone, so that a run can stop and go on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from atlas.errors import RecipeError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class AugmentConfig:
    """How far training pictures are changed. All zero (and area 1) leaves them as they are.

    `flip` is the share mirrored; `area` the smallest share of the picture that a random crop keeps, `stretch` the
    largest change of a side's length beside the other (log scale); `rotate_deg` the largest turn; `brightness` and
    `contrast` the largest change as a share. `mix` is the share of batches whose pictures are blended in pairs:
    `cutmix` of those by pasting a box (Yun et al. 2019), the rest by weighted sums (mixup, Zhang et al. 2018, with
    `mixup_alpha`). After `mix_until` of the training no batch is blended any more, so that the last steps see pictures
    like those to come (He et al. 2019, "Data augmentation revisited").
    """

    flip: float = 0.0
    area: float = 1.0
    stretch: float = 0.0
    rotate_deg: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    mix: float = 0.0
    cutmix: float = 0.5
    mixup_alpha: float = 0.4
    mix_until: float = 1.0

    def __post_init__(self) -> None:
        for name in ("flip", "mix", "cutmix", "mix_until", "brightness", "contrast"):
            if not 0 <= getattr(self, name) <= 1:
                raise RecipeError(f"augment.{name} is {getattr(self, name)}: use a share from 0 to 1")
        if self.mixup_alpha <= 0:
            raise RecipeError(f"augment.mixup_alpha is {self.mixup_alpha}: use a number above 0")
        if not 0 < self.area <= 1:
            raise RecipeError(f"augment.area is {self.area}: use a share above 0, up to 1")

    @property
    def moves(self) -> bool:
        """Whether single pictures change at all."""
        return bool(self.flip or self.area < 1 or self.stretch or self.rotate_deg or self.brightness or self.contrast)


class Draws(NamedTuple):
    """One batch's random changes."""

    affine: NDArray[np.float32]  # (B, 2, 3): from output to input coordinates, both from -1 to 1
    brightness: NDArray[np.float32]  # (B,), added, as a share of white
    contrast: NDArray[np.float32]  # (B,), a factor around mid grey


class Mixing(NamedTuple):
    """How a batch is blended with a shuffled copy of itself."""

    partner: NDArray[np.int64]  # (B,)
    share: float  # what the picture itself keeps
    box: tuple[int, int, int, int] | None  # top, left, height, width in pixels of the pasted part; None for a sum


def draw_changes(config: AugmentConfig, size: tuple[int, int], seed: int, epoch: int, rows: NDArray[np.int64]) -> Draws:
    """The changes of these rows in this epoch for pictures of `size` (height, width) in pixels."""
    flip, scale, ratio, x, y, turn, light, contrast = uniform(seed, epoch, rows, 8).T
    side = np.sqrt(config.area + (1 - config.area) * scale)
    bend = np.exp(config.stretch * (2 * ratio - 1) / 2)
    width, height = np.minimum(side * bend, 1), np.minimum(side / bend, 1)
    angle = np.deg2rad(config.rotate_deg) * (2 * turn - 1)
    aspect = size[0] / size[1]
    mirror = np.where(flip < config.flip, -1.0, 1.0)
    affine = np.empty((len(rows), 2, 3), dtype=np.float32)
    affine[:, 0, 0] = mirror * width * np.cos(angle)
    affine[:, 0, 1] = -width * np.sin(angle) * aspect
    affine[:, 1, 0] = mirror * height * np.sin(angle) / aspect
    affine[:, 1, 1] = height * np.cos(angle)
    affine[:, 0, 2] = (2 * x - 1) * (1 - width)
    affine[:, 1, 2] = (2 * y - 1) * (1 - height)
    return Draws(
        affine,
        (config.brightness * (2 * light - 1)).astype(np.float32),
        (1 + config.contrast * (2 * contrast - 1)).astype(np.float32),
    )


def draw_mixing(
    config: AugmentConfig, size: tuple[int, int], batch_rows: int, seed: int, epoch: int, step: int, done: float
) -> Mixing | None:
    """How the batch at this step, with `done` of the training behind it, is blended; None where it stays as it is."""
    if not config.mix or done >= config.mix_until:
        return None
    random = np.random.default_rng((seed, epoch, step))
    if random.random() >= config.mix:
        return None
    partner = random.permutation(batch_rows)
    if random.random() >= config.cutmix:
        return Mixing(partner, float(random.beta(config.mixup_alpha, config.mixup_alpha)), None)
    height, width = size
    side = np.sqrt(1 - random.uniform())  # Beta(1, 1), the paper's choice
    box_height, box_width = int(height * side), int(width * side)
    top, left = random.integers(0, height - box_height + 1), random.integers(0, width - box_width + 1)
    share = 1 - box_height * box_width / (height * width)
    return Mixing(partner, share, (int(top), int(left), box_height, box_width))


def uniform(seed: int, epoch: int, rows: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Numbers (B, count) in [0, 1) that depend on seed, epoch, row and column only (SplitMix64 as a hash)."""
    start = _mix(_mix(np.uint64(seed & 0xFFFFFFFFFFFFFFFF)) ^ np.uint64(epoch))
    place = rows.astype(np.uint64)[:, None] * np.uint64(count) + np.arange(count, dtype=np.uint64)
    with np.errstate(over="ignore"):
        mixed = _mix(np.asarray(start + (place + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15), dtype=np.uint64))
    return np.asarray((mixed >> np.uint64(11)) * 2.0**-53)


def epoch_order(group_rows: list[int], window: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """A permutation of all rows (R,) that touches few row groups at a time.

    Row groups are shuffled, then rows within each `window` consecutive groups. The stored order is random already, so
    this is a good shuffle while only one window has to be in memory; with one window it is a full one.
    """
    random = np.random.default_rng((seed, epoch))
    starts = np.concatenate([[0], np.cumsum(group_rows)])
    groups = random.permutation(len(group_rows))
    parts = []
    for first in range(0, len(groups), window):
        rows = np.concatenate([np.arange(starts[g], starts[g + 1]) for g in groups[first : first + window]])
        parts.append(random.permutation(rows))
    return np.concatenate(parts).astype(np.int64) if parts else np.empty(0, np.int64)


def _mix(value: NDArray[np.uint64] | np.uint64) -> NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(value ^ (value >> np.uint64(31)), dtype=np.uint64)
