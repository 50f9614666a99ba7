"""The second walk: from the keys of all rows to everything that only all rows together can say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from atlas.dataset.labels import Labels, Rare, fold_into, products_by_path, settle
from atlas.dataset.parts import Keys
from atlas.dataset.reasons import Reason
from atlas.dataset.split import (
    DEV,
    DEV_SHARE,
    TEST,
    TRAIN,
    Groups,
    OwnSplits,
    Shares,
    Twins,
    assign,
    count_views,
    group_rows,
    near,
    seeded_order,
)
from atlas.errors import NothingDoneError, UsageError
from atlas.records import Path
from atlas.taxonomy.tree import Taxonomy, format_path

#: Why a row is rejected once all are known; 0 is a good row.
LATE_REASONS = (None, Reason.OUTSIDE, Reason.RARE, Reason.TWIN)
_OUTSIDE, _RARE, _TWIN = 1, 2, 3


class Wishes(NamedTuple):
    """What the user wants of splits and labels."""

    splits: Shares | OwnSplits
    taxonomy: Taxonomy | None
    min_support: int
    rare: Rare
    seed: int
    as_given: bool = False  # labels and parts are final already: nothing folds, and no dev is cut off
    held_out: tuple[str, ...] = ()  # stores whose rows, and nothing else, are the test


@dataclass(frozen=True)
class Decisions:
    """What was decided about all R rows; arrays of length R, meaningless where a row was rejected."""

    taxonomy: Taxonomy
    rows: dict[str, NDArray[np.int64]]  # split -> its rows in stored order
    view: NDArray[np.int32]
    group: NDArray[np.int64]
    near_train: NDArray[np.bool_]
    late: NDArray[np.int8]  # place in LATE_REASONS
    seen_path: NDArray[np.int32]  # place in the two lists
    labels: Sequence[Path | None]  # what each path became
    details: Sequence[str]  # why its rows were rejected, if they were
    figures: dict[str, Any]  # for build.json


def decide(keys: Keys, twins: Twins, wishes: Wishes) -> Decisions:
    """Labels, splits, groups and order of all rows.

    Raises NothingDoneError when no row is left to learn from, UsageError for a store to hold out that is not there.
    """
    tree = None if wishes.as_given else wishes.taxonomy
    folded = fold_into(tree, keys.paths) if tree else list(keys.paths)
    paths = list(dict.fromkeys(path for path in folded if path is not None))
    place = {path: code for code, path in enumerate(paths)}
    recode = np.array([-1 if path is None else place[path] for path in folded] + [-1], np.int32)
    path = recode[keys.path]  # -1, no path, finds the last
    late = np.where(keys.good & (path < 0), _OUTSIDE, 0).astype(np.int8)
    late[_twins_of_held_out(keys, twins, keys.good & (late == 0), wishes.held_out)] = _TWIN
    rows = np.flatnonzero(keys.good & (late == 0))
    if not len(rows):
        raise NothingDoneError("no row is good: check --columns, --where and --taxonomy")
    groups = group_rows(keys.product[rows], keys.picture[rows], twins.alike[rows])
    names, split = _split(keys, twins, rows, groups, path[rows], wishes)
    train = rows[split == names.index(TRAIN)]
    support = products_by_path(path[train], keys.product[train], paths)
    labels = settle(paths, support, wishes.min_support, wishes.rare, wishes.taxonomy)
    final = [None if path is None else labels.becomes[path] for path in folded]
    gone = np.array([path is None for path in final] + [True])
    late[rows[gone[keys.path[rows]]]] = _RARE
    kept = ~gone[keys.path[rows]]
    rows, split = rows[kept], split[kept]
    stored = _stored_order(keys, rows, split, names, wishes.seed)
    group = _spread(rows, groups.of_row[kept], len(path), np.int64)
    return Decisions(
        labels.taxonomy,
        stored,
        _spread(rows, count_views(keys.product[rows], keys.view[rows]), len(path), np.int32),
        group,
        _spread(rows, _near_train(keys, twins, rows, split, names), len(path), np.bool_),
        late,
        keys.path,
        final,
        [_detail(seen, cut, support) for seen, cut in zip(keys.paths, folded, strict=True)],
        _figures(keys, stored, group, final, labels),
    )


def _twins_of_held_out(keys: Keys, twins: Twins, good: NDArray[np.bool_], stores: Sequence[str]) -> NDArray[np.int64]:
    """Rows of other stores that show, or belong to a product that shows, what a held-out store shows too."""
    rows = np.flatnonzero(good)
    held = _held_out(keys, rows, stores)
    if not held.any():
        return rows[:0]
    alike = twins.alike[rows]
    group = group_rows(keys.product[rows], keys.picture[rows], alike).of_row
    shown = (alike != 0) & np.isin(alike, alike[held])  # a size chart ties no products, and is left out all the same
    twin: NDArray[np.bool_] = (np.isin(group, group[held]) | shown) & ~held
    return rows[twin]


def _held_out(keys: Keys, rows: NDArray[np.int64], stores: Sequence[str]) -> NDArray[np.bool_]:
    """Which of the good rows are of these stores. Raises UsageError for a store that none of them is of."""
    strange = [store for store in stores if store not in keys.stores]
    if strange:
        seen = ", ".join(sorted(keys.stores)[:12]) or "none: name their column with --columns store=COLUMN"
        raise UsageError(f"--hold-out-store {strange[0]!r}: no row is of that store; the stores are {seen}")
    numbers = [keys.stores.index(store) for store in stores]
    bare = [store for store, number in zip(stores, numbers, strict=True) if not (keys.store[rows] == number).any()]
    if bare:
        raise UsageError(
            f"--hold-out-store {bare[0]!r}: no good row of that store is left; "
            "--dry-run without it says why rows are rejected"
        )
    return np.isin(keys.store[rows], numbers)


def _split(
    keys: Keys, twins: Twins, rows: NDArray[np.int64], groups: Groups, path: NDArray[np.int32], wishes: Wishes
) -> tuple[list[str], NDArray[np.int8]]:
    """Names of the splits, and each row's place among them."""
    if isinstance(wishes.splits, Shares):
        held = _held_out(keys, rows, wishes.held_out)
        return list(wishes.splits.names), _cut(groups, path, wishes.splits, wishes.seed, held)
    names = [name for name in wishes.splits.patterns if name in keys.splits] or sorted(keys.splits)
    names.sort(key=lambda name: name != TRAIN)
    if TRAIN not in names:
        raise NothingDoneError(f"no good row is in '{TRAIN}': the splits found are {', '.join(names) or 'none'}")
    if DEV in names or wishes.as_given:
        return names, _own_places(keys, rows, names)
    names.insert(1, DEV)
    split = _own_places(keys, rows, names)
    train = np.flatnonzero(split == 0)
    inside = group_rows(keys.product[rows[train]], keys.picture[rows[train]], twins.alike[rows[train]])
    split[train] = assign(inside, path[train], (1 - DEV_SHARE, DEV_SHARE), wishes.seed)
    return names, split


