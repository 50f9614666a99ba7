"""Product tables, read in bounded memory: CSV, JSON lines and Parquet with a column of pictures."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path as FilePath
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from atlas.errors import DataError
from atlas.stages.rows import (
    ANY_COLUMNS,
    CHUNK_ROWS,
    Chunk,
    Columns,
    Found,
    Source,
    chunks_of,
    find_columns,
    grouped,
    identity,
    own_schema,
    picture_in,
    record_batch,
    unique_names,
)

#: Endings of the tables that Atlas reads.
TABLE_ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
#: A longer CSV cell is a quotation mark that was never closed.
MAX_CELL = 1 << 20


def open_table(file: FilePath, columns: Columns = ANY_COLUMNS) -> Source:
    """The rows of a table. Raises DataError when it is empty, damaged, or has no column of pictures."""
    ending = file.suffix.lower()
    if file.stat().st_size == 0:
        raise DataError(f"{file} is empty: a table needs a header or a first row")
    if ending == ".parquet":
        return _parquet(file, columns)
    return _json_lines(file, columns) if ending in (".jsonl", ".ndjson") else _csv(file, columns)


# -- CSV -----------------------------------------------------------------------------------------------------------


class _Dialect(NamedTuple):
    encoding: str
    delimiter: str


def _csv(file: FilePath, columns: Columns) -> Source:
    dialect = _dialect(file)
    rows = sum(1 for _ in _csv_rows(file, dialect)) - 1
    header = next(_csv_rows(file, dialect))
    if isinstance(header, DataError):
        raise DataError(f"{file}: {header}")
    names = unique_names(header)
    found = find_columns(file, names, columns)
    schema = pa.schema([(name, pa.string()) for name in names])

    def read() -> Iterator[list[Any]]:
        for cells in islice(_csv_rows(file, dialect), 1, None):
            problem = cells if isinstance(cells, DataError) else None
            cells = [] if isinstance(cells, DataError) else cells
            if len(cells) > len(names):
                problem = DataError(f"the row has {len(cells)} cells, the header {len(names)}")
            yield [*cells[: len(names)], *[None] * (len(names) - len(cells)), problem]

    return Source(own_schema(schema, found), rows, lambda: chunks_of(read(), schema, found, file.parent))


def _csv_rows(file: FilePath, dialect: _Dialect) -> Iterator[list[str] | DataError]:
    csv.field_size_limit(MAX_CELL)
    with file.open(encoding=dialect.encoding, errors=_errors(dialect.encoding), newline="") as stream:
        reader = csv.reader(stream, delimiter=dialect.delimiter)
        while True:
            try:
                row = next(reader, None)
            except csv.Error as error:
                yield DataError(f"line {reader.line_num}: {error}; is a quote left open?")
                continue
            if row is None:
                return
            if row:
                yield row


def _dialect(file: FilePath) -> _Dialect:
    """The encoding (UTF-8, UTF-16 by its mark, else Windows-1252) and the delimiter that cuts the header most often."""
    encoding = _encoding(file)
    with file.open(encoding=encoding, errors=_errors(encoding), newline="") as stream:
        header = next((line for line in stream if line.strip()), "")
    if not header.strip():
        raise DataError(f"{file} holds blank lines only: a table needs a header")
    return _Dialect(encoding, max(",;\t|", key=lambda sign: len(next(csv.reader([header], delimiter=sign)))))


def _encoding(file: FilePath) -> str:
    with file.open("rb") as stream:
        if stream.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            return "utf-16"
    try:
        with file.open(encoding="utf-8-sig") as stream:
            while stream.read(1 << 20):
                pass
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def _errors(encoding: str) -> str:
    return "strict" if encoding == "utf-8-sig" else "replace"  # one odd byte of an old table costs one letter


# -- JSON lines ------------------------------------------------------------------------------------------------------


def _json_lines(file: FilePath, columns: Columns) -> Source:
    rows, schema = 0, pa.schema([])
    for batch in grouped(_objects(file), CHUNK_ROWS * 16):
        rows += len(batch)
        schema = _widen(schema, [row for row in batch if isinstance(row, dict)])
    if not schema.names:
        raise DataError(f"{file} has no line with a JSON object: write one object per line")
    found = find_columns(file, schema.names, columns)

    def read() -> Iterator[list[Any]]:
        for row in _objects(file):
            known = row if isinstance(row, dict) else {}
            yield [*(known.get(name) for name in schema.names), None if row is known else row]

    return Source(own_schema(schema, found), rows, lambda: chunks_of(read(), schema, found, file.parent))


def _objects(file: FilePath) -> Iterator[dict[str, Any] | DataError]:
    with file.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                yield _object(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line, number)


def _object(line: bytes, number: int) -> dict[str, Any] | DataError:
    try:
        value = json.loads(line)
        if b"\\ud" in line.lower():  # half a character, which no output could hold
            value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        return DataError(f"line {number} is not JSON: {error}")
    if isinstance(value, dict):
        return value
    return DataError(f"line {number} holds a {type(value).__name__}, not an object")


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


def _parquet(file: FilePath, columns: Columns) -> Source:
    try:
        with pq.ParquetFile(file) as table:
            stored, rows = table.schema_arrow, table.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file} is not Parquet: {str(error).splitlines()[0]}") from error
    names = unique_names(stored.names)
    found = find_columns(file, names, columns)
    kinds = [_own_kind(kind) if name == found.image else kind for name, kind in zip(names, stored.types, strict=True)]
    known = pa.schema([(name, kind) for name, kind in zip(names, kinds, strict=True) if kind is not None])
    schema = own_schema(known, found)
    return Source(schema, rows, lambda: _parquet_chunks(file, names, schema, found))


def _own_kind(kind: pa.DataType) -> pa.DataType | None:
    """What comes back of a column of pictures: the file's name, never the picture itself."""
    if pa.types.is_struct(kind):
        return pa.string()
    return None if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind) else kind


def _parquet_chunks(file: FilePath, names: list[str], schema: pa.Schema, found: Found) -> Iterator[Chunk]:
    done = 0
    with pq.ParquetFile(file) as table:
        for group in range(table.num_row_groups):
            left = table.metadata.row_group(group).num_rows
            try:
                for batch in table.iter_batches(CHUNK_ROWS, row_groups=[group]):
                    yield _parquet_chunk(batch.rename_columns(names), schema, found, file.parent, done)
                    left, done = left - len(batch), done + len(batch)
            except (pa.ArrowException, OSError) as error:  # the other row groups are still good
                reason = DataError(f"damaged row group {group}: {str(error).splitlines()[0][:200]}")
                yield from chunks_of(([None] * len(schema) + [reason] for _ in range(left)), schema, found, file.parent)
                done += left


def _parquet_chunk(batch: pa.RecordBatch, schema: pa.Schema, found: Found, folder: FilePath, done: int) -> Chunk:
    cells = batch.column(found.image).to_pylist()
    files = [cell.get("path") if isinstance(cell, dict) else cell if isinstance(cell, str) else None for cell in cells]
    ids = batch.column(found.product_id).to_pylist() if found.product_id else [None] * len(batch)
    own = [pa.array(files, pa.string()) if field.name == found.image else batch.column(field.name) for field in schema]
    return Chunk(
        [identity(name, picked, done + row) for row, (name, picked) in enumerate(zip(ids, files, strict=True), 1)],
        [picture_in(cell, folder) for cell in cells],
        record_batch(own, schema, len(batch)),
    )
