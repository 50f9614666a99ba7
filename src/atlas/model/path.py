"""The path model: an encoder and a decoder that writes category paths level by level."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from atlas.model.config import DecoderConfig
from atlas.model.decoding import Decoder, FreePaths, State, choose_keep, expand, expand_lit, write_freely
from atlas.model.encoders import Encoder
from atlas.model.loss import Target, average_logs
from atlas.model.plan import END, PAD, START, TreePlan
from atlas.records import Batch, TreeArrays


class PathModel(nn.Module):
    """Pictures to log node masses by writing paths; learns on the full vocabulary, scores on the tree."""

    sentence: Tensor  # (N, D + 1): each node's names as tokens from the first level on, END after an answer, then PAD

    def __init__(
        self, encoder: Encoder, decoder: Decoder, tree: TreeArrays, config: DecoderConfig, average_flips: bool = False
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.plan = TreePlan(tree)
        self.keep = choose_keep(config.keep, self.plan)
        self.grid = config.grid if config.kind == "lstm" else 0
        self.doubly_stochastic = config.doubly_stochastic
        self.average_flips = average_flips
        self.register_buffer("sentence", torch.from_numpy(_sentences(tree)), persistent=False)

    def forward(self, batch: Batch, target: Target, smoothing: float = 0.0) -> Tensor:
        """The training loss, a scalar: cross entropy of the next name on the full vocabulary, by teacher forcing.

        A product known no deeper than an inner node has no end token, so nothing is said of what lies below. The doubly
        stochastic term is the mean over cells of (1 - sum over levels of the light) squared (Xu et al. 2015).
        """
        state, seen = self.decoder.start(self.encoder(batch.pixels))
        return target.blend(self._teach(target.nodes, state, seen, smoothing)).mean()

    def _teach(self, nodes: Tensor, state: State, seen: State, smoothing: float) -> Tensor:
        """Losses (B, n) of writing the sentences of n nodes of each picture, all at the same time."""
        words = self.sentence[nodes]  # (B, n, D + 1)
        words = words[..., : int((words != PAD).sum(dim=2).max())]
        taken = F.pad(words[..., :-1], (1, 0), value=START)
        state = tuple(part.expand(-1, nodes.shape[1], *part.shape[2:]) for part in state)
        hidden, light = self.decoder.follow(state, taken, seen)  # (B, n, L, D) and (B, n, L, P)
        logits = self.decoder.vocabulary(hidden).float()
        losses = F.cross_entropy(
            logits.flatten(0, 2), words.flatten(), ignore_index=PAD, reduction="none", label_smoothing=smoothing
        )
        real = (words != PAD).float()
        loss = (losses.view_as(real) * real).sum(dim=2) / real.sum(dim=2)
        if self.doubly_stochastic:
            shown = (light.float() * real[..., None]).sum(dim=2)  # (B, n, P)
            loss = loss + self.doubly_stochastic * (1 - shown).square().mean(dim=2)
        return loss

    def score(self, batch: Batch) -> Tensor:
        """The log of each node's own mass, float32 (B, N), on paths that exist; rows sum to 1."""
        log_mass = expand(self.decoder, self.encoder(batch.pixels), self.plan, self.keep)
        if not self.average_flips:
            return log_mass
        mirrored = expand(self.decoder, self.encoder(batch.pixels.flip(3)), self.plan, self.keep)
        return average_logs(log_mass, mirrored)

    def novelty(self, batch: Batch) -> Tensor:
        """The mass (B,), from 0 to 1, that the decoder, left free, puts on paths that the tree lacks."""
        log_mass = expand(self.decoder, self.encoder(batch.pixels), self.plan, free=True)
        return (1 - log_mass.exp().sum(dim=1)).clamp(0, 1)

    def write(self, batch: Batch, beams: int = 5) -> FreePaths:
        """The paths that the decoder writes when nothing holds it to the tree; width 5 is the paper's (5.1.4)."""
        return write_freely(self.decoder, self.encoder(batch.pixels), self.sentence.shape[1] - 1, beams)

    def light(self, batch: Batch, node: Tensor) -> Tensor:
        """Where the decoder looked for each level of the given nodes (B,): (B, D, h, w), each level sums to 1.

        Beyond a node's own depth the light means nothing.
        """
        features = self.encoder(batch.pixels)
        state, seen = self.decoder.start(features)
        taken = F.pad(self.sentence[node][:, None, :-2], (1, 0), value=START)  # (B, 1, D)
        _, light = self.decoder.follow(state, taken, seen)
        return torch.unflatten(light[:, 0], 2, self._grid(features))

    def score_lit(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """`score`, and from the same steps where the decoder looks at each inner node: (B, I, h, w), in tree order.

        The light of an answer's level k is that of the inner node k - 1 names down its path: there the k-th is chosen.
        """
        features = self.encoder(batch.pixels)
        log_mass, light = expand_lit(self.decoder, features, self.plan, self.keep)
        if self.average_flips:
            mirrored = expand(self.decoder, self.encoder(batch.pixels.flip(3)), self.plan, self.keep)
            log_mass = average_logs(log_mass, mirrored)
        return log_mass, torch.unflatten(light, 2, self._grid(features))

    def _grid(self, features: Tensor) -> tuple[int, int]:
        """The cells (h, w) that attention weighs."""
        return (self.grid, self.grid) if self.grid else (features.shape[2], features.shape[3])

    def encoder_parameters(self) -> list[nn.Parameter]:
        """The parameters that learn at the encoder's rate."""
        return list(self.encoder.parameters())


def _sentences(tree: TreeArrays) -> np.ndarray:
    nodes, depth = len(tree.parent), int(tree.depth.max())
    words = np.full((nodes, depth + 1), PAD, dtype=np.int64)
    for node in range(1, nodes):
        level = int(tree.depth[node])
        words[node, : level - 1] = words[tree.parent[node], : level - 1]
        words[node, level - 1] = tree.token[node]
    answers = np.flatnonzero(tree.is_answer)
    words[answers, tree.depth[answers]] = END
    return words
