"""What a model is made of, as frozen tables of a recipe. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from atlas.errors import RecipeError

#: Which pretrained weights training leaves as they are.
Freeze: TypeAlias = Literal["nothing", "convolutions", "first-stage"]
#: What turns gradients into steps.
Method: TypeAlias = Literal["adamw", "rmsprop"]


@dataclass(frozen=True)
class EncoderConfig:
    """The network that turns a picture into a grid of features.

    `name` is `resnet18`, `resnet34`, `resnet50`, `resnet101`, `conv3` (three convolutions with a pool after each, the
    paper's section 3.3), or any vision backbone of the Hub (`hf://owner/name`) or a local folder in the Hub's layout.
    `weights` is `pretrained` (those of the name), `none` (random, by the seed), `hf://owner/name` or a folder. `width`
    is the number of channels of a ResNet's first stage (64 as published) or of `conv3`'s first layer, and `stages` how
    many of a ResNet's four are used: with fewer a cell sees less of the picture around it, so that a path
    decoder's light says more of where things are. A ResNet's `output_stride` may be 8, 16 or 32: the most pixels of the
    picture per cell of the grid.
    """

    name: str = "resnet34"
    weights: str = "pretrained"
    width: int = 64
    stages: int = 4
    output_stride: int = 32

    def __post_init__(self) -> None:
        if self.output_stride not in (8, 16, 32):
            raise RecipeError(f"encoder.output_stride is {self.output_stride}: use 8, 16 or 32")
        if not 1 <= self.stages <= 4:
            raise RecipeError(f"encoder.stages is {self.stages}: use 1 to 4")
        if self.width < 4:
            raise RecipeError(f"encoder.width is {self.width}: use 4 or more")

    @property
    def is_pretrained(self) -> bool:
        """Whether training starts from somebody's weights."""
        return self.weights != "none"


@dataclass(frozen=True)
class HeadConfig:
    """The layers from the feature grid to one score per answer.

    `paper` is the one of section 4.1 (fastai's: average and maximum pool, then twice batch norm, dropout and linear, a
    ReLU between), `linear` is average pool, dropout, linear. `dense` takes each cell of the grid for itself: pool to
    `grid` x `grid` cells, linear, ReLU, dropout, linear; between two answers it has one unit, as the paper's
    zoomed-or-normal network (section 3.3).
    """

    kind: Literal["linear", "paper", "dense"] = "linear"
    hidden: int = 512
    dropout: float = 0.5
    grid: int = 17

    def __post_init__(self) -> None:
        if min(self.hidden, self.grid) < 1:
            raise RecipeError(f"head.hidden is {self.hidden}, head.grid {self.grid}: use 1 or more")
        if not 0 <= self.dropout < 1:
            raise RecipeError(f"head.dropout is {self.dropout}: use a share from 0 up to, not including, 1")


@dataclass(frozen=True)
class DecoderConfig:
    """What turns features into node masses.

    `flat` is the head alone: one softmax over all answers. `lstm` is the paper's path decoder (section 4.2),
    `transformer` a small one of its kind; both write the path level by level and look at the picture for each. `size`,
    `embedding` and `attention` are widths (the latter two of the LSTM only), `layers` and `heads` the Transformer's.
    `grid` is the side of the grid of cells that attention weighs, 0 the encoder's own (LSTM only).
    `doubly_stochastic` weighs the term that spreads attention over all cells (Xu et al. 2015, section 4.2.1). `keep`
    limits scoring to the best inner nodes of each level; 0 scores exactly, "auto" does so on trees of up to 512 inner
    nodes and keeps 32 a level on larger ones.
    """

    kind: Literal["flat", "lstm", "transformer"] = "flat"
    size: int = 512
    embedding: int = 512
    attention: int = 512
    layers: int = 2
    heads: int = 4
    dropout: float = 0.5
    grid: int = 0
    doubly_stochastic: float = 0.0
    keep: int | Literal["auto"] = "auto"

    def __post_init__(self) -> None:
        if not 0 <= self.dropout < 1:
            raise RecipeError(f"decoder.dropout is {self.dropout}: use a share from 0 up to, not including, 1")
        if min(self.size, self.embedding, self.attention, self.layers, self.heads) < 1:
            raise RecipeError("decoder.size, embedding, attention, layers and heads: use 1 or more")
        if min(self.grid, self.doubly_stochastic) < 0 or (self.keep != "auto" and self.keep < 0):
            raise RecipeError('decoder.grid, keep and doubly_stochastic: use 0 or more (keep also "auto")')


@dataclass(frozen=True)
class ScoringConfig:
    """How a trained model scores: `average_flips` averages a picture and its mirror image, at twice the cost."""

    average_flips: bool = False


@dataclass(frozen=True)
class ModelConfig:
    """Everything that decides which network is assembled."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    head: HeadConfig = field(default_factory=HeadConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    scoring: ScoringConfig = field(default_factory=ScoringConfig)
