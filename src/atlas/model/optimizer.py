"""AdamW or RMSProp in groups, its rates set from outside at each step, and its state as plain tensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from atlas.model.config import Method
from atlas.model.schedule import Rates


def build_optimizer(
    model: nn.Module,
    encoder_parameters: Iterable[nn.Parameter],
    *,
    encoder_rate: float,
    weight_decay: float,
    decay_all: bool,
    second_momentum: float,
    method: Method = "adamw",
) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter 2019), or RMSProp with Keras's epsilon, over all parameters that learn.

    Each group keeps its learning rate as a share of the schedule's in `rate`; biases and norms are not decayed unless
    `decay_all`.
    """
    in_encoder = {id(parameter) for parameter in encoder_parameters}
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for parameter in model.parameters():
        if parameter.requires_grad:
            rate = encoder_rate if id(parameter) in in_encoder else 1.0
            decay = weight_decay if decay_all or parameter.ndim > 1 else 0.0
            groups.setdefault((rate, decay), []).append(parameter)
    told = [{"params": group, "rate": rate, "weight_decay": decay} for (rate, decay), group in groups.items()]
    if method == "rmsprop":
        return torch.optim.RMSprop(told, lr=1.0, alpha=second_momentum, eps=1e-7)
    return torch.optim.AdamW(told, lr=1.0, betas=(0.9, second_momentum))


def set_rates(optimizer: torch.optim.Optimizer, rates: Rates) -> None:
    """Give every group its share of the learning rate, and all of them the momentum."""
    for group in optimizer.param_groups:
        group["lr"] = rates.learning_rate * group["rate"]
        if "betas" in group:
            group["betas"] = (rates.momentum, group["betas"][1])
        else:
            group["momentum"] = rates.momentum


def state_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimizer's memory, `place.name` -> tensor; places count the parameters in group order."""
    return {
        f"{place}.{name}": tensor
        for place, parameter in enumerate(_parameters(optimizer))
        for name, tensor in optimizer.state.get(parameter, {}).items()
    }


def restore_state(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put back what `state_tensors` gave, laid out in memory like the parameters, so that later steps are the same."""
    parameters = list(_parameters(optimizer))
    for key, tensor in tensors.items():
        place, name = key.split(".", 1)
        parameter = parameters[int(place)]
        kept = torch.empty_like(parameter) if tensor.shape == parameter.shape else torch.empty_like(tensor)
        optimizer.state[parameter][name] = kept.copy_(tensor)


def _parameters(optimizer: torch.optim.Optimizer) -> Iterable[nn.Parameter]:
    return (parameter for group in optimizer.param_groups for parameter in group["params"])
