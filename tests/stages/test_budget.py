import pytest

from atlas.dataset.schema import open_dataset
from atlas.dataset.split import in_share
from atlas.errors import RecipeError, UsageError
from atlas.stages import budget
from atlas.stages.budget import Cost, choose_length, measure_costs
from atlas.stages.train import TrainingRun
from tests.striped import tiny_recipe


@pytest.fixture
def data(small_dataset):
    return open_dataset(small_dataset)


def steps(data, share=1.0):
    products = data.table("train", ["product_id"])["product_id"].to_pylist()
    return int(in_share(products, share).sum()) // 8


def test_without_a_budget_a_recipe_has_its_own_epochs(data):
    assert choose_length(data, tiny_recipe("epochs=7"), None, None) == (7, 0, 7, None)


def test_on_a_share_the_number_of_steps_stays(data):
    cost, minutes = Cost(2.0, 10.0), 3.5 * (2 * steps(data) + 10) / 60
    half = tiny_recipe("epochs=7", "share=0.5")
    assert choose_length(data, half, None, None) == (7, steps(data), 7, None)
    assert choose_length(data, half, minutes, cost) == choose_length(data, tiny_recipe("epochs=7"), minutes, cost)


def test_a_budget_is_spent_to_its_end(data):
    """An epoch of `steps` steps of 2 s and 10 s for dev; a budget of three and a half of them: four shorter ones."""
    epoch_s = 2 * steps(data) + 10
    cost, minutes = Cost(2.0, 10.0), 3.5 * epoch_s / 60
    found = choose_length(data, tiny_recipe("epochs=7"), minutes, cost)
    assert (found.epochs, found.wanted, found.epoch_core_s) == (4, 7, epoch_s)
    assert 60 * minutes - 2 * 4 < 4 * (2 * found.epoch_steps + 10) <= 60 * minutes
    assert choose_length(data, tiny_recipe("epochs=2"), minutes, cost) == (2, 0, 2, epoch_s)
    assert choose_length(data, tiny_recipe("epochs=7"), 3 * epoch_s / 60, cost).epoch_steps == 0
    assert choose_length(data, tiny_recipe("epochs=7"), 0.9 * epoch_s / 60, cost).epochs == 1
    with pytest.raises(UsageError, match="raise --core-minutes"):
        choose_length(data, tiny_recipe("epochs=7"), 11 / 60, cost)


def test_a_share_too_small_for_a_batch_is_left_to_training(data):
    assert choose_length(data, tiny_recipe("epochs=7", "share=0.001"), 1.0, Cost(1.0, 1.0)).epochs == 7


def test_costs_are_measured_in_turns_on_real_steps(data, monkeypatch):
    taken = []
    step = TrainingRun.step
    monkeypatch.setattr(
        TrainingRun,
        "step",
        lambda run, pictures: taken.append((run.recipe.training.seed, len(pictures.rows))) or step(run, pictures),
    )
    recipes = {
        "one": tiny_recipe("seed=1"),
        "bad": tiny_recipe("peak=1e30", "start_division=1"),
        "two": tiny_recipe("seed=2"),
    }
    costs = measure_costs(data, recipes, 1e-9)  # a budget of nothing: one step a turn
    good = [(seed, 8) for seed in (1, 2)]
    assert [each for each in taken if each[0]] == [each for each in good for _ in (0, 1)] + good * (budget.TURNS - 1)
    assert list(costs) == ["one", "bad", "two"]
    assert isinstance(costs["bad"], RecipeError)
    for label in ("one", "two"):
        assert 0 < costs[label].step_core_s < 60
        assert 0 < costs[label].dev_core_s < 60


def test_a_turn_lasts_as_long_as_the_budget_allows(data, monkeypatch):
    bursts = []

    def burst(tried, enough_s):
        bursts.append(enough_s)
        tried.steps, tried.spent_s = 1, 1.0

    monkeypatch.setattr(budget._Try, "burst", burst)
    for minutes, whole_s in ((2.0, 6.0), (1e6, budget.ENOUGH_S)):
        bursts.clear()
        measure_costs(data, {"one": tiny_recipe()}, minutes)
        assert bursts == [pytest.approx(whole_s / budget.TURNS)] * budget.TURNS
