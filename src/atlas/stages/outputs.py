"""Predictions to files: Parquet with everything that evaluation needs, CSV and JSON lines for everybody else."""

from __future__ import annotations

import base64
import csv
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from atlas.errors import UsageError
from atlas.storage import atomic_file
from atlas.taxonomy.tree import format_path

if TYPE_CHECKING:
    from atlas.records import Prediction
    from atlas.stages.categorizer import Answer
    from atlas.stages.rows import Chunk
    from atlas.stages.store_words import StoreWords

OUTPUT_ENDINGS = (".csv", ".jsonl", ".parquet")
#: Rows of a Parquet row group; predictions are small.
GROUP_ROWS = 8192

_ALTERNATIVE = pa.struct([("path", pa.string()), ("probability", pa.float32())])
_MASS = pa.struct([("node", pa.int32()), ("mass", pa.float32())])
_GRID = pa.list_(pa.list_(pa.float32()))  # rows of cells, as DuckDB indexes them: evidence[level][row][column]
#: What every predictions file says of a row.
ANSWER_SCHEMA = pa.schema(
    [
        ("product_id", pa.string()),
        ("view", pa.int32()),  # null unless from a data set
        ("path", pa.string()),  # names with " > " between; null on error
        ("probability", pa.float32()),
        ("level_probabilities", pa.list_(pa.float32())),
        ("answered_depth", pa.int32()),  # levels that are promised
        ("alternatives", pa.list_(_ALTERNATIVE)),
        ("reason", pa.string()),  # why the answer stops where it does
        ("model_id", pa.string()),
        ("taxonomy_id", pa.string()),
        ("error", pa.string()),  # null when fine
    ]
)
#: What the Parquet form says beside that.
EVIDENCE_SCHEMA = pa.schema(
    [
        ("truth", pa.string()),  # null when unknown
        ("masses", pa.list_(_MASS)),  # nodes whose own mass is worth telling
        ("mass_left", pa.float32()),  # 1 - the sum of these
        ("evidence", pa.list_(_GRID)),  # by level of the path, the light on each cell; null unless it was asked for
        ("near_train", pa.bool_()),  # null unless from a data set
    ]
)
_RESERVED = frozenset([*ANSWER_SCHEMA.names, *EVIDENCE_SCHEMA.names])
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)*([eE][+-]?\d+)?")


class Head(NamedTuple):
    """What is the same for all rows of a predictions file."""

    model_id: str
    taxonomy_id: str
    taxonomy: str  # the text of taxonomy.txt
    split: str = ""
    also: StoreWords | None = None  # stores in whose words the paths come as well

    @property
    def store_columns(self) -> tuple[str, ...]:
        """The columns of these stores."""
        return self.also.columns if self.also else ()


class Sink(Protocol):
    """Where rows with their answers go, chunk by chunk."""

    def write(self, chunk: Chunk, answers: Sequence[Answer]) -> None:
        """Take the answers of one chunk, one for each of its rows."""


def check_output(file: FilePath, overwrite: bool) -> None:
    """Raise UsageError when predictions cannot be written there: before any work, so that none is lost."""
    if file.suffix.lower() not in OUTPUT_ENDINGS:
        raise UsageError(f"{file}: unknown ending {file.suffix!r}; use one of {', '.join(OUTPUT_ENDINGS)}")
    if file.is_dir():
        raise UsageError(f"{file} is a folder: name a file")
    if file.exists() and not overwrite:
        raise UsageError(f"{file} exists already: use --overwrite to replace it, or another -o")


@contextmanager
def open_sink(file: FilePath, own: pa.Schema, head: Head) -> Iterator[Sink]:
    """A sink for a file of the form that its ending says; the file appears when the block ends without an error."""
    with atomic_file(file) as part:
        if file.suffix.lower() == ".parquet":
            with ParquetSink(part, own, head) as sink:
                yield sink
        else:
            with part.open("w", encoding="utf-8", newline="") as stream:
                yield (JsonLinesSink if file.suffix.lower() == ".jsonl" else CsvSink)(stream, own, head)


class ParquetSink:
    """Everything: answers, evidence, the input's own columns in their own types, and the tree in the metadata."""

    def __init__(self, file: FilePath, own: pa.Schema, head: Head) -> None:
        self._head = head
        stores = [pa.field(name, pa.string()) for name in head.store_columns]
        names = own_names(own, head.store_columns)
        renamed = [pa.field(new, field.type) for new, field in zip(names, own, strict=True)]
        schema = pa.schema([*ANSWER_SCHEMA, *stores, *EVIDENCE_SCHEMA, *renamed])
        self._schema = schema.with_metadata(
            {"atlas.taxonomy": head.taxonomy, "atlas.predictions": "1", "atlas.split": head.split}
        )
        self._waiting: list[pa.RecordBatch] = []
        self._writer = pq.ParquetWriter(file, self._schema, compression="zstd")

    def __enter__(self) -> ParquetSink:
        return self

    def __exit__(self, *error: object) -> None:
        self._flush()
        self._writer.close()

    def write(self, chunk: Chunk, answers: Sequence[Answer]) -> None:
        """See Sink."""
        rows = [a | b for a, b in zip(answer_rows(chunk, answers, self._head), _evidence(chunk, answers), strict=True)]
        said = [pa.array([row[name] for row in rows], self._schema.field(name).type) for name in rows[0]]
        self._waiting.append(pa.RecordBatch.from_arrays([*said, *chunk.own.columns], schema=self._schema))
        if sum(map(len, self._waiting)) >= GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting, self._schema))
            self._waiting = []


