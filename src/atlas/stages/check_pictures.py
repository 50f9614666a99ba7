"""A data set's rows and what was measured of their pictures: each picture once, and never again while it is kept."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from atlas.clean.checks import MEASURED, Facts
from atlas.clean.measures import Measures, measure, name_fits, unreadable
from atlas.dataset.schema import DatasetFolder
from atlas.errors import DataError
from atlas.progress import Progress
from atlas.records import Path
from atlas.stages.measure_cache import MeasureCache, Measured

#: Pictures that one thread takes at a time, and after how many new ones the cache is written.
HANDFUL, KEPT = 16, 256
#: More threads than this wait for the one that reads.
MAX_THREADS = 8

_COLUMNS = ["product_id", "store", "title", "path", "sha256", "near_train", "image.path"]
_LEVELS = " > "

Ints = NDArray[np.int64]


class Place(NamedTuple):
    """Where a row stands."""

    split: str
    place: int  # in the split, from 0


@dataclass(frozen=True)
class Rows:
    """All R rows of a data set without their pictures, split after split in stored order; about 300 bytes a row."""

    table: pa.Table
    start: dict[str, int]  # split -> its first row
    product: Ints  # (R,) number of store and product_id
    path: Ints  # (R,) place in `paths`
    paths: list[Path]
    picture: Ints  # (R,) place in `digests`
    digests: list[str]  # (U,) SHA-256 of each different picture, 64 hexadecimal digits

    def __len__(self) -> int:
        return len(self.product)

    def place(self, row: int) -> Place:
        """Split and place of a row."""
        split = [name for name, start in self.start.items() if start <= row][-1]
        return Place(split, int(row) - self.start[split])

    def row(self, split: str, place: int) -> int:
        """The row at a place of a split."""
        return self.start[split] + place

    def cell(self, column: str, row: int) -> Any:
        """One row's value of a column."""
        return self.table[column][int(row)].as_py()

    def file(self, row: int) -> str:
        """The name of a row's picture, or its address; empty where it has none."""
        return (self.cell("image", row) or {}).get("path") or ""

    def in_split(self, split: str) -> slice:
        """The rows of a split."""
        others = [start for start in self.start.values() if start > self.start[split]]
        return slice(self.start[split], min(others, default=len(self)))


def read_rows(dataset: DatasetFolder) -> Rows:
    """The rows of a data set. Raises DataError when a file cannot be read."""
    tables = {split: dataset.table(split, _COLUMNS) for split in dataset.splits}
    table = pa.concat_tables(tables.values()).combine_chunks()
    store = pc.fill_null(table["store"], "")
    product = _codes(pc.binary_join_element_wise(store, table["product_id"], "\x1f"))[0]
    path, names = _codes(pc.binary_join(table["path"], _LEVELS))
    picture, digests = _codes(table["sha256"])
    starts = np.cumsum([0, *(len(one) for one in tables.values())])[:-1].tolist()
    paths = [tuple(name.split(_LEVELS)) for name in names]
    return Rows(table, dict(zip(tables, starts, strict=True)), product, path, paths, picture, digests)


@dataclass(frozen=True)
class Pictures:
    """What is known of U different pictures."""

    measured: NDArray[np.void]  # (U,) of MEASURED
    faults: dict[int, str]  # picture -> why it cannot be read
    descriptors: NDArray[Any] | None  # (U, D), zeros for those that cannot be read; None where none can
    new: int  # measured in this call, the others were known


def look(dataset: DatasetFolder, rows: Rows, cache: MeasureCache, progress: Progress) -> Pictures:
    """The measures of all pictures. Those that the cache lacks are read, decoded and kept, a few hundred at a time.

    Stopped at any moment, what was measured so far stays known.
    """
    missing = np.ones(len(rows.digests), bool)
    known = cache.known(rows.digests)
    missing[[place for place, digest in enumerate(rows.digests) if digest in known]] = False
    progress.begin("looking at pictures", len(rows.digests))
    progress.advance(len(known), f"{len(known):,} known from before" if known else "")
    strange = _measure(dataset, rows, missing, cache, progress)
    return _load(rows.digests, cache, strange, int(missing.sum()))


def facts(rows: Rows, pictures: Pictures) -> Facts:
    """What the checks of single pictures know, row by row."""
    measured = pictures.measured[rows.picture]
    kinds = measured["format"]
    fits = np.fromiter(map(name_fits, kinds.tolist(), _names(rows)), bool, len(rows))
    same = np.unique(measured["pixel_hash"], return_inverse=True)[1]
    faults = {
        int(row): pictures.faults[int(rows.picture[row])] for row in np.flatnonzero(~measured["readable"]).tolist()
    }
    return Facts(measured, fits, _different(same, rows.product), _different(same, rows.path), faults)