def _cut(
    groups: Groups, path: NDArray[np.int32], splits: Shares, seed: int, held: NDArray[np.bool_]
) -> NDArray[np.int8]:
    """Each row's place among the splits; with rows held out, these are the test, and the others train and dev.

    No group has rows of both kinds.
    """
    if not held.any():
        return assign(groups, path, splits.shares, seed)
    if held.all():
        raise UsageError("--hold-out-store leaves no other store to learn from: hold out fewer")
    split = np.full(len(held), splits.names.index(TEST), np.int8)
    rest = np.flatnonzero(~held)
    number, of_row = np.unique(groups.of_row[rest], return_inverse=True)
    inner = Groups(of_row, groups.key[number], np.searchsorted(rest, groups.first[number]))
    learned = splits.shares[0] + splits.shares[1]
    split[rest] = assign(inner, path[rest], [share / learned for share in splits.shares[:2]], seed)
    return split


def _own_places(keys: Keys, rows: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.int8]:
    place = np.array([names.index(name) for name in keys.splits], np.int8)
    return place[keys.split[rows]]


def _stored_order(
    keys: Keys, rows: NDArray[np.int64], split: NDArray[np.int8], names: Sequence[str], seed: int
) -> dict[str, NDArray[np.int64]]:
    """Each split's rows: train in random order, so that neighbours on the disk differ, the others as they came."""
    stored = {name: rows[split == place] for place, name in enumerate(names)}
    train = stored[TRAIN]
    stored[TRAIN] = train[seeded_order(keys.product[train], keys.picture[train], keys.view[train], seed)]
    return {name: here for name, here in stored.items() if len(here)}


def _near_train(
    keys: Keys, twins: Twins, rows: NDArray[np.int64], split: NDArray[np.int8], names: Sequence[str]
) -> NDArray[np.bool_]:
    train = split == names.index(TRAIN)
    chooses = split == names.index(DEV) if DEV in names else np.zeros(len(rows), bool)
    place = _spread(rows, np.arange(1, len(rows) + 1), len(keys.good), np.int64) - 1  # -1 for rows that are gone
    left, right = place[twins.left], place[twins.right]
    both = (left >= 0) & (right >= 0)
    here = Twins(twins.alike[rows], left[both], right[both])
    return near(keys.product[rows], here, train, ~train & ~chooses)


def _figures(
    keys: Keys,
    stored: dict[str, NDArray[np.int64]],
    group: NDArray[np.int64],
    final: Sequence[Path | None],
    labels: Labels,
) -> dict[str, Any]:
    tree = labels.taxonomy
    everything = np.concatenate(list(stored.values()))
    sizes = np.unique(group[everything], return_counts=True)[1]
    nodes = np.array([-1 if path is None else tree.find(path) if tree.find(path) is not None else -2 for path in final])
    deep = np.array([node >= 0 and bool(tree.is_answer[node]) for node in nodes])
    return {
        "products": {name: len(np.unique(keys.product[rows])) for name, rows in stored.items()},
        "groups": {"count": len(sizes), "largest": int(sizes.max())},
        "known_no_deeper": _count(stored, keys.path, (nodes >= 0) & ~deep),
        "unknown_paths": _count(stored, keys.path, nodes == -2),
    }


def _count(stored: dict[str, NDArray[np.int64]], path: NDArray[np.int32], chosen: NDArray[np.bool_]) -> dict[str, int]:
    counts = Counter({name: int(chosen[path[rows]].sum()) for name, rows in stored.items()})
    return {name: count for name, count in counts.items() if count}


def _spread(rows: NDArray[np.int64], values: NDArray[Any], count: int, kind: Any) -> NDArray[Any]:
    """The values of some rows in an array of all."""
    everything = np.zeros(count, kind)
    everything[rows] = values
    return everything


def _detail(seen: Path, cut: Path | None, support: dict[Path, int]) -> str:
    if cut is None:
        return f"{format_path(seen)} shares no level with it"
    return f"{format_path(cut)} has {support.get(cut, 0)} products in train"
