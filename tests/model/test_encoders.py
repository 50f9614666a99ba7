import pytest
import torch
from transformers import (
    ConvNextV2Config,
    ConvNextV2ForImageClassification,
    Dinov2Config,
    Dinov2Model,
    ResNetConfig,
    ResNetForImageClassification,
    ViTConfig,
    ViTModel,
)

from atlas.errors import RecipeError, WeightsError
from atlas.model.config import EncoderConfig
from atlas.model.encoders import build_encoder, fold_norms, freeze, rebuild_encoder
from atlas.storage import write_json

PIXELS = torch.randint(0, 256, (2, 3, 64, 96), dtype=torch.uint8)


@pytest.fixture
def resnet_folder(tmp_path):
    torch.manual_seed(1)
    config = ResNetConfig(embedding_size=64, hidden_sizes=[64, 128, 256, 512], depths=[2, 2, 2, 2], layer_type="basic")
    ResNetForImageClassification(config).eval().save_pretrained(tmp_path / "resnet")
    return tmp_path / "resnet"


def normal(pixels, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)):
    return (pixels / 255 - torch.tensor(mean).view(1, 3, 1, 1)) / torch.tensor(std).view(1, 3, 1, 1)


@pytest.mark.parametrize(("name", "channels", "millions"), [("resnet18", 512, 11.2), ("resnet34", 512, 21.3)])
def test_resnets_have_their_published_size(name, channels, millions):
    encoder = build_encoder(EncoderConfig(name, weights="none"))
    assert encoder.channels == channels
    assert sum(p.numel() for p in encoder.parameters()) / 1e6 == pytest.approx(millions, abs=0.1)
    assert encoder(PIXELS).shape == (2, channels, 2, 3)


@pytest.mark.parametrize(("name", "blocks"), [("resnet50", 16), ("resnet101", 33)])
def test_bottleneck_resnets_have_their_published_blocks(name, blocks):
    encoder = build_encoder(EncoderConfig(name, weights="none", width=8))
    assert encoder.channels == 8 * 32
    assert sum(len(stage.layers) for stage in encoder.backbone.encoder.stages) == blocks


def test_a_folders_weights_are_used_and_normalised_like_its_own(resnet_folder):
    encoder = build_encoder(EncoderConfig("resnet18", weights=str(resnet_folder))).eval()
    own = ResNetForImageClassification.from_pretrained(resnet_folder).eval()
    with torch.no_grad():
        expected = own.resnet(normal(PIXELS)).last_hidden_state
        assert torch.allclose(encoder(PIXELS), expected, atol=1e-4)


def test_a_folders_own_normalisation_counts(resnet_folder):
    write_json(resnet_folder / "preprocessor_config.json", {"image_mean": [0.5] * 3, "image_std": [0.25] * 3})
    encoder = build_encoder(EncoderConfig("resnet18", weights=str(resnet_folder)))
    assert encoder.mean.flatten().tolist() == [127.5] * 3
    assert encoder.std.flatten().tolist() == [63.75] * 3


def test_a_second_and_a_third_family_work_by_folder(tmp_path):
    ConvNextV2ForImageClassification(ConvNextV2Config(hidden_sizes=[8, 16, 32, 64], depths=[1] * 4)).save_pretrained(
        tmp_path / "convnext"
    )
    small = Dinov2Config(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=56)
    Dinov2Model(small).save_pretrained(tmp_path / "dino")
    for name, shape in (("convnext", (2, 64, 2, 3)), ("dino", (2, 32, 4, 6))):
        encoder = build_encoder(EncoderConfig(str(tmp_path / name), weights="pretrained")).eval()
        again = rebuild_encoder(EncoderConfig(str(tmp_path / name)), encoder.description()).eval()
        again.load_state_dict(encoder.state_dict())
        with torch.no_grad():
            assert encoder(PIXELS).shape == shape
            assert torch.equal(encoder(PIXELS), again(PIXELS))


def test_weights_that_cannot_be_had_are_never_random():
    for config in (EncoderConfig("resnet18"), EncoderConfig("hf://somebody/something"), EncoderConfig("nothing-here")):
        with pytest.raises(WeightsError, match="--set weights=none"):
            build_encoder(config)


def test_weights_of_another_shape_are_refused(resnet_folder):
    with pytest.raises(WeightsError, match="do not fit"):
        build_encoder(EncoderConfig("resnet34", weights=str(resnet_folder)))


