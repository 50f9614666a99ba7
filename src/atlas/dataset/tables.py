"""Rows of Parquet, CSV and JSONL files, streamed, from any row on; a broken row is told, not raised."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path as FilePath
from typing import Any, Literal, NamedTuple, TypeAlias

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
#: Number, cells (of a broken row those that can be told), and why the row is broken.
TableRow: TypeAlias = tuple[int, dict[str, Any], str | None]

#: Pictures stand in the rows, so only few are held at once.
PARQUET_BATCH_ROWS = 64
#: A longer CSV cell is a quotation mark that was never closed.
MAX_CELL = 1 << 20
#: JSONL rows that are looked at to know the columns.
SAMPLE_ROWS = 200
#: How bytes that are not UTF-8 arrive.
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
#: Bytes of a file by which its encoding is judged.
SNIFFED_BYTES = 1 << 20
#: Western text has most of its accents alone; in Chinese, Japanese, Russian or Greek they stand in runs.
MAX_RUN_SHARE = 0.6
MIN_RUN_BYTES = 8
_HIGH_BYTES = re.compile(rb"[\x80-\xff]+")
#: Why a row of a foreign file is broken.
_FOREIGN = "neither UTF-8 nor, by its look, Windows-1252 (perhaps GBK or Windows-1251): save the file as UTF-8"
_CELL_ENDS = re.compile(rb"[,;|\t\r\n\"]+")


class Lost(NamedTuple):
    """Rows in place of a batch that cannot be read."""

    rows: int
    why: str


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
        return unique_names(parquet_schema(file).names)
    if kind == "csv":
        return next(_csv_records(file))[1]
    names: dict[str, None] = {}
    for number, cells, _ in _jsonl_rows(file):
        names.update(dict.fromkeys(cells))
        if number + 1 >= SAMPLE_ROWS:
            break
    if not names:
        raise DataError(f"{file}: none of the first {SAMPLE_ROWS} lines is a JSON object: write one object per line")
    return list(names)


def unique_names(names: Sequence[str]) -> list[str]:
    """Every column under a name of its own: a second `title` becomes `title_2`, an empty name its place."""
    bases = [name.strip() or f"column_{place}" for place, name in enumerate(names, 1)]
    taken, unique = set(bases), dict[str, None]()
    for base in bases:
        new, count = base, 1
        while new in unique or (count > 1 and new in taken):
            count += 1
            new = f"{base}_{count}"
        unique[new] = None
    return list(unique)


# -- Parquet -----------------------------------------------------------------------------------------------------------


def row_count(file: FilePath) -> int:
    """The number of rows of a Parquet file. Raises DataError when it is damaged."""
    with _open_parquet(file) as table:
        return int(table.metadata.num_rows)


def parquet_schema(file: FilePath) -> pa.Schema:
    """The columns of a Parquet file as they are stored. Raises DataError when it is damaged."""
    with _open_parquet(file) as table:
        return table.schema_arrow


def parquet_batches(
    file: FilePath, columns: Sequence[str] | None = None, first: int = 0
) -> Iterator[tuple[int, pa.RecordBatch | Lost]]:
    """Rows from number `first` on, each batch after the number of its first row, columns under their unique names.

    `columns` are those to read (as far as there are such), None all. A damaged row group costs the rows that are left
    of it. Raises DataError when the file as a whole cannot be read.
    """
    with _open_parquet(file) as table:
        stored = table.schema_arrow.names
        names = unique_names(stored)
        wanted = [old for old, new in zip(stored, names, strict=True) if columns is None or new in columns]
        number = 0
        for group in range(table.num_row_groups):
            end = number + table.metadata.row_group(group).num_rows
            if end <= first:
                number = end
                continue
            try:
                for batch in table.iter_batches(PARQUET_BATCH_ROWS, row_groups=[group], columns=wanted):
                    skipped = min(max(0, first - number), batch.num_rows)
                    if skipped < batch.num_rows:
                        yield number + skipped, _renamed(batch, stored, names).slice(skipped)
                    number += batch.num_rows
            except (pa.ArrowException, OSError) as error:  # the other row groups are still good
                start = max(number, first)
                yield start, Lost(end - start, f"damaged row group {group}: {_line(error)}")
            number = end


def batch_cells(batch: pa.RecordBatch) -> Iterator[tuple[dict[str, Any], str | None]]:
    """Cells of each row; one that Python cannot hold (text not in UTF-8, a year beyond 9999) breaks its row."""
    try:
        rows = batch.to_pylist()
    except (ValueError, OverflowError) as error:
        if batch.num_rows == 1:
            yield {}, f"a cell cannot be read: {_line(error)}"
        else:
            for place in range(batch.num_rows):
                yield from batch_cells(batch.slice(place, 1))
    else:
        yield from ((cells, None) for cells in rows)


def _parquet_rows(file: FilePath, columns: Sequence[str], first: int) -> Iterator[TableRow]:
    for start, batch in parquet_batches(file, columns, first):
        cells = ([({}, batch.why)] * batch.rows) if isinstance(batch, Lost) else batch_cells(batch)
        for number, (row, broken) in enumerate(cells, start):
            yield number, row, broken


def _open_parquet(file: FilePath) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file, buffer_size=1 << 20)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file} is not Parquet, or damaged or cut: {_line(error)}") from error


def _renamed(batch: pa.RecordBatch, stored: Sequence[str], names: Sequence[str]) -> pa.RecordBatch:
    """The batch under unique names; of stored columns with one name, all were read or none."""
    left: dict[str, list[str]] = {}
    for old, new in zip(stored, names, strict=True):
        left.setdefault(old, []).append(new)
    return batch.rename_columns([left[name].pop(0) for name in batch.schema.names])


# -- CSV ---------------------------------------------------------------------------------------------------------------


def _csv_rows(file: FilePath) -> Iterator[TableRow]:
    records = _csv_records(file)
    _, header, _ = next(records)
    for number, (line, values, broken) in enumerate(records):
        if broken:
            yield number, {}, f"line {line}: {broken}" + ("" if broken == _FOREIGN else "; is a quote left open?")
        else:
            long = f"{len(values)} cells under {len(header)} headings" if len(values) > len(header) else None
            yield number, dict(zip(header, values, strict=False)), long


def _csv_records(file: FilePath) -> Iterator[tuple[int, list[str], str]]:
    """Line, cells and what is wrong with them: first the headings (the first line that holds any), then every row.

    Raises DataError when there are no headings, or none that can be read.
    """
    csv.field_size_limit(MAX_CELL)
    encoding = _encoding(file)
    foreign = encoding != "utf-16" and _is_foreign(file)
    header: list[str] = []
    with file.open(encoding=encoding, errors=_errors(encoding), newline="") as stream:
        reader = csv.reader(stream, delimiter=_delimiter(file, encoding))
        while True:
            try:
                cells = next(reader)
                why = _FOREIGN if foreign and any(_NOT_UTF8.search(cell) for cell in cells) else ""
                values = [_readable(cell) for cell in cells]
            except StopIteration:
                break
            except csv.Error as error:
                if not header:
                    raise DataError(f"{file}: the headings cannot be read: {_line(error)}") from error
                yield reader.line_num, [], str(error)
                continue
            if header and values:  # an empty line is no row
                yield reader.line_num, values, why
            elif any(cell.strip() for cell in values):
                if why:
                    raise DataError(f"{file}: the headings are {why}")
                header = unique_names(values)
                yield reader.line_num, header, ""
    if not header:
        raise DataError(f"{file} is empty, or holds blank lines only: the first line of a CSV names its columns")


def _encoding(file: FilePath) -> str:
    """UTF-16 by its mark, else UTF-8, of which single cells may deviate."""
    with file.open("rb") as stream:
        return "utf-16" if stream.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def _is_foreign(file: FilePath) -> bool:
    """Whether what is not UTF-8 in the file is no Windows-1252 either: most of its high bytes stand beside others."""
    with file.open("rb") as stream:
        data = stream.read(SNIFFED_BYTES)
    high = in_runs = 0
    for cell in _CELL_ENDS.split(data):
        try:
            cell.decode("utf-8")
        except UnicodeDecodeError:
            runs = [len(run) for run in _HIGH_BYTES.findall(cell)]
            high += sum(runs)
            in_runs += sum(run for run in runs if run > 1)
    return high >= MIN_RUN_BYTES and in_runs > MAX_RUN_SHARE * high


def _errors(encoding: str) -> str:
    return "surrogateescape" if encoding == "utf-8-sig" else "replace"


def _readable(cell: str) -> str:
    """The cell as text: one that is not UTF-8 is read as Windows-1252, whatever the others are."""
    if cell.isascii() or not _NOT_UTF8.search(cell):
        return cell
    return cell.encode("utf-8", "surrogateescape").decode("cp1252", "replace")


def _delimiter(file: FilePath, encoding: str) -> str:
    """The sign that cuts the headings most often; in a .tsv it is the tab where there is one."""
    with file.open(encoding=encoding, errors="replace", newline="") as stream:
        line = next((line for line in iter(lambda: stream.readline(MAX_CELL), "") if line.strip()), "")
    if file.suffix.lower() == ".tsv" and "\t" in line:
        return "\t"
    return max(",;\t|", key=lambda sign: len(next(csv.reader([line], delimiter=sign), [])))


# -- JSON lines --------------------------------------------------------------------------------------------------------


def _jsonl_rows(file: FilePath) -> Iterator[TableRow]:
    with file.open("rb") as stream:
        number = 0
        for place, line in enumerate(stream, 1):
            text = line.removeprefix(b"\xef\xbb\xbf").strip() if place == 1 else line.strip()
            if text:
                yield number, *_json_cells(text, place)
                number += 1


def _json_cells(text: bytes, place: int) -> tuple[dict[str, Any], str | None]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        return {}, f"line {place} is not JSON: {_line(error)}"
    if isinstance(value, dict):
        return value, None
    return {}, f"line {place} holds a JSON {type(value).__name__}, not an object"


def _line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
