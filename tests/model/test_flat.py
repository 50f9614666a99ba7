import pytest
import torch

from atlas.model.assemble import assemble
from atlas.model.config import EncoderConfig, HeadConfig, ModelConfig, ScoringConfig
from atlas.records import IMPOSSIBLE, Batch
from atlas.taxonomy.tree import Taxonomy

TREE = Taxonomy([("Men", "Jeans"), ("Men",), ("Women", "Tops", "Shirts"), ("Women", "Skirts")])
SMALL = EncoderConfig("resnet18", weights="none", width=8)


def model(**parts: object):
    torch.manual_seed(0)
    return assemble(ModelConfig(encoder=SMALL, **parts), TREE.arrays).eval()


def pixels(rows: int = 3) -> Batch:
    return Batch(torch.randint(0, 256, (rows, 3, 48, 32), dtype=torch.uint8))


@pytest.mark.parametrize("kind", ["linear", "paper"])
def test_the_mass_lies_on_the_answers_and_sums_to_one(kind):
    log_mass = model(head=HeadConfig(kind)).score(pixels())
    assert log_mass.shape == (3, len(TREE))
    assert torch.allclose(log_mass.exp().sum(1), torch.ones(3))
    answers = torch.from_numpy(TREE.is_answer.copy())
    assert (log_mass[:, ~answers] == IMPOSSIBLE).all()
    assert (log_mass[:, answers] > -50).all()


def test_each_answer_has_its_own_logit():
    flat = model()
    with torch.no_grad():
        flat.head.linear.weight.zero_()
        flat.head.linear.bias.copy_(torch.tensor([0.0, 1.0, 2.0, 3.0]))
    mass = flat.score(pixels(1)).exp()[0]
    expected = torch.tensor([0.0, 1.0, 2.0, 3.0]).softmax(0)
    assert torch.allclose(mass[list(TREE.answers)], expected)


def test_averaged_flips_do_not_see_left_and_right():
    flat, batch = model(scoring=ScoringConfig(average_flips=True)), pixels()
    mirrored = batch._replace(pixels=batch.pixels.flip(3))
    assert torch.allclose(flat.score(batch), flat.score(mirrored), atol=1e-5)
    assert not torch.allclose(flat.log_mass(batch.pixels), flat.log_mass(mirrored.pixels), atol=1e-5)


def test_the_papers_head_has_fastais_layers():
    head = model(head=HeadConfig("paper")).head
    kinds = [type(layer).__name__ for layer in head.layers]
    assert kinds == ["BatchNorm1d", "Dropout", "Linear", "ReLU", "BatchNorm1d", "Dropout", "Linear"]
    assert [head.layers[1].p, head.layers[5].p] == [0.25, 0.5]
    assert (head.layers[2].in_features, head.layers[2].out_features, head.layers[6].out_features) == (128, 512, 4)
    assert not head.layers[2].bias.any()
