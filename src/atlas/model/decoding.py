"""Paths, scored level by level: exactly over the whole tree, along its best part, or freely over the vocabulary."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from atlas.records import IMPOSSIBLE, TreeArrays

#: Places of the special tokens in every vocabulary (taxonomy's order).
PAD, START, END = 0, 1, 2
SPECIAL_TOKENS = 3
#: Floats that one level's states may take; a batch over a larger tree is scored in parts.
LEVEL_FLOATS = 64_000_000

#: What a decoder remembers of a path: tensors (B, n, ...) for n paths of each picture.
State = tuple[Tensor, ...]


class Told(NamedTuple):
    """What a decoder says after one more token on each of n paths of each picture."""

    hidden: Tensor  # (B, n, D): times `vocabulary`'s weight, plus its bias, the logits of the next token
    state: State
    light: Tensor  # (B, n, P): how much each cell of the grid counted, sums to 1


class Decoder(Protocol):
    """One step down the tree; everything else is written once, in this file."""

    @property
    def vocabulary(self) -> nn.Linear:
        """D -> V, hidden states to logits."""

    def start(self, features: Tensor) -> tuple[State, State]:
        """The state (B, 1, ...) before any token, and what is prepared once a picture, from a grid (B, C, h, w)."""

    def advance(self, state: State, token: Tensor, seen: State) -> Told:
        """Take one token (B, n) on each path; `seen` is what `start` prepared."""


class Level(nn.Module):
    """The inner nodes of one depth and their options, as constant indices.

    An option of a node is a child, or, where the node is an answer itself, to stop there (the end token). Nodes of a
    level are slots, options of a slot are places; short lists of options are padded.
    """

    token: Tensor  # (n,), the name of each slot's node
    parent: Tensor  # (n,), the slot of its parent in the level above
    place: Tensor  # (n,), which of the parent's options leads to it
    option_token: Tensor  # (n, c)
    is_option: Tensor  # (n, c), False for padding

    def __init__(self, **arrays: NDArray[np.generic]) -> None:
        super().__init__()
        for name, array in arrays.items():
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(array)), persistent=False)

    @property
    def slots(self) -> int:
        """n, the number of inner nodes at this depth."""
        return self.token.shape[0]


class TreePlan(nn.Module):
    """A tree unrolled into levels, so that scoring it is a fixed sequence of batched steps."""

    own: Tensor  # (N,), where each node's own mass stands among all options in a row; one past the end = nowhere
    left: (
        Tensor  # (N,), where the mass stands that a search left at a node, among all slots; one past the end = nowhere
    )
    inner: Tensor  # (I,), where each inner node, in tree order, stands among all slots

    def __init__(self, tree: TreeArrays) -> None:
        super().__init__()
        nodes = len(tree.parent)
        by_depth: list[list[int]] = [[] for _ in range(int(tree.depth.max()))]
        for node in np.flatnonzero(tree.end > np.arange(nodes) + 1).tolist():
            by_depth[tree.depth[node]].append(node)
        options = [[_options(tree, node) for node in slots] for slots in by_depth]
        self.levels = nn.ModuleList(
            _level(
                tree, slots, options[depth], by_depth[depth - 1] if depth else [], options[depth - 1] if depth else []
            )
            for depth, slots in enumerate(by_depth)
        )
        own, left = np.full(nodes, -1), np.full(nodes, -1)
        option_offset = slot_offset = 0
        for slots, lists in zip(by_depth, options, strict=True):
            width = max(map(len, lists))
            for slot, (node, targets) in enumerate(zip(slots, lists, strict=True)):
                left[node] = slot_offset + slot
                for place, target in enumerate(targets):
                    if target == node or tree.end[target] == target + 1:  # to stop here, or a leaf
                        own[target] = option_offset + slot * width + place
            option_offset += len(slots) * width
            slot_offset += len(slots)
        self.register_buffer("inner", torch.from_numpy(left[left >= 0]), persistent=False)
        self.register_buffer("own", torch.from_numpy(np.where(own < 0, option_offset, own)), persistent=False)
        self.register_buffer("left", torch.from_numpy(np.where(left < 0, slot_offset, left)), persistent=False)

    def __iter__(self) -> Iterator[Level]:
        return iter(self.levels)  # type: ignore[arg-type]

    @property
    def widest(self) -> int:
        """Inner nodes of the widest level."""
        return max(level.slots for level in self)

    @property
    def most_options(self) -> int:
        """Options of the node that has most."""
        return max(level.option_token.shape[1] for level in self)


def _options(tree: TreeArrays, node: int) -> list[int]:
    """The nodes that mass may go to from an inner node: its children in order, and itself where it is an answer."""
    children, child = [], node + 1
    while child < tree.end[node]:
        children.append(child)
        child = int(tree.end[child])
    return children + [node] * bool(tree.is_answer[node])


def _level(
    tree: TreeArrays, slots: list[int], options: list[list[int]], above: list[int], options_above: list[list[int]]
) -> Level:
    width = max(map(len, options))
    option_token = np.full((len(slots), width), PAD)
    is_option = np.zeros((len(slots), width), dtype=bool)
    for slot, (node, targets) in enumerate(zip(slots, options, strict=True)):
        option_token[slot, : len(targets)] = [END if target == node else tree.token[target] for target in targets]
        is_option[slot, : len(targets)] = True
    slot_above = {node: slot for slot, node in enumerate(above)}
    parent = [slot_above[int(tree.parent[node])] if above else 0 for node in slots]
    place = [options_above[up].index(node) if above else 0 for up, node in zip(parent, slots, strict=True)]
    token = [int(tree.token[node]) if node else START for node in slots]
    return Level(
        token=np.array(token),
        parent=np.array(parent),
        place=np.array(place),
        option_token=option_token,
        is_option=is_option,
    )


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
    slots = plan.widest if keep is None else min(plan.widest, keep) * plan.most_options
    rows = max(1, LEVEL_FLOATS // (slots * decoder.vocabulary.in_features * 4))
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
        token = level.token.expand(self.rows, -1) if chosen is None else level.token[chosen]
        told = self.decoder.advance(self._states(level, chosen), token, self.seen)
        options = _log_shares(self.decoder.vocabulary, told.hidden, level, chosen, self.free)
        options = options + (reached if chosen is None else reached.gather(1, chosen))[..., None]
        left = torch.full_like(reached, IMPOSSIBLE)
        if chosen is not None:
            left = reached.scatter(1, chosen, IMPOSSIBLE)
            options = _spread(options, chosen, level.slots, IMPOSSIBLE)
        if self.lit:
            self.lights.append(told.light if chosen is None else _spread(told.light, chosen, level.slots, 0.0))
        self.state, self.kept, self.options = told.state, chosen, options.clamp(min=IMPOSSIBLE)
        return self.options, left

    def _reached(self, level: Level) -> Tensor:
        """(B, n): the log mass that comes to each slot."""
        if self.options is None:
            return self.state[0].new_zeros((self.rows, 1), dtype=torch.float32)
        return self.options[:, level.parent, level.place]

    def _states(self, level: Level, chosen: Tensor | None) -> State:
        """The state of each slot's parent, (B, n or k, ...)."""
        if self.options is None:
            return self.state
        if self.kept is None and chosen is None:
            return tuple(part[:, level.parent] for part in self.state)
        parent = level.parent.expand(self.rows, -1) if chosen is None else level.parent[chosen]
        if self.kept is not None:  # from slots of the level above to places among those that went on
            among = torch.zeros_like(self.options[..., 0], dtype=torch.long)
            order = torch.arange(self.kept.shape[1], device=among.device).expand_as(self.kept)
            parent = among.scatter(1, self.kept, order).gather(1, parent)
        return tuple(_pick(part, parent) for part in self.state)


def _log_shares(vocabulary: nn.Linear, hidden: Tensor, level: Level, chosen: Tensor | None, free: bool) -> Tensor:
    """Log of how each slot's mass is shared among its options, float32 (B, n or k, c); padding gets nothing."""
    token, is_option = (level.option_token, level.is_option)
    if chosen is None:
        logits = torch.einsum("bnd,ncd->bnc", hidden, vocabulary.weight[token])
    else:
        token, is_option = token[chosen], is_option[chosen]
        logits = torch.einsum("bnd,bncd->bnc", hidden, vocabulary.weight[token])
    logits = (logits + vocabulary.bias[token]).float()
    if free:
        every = _written(vocabulary(hidden)).logsumexp(dim=2, keepdim=True)  # (B, n or k, 1)
        return (logits - every).masked_fill(~is_option, IMPOSSIBLE)
    return F.log_softmax(logits.masked_fill(~is_option, IMPOSSIBLE), dim=2)


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
