"""A running average of a model's weights, which generalises better than the last ones (Polyak and Juditsky 1992)."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import nn

T = TypeVar("T", bound=nn.Module)


def start_average(model: T) -> T:
    """A copy of the model that holds the average; it only scores, never learns."""
    return copy.deepcopy(model).requires_grad_(False).eval()


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    """Move the average towards the model; early steps (counted from 0) count more, so that the start is forgotten."""
    weight = 1 - min(decay, (1 + step) / (10 + step))
    for kept, current in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
        if kept.is_floating_point():
            kept.lerp_(current, weight)
        else:
            kept.copy_(current)