def wanted_pictures(dataset: DatasetFolder, split: str, wanted: NDArray[np.bool_]) -> Iterator[tuple[int, bytes]]:
    """Place and bytes of the wanted rows of a split, in stored order; row groups without any are not read.

    Raises DataError when a file is damaged.
    """
    start = 0
    for file in dataset.files(split):
        try:
            with pq.ParquetFile(file, buffer_size=1 << 20) as shard:
                for group in range(shard.num_row_groups):
                    count = shard.metadata.row_group(group).num_rows
                    places = np.flatnonzero(wanted[start : start + count])
                    if len(places):
                        column = shard.read_row_group(group, columns=["image.bytes"])["image"].take(pa.array(places))
                        cells = (cell["bytes"].as_py() or b"" for cell in column)
                        yield from zip((start + places).tolist(), cells, strict=True)
                    start += count
        except (pa.ArrowException, OSError) as error:
            raise DataError(
                f"{file} is damaged ({str(error).splitlines()[0][:200]}): copy or build it again"
            ) from error


# -- measuring -------------------------------------------------------------------------------------------------------


def _measure(
    dataset: DatasetFolder, rows: Rows, missing: NDArray[np.bool_], cache: MeasureCache, progress: Progress
) -> dict[int, str]:
    """Measure the missing pictures into the cache; returns those whose content is not what their digest says.

    These are not kept: another data set may have the right content.
    """
    strange: dict[int, str] = {}
    waiting: list[Measured] = []
    try:
        for measured in _in_threads(_first_of_each(dataset, rows, missing)):
            for picture, one in measured:
                if one is None:
                    strange[picture] = "the picture's content is not what its sha256 says"
                else:
                    waiting.append(one)
            progress.advance(len(measured))
            if len(waiting) >= KEPT:
                cache.keep(waiting)
                waiting = []
    finally:
        cache.keep(waiting)
    return strange


def _first_of_each(dataset: DatasetFolder, rows: Rows, missing: NDArray[np.bool_]) -> Iterator[tuple[int, str, bytes]]:
    """Number, digest and bytes of each missing picture, from the first row that has it."""
    first = np.unique(rows.picture, return_index=True)[1]
    wanted = np.zeros(len(rows), bool)
    wanted[first[missing]] = True
    for split, start in rows.start.items():
        for place, data in wanted_pictures(dataset, split, wanted[start : start + dataset.splits[split]]):
            picture = int(rows.picture[start + place])
            yield picture, rows.digests[picture], data


def _in_threads(pictures: Iterator[tuple[int, str, bytes]]) -> Iterator[list[tuple[int, Measured | None]]]:
    """Pictures measured by a few threads, in order, a handful at a time; few are in memory at once."""
    threads = min(MAX_THREADS, os.cpu_count() or 1)
    ahead: deque[Future[list[tuple[int, Measured | None]]]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # threads share the filters: odd tags in a picture are nobody's business
            while handful := list(islice(pictures, HANDFUL)):
                ahead.append(pool.submit(_measure_handful, handful))
                if len(ahead) > 2 * threads:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _measure_handful(handful: Sequence[tuple[int, str, bytes]]) -> list[tuple[int, Measured | None]]:
    found: list[tuple[int, Measured | None]] = []
    for picture, digest, data in handful:
        right = hashlib.sha256(data).hexdigest() == digest
        found.append((picture, Measured(digest, *measure(data)) if right else None))
    return found


def _load(digests: Sequence[str], cache: MeasureCache, strange: dict[int, str], new: int) -> Pictures:
    place = {digest: number for number, digest in enumerate(digests)}
    measured = np.zeros(len(digests), MEASURED)
    faults: dict[int, str] = {}
    descriptors: NDArray[Any] | None = None
    for picture, fault in strange.items():
        measured[picture], faults[picture] = _as_record(unreadable(fault)), fault
    for digest, measures, descriptor in cache.read(digests):
        picture = place[digest]
        measured[picture] = _as_record(measures)
        if measures.fault:
            faults[picture] = measures.fault
        if descriptor is not None:
            if descriptors is None:
                descriptors = np.zeros((len(digests), len(descriptor)), descriptor.dtype)
            descriptors[picture] = descriptor
    return Pictures(measured, faults, descriptors, new)


def _names(rows: Rows) -> Iterator[str]:
    """The names of all pictures, some thousands in memory at a time."""
    column = pc.struct_field(rows.table["image"], "path")
    for start in range(0, len(column), 1 << 16):
        yield from (name or "" for name in column.slice(start, 1 << 16).to_pylist())


def _as_record(measures: Measures) -> tuple[Any, ...]:
    return (not measures.fault, *measures[1:])


def _codes(column: pa.ChunkedArray) -> tuple[Ints, list[Any]]:
    """Each value's place among the different ones, and these in order of first appearance."""
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks() if encoded.num_chunks != 1 else encoded.chunk(0)
    return encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64), encoded.dictionary.to_pylist()


def _different(group: Ints, value: Ints) -> Ints:
    """For each row, how many different values the rows of its group have."""
    order = np.lexsort((value, group))
    fresh = np.ones(len(group), bool)
    fresh[1:] = (np.diff(group[order]) != 0) | (np.diff(value[order]) != 0)
    counts = np.bincount(group[order][fresh], minlength=int(group.max()) + 1 if len(group) else 0)
    return np.asarray(counts[group])
