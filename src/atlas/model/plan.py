"""A tree unrolled into levels of constant indices, so that scoring it is a fixed sequence of batched steps."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from atlas.records import TreeArrays

#: Places of the special tokens in every vocabulary (taxonomy's order).
PAD, START, END = 0, 1, 2
SPECIAL_TOKENS = 3


class Level(nn.Module):
    """The inner nodes of one depth and their options, as constant indices.

    An option of a node is a child, or, where the node is an answer itself, to stop there (the end token). Nodes of a
    level are slots, options of a slot are places; short lists of options are padded.
    """

    token: Tensor  # (n,), the name of each slot's node
    parent: Tensor  # (n,), the slot of its parent in the level above
    place: Tensor  # (n,), which of the parent's options leads to it
    leader: Tensor  # (n,), where its parent stands among the level above's slots that lead on
    onward: Tensor  # (p,), the slots that lead on: those with a child in the next level
    option_token: Tensor  # (n, c)
    is_option: Tensor  # (n, c), False for padding

    def __init__(self, **arrays: NDArray[np.generic]) -> None:
        super().__init__()
        for name, array in arrays.items():
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(array)), persistent=False)
        self._onward = arrays["onward"].tolist()

    @property
    def slots(self) -> int:
        """n, the number of inner nodes at this depth."""
        return self.token.shape[0]

    def onward_within(self, first: int, last: int) -> Tensor:
        """The slots from `first` up to, not including, `last` that lead on, counted from `first`."""
        return self.onward[bisect_left(self._onward, first) : bisect_left(self._onward, last)] - first


class TreePlan(nn.Module):
    """A tree unrolled into levels."""

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
    def inner_nodes(self) -> int:
        """I, the nodes that have children, the root among them: what scoring costs."""
        return sum(level.slots for level in self)

    def floats(self, width: int, keep: int | None) -> int:
        """About how many floats a picture's widest level takes, for a decoder of this width."""
        most_options = max(level.option_token.shape[1] for level in self)
        options = max(level.option_token.numel() for level in self)
        states = max(len(level.onward) for level in self) if keep is None else keep * most_options
        return 8 * width * max(1, states) + 4 * options


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
    parent = np.array([slot_above[int(tree.parent[node])] if above else 0 for node in slots])
    place = [options_above[up].index(node) if above else 0 for up, node in zip(parent, slots, strict=True)]
    token = [int(tree.token[node]) if node else START for node in slots]
    inner_children = [
        [target for target in targets if target != node and tree.end[target] > target + 1]
        for node, targets in zip(slots, options, strict=True)
    ]
    return Level(
        token=np.array(token),
        parent=parent,
        place=np.array(place),
        leader=np.unique(parent, return_inverse=True)[1],
        onward=np.flatnonzero([len(children) for children in inner_children]),
        option_token=option_token,
        is_option=is_option,
    )
