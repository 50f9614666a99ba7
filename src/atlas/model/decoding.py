"""Paths, scored level by level: exactly over the whole tree, along its best part, or freely over the vocabulary."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from atlas.model.plan import END, PAD, START, Level, TreePlan
from atlas.records import IMPOSSIBLE

#: Floats that one level of a batch may hold; more pictures are scored in turn.
LEVEL_FLOATS = 64_000_000
#: Floats that a step works on at once; the slots of a wide level are taken in turn. On a CPU these stay in a core's
#: cache, an accelerator wants large pieces.
CACHED_FLOATS, ACCELERATOR_FLOATS = 1_000_000, 32_000_000
#: Trees with more inner nodes than this are searched, not scored exactly, unless the recipe says otherwise. At 556
#: exact scoring takes 7.3 core-ms a picture by LSTM and 5.9 by Transformer, the search 5.0 and 1.0. Below, the LSTM's
#: search saves nothing; beyond, exact scoring grows with the tree and the search hardly does (benchmarks/README.md).
EXACT_INNER_NODES = 512
#: Inner nodes of a level that go on in such a search.
KEPT = 32

#: What a decoder remembers of a path: tensors (B, n, ...) for n paths of each picture.
State = tuple[Tensor, ...]


class Told(NamedTuple):
    """What a decoder says after one more token on each of n paths of each picture."""

    hidden: Tensor  # (B, n, D): times `vocabulary`'s weight, plus its bias, the logits of the next token
    state: State
    light: Tensor  # (B, n, P): how much each cell of the grid counted, sums to 1


class Decoder(Protocol):
    """One step down the tree, in two parts; everything else is written once, in this file."""

    vocabulary: nn.Linear  # D -> V, hidden states to logits

    def start(self, features: Tensor) -> tuple[State, State]:
        """The state (B, 1, ...) before any token, and what is prepared once a picture, from a grid (B, C, h, w)."""

    def look(self, state: State, seen: State) -> State:
        """What of a step does not depend on its token, (B, n, ...): the children of a node share it."""

    def take(self, looked: State, token: Tensor, seen: State) -> Told:
        """The rest of the step: one token (B, n) on each path, or (1, n) the same for every picture."""

    def advance(self, state: State, token: Tensor, seen: State) -> Told:
        """A whole step: take one token (B, n) on each path; `seen` is what `start` prepared."""
        return self.take(self.look(state, seen), token, seen)

    def follow(self, state: State, tokens: Tensor, seen: State) -> tuple[Tensor, Tensor]:
        """`advance` along given paths, tokens (B, n, L): hidden states (B, n, L, D) and light (B, n, L, P)."""
        hidden, lights = [], []
        for token in tokens.unbind(2):
            told = self.advance(state, token, seen)
            state = told.state
            hidden.append(told.hidden)
            lights.append(told.light)
        return torch.stack(hidden, dim=2), torch.stack(lights, dim=2)


def choose_keep(asked: int | Literal["auto"], plan: TreePlan) -> int | None:
    """How many inner nodes of a level go on, None for all: as the recipe asks (0 is all), or by the tree's size."""
    if asked == "auto":
        return None if plan.inner_nodes <= EXACT_INNER_NODES else KEPT
    return asked or None


