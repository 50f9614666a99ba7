import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.decide import calibrate
from atlas.decide.posterior import below, masses
from atlas.records import IMPOSSIBLE
from atlas.taxonomy.tree import Taxonomy

from .trees import draw_log_mass, trees

SEEDS = st.integers(0, 2**32 - 1)
TREE = Taxonomy([("Men", "Shirts"), ("Men", "Shoes"), ("Women",), ("Women", "Saree")]).arrays
WIDE = Taxonomy([(a, b) for a in "abcde" for b in "fghij"] + [("a",), ("b",)]).arrays


def log_of(mass: list[float]) -> np.ndarray:
    mass = np.array([mass])
    return np.where(mass > 0, np.log(np.where(mass > 0, mass, 1)), IMPOSSIBLE).astype(np.float32)


def draw_truth(log_mass: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    steps = masses(log_mass).cumsum(axis=1)
    return (steps < rng.random((len(steps), 1)) * steps[:, -1:]).sum(axis=1)


def likelihood(log_mass: np.ndarray, truth: np.ndarray, tree) -> float:
    """Mean negative log likelihood: own mass at an answer, all that is below where the truth is known no deeper."""
    mass = masses(log_mass)
    total = below(mass, tree)
    rows = np.arange(len(truth))
    return float(-np.log(np.where(tree.is_answer[truth], mass[rows, truth], total[rows, truth])).mean())


def test_hand_worked_temperatures():
    """Level 1: .7/.3 becomes sqrt(.7)/sqrt(.3); level 2 at T = 1/2: squares within each parent."""
    calm = masses(calibrate.apply_temperatures(log_of([0, 0, 0.5, 0.2, 0.1, 0.2]), (2.0, 0.5), TREE))[0]
    men = 0.7**0.5 / (0.7**0.5 + 0.3**0.5)
    shirts = 0.5**2 / (0.5**2 + 0.2**2)
    saree = 0.2**2 / (0.1**2 + 0.2**2)
    expected = [0, 0, men * shirts, men * (1 - shirts), (1 - men) * (1 - saree), (1 - men) * saree]
    assert calm == pytest.approx(expected, abs=1e-6)


@given(trees(), SEEDS)
def test_temperatures_of_one_are_the_identity(tree, seed):
    log_mass = draw_log_mass(tree, 4, np.random.default_rng(seed))
    levels = int(tree.depth.max())
    assert (calibrate.apply_temperatures(log_mass, (1.0,) * levels, tree) == log_mass).all()
    almost = calibrate.apply_temperatures(log_mass, (1.0,) * (levels - 1) + (1 + 1e-12,), tree)
    assert masses(almost) == pytest.approx(masses(log_mass), abs=1e-6)


@given(trees(), SEEDS)
def test_applying_keeps_sums_order_of_siblings_and_impossible_nodes(tree, seed):
    rng = np.random.default_rng(seed)
    log_mass = draw_log_mass(tree, 4, rng)
    calm = calibrate.apply_temperatures(log_mass, rng.uniform(0.1, 10, int(tree.depth.max())).tolist(), tree)
    assert np.exp(calm).sum(axis=1) == pytest.approx(1)
    assert (calm[:, ~tree.is_answer] == IMPOSSIBLE).all()
    before, after = below(masses(log_mass), tree), below(masses(calm), tree)
    for parent in set(tree.parent[1:].tolist()):
        children = np.flatnonzero(tree.parent == parent)
        assert (before[:, children].argmax(axis=1) == after[:, children].argmax(axis=1)).all()


@pytest.mark.parametrize("true_temperatures", [(2.0, 0.6), (0.7, 1.8), (1.0, 3.0)])
def test_fitting_finds_the_temperatures_that_made_the_truths(true_temperatures, rng):
    log_mass = draw_log_mass(WIDE, 8000, rng, spread=2.0)
    truth = draw_truth(calibrate.apply_temperatures(log_mass, true_temperatures, WIDE), rng)
    assert calibrate.fit_temperatures(log_mass, truth, WIDE) == pytest.approx(true_temperatures, rel=0.08)


@settings(max_examples=40)
@given(trees(), SEEDS)
def test_likelihood_of_the_fitting_rows_never_falls(tree, seed):
    rng = np.random.default_rng(seed)
    log_mass = draw_log_mass(tree, 60, rng)
    truth = rng.integers(1, len(tree.parent), 60)
    fitted = calibrate.fit_temperatures(log_mass, truth, tree)
    assert all(calibrate.COLDEST <= temperature <= calibrate.HOTTEST for temperature in fitted)
    calm = calibrate.apply_temperatures(log_mass, fitted, tree)
    assert likelihood(calm, truth, tree) <= likelihood(log_mass, truth, tree) + 1e-6


def test_batches_give_what_one_call_gives(rng):
    log_mass = draw_log_mass(WIDE, 500, rng)
    truth = draw_truth(log_mass, rng)
    parts = [calibrate.choices_at_levels(log_mass[at : at + 64], truth[at : at + 64], WIDE) for at in range(0, 500, 64)]
    assert calibrate.fit_choices(parts) == pytest.approx(calibrate.fit_temperatures(log_mass, truth, WIDE), rel=1e-6)


def test_a_truth_known_no_deeper_counts_for_its_levels_only(rng):
    """Rows that stop at `c`, an inner node that is no answer, say nothing of level 2."""
    log_mass = draw_log_mass(WIDE, 300, rng)
    inner = int(np.flatnonzero((WIDE.depth == 1) & ~WIDE.is_answer)[0])
    first, second = calibrate.choices_at_levels(log_mass, np.full(300, inner), WIDE)
    assert len(first.starts) == 300
    assert len(second.starts) == 0
    assert calibrate.fit_temperatures(log_mass, np.full(300, inner), WIDE)[1] == 1.0


def test_stopping_at_an_inner_answer_is_a_choice():
    women = 4
    first, second = calibrate.choices_at_levels(log_of([0, 0, 0.5, 0.2, 0.1, 0.2]), np.array([women]), TREE)
    assert np.exp(first.log_p[first.chosen]) == pytest.approx([0.3])
    assert np.exp(second.log_p[second.chosen]) == pytest.approx([1 / 3])


def test_the_root_counts_for_nothing(rng):
    log_mass = draw_log_mass(WIDE, 100, rng)
    assert calibrate.fit_temperatures(log_mass, np.zeros(100, dtype=int), WIDE) == (1.0, 1.0)


def test_few_rows_keep_one(rng):
    log_mass = draw_log_mass(WIDE, calibrate.MIN_ROWS - 1, rng)
    assert calibrate.fit_temperatures(log_mass, log_mass.argmax(axis=1), WIDE) == (1.0, 1.0)
    assert calibrate.fit_temperatures(log_mass[:0], np.empty(0, dtype=int), WIDE) == (1.0, 1.0)


def test_a_few_right_guesses_sharpen_a_little_and_many_sharpen_more(rng):
    log_mass = draw_log_mass(WIDE, 2000, rng, spread=2.0)
    right = log_mass.argmax(axis=1)
    few = calibrate.fit_temperatures(log_mass[:40], right[:40], WIDE)
    many = calibrate.fit_temperatures(log_mass, right, WIDE)
    assert all(calibrate.COLDEST <= hot < cool < 1 for hot, cool in zip(many, few, strict=True))


def test_a_truth_that_the_model_rules_out_does_not_heat_the_rest(rng):
    """A search that left the whole branch of the truth out: no temperature can bring it back."""
    log_mass = draw_log_mass(WIDE, 400, rng)
    truth = draw_truth(log_mass, rng)
    fair = calibrate.fit_temperatures(log_mass[:-50], truth[:-50], WIDE)
    branch = np.where(WIDE.depth[truth] == 1, truth, WIDE.parent[truth])
    for row in range(350, 400):
        log_mass[row, branch[row] : WIDE.end[branch[row]]] = IMPOSSIBLE
    assert calibrate.fit_temperatures(log_mass, truth, WIDE) == pytest.approx(fair, rel=1e-9)


@pytest.mark.parametrize("wrong", [(1.0,), (1.0, 0.0), (1.0, float("nan")), (1.0, 1.0, 1.0)])
def test_wrong_temperatures_are_refused(wrong):
    with pytest.raises(ValueError, match="one per level"):
        calibrate.apply_temperatures(log_of([0, 0, 0.5, 0.2, 0.1, 0.2]), wrong, TREE)
