"""Recipes: every setting of a training run in one typed table, shipped ones by name, others from a TOML file."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Literal

from atlas.dataset.augment import AugmentConfig
from atlas.errors import RecipeError
from atlas.images import ImageConfig
from atlas.model.config import DecoderConfig, EncoderConfig, Freeze, HeadConfig, Method, ModelConfig, ScoringConfig
from atlas.model.schedule import OneCycleConfig
from atlas.recipe import from_mapping, with_setting

#: Below one cell of the encoder's grid there is little to see, and bf16 convolutions on CPUs give wrong gradients.
MIN_SIDE_PX = 32


@dataclass(frozen=True)
class TrainingConfig:
    """How a model learns.

    `encoder_rate` is the encoder's learning rate as a share of the rest's. `freeze` keeps pretrained weights as they
    are: "convolutions" all but the batch norms (as fastai does), "first-stage" a ResNet's stem and first stage.
    `optimizer` is AdamW or plain RMSProp. `second_momentum` is the decay of either's mean square (RMSProp's rho);
    `weight_decay` is decoupled, AdamW's alone, and spares biases and norms unless `decay_all`. `average` is the decay a
    step of the running average of the weights that is kept beside them and becomes the model; 0 keeps the weights
    themselves. `clip` cuts each gradient value to [-clip, clip]; 0 does not. Training stops early when the loss on
    `dev` fell by less than `min_improvement` for `patience` epochs in a row; patience 0 never stops. `precision` "auto"
    is bf16 where it is clearly faster than fp32 on this machine. `share` learns from that part of the training
    products; smaller shares lie within larger ones, the same for each seed. An epoch, after which `dev` is scored, is
    one pass over them, or as many batches as `epoch_steps` says where that is not 0.
    """

    epochs: int = 17
    batch_size: int = 64
    optimizer: Method = "adamw"
    weight_decay: float = 0.01
    decay_all: bool = False
    encoder_rate: float = 1.0
    freeze: Freeze = "nothing"
    second_momentum: float = 0.99
    label_smoothing: float = 0.0
    average: float = 0.0
    clip: float = 0.0
    patience: int = 0
    min_improvement: float = 0.001
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    share: float = 1.0
    epoch_steps: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.weight_decay, self.encoder_rate, self.clip, self.patience, self.epoch_steps) < 0:
            raise RecipeError("training.weight_decay, encoder_rate, clip, patience and epoch_steps: use 0 or more")
        if self.optimizer == "rmsprop" and self.weight_decay:
            raise RecipeError("training.weight_decay is AdamW's: use 0.0 with rmsprop")
        if not 0 <= self.second_momentum < 1:
            raise RecipeError(f"training.second_momentum is {self.second_momentum}: use a share below 1")
        if not 0 < self.share <= 1:
            raise RecipeError(f"training.share is {self.share}: use a share above 0, up to 1")
        if self.epochs < 1 or self.batch_size < 2:
            raise RecipeError(f"training.epochs={self.epochs}, batch_size={self.batch_size}: use at least 1 and 2")
        if not 0 <= self.average < 1 or not 0 <= self.label_smoothing < 1:
            raise RecipeError(
                "training.average and training.label_smoothing: use a share from 0 up to, not including, 1"
            )


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what `atlas train` does, beside the data set."""

    image: ImageConfig = field(default_factory=ImageConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    head: HeadConfig = field(default_factory=HeadConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    scoring: ScoringConfig = field(default_factory=ScoringConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    schedule: OneCycleConfig = field(default_factory=OneCycleConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        size = (self.image.height_px, self.image.width_px)
        if min(size) < MIN_SIDE_PX:
            raise RecipeError(
                f"image size {size[1]}x{size[0]} px: a model needs {MIN_SIDE_PX} px or more for each side"
            )

    @property
    def model(self) -> ModelConfig:
        """The part that decides which network is assembled."""
        return ModelConfig(self.encoder, self.head, self.decoder, self.scoring)


def recipe_names() -> list[str]:
    """The names of the shipped recipes."""
    folder = resources.files("atlas") / "recipes"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_recipe(name: str, settings: Iterable[str] = ()) -> Recipe:
    """A shipped recipe by name or one from a TOML file, with `key=value` settings applied in order.

    Raises RecipeError for an unknown name, key or value, each with what is allowed.
    """
    recipe = from_mapping(Recipe, _read(name), name)
    for setting in settings:
        recipe = with_setting(recipe, setting)
    return recipe


def _read(name: str) -> dict[str, object]:
    shipped = recipe_names()
    if name in shipped:
        return tomllib.loads((resources.files("atlas") / "recipes" / f"{name}.toml").read_text(encoding="utf-8"))
    file = Path(name)
    if not file.is_file():
        close = difflib.get_close_matches(name, shipped, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"shipped are {', '.join(shipped)}"
        raise RecipeError(f"no recipe '{name}': {hint}; or give a .toml file")
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{file} is not TOML: {error}") from error
