"""Who goes to which split: products whole, look-alikes together, every path in its share, in any order of rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from atlas.errors import UsageError

TRAIN, DEV, TEST = "train", "dev", "test"
DEFAULT_SPLITS = "64/6/30"
#: Part of train that becomes `dev` when the source brings its own splits.
DEV_SHARE = 0.1
#: A picture of so many products may be a size chart or a placeholder: it ties those that show nothing rarer.
MANY_PRODUCTS = 5

Ints: TypeAlias = NDArray[np.int64]
Keys64: TypeAlias = NDArray[np.uint64]


@dataclass(frozen=True)
class Shares:
    """Atlas makes the split: parts of the whole for train, dev and test, summing to 1."""

    shares: tuple[float, float, float]
    names: tuple[str, str, str] = (TRAIN, DEV, TEST)


@dataclass(frozen=True)
class OwnSplits:
    """The source's own split: for each name its files, or values of the split column; no names: each value as it is."""

    patterns: dict[str, tuple[str, ...]]


class Twins(NamedTuple):
    """Which of R rows show one picture."""

    alike: Keys64  # (R,) the same for rows of one picture; 0 for rows whose pictures tie nothing
    left: Ints  # (P,) pairs of rows near to each other, also where their groups were kept apart
    right: Ints


class Groups(NamedTuple):
    """Rows tied by product or by one picture. Groups are numbered by content, not by the order of rows."""

    of_row: Ints  # (R,)
    key: Keys64  # (G,) digest of one picture of each group
    first: Ints  # (G,) the row whose picture that is


def parse_splits(text: str) -> Shares | OwnSplits:
    """`64/6/30`, or `train=FILES,validation=FILES`. Raises UsageError for anything else."""
    if "=" in text:
        return OwnSplits(_patterns(text))
    try:
        numbers = [float(part) for part in text.split("/")]
    except ValueError:
        numbers = []
    if len(numbers) != 3 or min(numbers) < 0 or numbers[0] <= 0 or not abs(sum(numbers) - 100) <= 0.01:
        raise UsageError(
            f"--splits {text!r}: write train/dev/test in percent, such as {DEFAULT_SPLITS}, "
            "or the source's own as train=FILES,validation=FILES"
        )
    return Shares((numbers[0] / 100, numbers[1] / 100, numbers[2] / 100))


def _patterns(text: str) -> dict[str, tuple[str, ...]]:
    patterns: dict[str, tuple[str, ...]] = {}
    name = ""
    for piece in text.split(","):
        head, equals, value = piece.partition("=")
        if equals:
            name = head.strip()
        else:
            value = piece
        if not is_split_name(name) or not value.strip():
            raise UsageError(
                f"--splits {text!r}: write name=FILES, the name of letters, digits and _: {piece!r} is not"
            )
        patterns[name] = (*patterns.get(name, ()), value.strip())
    if TRAIN not in patterns:
        raise UsageError(f"--splits {text!r}: one of the splits must be called '{TRAIN}'")
    return patterns


def is_split_name(name: str) -> bool:
    """Whether the Hub takes this as the name of a split."""
    return name.isascii() and name.replace("_", "").isalnum() and name != "all"


def group_rows(product: Keys64, picture: Keys64, alike: Keys64) -> Groups:
    """Rows of one product, and of products that share a picture (equal keys in `alike`), transitively.

    Key 0 is what every blank picture has: it ties nothing. Nor does a picture of many products, such as a size chart,
    tie a product that shows one of fewer.
    """
    products, code = np.unique(product, return_inverse=True)
    root = _joined(len(products), *_shared_pictures(code, _tying(code, alike)))
    group = root[code]
    order = np.lexsort((product, picture, group))
    first = order[np.flatnonzero(np.diff(group[order], prepend=-1))]
    by_content = np.lexsort((product[first], picture[first]))
    number = np.empty(len(products), np.int64)
    number[group[first[by_content]]] = np.arange(len(first))
    return Groups(number[group], picture[first[by_content]], first[by_content])


def assign(groups: Groups, path: NDArray[np.int32], shares: Sequence[float], seed: int) -> NDArray[np.int8]:
    """The split (place in `shares`) of each row: within a path the groups, in seeded order, fill the shares in turn.

    A group counts for the path of its first row and weighs as many pictures as it has. The first group of each path
    goes to split 0, so that nothing is asked for that could not be learned.
    """
    weight = np.bincount(groups.of_row, minlength=len(groups.first))
    stratum = path[groups.first]
    order = np.lexsort((mixed(groups.key, seed), stratum))
    ends = np.cumsum(weight[order])
    starts_stratum = np.diff(stratum[order], prepend=-2) != 0
    begin = (ends - weight[order])[starts_stratum]
    total = np.diff(begin, append=ends[-1:])
    member = np.cumsum(starts_stratum) - 1
    middle = (ends - weight[order] / 2 - begin[member]) / total[member]
    split = np.searchsorted(np.cumsum(shares)[:-1], middle, side="right")
    split[starts_stratum] = 0
    of_group = np.empty(len(groups.first), np.int8)
    of_group[order] = split
    return of_group[groups.of_row]


