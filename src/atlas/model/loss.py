"""Losses on log node masses, the same for every kind of model."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from atlas.records import TreeArrays


class Target(NamedTuple):
    """What a batch should have been: a node a row, and for mixed pictures a second node and the first one's share."""

    node: Tensor  # int64 (B,)
    other: Tensor | None = None  # int64 (B,)
    share: Tensor | None = None  # float (B,), weight of `node`; 1 - share goes to `other`

    @property
    def nodes(self) -> Tensor:
        """All nodes of each row, (B, 1), or (B, 2) for mixed pictures."""
        return self.node[:, None] if self.other is None else torch.stack([self.node, self.other], dim=1)

    def blend(self, losses: Tensor) -> Tensor:
        """The loss (B,) of each row from those of its `nodes`: of mixed pictures both, each with its share."""
        if self.other is None or self.share is None:
            return losses[:, 0]
        return self.share * losses[:, 0] + (1 - self.share) * losses[:, 1]


def average_logs(first: Tensor, second: Tensor) -> Tensor:
    """log((e^first + e^second) / 2), written out: exporters turn `logaddexp` into a form that underflows."""
    return torch.maximum(first, second) + torch.log1p(torch.exp(-(first - second).abs())) - math.log(2)


class MassLoss(torch.nn.Module):
    """Negative log of the mass that lies where the truth allows.

    For an answer that is its own node: cross entropy. For a product known no deeper than an inner node it is everything
    below: -log sum of the masses in the subtree. With label smoothing e the loss is (1 - e) L + e times the mean
    negative log mass of all answers (Szegedy et al. 2016, section 7).
    """

    end: Tensor
    is_answer: Tensor

    def __init__(self, tree: TreeArrays) -> None:
        super().__init__()
        self.register_buffer("end", torch.from_numpy(tree.end.astype("int64")), persistent=False)
        self.register_buffer("is_answer", torch.from_numpy(tree.is_answer.copy()), persistent=False)

    def forward(self, log_mass: Tensor, target: Target, smoothing: float = 0.0) -> Tensor:
        """The mean loss over the batch, a scalar; `log_mass` is (B, N)."""
        loss = target.blend(torch.stack([self.negative_log(log_mass, node) for node in target.nodes.T], dim=1))
        if smoothing:
            uniform = -log_mass[:, self.is_answer].mean(dim=1)
            loss = (1 - smoothing) * loss + smoothing * uniform
        return loss.mean()

    def negative_log(self, log_mass: Tensor, node: Tensor) -> Tensor:
        """-log of the mass that agrees with `node`, float (B,)."""
        partial = ~self.is_answer[node]
        own = -log_mass.gather(1, node[:, None]).squeeze(1)
        if not bool(partial.any()):
            return own
        place = torch.arange(log_mass.shape[1], device=log_mass.device)
        inside = (place >= node[:, None]) & (place < self.end[node][:, None])  # (B, N)
        summed = -log_mass.masked_fill(~inside, float("-inf")).logsumexp(dim=1)
        return torch.where(partial, summed, own)
