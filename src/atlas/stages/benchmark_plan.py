"""What a benchmark is asked to do: recipes, shares of the data and seeds, in an order that compares early."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any, NamedTuple

from atlas.dataset.schema import DatasetFolder
from atlas.errors import UsageError
from atlas.recipe import to_mapping
from atlas.stages.budget import Cost, choose_length, measure_costs
from atlas.stages.hardware import faster_precision
from atlas.stages.recipes import Recipe, load_recipe
from atlas.stages.trial import Trial
from atlas.storage import read_json, write_json

PLAN_FILE, RUNS = "plan.json", "runs"
#: Of plan.json; what another version began is not taken up.
VERSION = 1

_LABELLED = re.compile(r"(?P<label>[^/\\=]+)=(?P<recipe>.+)")
_LABEL = re.compile(r"\w[\w .+-]*")

Json = dict[str, Any]


@dataclass(frozen=True)
class Entrant:
    """A recipe that takes part, under the name by which the report calls it."""

    label: str
    asked: str  # the recipe's name or file
    settings: tuple[str, ...]
    recipe: Recipe


class Portion(NamedTuple):
    """A share of the training products, and with how many seeds it is learned from."""

    share: float
    seeds: int


@dataclass(frozen=True)
class Plan:
    """All that is asked for. The first entrant is the one that the others are compared with."""

    entrants: tuple[Entrant, ...]
    portions: tuple[Portion, ...]
    core_minutes: float | None = None  # of training, for every run; None leaves recipes their own epochs
    split: str | None = None

    def __post_init__(self) -> None:
        if self.core_minutes is not None and not 0 < self.core_minutes < math.inf:
            raise UsageError(f"--core-minutes is {self.core_minutes:g}: use a number above 0, or leave it out")

    def rounds(self) -> Iterator[list[tuple[Entrant, float, int]]]:
        """Runs as (entrant, share, seed), in groups that compare all entrants; the first seed of everything first."""
        for seed in range(max(portion.seeds for portion in self.portions)):
            for portion in self.portions:
                if seed < portion.seeds:
                    yield [(entrant, portion.share, seed) for entrant in self.entrants]


def parse_entrants(recipes: Sequence[str], settings: Sequence[str] = ()) -> tuple[Entrant, ...]:
    """Recipes as written on the command line: a name or file, or LABEL=NAME; `settings` change all of them.

    Raises UsageError for two of one label, for a label that makes no folder name, and for what a benchmark decides
    itself (seed, share); RecipeError for a recipe that cannot be read.
    """
    if not recipes:
        raise UsageError("a benchmark needs a recipe: name one or more with -r")
    entrants = tuple(_entrant(text, tuple(settings)) for text in recipes)
    label, count = Counter(_slug(entrant.label).lower() for entrant in entrants).most_common(1)[0]
    if count > 1:
        raise UsageError(f"{count} recipes are called '{label}': tell them apart with -r LABEL=RECIPE")
    return entrants


def parse_portions(shares: Sequence[str], seeds: int) -> tuple[Portion, ...]:
    """Shares as written on the command line: `0.3`, or `0.3:1` for one with its own number of seeds; the whole if none.

    Raises UsageError for anything that is not a share above 0 up to 1, a share said twice, and less than one seed.
    """
    portions = tuple(_portion(text, seeds) for text in shares or ("1",))
    if len({portion.share for portion in portions}) < len(portions):
        raise UsageError("--share names one share twice: name each once")
    if min(portion.seeds for portion in portions) < 1:
        raise UsageError("--seeds: use 1 or more")
    return portions


class Ledger:
    """plan.json of a benchmark that is under way: what was asked, and the lengths of its runs, decided once."""

    def __init__(self, folder: FilePath, data: DatasetFolder, split: str, plan: Plan) -> None:
        """Take up the one in the folder, or begin one; nothing is written yet.

        More recipes, shares and seeds may be asked for than before. Raises UsageError when data, split or budget are
        others, or a recipe is another one than that of the same label.
        """
        self.folder, self._data, self._plan = folder, data, plan
        self._file = folder / PLAN_FILE
        asked = {
            "version": VERSION,
            "dataset": data.digest,
            "taxonomy": data.taxonomy.digest,
            "split": split,
            "core_minutes": plan.core_minutes,
        }
        if self._file.exists():
            self.content: Json = read_json(self._file)
            self._check(asked)
        else:
            self.content = {**asked, "precision": faster_precision(), "recipes": {}, "costs": {}, "lengths": {}}
        self.content["recipes"] |= {entrant.label: to_mapping(entrant.recipe) for entrant in plan.entrants}

    def _check(self, asked: Json) -> None:
        for key, value in asked.items():
            found = self.content.get(key)
            if found != value:
                raise UsageError(
                    f"{self.folder} was begun with {key.replace('_', ' ')} {found}, asked is {value}: "
                    "repeat the earlier call, name another -o, or use --overwrite"
                )
        for entrant in self._plan.entrants:
            known = self.content["recipes"].get(entrant.label)
            if known is not None and known != to_mapping(entrant.recipe):
                raise UsageError(
                    f"{self.folder} was begun with another recipe '{entrant.label}': give the changed one a label of "
                    "its own with -r LABEL=RECIPE, or use --overwrite"
                )

    def keep(self) -> None:
        """Write it down."""
        write_json(self._file, self.content)

    def trial(self, entrant: Entrant, share: float, seed: int) -> Trial:
        """The run with everything but its length decided."""
        training = entrant.recipe.training
        decided = [f"training.seed={seed}"]
        if share != 1:
            decided.append(f"training.share={share!r}")
        precision = training.precision
        if precision == "auto":
            precision = self.content["precision"]
            decided.append(f"training.precision={precision}")
        recipe = replace(entrant.recipe, training=replace(training, seed=seed, share=share, precision=precision))
        folder = self.folder / RUNS / f"{_slug(entrant.label)}-share{share:.10g}-s{seed}"
        return Trial(entrant.label, entrant.asked, (*entrant.settings, *decided), recipe, folder)

    def with_length(self, trial: Trial) -> Trial:
        """The run with its length, which is the same for all seeds and whenever it is taken up.

        Raises what `measure_costs` and `choose_length` raise.
        """
        lengths, key = self.content["lengths"], f"{trial.label} {trial.recipe.training.share!r}"
        if key not in lengths:
            minutes = self._plan.core_minutes
            cost = None if minutes is None else self._cost(trial.label, minutes)
            lengths[key] = choose_length(self._data, trial.recipe, self._plan.core_minutes, cost)._asdict()
            self.keep()
        epochs, steps, training = int(lengths[key]["epochs"]), int(lengths[key]["epoch_steps"]), trial.recipe.training
        settings = [f"training.epochs={epochs}"] * (epochs != training.epochs)
        settings += [f"training.epoch_steps={steps}"] * (steps != training.epoch_steps)
        recipe = replace(trial.recipe, training=replace(training, epochs=epochs, epoch_steps=steps))
        return replace(trial, recipe=recipe, settings=(*trial.settings, *settings))

    def _cost(self, label: str, minutes: float) -> Cost:
        """What a recipe costs, measured once, on the whole training part.

        All recipes that are not known yet are measured together. What was known before is the yardstick of those that
        join later: they share the budget only if they share the machine's mood. One that cannot be measured raises in
        its own turn alone.
        """
        costs = self.content["costs"]
        if label not in costs:
            known = [entrant.label for entrant in self._plan.entrants if entrant.label in costs][:1]
            asked = [entrant for entrant in self._plan.entrants if entrant.label in known or entrant.label not in costs]
            recipes = {entrant.label: self.trial(entrant, 1.0, 0).recipe for entrant in asked}
            found = measure_costs(self._data, recipes, minutes)
            drift = _drift(Cost(**costs[known[0]]), found[known[0]]) if known else 1.0
            for name, cost in found.items():
                if isinstance(cost, Cost) and name not in costs:
                    costs[name] = Cost(*(drift * each for each in cost))._asdict()
            failure = found[label]
            if isinstance(failure, Exception):
                raise failure
        return Cost(**costs[label])


def _drift(then: Cost, now: Cost | Exception) -> float:
    """How much dearer the same recipe was when it was measured first."""
    return then.step_core_s / now.step_core_s if isinstance(now, Cost) else 1.0


def _entrant(text: str, settings: tuple[str, ...]) -> Entrant:
    labelled = _LABELLED.fullmatch(text)
    asked = labelled["recipe"] if labelled else text
    label = labelled["label"].strip() if labelled else FilePath(text).stem if text.endswith(".toml") else text
    recipe = load_recipe(asked, settings)
    if not _LABEL.fullmatch(label):
        raise UsageError(f"'{label}' is no label: use letters, digits, spaces and _ . + - after a letter or digit")
    for key, option in (("seed", "--seeds"), ("share", "--share")):
        if getattr(recipe.training, key) != getattr(Recipe().training, key):
            raise UsageError(f"recipe '{label}' sets training.{key}, which a benchmark decides: use {option} instead")
    return Entrant(label, asked, settings, recipe)


def _portion(text: str, seeds: int) -> Portion:
    share, colon, own = text.partition(":")
    try:
        portion = Portion(float(share), int(own) if colon else seeds)
    except ValueError:
        portion = Portion(0, 0)
    if not 0 < portion.share <= 1:
        raise UsageError(f"--share {text}: write a share above 0, up to 1, such as 0.3, or 0.3:1 to give it 1 seed")
    return portion


def _slug(label: str) -> str:
    return re.sub(r"[^\w.+-]+", "-", label)