def near(product: Keys64, twins: Twins, train: NDArray[np.bool_], asked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether a row that is asked about has its product, its picture, or one near to it in train."""
    alike = twins.alike
    same = np.isin(product, product[train]) | ((alike != 0) & np.isin(alike, alike[train]))
    same[twins.left[train[twins.right]]] = True
    same[twins.right[train[twins.left]]] = True
    return np.asarray(same & asked)


def seeded_order(product: Keys64, picture: Keys64, view: NDArray[np.int32], seed: int) -> Ints:
    """Rows in a random order that depends on their content and the seed, not on where they stood."""
    return np.lexsort((view, mixed(picture ^ mixed(product, seed), seed + 1)))


def count_views(product: Keys64, given: NDArray[np.int32]) -> NDArray[np.int32]:
    """Each row's view: as given, else (-1) its place among the rows of its product, from 0."""
    order = np.argsort(product, kind="stable")
    starts = np.diff(product[order], prepend=np.uint64(0)) != 0
    starts[:1] = True
    begin = np.flatnonzero(starts)[np.cumsum(starts) - 1]
    view = np.empty(len(product), np.int32)
    view[order] = np.arange(len(product)) - begin
    return np.where(given >= 0, given, view).astype(np.int32)


def in_share(product_ids: Iterable[str], share: float) -> NDArray[np.bool_]:
    """Whether each product belongs to this share of all, from 0 to 1: its id alone decides.

    So smaller shares lie within larger ones, and products that come or go change nothing for the others.
    """
    limit = int(share * 2**64)
    digests = (hashlib.blake2b(name.encode(), digest_size=8, person=b"atlas.share") for name in product_ids)
    return np.array([int.from_bytes(digest.digest(), "big") < limit for digest in digests], dtype=np.bool_)


def mixed(keys: Keys64, seed: int) -> Keys64:
    """Keys scattered over 64 bits, differently for each seed (the finaliser of splitmix64)."""
    state = keys ^ np.uint64((seed * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) % 2**64)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def _tying(code: Ints, alike: Keys64) -> Keys64:
    """`alike`, 0 where many products show a picture and this one has another that fewer show.

    One size chart would tie a whole shop into one group. Sizes of one shirt, many products with the same pictures, stay
    together: of what each of them shows, nothing is shown by fewer.
    """
    order = np.lexsort((code, alike))
    new_picture = np.diff(alike[order], prepend=~alike[order[:1]]) != 0
    new_product = new_picture | (np.diff(code[order], prepend=-1) != 0)
    place = np.cumsum(new_picture) - 1
    shown_by = np.empty(len(code), np.int64)  # products that show this row's picture
    shown_by[order] = np.bincount(place, weights=new_product)[place].astype(np.int64) if len(place) else 0
    shows = alike != 0
    fewest = np.full(code.max(initial=-1) + 1, np.iinfo(np.int64).max)
    np.minimum.at(fewest, code[shows], shown_by[shows])
    return np.where((shown_by < MANY_PRODUCTS) | (shown_by <= fewest[code]), alike, 0)


def _shared_pictures(code: Ints, alike: Keys64) -> tuple[Ints, Ints]:
    """Pairs of products that are neighbours when rows are sorted by picture: enough to tie them all."""
    order = np.lexsort((code, alike))
    order = order[alike[order] != 0]
    left, right = order[:-1], order[1:]
    tied = (alike[left] == alike[right]) & (code[left] != code[right])
    return code[left[tied]], code[right[tied]]


def _joined(count: int, left: Ints, right: Ints) -> Ints:
    """The root of each of `count` members after tying the pairs (union-find with path halving)."""
    parent = np.arange(count)
    for one, other in zip(left.tolist(), right.tolist(), strict=True):
        first, second = _root(parent, one), _root(parent, other)
        parent[max(first, second)] = min(first, second)
    while not np.array_equal(parent[parent], parent):
        parent = parent[parent]
    return parent


def _root(parent: Ints, member: int) -> int:
    while parent[member] != member:
        parent[member] = parent[parent[member]]
        member = int(parent[member])
    return member
