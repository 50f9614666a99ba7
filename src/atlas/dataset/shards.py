"""The finished data set's files: even shards of even row groups, each written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path as FilePath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from atlas.dataset.decisions import LATE_REASONS, Decisions
from atlas.dataset.parts import take_rows
from atlas.dataset.reasons import Reason
from atlas.dataset.schema import SCHEMA, shard_name
from atlas.storage import atomic_file

#: Shards stay below 500 MB, as the Hub likes them; a row's weight is an estimate from above.
SHARD_BYTES = 450 * 10**6
#: Row groups come out between 8 and 16 MB, if a split has that much.
ROW_GROUP_BYTES = 12 * 10**6

_COMPUTED = ("view", "path", "group", "marks", "near_train")
_AS_READ = [name for name in SCHEMA.names if name not in _COMPUTED]
_PLAIN = "image.bytes"  # pictures are compressed already


def write_split(
    folder: FilePath,
    split: str,
    rows: NDArray[np.int64],
    weight: NDArray[np.int64],
    batches: Sequence[pa.RecordBatch],
    decisions: Decisions,
) -> Iterator[tuple[str, int]]:
    """Write a split's rows in this order; yields each shard's name and rows once it is there. Whole shards are kept."""
    shards = even_cuts(weight[rows], SHARD_BYTES)
    for index, (start, stop) in enumerate(shards):
        name = shard_name(split, index, len(shards))
        if not (folder / name).exists():
            with atomic_file(folder / name) as part:
                _write_shard(part, rows[start:stop], weight, batches, decisions)
        yield name, stop - start


def even_cuts(weight: NDArray[np.int64], limit: int) -> list[tuple[int, int]]:
    """First and one past last row of pieces of about equal weight, as few as stay below the limit."""
    ends = np.cumsum(weight)
    count = max(1, -(-int(ends[-1]) // limit))
    cuts = np.searchsorted(ends, ends[-1] * np.arange(1, count) / count, side="right").tolist()
    bounds = sorted({0, *cuts, len(weight)})
    return list(pairwise(bounds))


def write_rejected(file: FilePath, batches: Sequence[pa.RecordBatch], decisions: Decisions) -> None:
    """List the rejected rows in the source's order, one JSON object a line."""
    start = 0
    with atomic_file(file) as part, part.open("w", encoding="utf-8", newline="\n") as sink:
        for batch in batches:
            texts = batch.select(["place", "product_id", "reason", "detail"])
            late = decisions.late[start : start + batch.num_rows]
            mask = batch["reason"].is_valid().to_numpy(zero_copy_only=False) | (late > 0)
            for place in np.flatnonzero(mask).tolist():
                entry = texts.slice(place, 1).to_pylist()[0]
                if late[place]:
                    reason = LATE_REASONS[late[place]]
                    of_path = decisions.details[decisions.seen_path[start + place]]
                    detail = "a held-out store shows it too" if reason is Reason.TWIN else of_path
                    entry |= {"reason": str(reason), "detail": detail}
                sink.write(json.dumps(entry, ensure_ascii=False) + "\n")
            start += batch.num_rows


def _write_shard(
    file: FilePath,
    rows: NDArray[np.int64],
    weight: NDArray[np.int64],
    batches: Sequence[pa.RecordBatch],
    decisions: Decisions,
) -> None:
    others = [name for name in _leaf_columns() if name != _PLAIN]
    writer = pq.ParquetWriter(
        file,
        SCHEMA,
        compression={**dict.fromkeys(others, "zstd"), _PLAIN: "none"},
        use_dictionary=others,
        write_statistics=others,
        version="2.6",
    )
    with writer:
        for start, stop in even_cuts(weight[rows], ROW_GROUP_BYTES):
            table = _finished(rows[start:stop], batches, decisions)
            writer.write_table(table, row_group_size=table.num_rows)


def _finished(rows: NDArray[np.int64], batches: Sequence[pa.RecordBatch], decisions: Decisions) -> pa.Table:
    """These rows with all columns of the data set."""
    table = take_rows(batches, rows, [*_AS_READ, "marks"])
    path = pa.array(
        [decisions.labels[place] for place in decisions.seen_path[rows].tolist()], SCHEMA.field("path").type
    )
    computed: dict[str, Any] = {
        "view": pa.array(decisions.view[rows]),
        "path": path,
        "group": pa.array(decisions.group[rows]),
        "marks": pa.array([marks or [] for marks in table["marks"].to_pylist()], SCHEMA.field("marks").type),
        "near_train": pa.array(decisions.near_train[rows]),
    }
    columns = [computed[name] if name in computed else table[name] for name in SCHEMA.names]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def _leaf_columns() -> list[str]:
    """The columns as Parquet stores them."""
    names = []
    for entry in SCHEMA:
        if pa.types.is_struct(entry.type):
            names += [f"{entry.name}.{inner.name}" for inner in entry.type]
        elif pa.types.is_list(entry.type):
            names.append(f"{entry.name}.list.element")
        else:
            names.append(entry.name)
    return names
