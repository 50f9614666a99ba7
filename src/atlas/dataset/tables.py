"""Rows of Parquet, CSV and JSONL files, streamed, from any row on; a broken row is told, not raised."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path as FilePath
from typing import Any, Literal, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from atlas.errors import DataError

TableKind: TypeAlias = Literal["parquet", "csv", "jsonl"]

#: Tables by the end of their names.
TABLE_KINDS: dict[str, TableKind] = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
#: Number, cells, and why the row is broken (then it has no cells).
TableRow: TypeAlias = tuple[int, dict[str, Any], str | None]

#: Pictures stand in the rows, so only few are held at once.
PARQUET_BATCH_ROWS = 64
#: A longer CSV cell is a quotation mark that was never closed.
MAX_CELL = 1 << 20
#: JSONL rows that are looked at to know the columns.
SAMPLE_ROWS = 200


def table_rows(file: FilePath, kind: TableKind, columns: Sequence[str], first: int = 0) -> Iterator[TableRow]:
    """Rows from number `first` on. Parquet reads only `columns` (those that it has).

    Raises DataError when the file as a whole cannot be read.
    """
    if kind == "parquet":
        return _parquet_rows(file, columns, first)
    rows = _csv_rows(file) if kind == "csv" else _jsonl_rows(file)
    return (row for row in rows if row[0] >= first)


def table_columns(file: FilePath, kind: TableKind) -> list[str]:
    """The names of a file's columns; for JSONL those of its first rows. Raises DataError when there are none."""
    if kind == "parquet":
        with _open_parquet(file) as table:
            return list(table.schema_arrow.names)
    if kind == "csv":
        return _csv_header(file)
    names: dict[str, None] = {}
    for number, cells, _ in _jsonl_rows(file):
        names.update(dict.fromkeys(cells))
        if number + 1 >= SAMPLE_ROWS:
            break
    if not names:
        raise DataError(f"{file}: none of the first {SAMPLE_ROWS} lines is a JSON object: write one object per line")
    return list(names)


def row_count(file: FilePath) -> int:
    """The number of rows of a Parquet file. Raises DataError when it is damaged."""
    with _open_parquet(file) as table:
        return int(table.metadata.num_rows)


def _open_parquet(file: FilePath) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file, buffer_size=1 << 20)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file} is no Parquet file, or damaged or cut: {_line(error)}") from error


def _parquet_rows(file: FilePath, columns: Sequence[str], first: int) -> Iterator[TableRow]:
    with _open_parquet(file) as table:
        counts = [table.metadata.row_group(group).num_rows for group in range(table.num_row_groups)]
        number, group = 0, 0
        while group < len(counts) and number + counts[group] <= first:
            number += counts[group]
            group += 1
        wanted = [name for name in table.schema_arrow.names if name in columns]
        batches = table.iter_batches(PARQUET_BATCH_ROWS, row_groups=range(group, len(counts)), columns=wanted)
        try:
            for batch in batches:
                skipped = min(max(0, first - number), batch.num_rows)
                number += skipped
                for cells, broken in _batch_rows(batch.slice(skipped)):
                    yield number, cells, broken
                    number += 1
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{file} is damaged after row {number}: {_line(error)}") from error


def _batch_rows(batch: pa.RecordBatch) -> Iterator[tuple[dict[str, Any], str | None]]:
    """Cells of each row; one that Python cannot hold (text not in UTF-8, a year beyond 9999) breaks its row."""
    try:
        rows = batch.to_pylist()
    except (ValueError, OverflowError) as error:
        if batch.num_rows == 1:
            yield {}, f"a cell cannot be read: {_line(error)}"
        else:
            for place in range(batch.num_rows):
                yield from _batch_rows(batch.slice(place, 1))
    else:
        yield from ((cells, None) for cells in rows)


def _csv_rows(file: FilePath) -> Iterator[TableRow]:
    header = _csv_header(file)
    csv.field_size_limit(MAX_CELL)
    with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        reader = csv.reader(stream, delimiter=_delimiter(file))
        next(reader)
        number = 0
        while True:
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield number, {}, str(error)
            else:
                if not values:  # an empty line is no row
                    continue
                yield number, *_csv_cells(header, values)
            number += 1


def _csv_cells(header: list[str], values: list[str]) -> tuple[dict[str, Any], str | None]:
    if len(values) > len(header):
        return {}, f"{len(values)} cells under {len(header)} headings"
    if any(map(_is_broken, values)):
        return {}, "the text is not UTF-8"
    return dict(zip(header, values, strict=False)), None


def _is_broken(text: str) -> bool:
    """Whether some byte of the text was not UTF-8."""
    return not text.isascii() and any("\udc80" <= sign <= "\udcff" for sign in text)


def _csv_header(file: FilePath) -> list[str]:
    try:
        with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
            header = [name.strip() for name in next(csv.reader(stream, delimiter=_delimiter(file)), [])]
    except csv.Error as error:
        raise DataError(f"{file}: the headings cannot be read ({_line(error)}): save it as CSV in UTF-8") from error
    if any(_is_broken(name) for name in header):
        raise DataError(f"{file}: the headings are not UTF-8: save it as CSV in UTF-8")
    if not any(header):
        raise DataError(f"{file} is empty: the first line of a CSV names its columns")
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise DataError(f"{file} names the column {twice[0]!r} twice: rename one of them")
    return header


def _delimiter(file: FilePath) -> str:
    """The sign that stands most often in the headings."""
    if file.suffix.lower() == ".tsv":
        return "\t"
    with file.open(encoding="utf-8-sig", errors="replace") as stream:
        line = stream.readline(MAX_CELL)
    return max(",;\t|", key=line.count)


def _jsonl_rows(file: FilePath) -> Iterator[TableRow]:
    with file.open("rb") as stream:
        number = 0
        for line in stream:
            text = line.removeprefix(b"\xef\xbb\xbf").strip() if number == 0 else line.strip()
            if text:
                yield number, *_json_cells(text)
                number += 1


def _json_cells(text: bytes) -> tuple[dict[str, Any], str | None]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        return {}, f"no JSON: {_line(error)}"
    return (value, None) if isinstance(value, dict) else ({}, f"a JSON {type(value).__name__}, not an object")


def _line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