def test_a_model_without_a_grid_is_refused(tmp_path):
    ViTModel(
        ViTConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
    ).save_pretrained(tmp_path / "vit")
    with pytest.raises(RecipeError, match="grid"):
        build_encoder(EncoderConfig(str(tmp_path / "vit")))


def test_a_narrow_resnet_has_no_published_weights():
    with pytest.raises(RecipeError, match="no published weights"):
        build_encoder(EncoderConfig("resnet18", width=32))


@pytest.mark.parametrize(("stages", "shape"), [(1, (64, 16, 24)), (2, (128, 8, 12)), (3, (256, 4, 6))])
def test_fewer_stages_are_the_beginning_of_the_same_network(resnet_folder, stages, shape):
    config = EncoderConfig("resnet18", weights=str(resnet_folder), stages=stages)
    encoder, again = build_encoder(config).eval(), rebuild_encoder(config, build_encoder(config).description()).eval()
    again.load_state_dict(encoder.state_dict())
    whole = ResNetForImageClassification.from_pretrained(resnet_folder).eval()
    with torch.no_grad():
        expected = whole.resnet(normal(PIXELS), output_hidden_states=True).hidden_states[stages]
        assert encoder(PIXELS).shape[1:] == shape
        assert torch.allclose(encoder(PIXELS), expected, atol=1e-4)
        assert torch.equal(encoder(PIXELS), again(PIXELS))


def test_stages_are_a_resnets(tmp_path):
    with pytest.raises(RecipeError, match="1 to 4"):
        EncoderConfig("resnet18", stages=5)
    with pytest.raises(RecipeError, match=r"encoder\.stages applies to resnet18"):
        build_encoder(EncoderConfig(str(tmp_path), stages=3))


@pytest.mark.parametrize(("stride", "grid"), [(32, (2, 3)), (16, (4, 6)), (8, (8, 12))])
@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_output_stride_refines_the_grid_with_the_same_weights(name, stride, grid):
    coarse = build_encoder(EncoderConfig(name, weights="none", width=8)).eval()
    fine = build_encoder(EncoderConfig(name, weights="none", width=8, output_stride=stride)).eval()
    fine.load_state_dict(coarse.state_dict())
    with torch.no_grad():
        features = fine(PIXELS)
        assert features.shape[2:] == grid
        # dilation reads the very cells that the stride would have kept
        step = 32 // stride
        assert torch.allclose(features[:, :, ::step, ::step], coarse(PIXELS), atol=1e-4)


def test_frozen_convolutions_leave_the_norms_learning():
    encoder = build_encoder(EncoderConfig("resnet18", weights="none", width=8))
    freeze(encoder, "convolutions")
    learning = {name.rsplit(".", 2)[1] for name, p in encoder.named_parameters() if p.requires_grad}
    assert learning == {"normalization"}


def test_a_frozen_first_stage_leaves_the_rest_learning():
    encoder = build_encoder(EncoderConfig("resnet50", weights="none", width=8))
    freeze(encoder, "first-stage")
    kept = {name for name, p in encoder.named_parameters() if not p.requires_grad}
    assert kept == {n for n, _ in encoder.named_parameters() if "embedder" in n or "encoder.stages.0." in n}
    freeze(build_encoder(EncoderConfig("resnet18", weights="none", width=8)), "nothing")


def test_only_resnets_have_a_first_stage_to_freeze(tmp_path):
    small = Dinov2Config(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=56)
    Dinov2Model(small).save_pretrained(tmp_path / "dino")
    with pytest.raises(RecipeError, match="applies to resnet18"):
        freeze(build_encoder(EncoderConfig(str(tmp_path / "dino"))), "first-stage")


@pytest.mark.parametrize(("name", "stride"), [("resnet18", 32), ("resnet50", 16)])
def test_folded_norms_give_the_same_features(name, stride):
    torch.manual_seed(0)
    encoder = build_encoder(EncoderConfig(name, weights="none", width=8, output_stride=stride))
    for norm in encoder.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            norm.momentum = None
            torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
            torch.nn.init.uniform_(norm.bias, -1, 1)
    with torch.no_grad():
        encoder.train()(PIXELS)
        expected = encoder.eval()(PIXELS)
        fold_norms(encoder)
        found = encoder(PIXELS)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in encoder.modules())
    assert torch.allclose(found, expected, atol=1e-4 * float(expected.abs().max()))
