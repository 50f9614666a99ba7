import numpy as np
import pytest
import torch

from atlas.model.loss import MassLoss, Target
from atlas.taxonomy.tree import Taxonomy

# root, Men, Men > Jeans, Men > Shirts, Women (a leaf)
TREE = Taxonomy([("Men", "Jeans"), ("Men", "Shirts"), ("Women",)])
MASS = torch.tensor([[0.0, 0.0, 0.2, 0.3, 0.5]]).clamp(min=1e-30).log()


def loss(node: int, smoothing: float = 0.0) -> float:
    return float(MassLoss(TREE.arrays)(MASS, Target(torch.tensor([node])), smoothing))


def test_an_answer_costs_the_log_of_its_own_mass():
    assert loss(3) == pytest.approx(-np.log(0.3))


def test_a_product_known_no_deeper_costs_the_log_of_all_mass_below():
    assert loss(1) == pytest.approx(-np.log(0.2 + 0.3))


def test_partial_and_whole_truths_share_a_batch():
    value = MassLoss(TREE.arrays)(MASS.repeat(2, 1), Target(torch.tensor([1, 4])))
    assert float(value) == pytest.approx(-(np.log(0.5) + np.log(0.5)) / 2)


def test_smoothing_adds_the_mean_over_the_answers():
    uniform = -(np.log(0.2) + np.log(0.3) + np.log(0.5)) / 3
    assert loss(3, smoothing=0.1) == pytest.approx(0.9 * -np.log(0.3) + 0.1 * uniform)


def test_a_blend_is_weighted_by_its_share():
    target = Target(torch.tensor([2]), torch.tensor([4]), torch.tensor([0.25]))
    value = float(MassLoss(TREE.arrays)(MASS, target))
    assert value == pytest.approx(-0.25 * np.log(0.2) - 0.75 * np.log(0.5))


def test_an_inner_node_listed_itself_is_an_answer_of_its_own():
    tree = Taxonomy([("Men",), ("Men", "Jeans")])
    mass = torch.tensor([[1e-30, 0.4, 0.6]]).log()
    assert float(MassLoss(tree.arrays)(mass, Target(torch.tensor([1])))) == pytest.approx(-np.log(0.4))
