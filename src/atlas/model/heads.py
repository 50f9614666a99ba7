"""Feature grid to one logit per answer."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from atlas.model.config import HeadConfig


class PaperHead(nn.Module):
    """The head of the paper's classifier (section 4.1), which is fastai's `create_head` of 2019-2020.

    Maximum and average pool side by side, then batch norm, dropout, linear, ReLU, batch norm, dropout, linear. Sizes
    are open in the paper; fastai's defaults are 512 hidden units, dropout 0.5 before the last layer and half of it
    before the first, Kaiming-normal weights and zero biases (fastai 1.0: vision/learner.py, layers.py).
    """

    def __init__(self, channels: int, answers: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm1d(2 * channels),
            nn.Dropout(dropout / 2),
            nn.Linear(2 * channels, hidden),
            nn.ReLU(),
            nn.BatchNorm1d(hidden),
            nn.Dropout(dropout),
            nn.Linear(hidden, answers),
        )
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_normal_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Logits (B, answers) of features (B, C, h, w)."""
        pooled = torch.cat([F.adaptive_max_pool2d(features, 1), F.adaptive_avg_pool2d(features, 1)], dim=1)
        logits: Tensor = self.layers(pooled.flatten(1))  # (B, 2C) -> (B, answers)
        return logits


class LinearHead(nn.Module):
    """Average pool, dropout, one linear layer."""

    def __init__(self, channels: int, answers: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(channels, answers)

    def forward(self, features: Tensor) -> Tensor:
        """Logits (B, answers) of features (B, C, h, w)."""
        logits: Tensor = self.linear(self.dropout(features.float().mean(dim=(2, 3))))
        return logits


class DenseHead(nn.Module):
    """The layers behind the convolutions of the paper's zoomed-or-normal network (section 3.3, figure 2).

    Each cell of the grid counts for itself: linear, ReLU, dropout, linear, with Glorot-uniform weights and zero biases
    (Keras's defaults). Between two answers there is one unit z, whose sigmoid is the first one's probability: its
    logits are (z, 0), so that cross entropy over them is binary cross entropy of z, to the letter.
    """

    def __init__(self, channels: int, answers: int, hidden: int, dropout: float, grid: int) -> None:
        super().__init__()
        self.grid = grid
        units = 1 if answers == 2 else answers
        self.layers = nn.Sequential(
            nn.Linear(channels * grid * grid, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, units)
        )
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Logits (B, answers) of features (B, C, h, w)."""
        cells = F.adaptive_avg_pool2d(features, self.grid).flatten(1)  # (B, C * grid * grid)
        units: Tensor = self.layers(cells)
        return F.pad(units, (0, 1)) if units.shape[1] == 1 else units


def build_head(config: HeadConfig, channels: int, answers: int) -> nn.Module:
    """The head of a recipe for features of `channels` and a tree with `answers`."""
    if config.kind == "paper":
        return PaperHead(channels, answers, config.hidden, config.dropout)
    if config.kind == "dense":
        return DenseHead(channels, answers, config.hidden, config.dropout, config.grid)
    return LinearHead(channels, answers, config.dropout)
