"""A small Transformer decoder over paths (the paper's future work): pre-norm, dot-product attention, cheap per node."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from atlas.errors import RecipeError
from atlas.model.config import DecoderConfig
from atlas.model.decoding import Decoder, State, Told

#: Levels that have a place of their own; the end after a path of as many shares the last one.
MAX_LEVELS = 32


class TransformerDecoder(nn.Module, Decoder):
    """Each name attends to the names before it and to the cells of the picture (Vaswani et al. 2017; pre-norm).

    Keys and values of the picture are made once for all paths; those of the names are kept, so a node costs one query.
    What the light falls on is also told to the vocabulary as it is (the "deep output" of Xu et al. 2015, equation 7):
    through the blocks alone the encoder learns late (`docs/log.md`).
    """

    def __init__(self, config: DecoderConfig, channels: int, words: int) -> None:
        super().__init__()
        if config.size % config.heads:
            raise RecipeError(f"decoder.size={config.size} cannot be shared by {config.heads} heads: use a multiple")
        self.size = config.size
        self.embedding = nn.Embedding(words, config.size)
        self.place = nn.Embedding(MAX_LEVELS, config.size)
        self.cells = nn.Sequential(nn.Linear(channels, config.size), nn.LayerNorm(config.size))
        self.glimpse = nn.Linear(channels, config.size)
        self.blocks: list[_Block] = nn.ModuleList(_Block(config) for _ in range(config.layers))  # type: ignore[assignment]
        self.norm = nn.LayerNorm(config.size)
        self.dropout = nn.Dropout(config.dropout)
        self.vocabulary = nn.Linear(config.size, words)
        for table in (self.embedding, self.place):
            nn.init.normal_(table.weight, std=0.02)

    def start(self, features: Tensor) -> tuple[State, State]:
        """State: names' keys and values (B, 1, 0, D) of each block; seen: what each block's `look` gives, glimpses."""
        grid = features.flatten(2).transpose(1, 2)  # (B, P, C)
        cells = self.cells(grid)  # (B, P, D)
        nothing = cells.new_zeros(features.shape[0], 1, 0, self.size)
        seen = tuple(part for block in self.blocks for part in block.look(cells))
        return (nothing,) * (2 * len(self.blocks)), (*seen, self.glimpse(grid))

    def look(self, state: State, seen: State) -> State:  # noqa: ARG002 - what is seen follows from the name
        """The state as it is: each name asks the picture its own question."""
        return state

    def take(self, looked: State, token: Tensor, seen: State) -> Told:
        """See Decoder; the light is the last block's, averaged over its heads."""
        hidden, kept, light = self._write(looked, token[..., None], seen)
        return Told(hidden.squeeze(2), kept, light.squeeze(2))

    def follow(self, state: State, tokens: Tensor, seen: State) -> tuple[Tensor, Tensor]:
        """See Decoder; all names of a path at the same time, each attending to those before it."""
        hidden, _, light = self._write(state, tokens, seen)
        return hidden, light

    def _write(self, state: State, tokens: Tensor, seen: State) -> tuple[Tensor, State, Tensor]:
        """L more names on each path, tokens (B, n, L) or (1, n, L): hidden states, the state after them, the light."""
        rows, depth, more = state[0].shape[0], state[0].shape[2], tokens.shape[2]
        named = self.embedding(tokens).expand(rows, -1, -1, -1)  # (B, n, L, D)
        places = torch.arange(depth, depth + more, device=tokens.device).clamp(max=MAX_LEVELS - 1)
        stream = self.dropout(named + self.place(places))
        kept: list[Tensor] = []
        light = stream
        for number, block in enumerate(self.blocks):
            names, cells = slice(2 * number, 2 * number + 2), slice(3 * number, 3 * number + 3)
            stream, read, light = block(stream, state[names], seen[cells])
            kept += read
        glimpse = (light.flatten(1, 2) @ seen[-1]).view_as(stream)
        return self.dropout(self.norm(stream) + glimpse), tuple(kept), light


class _Block(nn.Module):
    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        size = config.size
        self.heads = config.heads
        self.norms = nn.ModuleList(nn.LayerNorm(size) for _ in range(3))
        self.names = nn.Linear(size, 3 * size)
        self.names_out = nn.Linear(size, size)
        self.query = nn.Linear(size, size)
        self.picture = nn.Linear(size, 2 * size)
        self.salience = nn.Linear(size, 1, bias=False)
        self.picture_out = nn.Linear(size, size)
        self.feed = nn.Sequential(nn.Linear(size, 4 * size), nn.GELU(), nn.Linear(4 * size, size))
        self.dropout = nn.Dropout(config.dropout)

    def look(self, cells: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The picture's keys and values, (B, P, D) each, and how much each cell draws every question, (B, 1, 1, P).

        The latter is part of the query's bias already. Learned by itself, as well, it keeps levels from staying with
        cells that only tell by contrast, whose light falls beside the product (`docs/log.md`).
        """
        keys, values = self.picture(cells).chunk(2, dim=2)
        return keys, values, self.salience(cells)[:, None, None, :, 0]

    def forward(self, stream: Tensor, names: State, seen: State) -> tuple[Tensor, list[Tensor], Tensor]:
        """The stream (B, n, L, D) one block on, the names' keys and values with these, and the light (B, n, L, P)."""
        query, key, value = self.names(self.norms[0](stream)).chunk(3, dim=3)
        keys, values = (
            torch.cat([old.to(new.dtype), new], dim=2) for old, new in zip(names, (key, value), strict=True)
        )
        told, _ = self._attend(query, keys, values, _no_later(query, keys))  # on the names of its own path
        stream = stream + self.dropout(self.names_out(told))
        told, weights = self._attend(self.query(self.norms[1](stream)).flatten(1, 2), *seen)
        stream = stream + self.dropout(self.picture_out(told).view_as(stream))
        stream = stream + self.dropout(self.feed(self.norms[2](stream)))
        return stream, [keys, values], torch.unflatten(weights.mean(dim=-3), 1, stream.shape[1:3])

    def _attend(self, query: Tensor, keys: Tensor, values: Tensor, bias: Tensor | float = 0.0) -> tuple[Tensor, Tensor]:
        """Attention in heads: (..., q, D) over (..., t, D), `bias` added to scores; weights (..., heads, q, t)."""
        query, keys, values = (
            torch.unflatten(part, -1, (self.heads, -1)).transpose(-3, -2) for part in (query, keys, values)
        )  # (..., heads, q or t, D / heads)
        scores = query @ keys.transpose(-1, -2) / query.shape[-1] ** 0.5 + bias
        weights = F.softmax(scores.float(), dim=-1).to(values.dtype)
        return (weights @ values).transpose(-3, -2).flatten(-2), weights


def _no_later(query: Tensor, keys: Tensor) -> Tensor | float:
    """What keeps L names (B, n, L, D) from those after each, among t keys of which theirs are the last: (L, t)."""
    more, every = query.shape[2], keys.shape[2]
    if more == 1:
        return 0.0
    return torch.full((more, every), float("-inf"), device=query.device).triu(every - more + 1)
