"""The paper's zoomed-or-normal network (sections 3.3 and 5.1.2)."""

import pytest
import torch
from torch.nn import functional as F

from atlas.errors import RecipeError, WeightsError
from atlas.model.assemble import assemble
from atlas.model.config import EncoderConfig, HeadConfig, ModelConfig
from atlas.model.encoders import build_encoder, rebuild_encoder
from atlas.model.loss import Target
from atlas.records import Batch
from atlas.taxonomy.tree import Taxonomy

ENCODER = EncoderConfig("conv3", "none", width=32)
HEAD = HeadConfig("dense", hidden=64, dropout=0.5)
TWO = Taxonomy([("normal",), ("zoomed",)])


def network(tree=TWO):
    torch.manual_seed(0)
    return assemble(ModelConfig(encoder=ENCODER, head=HEAD), tree.arrays).eval()


def pixels(rows=2, side_px=150):
    return torch.randint(0, 256, (rows, 3, side_px, side_px), dtype=torch.uint8)


def test_150_px_become_17_cells_of_64_features():
    encoder = build_encoder(ENCODER)
    assert encoder(pixels()).shape == (2, 64, 17, 17)
    weights = [9 * 3 * 32, 32, 9 * 32 * 32, 32, 9 * 32 * 64, 64]
    assert sum(p.numel() for p in encoder.parameters()) == sum(weights)


def test_the_whole_network_has_the_size_of_the_authors():
    dense = 64 * 17 * 17 * 64 + 64 + 64 * 1 + 1
    assert sum(p.numel() for p in network().parameters()) == 28_640 + dense


def test_pictures_are_scaled_to_0_and_1():
    encoder = build_encoder(ENCODER)
    white = torch.full((1, 3, 20, 20), 255, dtype=torch.uint8)
    first = encoder.backbone.convolutions[0]
    with torch.no_grad():
        expected = F.relu(first.weight.sum((1, 2, 3)))
        seen = F.relu(F.max_pool2d(first((white - encoder.mean) / encoder.std), 2))[0, :, 0, 0]
    assert torch.allclose(seen, expected, atol=1e-5)


def test_cross_entropy_over_two_leaves_is_binary_cross_entropy():
    model, shown = network(), pixels(4)
    nodes = torch.tensor([TWO.find(("zoomed",)), TWO.find(("normal",))] * 2)
    unit = model.head.layers(F.adaptive_avg_pool2d(model.encoder(shown), 17).flatten(1)).squeeze(1)
    first = torch.tensor([0.0, 1.0, 0.0, 1.0])  # `normal` is the first answer
    expected = F.binary_cross_entropy_with_logits(unit, first)
    assert torch.allclose(model(Batch(shown), Target(nodes)), expected, atol=1e-6)
    assert torch.allclose(model.score(Batch(shown)).exp()[:, TWO.find(("normal",))], unit.sigmoid(), atol=1e-6)


def test_more_leaves_have_a_unit_each():
    three = Taxonomy([("a",), ("b",), ("c",)])
    mass = network(three).score(Batch(pixels())).exp()
    assert network(three).head.layers[-1].out_features == 3
    assert torch.allclose(mass.sum(1), torch.ones(2))


def test_the_network_comes_back_from_its_description():
    encoder = build_encoder(ENCODER)
    again = rebuild_encoder(ENCODER, encoder.description())
    again.load_state_dict(encoder.state_dict())
    shown = pixels(1, 64)
    assert torch.equal(encoder(shown), again(shown))


def test_other_sizes_are_pooled_to_the_same_grid():
    assert network().score(Batch(pixels(1, 100))).shape == (1, 3)


@pytest.mark.parametrize(
    ("config", "error", "says"),
    [
        (EncoderConfig("conv3"), WeightsError, "weights=none"),
        (EncoderConfig("conv3", "none", stages=2), RecipeError, "encoder.stages applies to resnet18"),
        (EncoderConfig("conv3", "none", output_stride=8), RecipeError, "encoder.output_stride applies"),
    ],
)
def test_what_does_not_fit_is_refused(config, error, says):
    with pytest.raises(error, match=says):
        build_encoder(config)
