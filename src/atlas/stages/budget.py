"""How long a recipe may learn: what an epoch costs here, and how much of that fits into a budget."""

from __future__ import annotations

import time
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

#: Steps that are timed: at least the first number, at most the second, until they took so long together.
STEPS = (4, 40)
ENOUGH_S = 8.0


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


def measure_cost(data: DatasetFolder, recipe: Recipe) -> Cost:
    """The cost of a recipe, tried on a run that is thrown away: some real training steps, and `dev` once.

    Raises what training raises for a recipe or a data set that cannot be used.
    """
    position = find_position(data, recipe, None)
    run = TrainingRun(data, recipe, make_accelerator(position.precision), Path(), position)
    run.model.train()
    step_core_s = _step_core_s(run)
    started = time.process_time()
    if run.dev is not None:
        run.score_dev()
    return Cost(step_core_s, time.process_time() - started)


def _step_core_s(run: TrainingRun) -> float:
    """The mean over some steps, after one that is not timed: at least `STEPS[0]`, more where they are quick."""
    size, order = run.recipe.training.batch_size, run.train.order(run.recipe.training.seed, 0)
    place = [step % run.steps_per_epoch * size for step in range(STEPS[1] + 1)]
    started = spent = 0.0
    for number, pictures in enumerate(run.train.batches(order[first : first + size] for first in place)):
        run.step(pictures)
        if number == 0:
            started = time.process_time()
        spent = time.process_time() - started
        if number >= STEPS[0] and spent > ENOUGH_S:
            break
    return spent / number


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
