import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.decide import posterior
from atlas.records import IMPOSSIBLE
from atlas.taxonomy.tree import Taxonomy

from .trees import draw_log_mass, trees

SEEDS = st.integers(0, 2**32 - 1)

#: root 0, Men 1, Men > Shirts 2, Men > Shoes 3, Women 4 (an inner answer), Women > Saree 5
TREE = Taxonomy([("Men", "Shirts"), ("Men", "Shoes"), ("Women",), ("Women", "Saree")])


def by_hand() -> np.ndarray:
    log_mass = np.full((1, 6), IMPOSSIBLE, dtype=np.float32)
    log_mass[0, [2, 3, 4, 5]] = np.log([0.5, 0.2, 0.1, 0.2])
    return log_mass


def test_hand_worked_row():
    mass = posterior.masses(by_hand())
    total = posterior.below(mass, TREE.arrays)
    assert mass[0] == pytest.approx([0, 0, 0.5, 0.2, 0.1, 0.2], abs=1e-7)
    assert total[0] == pytest.approx([1, 0.7, 0.5, 0.2, 0.3, 0.2], abs=1e-7)
    assert posterior.level_probabilities(total[0], 2, TREE.arrays) == pytest.approx((0.7, 0.5))
    assert posterior.level_probabilities(total[0], 4, TREE.arrays) == pytest.approx((0.3,))
    assert posterior.level_probabilities(total[0], 0, TREE.arrays) == ()


def test_best_answers_fall_and_ties_go_to_the_first_node():
    nodes, probability = posterior.best(posterior.masses(by_hand()), TREE.arrays, 3)
    assert nodes.tolist() == [[2, 3, 5]]
    assert probability[0] == pytest.approx([0.5, 0.2, 0.2])


def test_best_gives_no_more_than_there_is_and_never_an_inner_node_that_is_no_answer():
    mass = posterior.masses(by_hand())
    mass[0, 1] = 0.9  # a search that stopped at `Men`
    nodes, _ = posterior.best(mass, TREE.arrays, 99)
    assert nodes.tolist() == [[2, 3, 5, 4]]


@given(trees(), SEEDS)
def test_rows_sum_to_one_and_parents_to_their_parts(tree, seed):
    mass = posterior.masses(draw_log_mass(tree, 5, np.random.default_rng(seed)))
    total = posterior.below(mass, tree)
    assert mass.sum(axis=1) == pytest.approx(1)
    assert total[:, 0] == pytest.approx(1)
    for node in range(len(tree.parent)):
        children = np.flatnonzero(tree.parent == node)
        assert total[:, node] == pytest.approx(mass[:, node] + total[:, children].sum(axis=1), rel=1e-12, abs=0)
        assert total[:, node] == pytest.approx(mass[:, node : tree.end[node]].sum(axis=1), rel=1e-12, abs=0)


@given(trees(), SEEDS)
def test_log_below_is_the_log_of_below(tree, seed):
    log_mass = draw_log_mass(tree, 5, np.random.default_rng(seed))
    expected = posterior.below(np.exp(log_mass.astype(np.float64)), tree)
    assert np.exp(posterior.log_below(log_mass, tree)) == pytest.approx(expected, rel=1e-9, abs=1e-300)


@given(trees(), SEEDS)
def test_best_agrees_with_sorting(tree, seed):
    mass = posterior.masses(draw_log_mass(tree, 5, np.random.default_rng(seed)))
    nodes, probability = posterior.best(mass, tree, 4)
    answers = np.flatnonzero(tree.is_answer)
    order = np.argsort(-mass[:, answers], axis=1, kind="stable")[:, :4]
    assert nodes.tolist() == answers[order].tolist()
    assert probability == pytest.approx(np.take_along_axis(mass, nodes, axis=1))


def test_a_tiny_mass_beside_a_large_one_keeps_its_digits():
    log_mass = by_hand()
    log_mass[0, [4, 5]] = -60, -61
    total = posterior.below(posterior.masses(log_mass), TREE.arrays)
    scale = np.exp(float(log_mass[0, 2])) + np.exp(float(log_mass[0, 3]))
    assert total[0, 4] == pytest.approx((np.exp(-60.0) + np.exp(-61.0)) / scale, rel=1e-9, abs=0)


def test_a_row_of_impossible_nodes_stays_finite():
    mass = posterior.masses(np.full((2, 6), IMPOSSIBLE, dtype=np.float32))
    assert mass.sum(axis=1) == pytest.approx(1)
    assert np.isfinite(posterior.log_below(np.full((2, 6), IMPOSSIBLE), TREE.arrays)).all()


def test_fifty_thousand_nodes_are_summed_exactly(rng):
    answers = [(f"{a}", f"{b}", f"{c}") for a in range(20) for b in range(50) for c in range(50)]
    tree = Taxonomy(answers).arrays
    log_mass = draw_log_mass(tree, 2, rng)
    total = posterior.below(posterior.masses(log_mass), tree)
    assert len(tree.parent) == 51_021
    assert total[:, 0] == pytest.approx(1, abs=1e-12)
    first_level = tree.depth == 1
    assert total[:, first_level].sum(axis=1) == pytest.approx(1, abs=1e-12)


def test_no_rows_are_no_trouble():
    nothing = np.empty((0, 6), dtype=np.float32)
    assert posterior.below(posterior.masses(nothing), TREE.arrays).shape == (0, 6)
    assert posterior.best(nothing, TREE.arrays, 2)[0].shape == (0, 2)