def expand(
    decoder: Decoder, features: Tensor, plan: TreePlan, keep: int | None = None, *, free: bool = False
) -> Tensor:
    """The log of each node's own mass, float32 (B, N), for pictures with these feature grids (B, C, h, w).

    Level by level all inner nodes take one batched step; their logits are masked to the options that exist, so each row
    sums to 1 and no path can be made up. With `keep` only the best `keep` inner nodes of a level go on (beam search);
    the mass of the others stays where the search stopped. With `free` logits are not masked: what a row lacks to 1 is
    the mass that the decoder puts on children that do not exist.
    """
    if torch.compiler.is_exporting():
        return _expand(decoder, features, plan, keep, free)
    rows = max(1, LEVEL_FLOATS // plan.floats(decoder.vocabulary.in_features, keep))
    parts: tuple[Tensor, ...] = torch.split(features, rows)
    return torch.cat([_expand(decoder, part, plan, keep, free) for part in parts])


def _expand(decoder: Decoder, features: Tensor, plan: TreePlan, keep: int | None, free: bool) -> Tensor:
    return _Search(decoder, features, keep, free).through(plan)


def expand_lit(decoder: Decoder, features: Tensor, plan: TreePlan, keep: int | None = None) -> tuple[Tensor, Tensor]:
    """`expand` and where the decoder looked at each inner node: log masses (B, N) and light (B, I, P).

    Inner nodes stand in tree order; one that a search left is dark. The batch is taken whole: this is for export.
    """
    search = _Search(decoder, features, keep, free=False, lit=True)
    log_mass = search.through(plan)
    return log_mass, torch.cat(search.lights, dim=1).index_select(1, plan.inner)


class _Search:
    """The way down for one batch: what each level passes to the next."""

    def __init__(self, decoder: Decoder, features: Tensor, keep: int | None, free: bool, lit: bool = False) -> None:
        self.decoder, self.keep, self.free, self.lit = decoder, keep, free, lit
        self.lights: list[Tensor] = []  # where `lit`: (B, n, P) of each level so far
        self.state, self.seen = decoder.start(features)
        self.options: Tensor | None = None  # (B, n, c) log masses of the level above
        self.kept: Tensor | None = None  # (B, k) its slots that went on, None where all did
        self.rows = features.shape[0]

    def through(self, plan: TreePlan) -> Tensor:
        """The log of each node's own mass (B, N), from the root down to the last level."""
        options, left = zip(*(self.descend(level) for level in plan), strict=True)
        return torch.maximum(_gather(options, plan.own), _gather(left, plan.left))

    def descend(self, level: Level) -> tuple[Tensor, Tensor]:
        """Log masses of the level's options (B, n, c), and of the slots (B, n) that the search leaves."""
        reached = self._reached(level)
        chosen = None
        if self.keep is not None and level.slots > self.keep:
            chosen = reached.topk(self.keep, dim=1).indices  # (B, k)
        options = self._all_shares(level) if chosen is None else self._shares_of(level, chosen)
        options = options + (reached if chosen is None else reached.gather(1, chosen))[..., None]
        left = torch.full_like(reached, IMPOSSIBLE)
        if chosen is not None:
            left = reached.scatter(1, chosen, IMPOSSIBLE)
            options = _spread(options, chosen, level.slots, IMPOSSIBLE)
        self.kept, self.options = chosen, options.clamp(min=IMPOSSIBLE)
        return self.options, left

    def _reached(self, level: Level) -> Tensor:
        """(B, n): the log mass that comes to each slot."""
        if self.options is None:
            return self.state[0].new_zeros((self.rows, 1), dtype=torch.float32)
        return self.options[:, level.parent, level.place]

    def _all_shares(self, level: Level) -> Tensor:
        """One step for all slots: log of how each one's mass is shared among its options, (B, n, c)."""
        looked, leader = self.decoder.look(self.state, self.seen), self._leaders(level)
        shares, states = [], []
        at_once = level.slots if torch.compiler.is_exporting() else _slots_at_once(looked)
        for first in range(0, level.slots, at_once):
            here = slice(first, first + at_once)
            started = tuple(_follow(part, leader[..., here]) for part in looked)
            told = self.decoder.take(started, level.token[None, here], self.seen)
            shares.append(self._shares(told.hidden, level.option_token[here], level.is_option[here]))
            onward = level.onward_within(here.start, here.stop)
            states.append(tuple(part[:, onward] for part in told.state))
            self._remember(told.light)
        self.state = tuple(torch.cat(parts, dim=1) for parts in zip(*states, strict=True))
        return torch.cat(shares, dim=1)

    def _shares_of(self, level: Level, chosen: Tensor) -> Tensor:
        """One step for the chosen slots (B, k), likewise (B, k, c)."""
        looked, leader = self.decoder.look(self.state, self.seen), self._leaders(level)
        started = tuple(_follow(part, leader.expand(self.rows, -1).gather(1, chosen)) for part in looked)
        told = self.decoder.take(started, level.token[chosen], self.seen)
        self.state = told.state
        self._remember(_spread(told.light, chosen, level.slots, 0.0) if self.lit else told.light)
        return self._shares(told.hidden, level.option_token[chosen], level.is_option[chosen])

    def _leaders(self, level: Level) -> Tensor:
        """Where the parent of each slot stands among the states of the level above: (n,), or (B, n) after a choice."""
        if self.kept is None or self.options is None:
            return level.leader
        among = torch.zeros_like(self.options[..., 0], dtype=torch.long)
        order = torch.arange(self.kept.shape[1], device=among.device).expand_as(self.kept)
        return among.scatter(1, self.kept, order)[:, level.parent]

    def _shares(self, hidden: Tensor, token: Tensor, is_option: Tensor) -> Tensor:
        """Log shares of the options, float32 (B, n, c), from hidden states and tokens (n, c) or (B, n, c)."""
        vocabulary = self.decoder.vocabulary
        equation = "bnd,ncd->bnc" if token.ndim == 2 else "bnd,bncd->bnc"
        logits = torch.einsum(equation, hidden, vocabulary.weight[token])
        logits = (logits + vocabulary.bias[token]).float()
        if self.free:
            every = _written(vocabulary(hidden)).logsumexp(dim=2, keepdim=True)  # (B, n, 1)
            return (logits - every).masked_fill(~is_option, IMPOSSIBLE)
        return F.log_softmax(logits.masked_fill(~is_option, IMPOSSIBLE), dim=2)

    def _remember(self, light: Tensor) -> None:
        if self.lit:
            self.lights.append(light)


def _slots_at_once(looked: State) -> int:
    """How many slots a step takes in turn, by what each of them starts from."""
    floats = sum(part[:, :1].numel() for part in looked)
    return max(1, (ACCELERATOR_FLOATS if looked[0].is_cuda else CACHED_FLOATS) // max(1, floats))


def _follow(part: Tensor, leader: Tensor) -> Tensor:
    """`part` (B, p, ...) at the leaders (n,) of all pictures, or (B, n) of each one."""
    return part[:, leader] if leader.ndim == 1 else _pick(part, leader)


def _written(logits: Tensor) -> Tensor:
    """Logits (..., V) of what can be written at all: names and the end."""
    return torch.cat([torch.full_like(logits[..., :END], float("-inf")), logits[..., END:]], dim=-1).float()


def _pick(part: Tensor, slots: Tensor) -> Tensor:
    """`part` (B, n, ...) at `slots` (B, k) of each row."""
    where = slots.reshape(*slots.shape, *[1] * (part.ndim - 2)).expand(*slots.shape, *part.shape[2:])
    return part.gather(1, where)


def _spread(part: Tensor, chosen: Tensor, slots: int, empty: float) -> Tensor:
    """`part` (B, k, c) of the chosen slots among all of them: (B, n, c), `empty` in the others."""
    where = chosen[..., None].expand_as(part)
    return part.new_full((part.shape[0], slots, part.shape[2]), empty).scatter(1, where, part)


def _gather(levels: tuple[Tensor, ...], index: Tensor) -> Tensor:
    """(B, N): each node's entry of all levels in a row, IMPOSSIBLE where it has none."""
    row = torch.cat([level.flatten(1) for level in levels], dim=1)
    return F.pad(row, (0, 1), value=IMPOSSIBLE).index_select(1, index)


class FreePaths(NamedTuple):
    """What a decoder writes when nothing holds it to the tree: the best `beams` sequences of each picture."""

    tokens: Tensor  # int (B, k, L): names, then END, then PAD; without END where `levels` names were not enough
    log_probability: Tensor  # float32 (B, k), falling


def write_freely(decoder: Decoder, features: Tensor, levels: int, beams: int = 5) -> FreePaths:
    """Beam search over the full vocabulary (section 4.2.1), batched: at most `levels` names and the end.

    Paths that no tree has are possible here; that is the point (section 6, table 2).
    """
    state, seen = decoder.start(features)
    rows, words = features.shape[0], decoder.vocabulary.out_features
    total = features.new_zeros((rows, 1), dtype=torch.float32)
    tokens = torch.full((rows, 1, 1), START, device=features.device)
    ended = torch.zeros((rows, 1), dtype=torch.bool, device=features.device)
    for _ in range(levels + 1):
        told = decoder.advance(state, tokens[..., -1], seen)
        shares = F.log_softmax(_written(decoder.vocabulary(told.hidden)), dim=2)  # (B, n, V)
        shares = torch.where(ended[..., None], _only_padding(shares), shares)
        best = (total[..., None] + shares).flatten(1).topk(min(beams, shares[0].numel()), dim=1)
        parent, token = best.indices // words, best.indices % words
        total, state = best.values, tuple(_pick(part, parent) for part in told.state)
        tokens = torch.cat([_pick(tokens, parent), token[..., None]], dim=2)
        ended = ended.gather(1, parent) | (token == END)
    return FreePaths(tokens[..., 1:], total)


def _only_padding(shares: Tensor) -> Tensor:
    """An ended path goes on with padding, at no cost."""
    padded = torch.full_like(shares, float("-inf"))
    padded[..., PAD] = 0
    return padded
