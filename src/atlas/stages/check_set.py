"""What only the whole data set shows: pictures that repeat, labels that contradict, a split that leaks, an odd tree."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atlas.clean.duplicates import KINDS, Duplicates, find_duplicates
from atlas.clean.thresholds import Thresholds
from atlas.dataset.split import DEV, TRAIN
from atlas.stages.check_pictures import Ints, Pictures, Rows
from atlas.stages.check_report import Section, counted, example, head
from atlas.taxonomy.check import check_taxonomy
from atlas.taxonomy.tree import format_path

#: Groups that a section shows, and pictures of each.
GROUPS, MEMBERS = 8, 6


def duplicate_sections(rows: Rows, pictures: Pictures) -> tuple[list[Section], Ints]:
    """The sections of repeated pictures and of contradicting labels, and each row's group of one picture (R,)."""
    found = _groups(rows, pictures)
    labels = np.unique(rows.path, return_inverse=True)[1]
    torn = {conflict.group: len(np.unique(labels[conflict.rows])) for conflict in found.conflicts}
    return [_repeats(rows, found), _conflicts(rows, found, torn)], found.groups


def _groups(rows: Rows, pictures: Pictures) -> Duplicates:
    """The groups of rows that show one picture. Pictures that cannot be read are alone unless their files are equal."""
    number = rows.picture
    pixels = pictures.measured["pixel_hash"].copy()
    broken = ~pictures.measured["readable"]
    pixels[broken] = np.arange(len(pixels), dtype=np.uint64)[broken]
    descriptors = pictures.descriptors
    if descriptors is None:
        descriptors = np.zeros((len(pixels), 1), np.int8)
    return find_duplicates(number, pixels[number], descriptors[number], rows.path.astype(np.int32))


def shows(rows: Rows, pictures: Pictures) -> NDArray[np.bool_]:
    """Which rows show anything (R,): blank and unreadable pictures do not."""
    if pictures.descriptors is None:
        return np.zeros(len(rows), bool)
    shown: NDArray[np.bool_] = np.asarray(pictures.descriptors.any(axis=1))
    return shown[rows.picture]


def _repeats(rows: Rows, found: Duplicates) -> Section:
    sizes = found.sizes()
    repeated = np.flatnonzero(sizes > 1)
    largest = repeated[np.argsort(-sizes[repeated], kind="stable")]
    inside = np.flatnonzero(sizes[found.groups] > 1)
    listed = inside[np.lexsort((found.groups[inside], -sizes[found.groups[inside]]))]
    kinds = Counter(KINDS[kind] for kind in found.kinds[repeated].tolist())
    score = [1 / int(sizes[group]) for group in found.groups[listed].tolist()]
    why = [
        f"group {group}: {int(sizes[group])} pictures, {KINDS[found.kinds[group]]}"
        for group in found.groups[listed].tolist()
    ]
    what = "One picture several times: the same file, the same pixels, or changed a little on the way."
    record = {
        **head("duplicates", "Duplicates", what, "set", "look"),
        **counted(rows, listed),
        "groups_count": len(repeated),
        "too_many": int((sizes[repeated] - 1).sum()),
        "kinds": dict(kinds.most_common()),
        "groups": [
            _group(rows, found, int(group), KINDS[found.kinds[group]]) for group in _of_each_kind(found, largest)
        ],
    }
    return Section(record, listed, score, why)


def _of_each_kind(found: Duplicates, largest: Ints) -> list[int]:
    """The largest groups of each kind in turn, so that an example of each is seen."""
    by_kind = [largest[found.kinds[largest] == kind].tolist() for kind in reversed(range(1, len(KINDS)))]
    turns = [group for turn in range(GROUPS) for kind in by_kind for group in kind[turn : turn + 1]]
    return turns[:GROUPS]


def _conflicts(rows: Rows, found: Duplicates, torn: dict[int, int]) -> Section:
    listed = np.concatenate([conflict.rows for conflict in found.conflicts] or [np.zeros(0, np.int64)])
    groups = found.groups[listed].tolist()
    what = "One picture under two labels: at least one of them is wrong, and no model can learn both."
    record = {
        **head("conflicts", "Contradicting labels", what, "set", "look"),
        **counted(rows, listed),
        "groups_count": len(found.conflicts),
        "groups": [
            _group(rows, found, conflict.group, f"{torn[conflict.group]} labels", spread=True)
            for conflict in found.conflicts[:GROUPS]
        ],
    }
    why = [f"group {group}: {torn[group]} labels for one picture" for group in groups]
    return Section(record, listed, [1 / torn[group] for group in groups], why)