class JsonLinesSink:
    """One JSON object a row: the answer, then the input's own columns."""

    def __init__(self, stream: TextIO, own: pa.Schema, head: Head) -> None:
        self._stream, self._own, self._head = stream, own, head

    def write(self, chunk: Chunk, answers: Sequence[Answer]) -> None:
        """See Sink."""
        for row in _whole_rows(chunk, answers, self._own, self._head):
            self._stream.write(_json(row) + "\n")


class CsvSink:
    """Text for spreadsheets: lists as text, and no cell that a spreadsheet would take for a formula."""

    def __init__(self, stream: TextIO, own: pa.Schema, head: Head) -> None:
        self._own, self._head = own, head
        self._writer = csv.writer(stream, lineterminator="\n")
        names = (*ANSWER_SCHEMA.names, *head.store_columns, *own_names(own, head.store_columns))
        self._writer.writerow([safe_cell(name) for name in names])

    def write(self, chunk: Chunk, answers: Sequence[Answer]) -> None:
        """See Sink."""
        for row in _whole_rows(chunk, answers, self._own, self._head):
            self._writer.writerow([_cell(name, value) for name, value in row.items()])


def answer_rows(chunk: Chunk, answers: Sequence[Answer], head: Head) -> list[dict[str, Any]]:
    """Each row's values under the names of `ANSWER_SCHEMA`, and its path in the words of the head's stores."""
    views = chunk.views or [None] * len(answers)
    return [
        _answer_row(product_id, view, answer, head)
        for product_id, view, answer in zip(chunk.product_ids, views, answers, strict=True)
    ]


def own_names(own: pa.Schema, taken: Sequence[str] = ()) -> list[str]:
    """The names under which the input's own columns come back: with `input_` in front of one that is taken."""
    names: list[str] = []
    for name in own.names:
        while name in _RESERVED or name in taken or name in names:
            name = f"input_{name}"
        names.append(name)
    return names


def _answer_row(product_id: str, view: int | None, answer: Answer, head: Head) -> dict[str, Any]:
    said = answer.prediction
    fine = said.error is None
    others = [{"path": format_path(path), "probability": round(mass, 6)} for path, mass in said.alternatives]
    return {
        "product_id": product_id,
        "view": view,
        "path": format_path(said.path) if fine else None,
        "probability": round(said.probability, 6) if fine else None,
        "level_probabilities": [round(level, 6) for level in said.level_probabilities] if fine else None,
        "answered_depth": len(said.path) if fine else None,
        "alternatives": others if fine else None,
        "reason": None,
        "model_id": head.model_id,
        "taxonomy_id": head.taxonomy_id,
        "error": said.error,
        **_in_stores(said, head),
    }


def _in_stores(said: Prediction, head: Head) -> dict[str, str | None]:
    """The path in the words of each store; null on error and where a store has nothing of the kind."""
    if head.also is None or said.error is not None:
        return dict.fromkeys(head.store_columns)
    return dict(zip(head.store_columns, head.also.say(said.path), strict=True))


def _evidence(chunk: Chunk, answers: Sequence[Answer]) -> list[dict[str, Any]]:
    unknown = [None] * len(answers)
    return [
        {
            "truth": truth,
            "masses": None if answer.prediction.error else [{"node": n, "mass": m} for n, m in answer.masses],
            "mass_left": None if answer.prediction.error else max(0.0, 1 - sum(mass for _, mass in answer.masses)),
            "evidence": [light.tolist() for light in answer.prediction.evidence] or None,
            "near_train": near,
        }
        for truth, near, answer in zip(chunk.truths or unknown, chunk.near_train or unknown, answers, strict=True)
    ]


def _whole_rows(chunk: Chunk, answers: Sequence[Answer], own: pa.Schema, head: Head) -> Iterator[dict[str, Any]]:
    columns = [_to_microseconds(column).to_pylist() for column in chunk.own.columns]
    names = own_names(own, head.store_columns)
    for place, row in enumerate(answer_rows(chunk, answers, head)):
        row |= {name: column[place] for name, column in zip(names, columns, strict=True)}
        yield row


def _to_microseconds(column: pa.Array) -> pa.Array:
    """Times in nanoseconds as Python's own finest unit; pyarrow would hand them to pandas, which is no dependency."""
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return column.cast(pa.timestamp("us", kind.tz), safe=False)
    if pa.types.is_duration(kind) and kind.unit == "ns":
        return column.cast(pa.duration("us"), safe=False)
    return column.cast(pa.time64("us"), safe=False) if kind == pa.time64("ns") else column


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name == "level_probabilities":
        return " ".join(f"{probability:.4f}" for probability in value)
    if name == "alternatives":
        return safe_cell("; ".join(f"{other['path']} ({other['probability']:.2f})" for other in value))
    if name == "probability":
        return f"{value:.4f}"
    return safe_cell(value if isinstance(value, str) else _json(value).strip('"'))


def safe_cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula. A plain number with a sign is none."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) and not _NUMBER.fullmatch(text) else text


def _json(value: Any) -> str:
    return json.dumps(_plain(value), ensure_ascii=False)


def _plain(value: Any) -> Any:
    """The value as JSON can say it: dates as ISO text, bytes as Base64, no NaN."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    iso: Callable[[], str] | None = getattr(value, "isoformat", None)
    return iso() if iso else str(value)
