"""The flat classifier: one softmax over all answers of the tree."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from atlas.model.encoders import Encoder
from atlas.model.loss import MassLoss, Target, average_logs
from atlas.records import IMPOSSIBLE, Batch, TreeArrays


class FlatModel(nn.Module):
    """Pictures to log node masses: all mass lies on the answers, none on the inner nodes between."""

    column: Tensor

    def __init__(self, encoder: Encoder, head: nn.Module, tree: TreeArrays, average_flips: bool = False) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head
        self.loss = MassLoss(tree)
        self.average_flips = average_flips
        # the column of each node's logit; inner nodes share one more, which is always IMPOSSIBLE
        column = np.where(tree.is_answer, np.cumsum(tree.is_answer) - 1, tree.is_answer.sum())
        self.register_buffer("column", torch.from_numpy(column), persistent=False)

    def forward(self, batch: Batch, target: Target, smoothing: float = 0.0) -> Tensor:
        """The training loss, a scalar: cross entropy over the answers (see MassLoss)."""
        loss: Tensor = self.loss(self.log_mass(batch.pixels), target, smoothing)
        return loss

    def log_mass(self, pixels: Tensor) -> Tensor:
        """The log of each node's own mass, float32 (B, N); IMPOSSIBLE where nothing can stop. Rows sum to 1."""
        logits: Tensor = self.head(self.encoder(pixels)).float()  # (B, answers)
        by_answer = F.pad(F.log_softmax(logits, dim=1), (0, 1), value=IMPOSSIBLE)  # (B, answers + 1)
        return by_answer.index_select(1, self.column)

    def score(self, batch: Batch) -> Tensor:
        """`log_mass`, averaged over the picture and its mirror image where the recipe says so."""
        if not self.average_flips:
            return self.log_mass(batch.pixels)
        return average_logs(self.log_mass(batch.pixels), self.log_mass(batch.pixels.flip(3)))

    def encoder_parameters(self) -> list[nn.Parameter]:
        """The parameters that learn at the encoder's rate."""
        return list(self.encoder.parameters())
