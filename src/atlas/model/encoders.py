"""Pictures to a grid of features: ResNets of any width and stride, and every vision backbone of transformers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from atlas.errors import RecipeError, WeightsError
from atlas.model.config import EncoderConfig, Freeze
from atlas.model.convolutions import CONV3, Conv3, Conv3Config
from atlas.storage import read_json

HUB_PREFIX = "hf://"
#: He et al. 2016, table 1: blocks per stage, kind of block, output channels of a stage over the first stage's width.
RESNETS: dict[str, tuple[tuple[int, ...], str, int]] = {
    "resnet18": ((2, 2, 2, 2), "basic", 1),
    "resnet34": ((3, 4, 6, 3), "basic", 1),
    "resnet50": ((3, 4, 6, 3), "bottleneck", 4),
    "resnet101": ((3, 4, 23, 3), "bottleneck", 4),
}
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
_HINT = "use --set weights=none for random weights, or --set weights=FOLDER for weights on this disk"


class Encoder(nn.Module):
    """A backbone behind one signature: pixels (B, 3, H, W) of 0-255 in, features (B, C, h, w) out.

    Normalisation lives inside, so that a model folder needs no separate preprocessing file.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.backbone = backbone
        self.channels: int = backbone.channels[-1]  # type: ignore[index,assignment]
        for name, values in (("mean", mean), ("std", std)):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1) * 255, persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Features (B, C, h, w) of pixels (B, 3, H, W), uint8 or float, from 0 to 255."""
        normal = (pixels.to(self.mean.dtype) - self.mean) / self.std
        features: Tensor = self.backbone(normal).feature_maps[-1]
        return features

    def description(self) -> dict[str, Any]:
        """What `rebuild_encoder` needs to make the same network without any hub."""
        mean, std = ((values / 255).flatten().tolist() for values in (self.mean, self.std))
        config: Any = self.backbone.config
        return {"config": config.to_diff_dict() | {"model_type": config.model_type}, "mean": mean, "std": std}


def build_encoder(config: EncoderConfig) -> Encoder:
    """The encoder of a recipe, with the weights it names.

    Raises WeightsError when those cannot be had (never silently random) and RecipeError for options that do not fit.
    """
    if config.name == CONV3:
        return _conv3(config)
    backbone_config = _backbone_config(config)
    if config.is_pretrained:
        backbone = _load_weights(_weights_source(config), backbone_config)
    else:
        backbone = _from_config(backbone_config)
    _set_output_stride(backbone, config.output_stride)
    return Encoder(backbone, *_normalisation(config))


def rebuild_encoder(config: EncoderConfig, description: Mapping[str, Any]) -> Encoder:
    """The network of `Encoder.description()`, weights still random."""
    if config.name == CONV3:
        return _conv3(config)
    from transformers import AutoConfig

    values = dict(description["config"])
    backbone = _from_config(AutoConfig.for_model(values.pop("model_type"), **values))
    _set_output_stride(backbone, config.output_stride)
    return Encoder(backbone, tuple(description["mean"]), tuple(description["std"]))


def _conv3(config: EncoderConfig) -> Encoder:
    """The paper's three convolutions on pixels from 0 to 1. Raises RecipeError for options that do not fit."""
    if config.is_pretrained:
        raise WeightsError(f"{CONV3} has no published weights: use --set weights=none")
    for key in ("stages", "output_stride"):
        if getattr(config, key) != getattr(EncoderConfig, key):
            raise RecipeError(f"encoder.{key} applies to {', '.join(RESNETS)}, not to {CONV3!r}")
    return Encoder(Conv3(Conv3Config(config.width)), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def freeze(encoder: Encoder, part: Freeze) -> None:
    """Let a part of the encoder learn no more. Raises RecipeError where the encoder has no such part.

    "convolutions" is everything but the batch norms, which go on learning (fastai's `train_bn`); "first-stage" is a
    ResNet's stem and first stage, which the authors' code leaves as ImageNet made them.
    """
    if part == "first-stage":
        first = _stages(encoder.backbone, "training.freeze=first-stage")[0]
        for early in (first, encoder.backbone.embedder):
            early.requires_grad_(False)
    elif part == "convolutions":
        for module in encoder.modules():
            if not isinstance(module, nn.modules.batchnorm._BatchNorm):
                for parameter in module.parameters(recurse=False):
                    parameter.requires_grad_(False)


def fold_norms(encoder: Encoder) -> None:
    """Let a ResNet's convolutions do their batch norms' work, for prediction: the same features for an eighth less."""
    for layer in encoder.modules():
        convolution, norm = getattr(layer, "convolution", None), getattr(layer, "normalization", None)
        if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            layer.convolution, layer.normalization = fuse_conv_bn_eval(convolution, norm), nn.Identity()


# -- configuration ---------------------------------------------------------------------------------------------------


def _backbone_config(config: EncoderConfig) -> Any:
    if config.name in RESNETS:
        return _resnet_config(config)
    for key in ("width", "stages"):
        if getattr(config, key) != getattr(EncoderConfig, key):
            raise RecipeError(f"encoder.{key} applies to {', '.join(RESNETS)}, not to {config.name!r}")
    from transformers import AutoConfig

    with _hub_errors(config.name):
        found = AutoConfig.from_pretrained(_hub_name(config.name))
    return _last_stage_only(found)


def _resnet_config(config: EncoderConfig) -> Any:
    from transformers import ResNetConfig

    if config.is_pretrained and config.width != EncoderConfig.width and config.weights == "pretrained":
        raise RecipeError(f"encoder.width={config.width} has no published weights: {_HINT}")
    depths, block, expansion = RESNETS[config.name]
    return _last_stage_only(
        ResNetConfig(
            embedding_size=config.width,
            hidden_sizes=[config.width * expansion * 2**stage for stage in range(config.stages)],
            depths=list(depths[: config.stages]),
            layer_type=block,
        )
    )


def _last_stage_only(config: Any) -> Any:
    if not hasattr(config, "stage_names"):
        raise RecipeError(f"a {config.model_type!r} model has no stages that give a grid: choose a vision backbone")
    config.out_features = [config.stage_names[-1]]
    return config


# -- weights ---------------------------------------------------------------------------------------------------------


def _weights_source(config: EncoderConfig) -> str:
    if config.weights != "pretrained":
        return config.weights
    return f"{HUB_PREFIX}microsoft/resnet-{config.name[6:]}" if config.name in RESNETS else config.name


def _hub_name(source: str) -> str:
    """A local folder as it is, `hf://owner/name` as the Hub's `owner/name`. Raises WeightsError for anything else."""
    if source.startswith(HUB_PREFIX):
        return source.removeprefix(HUB_PREFIX)
    if Path(source).is_dir():
        return os.fspath(source)
    raise WeightsError(
        f"{source!r} is neither a folder here nor a name on the Hub (hf://owner/name) "
        f"nor one of {', '.join(RESNETS)}; {_HINT}"
    )


def _load_weights(source: str, config: Any) -> nn.Module:
    with _hub_errors(source), _quiet():
        backbone, info = _backbone_class(config).from_pretrained(
            _hub_name(source), config=config, output_loading_info=True, use_safetensors=True
        )
    # A backbone may add norms over its stages that no checkpoint holds; they start as the identity.
    missing = [key for key in info["missing_keys"] if not key.startswith("hidden_states_norms.")]
    if missing or info["mismatched_keys"]:
        wrong = ", ".join(sorted(map(str, [*missing, *info["mismatched_keys"]]))[:3])
        shape = f"a {config.model_type} of this shape"
        raise WeightsError(f"the weights of {source} do not fit {shape} ({wrong} ...); {_HINT}")
    return backbone  # type: ignore[no-any-return]


def _from_config(config: Any) -> nn.Module:
    return _backbone_class(config)(config)  # type: ignore[no-any-return]


def _backbone_class(config: Any) -> Any:
    # AutoBackbone.from_pretrained takes a local folder for a Hub name, hence the mapping behind it.
    from transformers.models.auto.modeling_auto import MODEL_FOR_BACKBONE_MAPPING

    try:
        return MODEL_FOR_BACKBONE_MAPPING[type(config)]
    except KeyError as error:
        raise RecipeError(f"a {config.model_type!r} model is no vision backbone that gives a feature grid") from error


def _normalisation(config: EncoderConfig) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation that the weights were trained with; ImageNet's where their folder does not say."""
    if config.is_pretrained:
        source = _hub_name(_weights_source(config))
        file = Path(source) / "preprocessor_config.json"
        if not Path(source).is_dir():
            from huggingface_hub import hf_hub_download

            with _hub_errors(source):
                file = Path(hf_hub_download(source, file.name))
        if file.exists():
            values = read_json(file)
            if "image_mean" in values and "image_std" in values:
                return tuple(values["image_mean"]), tuple(values["image_std"])
    return IMAGENET_MEAN, IMAGENET_STD


@contextlib.contextmanager
def _hub_errors(source: str) -> Iterator[None]:
    """Whatever goes wrong on the way to a hub, as one error that says what to do."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        yield
    except (OSError, ValueError, HfHubHTTPError, HFValidationError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise WeightsError(f"cannot get {source}: {reason} -- {_HINT}") from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """transformers' loading report counts the dropped classifier as a surprise; we check the keys ourselves."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(level)
        logging.enable_progress_bar()  # type: ignore[no-untyped-call]


# -- stride ----------------------------------------------------------------------------------------------------------


def _stages(backbone: nn.Module, asked: str) -> list[nn.Module]:
    """The stages of a ResNet. Raises RecipeError for any other backbone."""
    if backbone.config.model_type != "resnet":  # type: ignore[union-attr]
        raise RecipeError(f"{asked} applies to {', '.join(RESNETS)} only: leave it out")
    return list(backbone.encoder.stages)  # type: ignore[union-attr,arg-type]


def _set_output_stride(backbone: nn.Module, output_stride: int) -> None:
    """Trade the last stages' strides for dilation, so that the same weights see a finer grid (Chen et al. 2017)."""
    if output_stride == 32:
        return
    stages = _stages(backbone, "encoder.output_stride")
    stride, dilation = 4, 1  # the stem has stride 4 and the first stage none
    for stage in stages[1:]:
        if stride < output_stride:
            stride *= 2
            continue
        for layer in stage.modules():  # in the order of the data's way: what follows a stride sees twice the distance
            if isinstance(layer, nn.Conv2d):
                strided, layer.stride = layer.stride != (1, 1), (1, 1)
                if layer.kernel_size == (3, 3):
                    layer.dilation = layer.padding = (dilation, dilation)
                    dilation *= 2 if strided else 1
