"""The paper's path decoder: an LSTM that looks at another part of the picture for every level."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from atlas.model.config import DecoderConfig
from atlas.model.decoding import ACCELERATOR_FLOATS, CACHED_FLOATS, Decoder, State, Told


class AdditiveAttention(nn.Module):
    """Weights over the cells of a grid by a two-layer network of cell and state (section 4.2.1, equation 1).

    The text's order of layers (softmax values, then ReLU) cannot be meant; this is the authors' code: two linear
    layers, sum, ReLU, linear, softmax over the cells (Bahdanau et al. 2015).
    """

    def __init__(self, channels: int, size: int, width: int) -> None:
        super().__init__()
        self.of_cell = nn.Linear(channels, width)
        self.of_state = nn.Linear(size, width)
        self.score = nn.Linear(width, 1)

    def forward(self, keys: Tensor, hidden: Tensor) -> Tensor:
        """Weights (B, n, P) that sum to 1, from keys (B, P, A), which are `of_cell`'s, and states (B, n, H)."""
        queries = self.of_state(hidden)  # (B, n, A)
        if torch.compiler.is_exporting() or torch.is_grad_enabled():
            scores = self._scores(keys, queries)
        else:
            parts = [self._scores(*part).flatten(0, 1) for part in _in_turn(keys, queries)]
            scores = torch.unflatten(torch.cat(parts), 0, queries.shape[:2])
        return scores.float().softmax(dim=2).to(queries.dtype)

    def _scores(self, keys: Tensor, queries: Tensor) -> Tensor:
        """(B, n, P), before the softmax."""
        scores: Tensor = self.score(F.relu(keys[:, None] + queries[:, :, None], inplace=True))  # (B, n, P, 1)
        return scores.squeeze(3)


def _in_turn(keys: Tensor, queries: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Keys and queries of some pictures, or of one picture and some of its paths, in order."""
    limit = ACCELERATOR_FLOATS if keys.is_cuda else CACHED_FLOATS
    paths = max(1, limit // keys[0].numel())
    if paths < queries.shape[1]:
        for key, query in zip(torch.split(keys, 1), torch.split(queries, 1), strict=True):
            yield from ((key, part) for part in torch.split(query, paths, dim=1))
    else:
        pictures = paths // queries.shape[1]
        yield from zip(torch.split(keys, pictures), torch.split(queries, pictures), strict=True)


class LstmDecoder(nn.Module, Decoder):
    """Part of the paper's model below the encoder (section 4.2.1); sizes and initial values are the authors' code.

    The state starts from the mean feature through two linear layers; each step looks (additive attention by the last
    hidden state), gates what it sees (sigmoid), and feeds it with the last name's embedding to one LSTM cell. The text
    says "stacked LSTM", the authors' code has this one cell.
    """

    def __init__(self, config: DecoderConfig, channels: int, words: int) -> None:
        super().__init__()
        self.grid = config.grid
        self.embedding = nn.Embedding(words, config.embedding)
        self.attention = AdditiveAttention(channels, config.size, config.attention)
        self.first_hidden = nn.Linear(channels, config.size)
        self.first_cell = nn.Linear(channels, config.size)
        self.gate = nn.Linear(config.size, channels)
        self.cell = nn.LSTMCell(config.embedding + channels, config.size)
        self.dropout = nn.Dropout(config.dropout)
        self.vocabulary = nn.Linear(config.size, words)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        nn.init.uniform_(self.vocabulary.weight, -0.1, 0.1)
        nn.init.zeros_(self.vocabulary.bias)

    def start(self, features: Tensor) -> tuple[State, State]:
        """State (hidden, cell) of (B, 1, H) each; seen: keys (B, P, A), values (B, Q, C), pooling (P, Q).

        Q are the encoder's own cells, P those of the grid that attention weighs. Pooling is linear, so keys are
        projected on the Q cells and pooled after, and the context is taken from the Q cells with weights pooled back.
        """
        values = features.flatten(2).transpose(1, 2)  # (B, Q, C)
        pooling = _pooling(features, self.grid)
        keys = pooling @ self.attention.of_cell(values)  # (P, Q) x (B, Q, A)
        mean = (pooling.mean(dim=0) @ values)[:, None]  # (B, 1, C), the mean over the P cells
        return (self.first_hidden(mean), self.first_cell(mean)), (keys, values, pooling)

    def look(self, state: State, seen: State) -> State:
        """What the cell gathers before it reads a name, (B, n, 4H), its memory (B, n, H), and the light (B, n, P).

        Attention, gate and context follow from the last state alone, so all children of a node share them; the cell's
        sum over its inputs is split for that.
        """
        hidden, cell = state  # (B, n, H)
        keys, values, pooling = seen
        light = self.attention(keys, hidden)  # (B, n, P)
        context = torch.sigmoid(self.gate(hidden)) * ((light @ pooling) @ values)  # (B, n, C)
        gathered = F.linear(context, self.cell.weight_ih[:, self.embedding.embedding_dim :], self.cell.bias_ih)
        return gathered + F.linear(hidden, self.cell.weight_hh, self.cell.bias_hh), cell, light

    def take(self, looked: State, token: Tensor, seen: State) -> Told:  # noqa: ARG002 - all it needs was looked at
        """See Decoder; the LSTM cell of `torch.nn.LSTMCell`, whose sum `look` began."""
        gathered, cell, light = looked
        named = F.linear(self.embedding(token), self.cell.weight_ih[:, : self.embedding.embedding_dim])
        into, forget, new, out = (gathered + named).chunk(4, dim=2)  # (B, n, H) each
        cell = torch.sigmoid(forget) * cell + torch.sigmoid(into) * torch.tanh(new)
        hidden = torch.sigmoid(out) * torch.tanh(cell)
        return Told(self.dropout(hidden), (hidden, cell), light)


def _pooling(features: Tensor, side: int) -> Tensor:
    """(P, Q): the matrix of adaptive average pooling from the features' own cells to side x side; 0 keeps the cells."""
    height, width = features.shape[2:]
    cells = torch.eye(height * width, dtype=features.dtype, device=features.device)
    if not side:
        return cells
    return F.adaptive_avg_pool2d(cells.view(-1, 1, height, width), side).flatten(1).t()