def _group(rows: Rows, found: Duplicates, group: int, why: str, *, spread: bool = False) -> dict[str, Any]:
    """A group with some of its members; with `spread` one of each label comes first."""
    members = np.flatnonzero(found.groups == group)
    if spread:
        firsts = np.unique(rows.path[members], return_index=True)[1]
        rest = np.setdiff1d(np.arange(len(members)), firsts)
        members = members[np.concatenate([firsts, rest])]
    return {"size": len(members), "why": why, "members": [example(rows, int(row)) for row in members[:MEMBERS]]}


# -- the split -------------------------------------------------------------------------------------------------------


def check_split(rows: Rows, groups: Ints, shown: NDArray[np.bool_]) -> Section:
    """Rows outside train whose product or picture stands in train too, and what the data set itself says of that.

    Blank pictures, those not `shown`, are no one picture, here as in `near_train`.
    """
    train = np.zeros(len(rows), bool)
    if TRAIN in rows.start:
        train[rows.in_split(TRAIN)] = True
    product = np.isin(rows.product, rows.product[train]) & ~train
    picture = np.isin(groups, groups[train & shown]) & shown & ~train
    marked = np.array(rows.table["near_train"].fill_null(False).to_numpy(zero_copy_only=False), bool)
    leaked = np.flatnonzero(product | picture)
    table = [_leak(rows, split, product, picture, marked) for split in rows.start if split != TRAIN]
    what = (
        "Products and pictures outside train that are in train as well. A model may know them by heart: scores with "
        "and without them differ."
    )
    pairs = leaked[picture[leaked] & ~product[leaked]][:GROUPS].tolist()
    record = {
        **head("split", "The split", what, "set", "look"),
        **counted(rows, leaked),
        "table": table,
        "groups": [
            {
                "size": 2,
                "why": f"{rows.place(row).split} and train",
                "members": [example(rows, one) for one in (row, np.flatnonzero(train & (groups == groups[row]))[0])],
            }
            for row in pairs
        ],
    }
    why = ["its product is in train too" if product[row] else "its picture is in train too" for row in leaked.tolist()]
    return Section(record, leaked, [0.0] * len(leaked), why)


def _leak(
    rows: Rows, split: str, product: NDArray[np.bool_], picture: NDArray[np.bool_], marked: NDArray[np.bool_]
) -> dict[str, Any]:
    here = rows.in_split(split)
    count = here.stop - here.start
    return {
        "split": split,
        "pictures": count,
        "by_product": int(product[here].sum()),
        "by_picture": int((picture & ~product)[here].sum()),
        "share": float((product | picture)[here].mean()) if count else 0.0,
        "marked": None if split == DEV else int(marked[here].sum()),  # dev serves choices and is never marked
    }


# -- the tree --------------------------------------------------------------------------------------------------------


def check_tree(text: bytes, rows: Rows, rules: Thresholds) -> Section:
    """Names that are mistaken for each other, levels that decide nothing, and answers with few or no products."""
    train = rows.in_split(TRAIN) if TRAIN in rows.start else slice(0, 0)
    pairs = np.unique(np.stack([rows.path[train], rows.product[train]]), axis=1)
    products = Counter(rows.paths[path] for path in pairs[0].tolist())
    found = check_taxonomy(text, products, rules.tree.thin)
    items = [{"kind": one.kind, "path": format_path(one.path), "reason": one.reason} for one in found]
    order = ["unreadable", "empty", "thin"]
    items.sort(key=lambda item: order.index(item["kind"]) if item["kind"] in order else len(order))
    what = "Categories with few or no products to learn from, names easily mistaken, levels that decide nothing."
    sizes = sorted((count for count in products.values() if count), reverse=True)
    record = {
        **head("tree", "The tree", what, "tree", "look"),
        "unit": "findings",
        "count": len(items),
        "share": None,
        "products": None,
        "splits": {},
        "kinds": dict(Counter(item["kind"] for item in items).most_common()),
        "items": items,
        "largest": sizes[0] if sizes else 0,
        "smallest": sizes[-1] if sizes else 0,
    }
    return Section(record)
