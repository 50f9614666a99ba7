"""Rows that have been read, in small files until all are known: a killed build loses one of them at most."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from atlas.dataset.rows import PART_SCHEMA
from atlas.errors import DataError
from atlas.records import Path
from atlas.storage import atomic_file

#: A part ends at this many rows or bytes, whichever comes first.
PART_ROWS = 1000
PART_BYTES = 64 * 2**20

_STATE = b"atlas.state"
_NAME = re.compile(r"\d{6}\.arrow")
_LEVELS = "\x1f"


class State(NamedTuple):
    """Where reading stands after a part: the next row to read, and rows left out so far on the user's wish."""

    file: int = 0
    row: int = 0
    left_out: Mapping[str, int] = {}


class Parts:
    """The parts of one build, in order; kept in memory without pictures when there is no folder (a dry run)."""

    def __init__(self, folder: FilePath | None) -> None:
        """Take up the parts that a folder holds. Raises DataError for one that is damaged."""
        self.folder = folder
        self.batches: list[pa.RecordBatch] = []
        self.state = State()
        if folder is not None:
            folder.mkdir(exist_ok=True)
            for file in sorted(file for file in folder.iterdir() if _NAME.fullmatch(file.name)):
                self._open(file)

    def add(self, rows: Sequence[Mapping[str, Any]], state: State) -> None:
        """Keep the next rows, and with them where reading stands now: all or nothing."""
        if self.folder is None:
            light = [{**row, "image": None} for row in rows]
            self.batches.append(pa.RecordBatch.from_pylist(light, schema=PART_SCHEMA))
            self.state = state
            return
        kept = json.dumps([state.file, state.row, state.left_out])
        schema = PART_SCHEMA.with_metadata({_STATE: kept})
        batch = pa.RecordBatch.from_pylist(list(rows), schema=schema)
        target = self.folder / f"{len(self.batches):06d}.arrow"
        with atomic_file(target) as part, pa.OSFile(str(part), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            writer.write_batch(batch)
        self._open(target)

    def _open(self, file: FilePath) -> None:
        """Map a part into memory: its rows take none until they are looked at, and can be dropped again."""
        try:
            with pa.memory_map(str(file)) as source:
                reader = pa.ipc.open_file(source)
                self.batches.append(reader.get_batch(0).replace_schema_metadata(None))
                file_index, row, left_out = json.loads(reader.schema.metadata[_STATE])
        except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{file} is damaged ({error}): begin again with --overwrite") from error
        self.state = State(file_index, row, left_out)


class Keys(NamedTuple):
    """What the split needs to know of all rows, as arrays of length R: 58 bytes a row.

    `path`, `split` and `store` are places in `paths`, `splits` and `stores`; -1 where a row has none.
    """

    good: NDArray[np.bool_]
    product: NDArray[np.uint64]
    picture: NDArray[np.uint64]
    pixels: NDArray[np.uint64]
    path: NDArray[np.int32]
    store: NDArray[np.int32]
    split: NDArray[np.int16]
    view: NDArray[np.int32]
    weight: NDArray[np.int64]
    paths: list[Path]
    splits: list[str]
    stores: list[str]


def load_keys(batches: Sequence[pa.RecordBatch]) -> Keys:
    """The keys of all rows, in order."""
    count = sum(batch.num_rows for batch in batches)
    path_place: dict[str, int] = {}
    split_place: dict[str, int] = {}
    store_place: dict[str, int] = {}
    keys = Keys(
        np.zeros(count, bool),
        np.zeros(count, np.uint64),
        np.zeros(count, np.uint64),
        np.zeros(count, np.uint64),
        np.full(count, -1, np.int32),
        np.full(count, -1, np.int32),
        np.full(count, -1, np.int16),
        np.full(count, -1, np.int32),
        np.zeros(count, np.int64),
        [],
        [],
        [],
    )
    for rows, batch in _slices(batches):
        keys.good[rows] = pc.is_null(batch["reason"]).to_numpy(zero_copy_only=False)
        keys.product[rows] = _numbers(batch["product_key"], 0)
        keys.picture[rows] = _numbers(batch["picture_key"], 0)
        keys.pixels[rows] = _numbers(batch["pixel_key"], 0)
        keys.view[rows] = _numbers(batch["view"], -1)
        keys.weight[rows] = _numbers(batch["weight"], 0)
        keys.path[rows] = _places(pc.binary_join(batch["path"], _LEVELS), path_place)
        keys.split[rows] = _places(batch["split"], split_place)
        keys.store[rows] = _places(batch["store"], store_place)
    keys.paths.extend(tuple(text.split(_LEVELS)) for text in path_place)
    keys.splits.extend(split_place)
    keys.stores.extend(store_place)
    return keys


def load_descriptors(batches: Sequence[pa.RecordBatch], good: NDArray[np.bool_], length: int) -> NDArray[np.int8]:
    """What the picture of each good row shows (G, length), in order."""
    described = np.empty((int(good.sum()), length), np.int8)
    end = 0
    for rows, batch in _slices(batches):
        packed = b"".join(batch["descriptor"].filter(pa.array(good[rows])).to_pylist())
        here = np.frombuffer(packed, np.int8).reshape(-1, length)
        described[end : (end := end + len(here))] = here
    return described


def rejected(batches: Sequence[pa.RecordBatch]) -> Counter[str]:
    """How many rows were rejected while reading, by reason."""
    counts: Counter[str] = Counter()
    for batch in batches:
        counts.update(pc.drop_null(batch["reason"]).to_pylist())
    return counts


def take_rows(batches: Sequence[pa.RecordBatch], rows: NDArray[np.int64], columns: Sequence[str]) -> pa.Table:
    """These rows, in this order, wherever they lie; only they are copied."""
    starts = np.cumsum([0] + [batch.num_rows for batch in batches])
    part = np.searchsorted(starts, rows, side="right") - 1
    by_part = np.argsort(part, kind="stable")
    used, begin = np.unique(part[by_part], return_index=True)
    pieces = []
    for index, here in zip(used, np.split(rows[by_part], begin[1:]), strict=True):
        pieces.append(batches[index].select(list(columns)).take(pa.array(here - starts[index])))
    back = np.empty(len(rows), np.int64)
    back[by_part] = np.arange(len(rows))
    return pa.Table.from_batches(pieces).combine_chunks().take(pa.array(back))


def _slices(batches: Sequence[pa.RecordBatch]) -> Iterator[tuple[slice, pa.RecordBatch]]:
    start = 0
    for batch in batches:
        yield slice(start, start + batch.num_rows), batch
        start += batch.num_rows


def _numbers(column: pa.Array, missing: int) -> NDArray[Any]:
    return np.asarray(column.fill_null(missing).to_numpy(zero_copy_only=False))


def _places(column: pa.Array, place: dict[str, int]) -> NDArray[np.int32]:
    """Each text's number in order of first appearance; -1 for null. `place` grows by new texts."""
    coded = column.dictionary_encode()
    known = np.array([place.setdefault(text, len(place)) for text in coded.dictionary.to_pylist()] + [-1], np.int32)
    return np.asarray(known[_numbers(coded.indices, len(known) - 1)])
