from dataclasses import replace

import pytest

from atlas.dataset.schema import open_dataset
from atlas.errors import RecipeError, UsageError
from atlas.stages import benchmark_plan as plan_file
from atlas.stages.benchmark_plan import Ledger, Plan, Portion, parse_entrants, parse_portions
from atlas.stages.budget import Cost
from tests.striped import TINY


@pytest.fixture
def data(small_dataset):
    return open_dataset(small_dataset)


@pytest.fixture(autouse=True)
def fixed_machine(monkeypatch):
    monkeypatch.setattr(plan_file, "faster_precision", lambda: "fp32")


def asked(*recipes, portions=("1",), seeds=1, **other):
    return Plan(parse_entrants(recipes or ("fast",), TINY), parse_portions(portions, seeds), **other)


def test_recipes_have_labels(tmp_path):
    (tmp_path / "mine.toml").write_text("[training]\nepochs = 3\n")
    file = str(tmp_path / "mine.toml")
    entrants = parse_entrants(["fast", "a b=fast-path", file, f"other={file}"], ["batch_size=8"])
    assert [(e.label, e.asked) for e in entrants] == [
        ("fast", "fast"), ("a b", "fast-path"), ("mine", file), ("other", file),
    ]  # fmt: skip
    assert {e.recipe.training.batch_size for e in entrants} == {8}
    assert entrants[2].recipe.training.epochs == 3


@pytest.mark.parametrize(
    ("recipes", "settings", "error", "says"),
    [
        ([], [], UsageError, "needs a recipe"),
        (["fast", "fast"], [], UsageError, "2 recipes are called 'fast': tell them apart"),
        (["a b=fast", "a-b=fast"], [], UsageError, "LABEL=RECIPE"),
        (["?=fast"], [], UsageError, "no label"),
        (["fats"], [], RecipeError, "did you mean 'fast'"),
        (["fast"], ["seed=3"], UsageError, "use --seeds"),
        (["fast"], ["share=0.5"], UsageError, "use --share"),
    ],
)
def test_recipes_that_cannot_take_part(recipes, settings, error, says):
    with pytest.raises(error, match=says):
        parse_entrants(recipes, settings)


def test_shares_have_their_own_number_of_seeds():
    assert parse_portions([], 2) == (Portion(1.0, 2),)
    assert parse_portions(["1", "0.3:1", ".1"], 3) == (Portion(1.0, 3), Portion(0.3, 1), Portion(0.1, 3))


@pytest.mark.parametrize(
    ("shares", "seeds", "says"),
    [
        (["0"], 1, "above 0, up to 1"),
        (["1.5"], 1, "above 0, up to 1"),
        (["half"], 1, "0.3:1"),
        (["0.3:x"], 1, "0.3:1"),
        (["0.3", "0.30"], 1, "twice"),
        (["1"], 0, "1 or more"),
        (["0.3:0"], 1, "1 or more"),
    ],
)
def test_shares_that_are_none(shares, seeds, says):
    with pytest.raises(UsageError, match=says):
        parse_portions(shares, seeds)


def test_every_recipe_runs_once_before_any_runs_twice():
    plan = asked("a=fast", "b=fast", portions=("1", "0.3:1"), seeds=2)
    order = [[(entrant.label, share, seed) for entrant, share, seed in group] for group in plan.rounds()]
    assert order == [
        [("a", 1.0, 0), ("b", 1.0, 0)],
        [("a", 0.3, 0), ("b", 0.3, 0)],
        [("a", 1.0, 1), ("b", 1.0, 1)],
    ]


def test_a_budget_is_above_nothing():
    for wrong in (0.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="above 0"):
            asked(core_minutes=wrong)


def test_a_trial_says_how_it_is_made_by_hand(data, tmp_path):
    plan = asked("a b=fast")
    ledger = Ledger(tmp_path, data, "test", plan)
    trial = ledger.trial(plan.entrants[0], 0.5, 3)
    assert trial.folder == tmp_path / "runs" / "a-b-share0.5-s3"
    assert trial.title == "a b, 0.5 of the products, seed 3"
    training = trial.recipe.training
    assert (training.seed, training.share, training.precision) == (3, 0.5, "fp32")
    train, calibrate, evaluate = trial.commands(data.folder, "test")
    assert train.startswith(f"atlas train {data.folder} -r fast --set width=4")
    for setting in ("training.seed=3", "training.share=0.5", "training.precision=fp32"):
        assert f"--set {setting}" in train
    assert calibrate == f"atlas calibrate model {data.folder}"
    assert evaluate == f"atlas evaluate model {data.folder} --split test -o report"


