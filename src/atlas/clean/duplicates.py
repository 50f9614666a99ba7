"""One picture many times: the same file, the same pixels, or changed on the way; as groups, however often it comes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from atlas.clean.descriptor import mirrored
from atlas.clean.neighbours import Pairs, find_neighbours

#: What ties a group, as its `kinds` number it; a group of mixed ties has the last of theirs.
KINDS = ("alone", "same file", "same pixels", "near")
ALONE, SAME_FILE, SAME_PIXELS, NEAR = range(len(KINDS))
#: Chosen by `benchmarks/duplicates.py --choose`.
#: Two pictures are the same up to this squared distance, whatever else there is ..
SURE = 250
#: .. and up to this, if among all other pictures none is alike: ..
LIMIT = 3500
#: .. if the distance is at most this part of either's to the 16th nearest (squared: half as far).
STANDS_OUT = 0.25
Ints = NDArray[np.int64]


class Conflict(NamedTuple):
    """A group whose rows have different labels."""

    group: int
    rows: Ints


@dataclass(frozen=True)
class Duplicates:
    """Which of R rows are one picture. Each row is in one group; most groups hold one row."""

    groups: Ints  # (R,) numbered from 0 by content, not by the order of rows
    kinds: NDArray[np.int8]  # (G,) place in KINDS
    conflicts: tuple[Conflict, ...]  # largest group first
    pairs: Pairs = field(repr=False)  # near pairs of rows, one row for each set of equal pixels; cut ones too
    cut: int = 0  # near pairs that were not let join their groups

    def sizes(self) -> Ints:
        """Rows of each group (G,)."""
        return np.bincount(self.groups, minlength=len(self.kinds))


def find_duplicates(
    sha256: NDArray[Any],
    pixel_hash: NDArray[Any],
    descriptors: NDArray[np.int8],
    labels: NDArray[np.int32] | None = None,
) -> Duplicates:
    """The groups of equal and near-equal pictures among R rows, and those with more than one label.

    `sha256` and `pixel_hash` (R,) may be numbers or texts that tell files and pixels apart; `descriptors` (R, 128) are
    those of `atlas.clean.descriptor`, all zero where a picture shows nothing: such rows have no near ones. `labels`
    (R,) are whole numbers, -1 for a row without. The order of rows changes nothing. Memory beside the arguments: that
    of `find_neighbours`, and 200 bytes a row. Raises MissingExtraError as it does.
    """
    _, first, same = np.unique(pixel_hash, return_index=True, return_inverse=True)
    shown = np.flatnonzero(descriptors[first].any(axis=1))
    close = near_pairs(descriptors[first[shown]])
    close = close._replace(left=shown[close.left], right=shown[close.right])
    root, cut = _join(descriptors, first, close)
    found, groups = np.unique(root[same], return_inverse=True)
    pairs = close._replace(left=first[close.left], right=first[close.right])
    kinds = _kinds(groups, len(found), sha256, same)
    return Duplicates(groups, kinds, _conflicts(groups, len(found), labels), pairs, cut)


def near_pairs(descriptors: NDArray[np.int8]) -> Pairs:
    """Pairs of rows that are one picture: close, and standing out from the crowd of alike ones that either is in.

    The second condition is the stricter one. Two shirts on one man are as near as a picture and its stamped copy; but
    there are twenty such shirts, and one such copy (the ratio test of Lowe 2004, section 7.1, with the 16th nearest).
    """
    pairs, crowd = find_neighbours(descriptors, LIMIT, mirrored)
    stands_out = pairs.distance <= STANDS_OUT * np.minimum(crowd[pairs.left], crowd[pairs.right])
    return pairs.only((pairs.distance <= SURE) | stands_out)


def _join(descriptors: NDArray[np.int8], first: Ints, pairs: Pairs) -> tuple[Ints, int]:
    """The root of each member after joining, nearest pairs first, and how many joins were refused; `first` are rows.

    Two groups join only if the pictures at their hearts, the first of each, are themselves within the limit: so a chain
    of small changes does not glue a whole category together.
    """
    root = np.arange(len(first))
    members: dict[int, list[int]] = {}
    cut = 0
    for place in np.lexsort((pairs.right, pairs.left, pairs.distance)).tolist():
        one, other = sorted((int(root[pairs.left[place]]), int(root[pairs.right[place]])))
        if one == other:
            continue
        if apart(descriptors[first[one]], descriptors[first[other]]) > LIMIT:
            cut += 1
            continue
        moved = members.pop(other, [other])
        members.setdefault(one, [one]).extend(moved)
        root[moved] = one
    return root, cut


def apart(one: NDArray[np.int8], other: NDArray[np.int8]) -> int:
    """Squared distance of two descriptors, or of one and the other's mirror image where that is less."""
    here = one.astype(np.int32)
    return min(int(((here - way.astype(np.int32)) ** 2).sum()) for way in (other, mirrored(other)))


def _kinds(groups: Ints, count: int, sha256: NDArray[Any], pixels: Ints) -> NDArray[np.int8]:
    files = np.unique(sha256, return_inverse=True)[1]
    kinds = np.full(count, ALONE, np.int8)
    kinds[np.bincount(groups, minlength=count) > 1] = SAME_FILE
    kinds[_varies(groups, count, files)] = SAME_PIXELS
    kinds[_varies(groups, count, pixels)] = NEAR
    return kinds


def _varies(groups: Ints, count: int, values: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether a group's rows have more than one value (G,)."""
    order = np.lexsort((values, groups))
    new = (np.diff(groups[order]) == 0) & (np.diff(values[order]) != 0)
    varies = np.zeros(count, bool)
    varies[groups[order][1:][new]] = True
    return varies


def _conflicts(groups: Ints, count: int, labels: NDArray[np.int32] | None) -> tuple[Conflict, ...]:
    if labels is None:
        return ()
    told = np.flatnonzero(labels >= 0)
    torn = _varies(groups[told], count, labels[told])
    rows = told[torn[groups[told]]]
    rows = rows[np.argsort(groups[rows], kind="stable")]
    starts = np.flatnonzero(np.diff(groups[rows], prepend=-1))
    found = [Conflict(int(groups[here[0]]), here) for here in np.split(rows, starts[1:]) if len(here)]
    return tuple(sorted(found, key=lambda conflict: (-len(conflict.rows), conflict.group)))
