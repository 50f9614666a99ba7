"""The paper's three convolutions, in the shape of a backbone of transformers."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

CONV3 = "conv3"


class Features(NamedTuple):
    """What a backbone gives: its last grid of features."""

    feature_maps: tuple[Tensor]


class Conv3Config(NamedTuple):
    """What is needed to build the same network again."""

    width: int
    model_type: str = CONV3

    def to_diff_dict(self) -> dict[str, int]:
        """All that is not said by the type."""
        return {"width": self.width}


class Conv3(nn.Module):
    """Three 3x3 convolutions, each with ReLU and a 2x2 maximum pool (section 3.3, figure 2).

    Sizes are the authors' code's. No padding, Glorot-uniform weights and zero biases (Keras's defaults): 150 px become
    a grid of 17x17 cells.
    """

    def __init__(self, config: Conv3Config) -> None:
        super().__init__()
        self.config = config
        self.channels = (config.width, config.width, 2 * config.width)
        sides = zip((3, *self.channels), self.channels, strict=False)
        layers = [nn.Conv2d(before, after, 3) for before, after in sides]
        for layer in layers:
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        self.convolutions = nn.ModuleList(layers)

    def forward(self, pixels: Tensor) -> Features:
        """Features (B, C, h, w) of pixels (B, 3, H, W) from 0 to 1."""
        for layer in self.convolutions:
            pixels = F.relu(F.max_pool2d(layer(pixels), 2))  # in this order the same numbers for half the time
        return Features((pixels,))