@pytest.fixture
def measured(monkeypatch):
    """Asked-for measurements, as the recipes of each; the machine is twice as slow from one to the next."""
    calls = []

    def measure(data, recipes, minutes):
        calls.append({label: recipe.training for label, recipe in recipes.items()})
        return {label: Cost(1.0 * 2 ** (len(calls) - 1), 0.0) for label in recipes}

    monkeypatch.setattr(plan_file, "measure_costs", measure)
    return calls


def test_lengths_are_decided_once_for_all_seeds(data, tmp_path, measured):
    steps = len(data.table("train")) // 8
    plan = asked(core_minutes=3.5 * steps / 60)
    first = Ledger(tmp_path, data, "test", plan)
    trial = first.with_length(first.trial(plan.entrants[0], 1.0, 0))
    training = trial.recipe.training
    assert (training.epochs, training.epoch_steps) == (4, int(3.5 * steps / 4))
    assert {"training.epochs=4", f"training.epoch_steps={training.epoch_steps}"} <= set(trial.settings)
    later = Ledger(tmp_path, data, "test", plan)
    assert later.with_length(later.trial(plan.entrants[0], 1.0, 1)).recipe.training.epochs == 4
    assert len(measured) == 1
    assert (measured[0]["fast"].share, measured[0]["fast"].seed) == (1.0, 0)


def test_a_recipe_that_joins_later_is_measured_beside_one_that_is_known(data, tmp_path, measured):
    minutes = 3.5 * (len(data.table("train")) // 8) / 60
    plan = asked("fast", core_minutes=minutes)
    ledger = Ledger(tmp_path, data, "test", plan)
    ledger.with_length(ledger.trial(plan.entrants[0], 1.0, 0))
    plan = asked("fast", "joined=fast", core_minutes=minutes)
    ledger = Ledger(tmp_path, data, "test", plan)
    ledger.with_length(ledger.trial(plan.entrants[1], 1.0, 0))
    assert [list(call) for call in measured] == [["fast"], ["fast", "joined"]]
    assert ledger.content["lengths"]["joined 1.0"] == ledger.content["lengths"]["fast 1.0"]
    assert ledger.content["costs"]["joined"]["step_core_s"] == 1.0  # not 2: fast was twice as dear then, too


def test_a_recipe_that_cannot_be_measured_raises_in_its_own_turn(data, tmp_path, monkeypatch):
    bad = RecipeError("no such weights")
    monkeypatch.setattr(plan_file, "measure_costs", lambda *_: {"fast": Cost(1.0, 0.0), "bad": bad})
    plan = asked("fast", "bad=fast", core_minutes=60)
    ledger = Ledger(tmp_path, data, "test", plan)
    assert ledger.with_length(ledger.trial(plan.entrants[0], 1.0, 0)).recipe.training.epochs
    with pytest.raises(RecipeError, match="no such weights"):
        ledger.with_length(ledger.trial(plan.entrants[1], 1.0, 0))


def test_more_may_be_asked_for_and_nothing_else(data, tmp_path):
    Ledger(tmp_path, data, "test", asked()).keep()
    Ledger(tmp_path, data, "test", asked("fast", "fast-path", portions=("1", "0.5"), seeds=3)).keep()
    for split, plan, says in (
        ("dev", asked(), "split test, asked is dev"),
        ("test", asked(core_minutes=5.0), "core minutes None, asked is 5"),
        ("test", asked("fast=fast-path"), "another recipe 'fast'"),
    ):
        with pytest.raises(UsageError, match=says):
            Ledger(tmp_path, data, split, plan)
    with pytest.raises(UsageError, match="begun with taxonomy"):
        other = replace(data, taxonomy=type(data.taxonomy)([("Men", "Kilts")]))
        Ledger(tmp_path, other, "test", asked())
