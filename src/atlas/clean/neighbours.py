"""Which rows of many lie close together: every one compared with every other while they are few, by an index then."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from atlas.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable

#: Up to so many rows all pairs are looked at, which needs no library and misses nothing. The number of rows alone
#: decides, never what is installed: the same rows give the same pairs everywhere.
EXACT_ROWS = 32_768
#: So many nearest ones of each row are looked at; more copies of one picture hang together through each other.
NEAREST = 16
#: Further than any row can be: 128 times 254 squared is less.
FAR = 2**23
#: Rows for each cell of the index, and cells that are looked into for each row.
CELL_ROWS, CELLS = 128, 8
#: Rows in hand at a time.
CHUNK_ROWS = 4096
#: Distances in hand at a time where every row is compared with every other.
_BLOCK_NUMBERS = 2**21
#: Seen in the coarse index of cells: links of each cell, and candidates while building and searching it.
_LINKS, _BUILDING, _SEARCHING = 16, 40, 24

Rows = NDArray[np.int8]
#: Found for a chunk of rows: the rows (n, k) near to each, and how near; -1 where there is no more.
Found = tuple[NDArray[np.int64], NDArray[np.float32]]


class Pairs(NamedTuple):
    """Rows that lie close together, each pair once, `left < right`, in order."""

    left: NDArray[np.int64]  # (P,)
    right: NDArray[np.int64]
    distance: NDArray[np.int32]  # squared

    def only(self, kept: NDArray[np.bool_]) -> Pairs:
        """Those of the pairs."""
        return Pairs(self.left[kept], self.right[kept], self.distance[kept])


class Neighbours(NamedTuple):
    """How R rows lie among each other."""

    pairs: Pairs
    crowd: NDArray[np.int32]  # (R,) squared distance to the 16th nearest other row, FAR where there are fewer


def find_neighbours(rows: Rows, limit: int, mirrored: Callable[[Rows], Rows]) -> Neighbours:
    """Pairs of `rows` (R, D) with a squared distance of at most `limit`, and how crowded each row is; D is at most 128.

    Of each row and of its mirror image the 16 nearest rows are looked at; `mirrored` must undo itself. Time: up to
    EXACT_ROWS each row is compared with each other; beyond, an index makes it grow hardly faster than R. Memory beside
    the rows: 4 D + 8 bytes a row up to EXACT_ROWS, beyond 2 D, both with a constant share for rows in hand, and the
    pairs. All sums are of whole numbers below 2^24, so they are exact in whatever order a processor adds them.
    Raises MissingExtraError when an index is needed and there is no library for it.
    """
    search = _compare_all(rows) if len(rows) <= EXACT_ROWS else _search_index(rows)
    crowd = np.full(len(rows), FAR, np.int32)
    parts = []
    for start in range(0, len(rows), CHUNK_ROWS):
        chunk = rows[start : start + CHUNK_ROWS]
        asked = np.arange(start, start + len(chunk))
        found, distance = _both_ways(asked, search(chunk), search(mirrored(chunk)))
        crowd[asked] = distance[:, NEAREST - 1]
        close = distance <= limit
        here, there = np.broadcast_to(asked[:, None], found.shape)[close], found[close]
        parts.append(np.stack([np.minimum(here, there), np.maximum(here, there), distance[close]]))
    return Neighbours(_joined(parts), crowd)


def _both_ways(asked: NDArray[np.int64], plain: Found, mirror: Found) -> Found:
    """What was found for rows in either way, the nearest first, each other row once; FAR where there is no more."""
    found = np.concatenate([plain[0], mirror[0]], axis=1)
    distance = np.concatenate([plain[1], mirror[1]], axis=1)
    distance = np.where((found < 0) | (found == asked[:, None]), FAR, distance).astype(np.int64)
    key = np.sort((found << 24) + distance, axis=1)
    found, distance = key >> 24, key & (2**24 - 1)
    distance[:, 1:][found[:, 1:] == found[:, :-1]] = FAR
    order = np.argsort(distance, axis=1, kind="stable")
    missing = max(0, NEAREST - order.shape[1])
    found, distance = (np.take_along_axis(here, order, axis=1) for here in (found, distance))
    return np.pad(found, ((0, 0), (0, missing))), np.pad(distance, ((0, 0), (0, missing)), constant_values=FAR)


def _joined(parts: list[NDArray[np.int64]]) -> Pairs:
    """All pairs, each once: they were found from both ends."""
    left, right, distance = np.concatenate([np.empty((3, 0), np.int64), *parts], axis=1)
    order = np.lexsort((distance, right, left))
    left, right, distance = left[order], right[order], distance[order]
    first = np.ones(len(left), bool)
    first[1:] = (np.diff(left) != 0) | (np.diff(right) != 0)
    return Pairs(left[first], right[first], distance[first].astype(np.int32))


def _compare_all(rows: Rows) -> Callable[[Rows], Found]:
    """A search that compares with every row."""
    known = rows.astype(np.float32)
    length = (known**2).sum(axis=1)
    block_rows = max(1, _BLOCK_NUMBERS // max(1, len(rows)))

    def search(queries: Rows) -> Found:
        found = []
        for start in range(0, len(queries), block_rows):
            some = queries[start : start + block_rows].astype(np.float32)
            found.append(_smallest((some**2).sum(axis=1)[:, None] + length - 2 * (some @ known.T)))
        places, distances = zip(*found, strict=True)
        return np.concatenate(places), np.concatenate(distances)

    return search


def _smallest(distance: NDArray[np.float32]) -> Found:
    """Places and values of each line's 17 smallest (all where there are fewer), in no order.

    They lie in the 17 heaps of smallest minimum, when the line is dealt out into heaps: few need to be looked through.
    """
    wanted, deal = NEAREST + 1, 16
    heaps = -(-distance.shape[1] // deal)
    if heaps <= wanted:
        places = np.broadcast_to(np.arange(distance.shape[1]), distance.shape)
    else:
        padded = np.pad(distance, ((0, 0), (0, heaps * deal - distance.shape[1])), constant_values=FAR)
        least = padded.reshape(-1, deal, heaps).min(axis=1)
        some = np.argpartition(least, wanted - 1, axis=1)[:, :wanted]
        places = (some[:, :, None] + heaps * np.arange(deal)).reshape(len(some), -1)
        distance = np.take_along_axis(padded, places, axis=1)
    if distance.shape[1] > wanted:
        nearest = np.argpartition(distance, wanted - 1, axis=1)[:, :wanted]
        places, distance = np.take_along_axis(places, nearest, axis=1), np.take_along_axis(distance, nearest, axis=1)
    return np.where(distance < FAR, places, -1), distance


def _search_index(rows: Rows) -> Callable[[Rows], Found]:
    """A search in an inverted file: every 128th row is the middle of a cell, and only nearest cells are looked into.

    A graph over the middles finds the cells, so that time grows hardly faster than the rows do.
    """
    faiss = _faiss()
    width = rows.shape[1]
    cells = faiss.IndexHNSWFlat(width, _LINKS)
    cells.hnsw.efConstruction, cells.hnsw.efSearch = _BUILDING, _SEARCHING
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)  # several would link the cells in whichever order they come
    cells.add(rows[::CELL_ROWS].astype(np.float32))
    faiss.omp_set_num_threads(threads)
    kind = faiss.ScalarQuantizer.QT_8bit_direct_signed
    index = faiss.IndexIVFScalarQuantizer(cells, width, cells.ntotal, kind, faiss.METRIC_L2, False)
    index.nprobe, index.is_trained = CELLS, True
    for start in range(0, len(rows), CHUNK_ROWS):
        index.add(rows[start : start + CHUNK_ROWS].astype(np.float32))

    def search(queries: Rows) -> Found:
        distance, found = index.search(queries.astype(np.float32), NEAREST + 1)
        return found, distance

    return search


def _faiss() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its wrapper's types lack a module's name
            import faiss
    except ImportError as error:
        raise MissingExtraError("clean", f"finding near-duplicates among more than {EXACT_ROWS:,} pictures") from error
    return faiss
