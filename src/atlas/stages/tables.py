"""Product tables for prediction: rows as the data sets' reader gives them, with their own columns and types."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path as FilePath
from typing import Any

import pyarrow as pa

from atlas.dataset.columns import whole_text
from atlas.dataset.rows import picture_in
from atlas.dataset.tables import (
    TABLE_KINDS,
    Lost,
    TableRow,
    batch_cells,
    parquet_batches,
    parquet_schema,
    row_count,
    table_columns,
    table_rows,
    unique_names,
)
from atlas.errors import DataError
from atlas.stages.rows import (
    CHUNK_ROWS,
    NO_NAMES,
    Chunk,
    Found,
    Input,
    NamedColumns,
    chunks_of,
    find_columns,
    grouped,
    identities,
    own_schema,
    pictures_of,
    record_batch,
)


def open_table(file: FilePath, columns: NamedColumns = NO_NAMES) -> Input:
    """The rows of a table. Raises DataError when it is empty, damaged, or has no column of pictures."""
    kind = TABLE_KINDS[file.suffix.lower()]
    if kind == "parquet":
        return _parquet(file, columns)
    return _json_lines(file, columns) if kind == "jsonl" else _csv(file, columns)


def _csv(file: FilePath, columns: NamedColumns) -> Input:
    schema = pa.schema([(name, pa.string()) for name in table_columns(file, "csv")])
    found = find_columns(file, schema.names, columns)
    rows = sum(1 for _ in table_rows(file, "csv", schema.names))
    return Input(
        own_schema(schema, found),
        rows,
        lambda: chunks_of(table_rows(file, "csv", schema.names), schema, found, file.parent),
    )


# -- JSON lines ------------------------------------------------------------------------------------------------------


def _json_lines(file: FilePath, columns: NamedColumns) -> Input:
    rows, schema = 0, pa.schema([])
    for batch in grouped(_whole_rows(file), CHUNK_ROWS * 16):
        rows += len(batch)
        schema = _widen(schema, [cells for _, cells, _ in batch])
    if not schema.names:
        raise DataError(f"{file} has no line with a JSON object: write one object per line")
    found = find_columns(file, schema.names, columns)
    return Input(own_schema(schema, found), rows, lambda: chunks_of(_whole_rows(file), schema, found, file.parent))


def _whole_rows(file: FilePath) -> Iterator[TableRow]:
    """The rows with whole characters only: half of one could stand in no output."""
    for number, cells, broken in table_rows(file, "jsonl", ()):
        try:
            text = json.dumps(cells, ensure_ascii=False)
            whole = whole_text(text)
            yield number, cells if whole == text else json.loads(whole), broken
        except RecursionError:
            yield number, {}, "the row is nested too deeply"


def _widen(schema: pa.Schema, rows: Sequence[dict[str, Any]]) -> pa.Schema:
    """The schema made wide enough for these rows too; a column of mixed kinds becomes text."""
    fields = {field.name: field for field in schema}
    for name in dict.fromkeys(name for row in rows for name in row):
        try:
            kind = pa.array([row.get(name) for row in rows]).type
            old = [pa.schema([fields[name]])] if name in fields else []
            new = pa.unify_schemas([*old, pa.schema([(name, kind)])], promote_options="permissive")
            fields[name] = new.field(0)
        except (pa.ArrowException, OverflowError):
            fields[name] = pa.field(name, pa.string())
    return pa.schema(list(fields.values()))


# -- Parquet ---------------------------------------------------------------------------------------------------------


def _parquet(file: FilePath, columns: NamedColumns) -> Input:
    stored, rows = parquet_schema(file), row_count(file)
    names = unique_names(stored.names)
    found = find_columns(file, names, columns)
    kinds = [_own_kind(kind) if name == found.image else kind for name, kind in zip(names, stored.types, strict=True)]
    known = pa.schema([(name, kind) for name, kind in zip(names, kinds, strict=True) if kind is not None])
    schema = own_schema(known, found)
    return Input(schema, rows, lambda: _parquet_chunks(file, schema, found))


def _own_kind(kind: pa.DataType) -> pa.DataType | None:
    """What comes back of a column of pictures: the file's name, never the picture itself."""
    if pa.types.is_struct(kind):
        return pa.string()
    return None if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind) else kind


def _parquet_chunks(file: FilePath, schema: pa.Schema, found: Found) -> Iterator[Chunk]:
    for start, batch in parquet_batches(file):
        if isinstance(batch, Lost):
            lost: Iterator[TableRow] = ((start + row, {}, batch.why) for row in range(batch.rows))
            yield from chunks_of(lost, schema, found, file.parent)
        else:
            yield _parquet_chunk(start, batch, schema, found, file.parent)


def _parquet_chunk(start: int, batch: pa.RecordBatch, schema: pa.Schema, found: Found, folder: FilePath) -> Chunk:
    """The batch as a chunk. Its own columns stay Arrow's, which holds more kinds of value than Python."""
    read = batch.select([name for name in (found.image, found.product_id) if name])
    rows = [(start + at, cells, broken) for at, (cells, broken) in enumerate(batch_cells(read))]
    files = [picture_in(cells.get(found.image))[1] or None for _, cells, _ in rows]
    own = [pa.array(files, pa.string()) if field.name == found.image else batch.column(field.name) for field in schema]
    return Chunk(identities(rows, found), pictures_of(rows, found, folder), record_batch(own, schema, len(batch)))
