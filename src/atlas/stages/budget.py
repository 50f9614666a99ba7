"""How long a recipe may learn: what an epoch costs here, and how much of that fits into a budget."""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import count
from math import ceil
from pathlib import Path
from typing import NamedTuple

from atlas.dataset.schema import DatasetFolder
from atlas.dataset.split import in_share
from atlas.errors import UsageError
from atlas.stages.checkpoint import find_position
from atlas.stages.hardware import make_accelerator
from atlas.stages.recipes import Recipe
from atlas.stages.train import TrainingRun

#: A recipe is timed in so many turns, for so many core-seconds in all, and never for more than this share of a budget.
#: Short, and one after the other, two recipes of equal cost were told apart by a tenth: a machine's speed drifts.
TURNS, ENOUGH_S, MOST_OF_BUDGET = 5, 30.0, 0.05


class Cost(NamedTuple):
    """What a recipe costs on a data set here, in seconds of process time."""

    step_core_s: float  # one training step, reading its batch included
    dev_core_s: float  # scoring `dev` once


class Length(NamedTuple):
    """How long a run learns."""

    epochs: int
    epoch_steps: int  # batches of each; 0 is one pass
    wanted: int  # epochs without a budget
    epoch_core_s: float | None  # the cost that was reckoned with; None without a budget


def measure_costs(
    data: DatasetFolder, recipes: Mapping[str, Recipe], budget_core_minutes: float
) -> dict[str, Cost | Exception]:
    """The cost of each recipe, tried in turns on runs that are thrown away: real training steps, and a part of `dev`.

    Taking turns, recipes share the machine's mood, so their costs compare. One that cannot be trained has in place of
    its cost what training raised, and spoils no other.
    """
    burst_s = min(ENOUGH_S, 60 * MOST_OF_BUDGET * budget_core_minutes) / TURNS
    tries: dict[str, _Try] = {}
    failed: dict[str, Exception] = {}
    for turn in range(TURNS):
        for label, recipe in recipes.items():
            try:
                if turn == 0:
                    tries[label] = _Try(data, recipe, burst_s)
                if label not in failed:
                    tries[label].burst(burst_s)
            except Exception as error:  # whatever a bad recipe does
                failed[label] = error
    return {label: failed[label] if label in failed else tries[label].cost for label in recipes}


class _Try:
    """A recipe's training run that is thrown away, timed step by step."""

    def __init__(self, data: DatasetFolder, recipe: Recipe, enough_s: float) -> None:
        position = find_position(data, recipe, None)
        self.run = TrainingRun(data, recipe, make_accelerator(position.precision), Path(), position)
        self.dev_core_s = _dev_core_s(self.run, enough_s)
        self.run.model.train()
        size, order = recipe.training.batch_size, self.run.train.order(recipe.training.seed, 0)
        place = (step % self.run.steps_per_pass * size for step in count())
        self.batches = self.run.train.batches(order[first : first + size] for first in place)
        self.run.step(next(self.batches))  # the first one makes ready, and is not timed
        self.steps, self.spent_s = 0, 0.0

    def burst(self, enough_s: float) -> None:
        """Some steps: one, and more until they took so many core-seconds."""
        started = time.process_time()
        while True:
            self.run.step(next(self.batches))
            self.steps += 1
            if time.process_time() - started >= enough_s:
                break
        self.spent_s += time.process_time() - started

    @property
    def cost(self) -> Cost:
        """The mean step so far, and `dev`."""
        return Cost(self.spent_s / self.steps, self.dev_core_s)


def _dev_core_s(run: TrainingRun, enough_s: float) -> float:
    """Scoring `dev` once, as its first batches say; the very first makes ready, and counts where there is no other."""
    if run.dev is None:
        return 0.0
    rows, clock = [], [time.process_time()]
    for scores in run.dev_scores():
        rows.append(len(scores))
        clock.append(time.process_time())
        if clock[-1] - clock[0] > enough_s:
            break
    first = min(1, len(rows) - 1)
    return (clock[-1] - clock[first]) / sum(rows[first:]) * len(run.dev)


def choose_length(data: DatasetFolder, recipe: Recipe, budget_core_minutes: float | None, cost: Cost | None) -> Length:
    """How long a run is: as long as the recipe says, and on a share of the data as long as on the whole.

    So only the data differ between shares, not the length of learning, nor how often `dev` is scored. A budget, in
    core-minutes of training, cuts that by the `cost` to as many epochs as begin within it, all of them shortened alike
    so that the last one ends with it. Raises UsageError when it does not hold a single step.
    """
    wanted, steps, whole = recipe.training.epochs, recipe.training.epoch_steps, _steps_of_whole(data, recipe)
    if recipe.training.share < 1 and not steps:
        steps = whole
    if budget_core_minutes is None or cost is None or not whole:  # without steps, training says what is wrong
        return Length(wanted, steps, wanted, None)
    budget_s, epoch_core_s = 60 * budget_core_minutes, (steps or whole) * cost.step_core_s + cost.dev_core_s
    epochs = min(wanted, max(1, ceil(budget_s / epoch_core_s)))
    fitting = int((budget_s / epochs - cost.dev_core_s) / cost.step_core_s)
    if fitting < 1:
        raise UsageError(
            f"a step takes about {cost.step_core_s:.2g} core-seconds and scoring dev {cost.dev_core_s:.2g}, more than "
            f"the budget of {budget_core_minutes:g} core-minutes: raise --core-minutes, or take this recipe out"
        )
    return Length(epochs, steps if fitting >= (steps or whole) else fitting, wanted, epoch_core_s)


def _steps_of_whole(data: DatasetFolder, recipe: Recipe) -> int:
    """The batches of one pass over the whole training part; 0 where the recipe's share does not fill one."""
    products, size = data.table("train", ["product_id"])["product_id"].to_pylist(), recipe.training.batch_size
    return len(products) // size if in_share(products, recipe.training.share).sum() >= size else 0
