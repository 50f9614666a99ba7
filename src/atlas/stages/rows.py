"""Rows of an input on their way to a model: chunks of pictures with the columns they came with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import pyarrow as pa

from atlas.dataset.rows import is_url, picture_in, why_none
from atlas.errors import AtlasError, DataError, ImageError

if TYPE_CHECKING:
    from atlas.dataset.tables import TableRow
    from atlas.records import Picture

T = TypeVar("T")

#: Rows that travel together. Small, because they may carry encoded pictures.
CHUNK_ROWS = 64
#: Names under which pictures and products are looked for when no option says where they are, best first.
IMAGE_COLUMNS = ("image", "file", "file_name", "filename", "image_file", "image_path", "picture", "photo", "img")
ID_COLUMNS = ("product_id", "id", "sku")


class Chunk(NamedTuple):
    """Some rows of an input; a picture that is known to be none is the error that says why."""

    product_ids: list[str]
    pictures: list[Picture | AtlasError]
    own: pa.RecordBatch  # the input's own columns
    views: list[int | None] | None = None
    truths: list[str | None] | None = None
    near_train: list[bool | None] | None = None


@dataclass(frozen=True)
class Input:
    """An input that was looked at, but not read yet: its own columns, its rows where counted, and the way to them."""

    schema: pa.Schema
    rows: int | None
    chunks: Callable[[], Iterator[Chunk]]


class NamedColumns(NamedTuple):
    """Which columns the caller named; None where Atlas looks for itself."""

    image: str | None = None
    product_id: str | None = None


#: Nothing was said: look for the columns by their names.
NO_NAMES = NamedColumns()


class Found(NamedTuple):
    """Which columns were found."""

    image: str
    product_id: str | None


def pictures_of(rows: Iterable[TableRow], found: Found, folder: FilePath) -> list[Picture | AtlasError]:
    """The picture of each row: encoded bytes, a file by its name relative to `folder`, or why there is none."""
    return [DataError(broken) if broken else _picture(cells.get(found.image), folder) for _, cells, broken in rows]


def _picture(cell: Any, folder: FilePath) -> Picture | AtlasError:
    data, name = picture_in(cell)
    if data:
        return data
    if not name:
        return ImageError(f"no picture: {why_none(cell)}")
    if is_url(name):
        return ImageError(f"an address, not a picture: {name[:200]} (download it first)")
    return folder / name


def find_columns(file: FilePath, names: Sequence[str], columns: NamedColumns) -> Found:
    """The columns of pictures and ids. Raises DataError that lists the columns when one cannot be found."""
    image = columns.image or _guess(names, IMAGE_COLUMNS) or (names[0] if len(names) == 1 else None)
    for option, wanted in (("--image-column", image), ("--id-column", columns.product_id)):
        if wanted not in (*names, None) or (wanted is None and option == "--image-column"):
            missing = f"no column '{wanted}'" if wanted else "no column that looks like pictures"
            raise DataError(f"{file} has {missing}; its columns are {', '.join(names)}: name one with {option}")
    return Found(str(image), columns.product_id or _guess(names, ID_COLUMNS))


def _guess(names: Sequence[str], known: Sequence[str]) -> str | None:
    by_lower = {name.strip().lower(): name for name in reversed(names)}
    return next((by_lower[name] for name in known if name in by_lower), None)


def chunks_of(rows: Iterator[TableRow], schema: pa.Schema, found: Found, folder: FilePath) -> Iterator[Chunk]:
    """Rows as chunks; `schema` names all their columns."""
    own = own_schema(schema, found)
    for batch in grouped(rows, CHUNK_ROWS):
        yield Chunk(identities(batch, found), pictures_of(batch, found, folder), _own_columns(batch, own))


def own_schema(schema: pa.Schema, found: Found) -> pa.Schema:
    """The columns that come back beside the answer: all but the product's id where it comes back under its own name."""
    return pa.schema([field for field in schema if not field.name == found.product_id == "product_id"])


def _own_columns(rows: Sequence[TableRow], own: pa.Schema) -> pa.RecordBatch:
    arrays = [
        pa.array([_fitting(cells.get(field.name), field.type) for _, cells, _ in rows], field.type) for field in own
    ]
    return record_batch(arrays, own, len(rows))


def record_batch(arrays: list[pa.Array], schema: pa.Schema, rows: int) -> pa.RecordBatch:
    """The columns as one batch, which knows its rows even without any column."""
    if arrays:
        return pa.RecordBatch.from_arrays(arrays, schema=schema)
    return pa.RecordBatch.from_struct_array(pa.array([{}] * rows, pa.struct([])))


def _fitting(cell: Any, kind: pa.DataType) -> Any:
    """The cell, as text in a column of text."""
    if cell is None or isinstance(cell, str) or not pa.types.is_string(kind):
        return cell
    return json.dumps(cell, ensure_ascii=False)


def identities(rows: Iterable[TableRow], found: Found) -> list[str]:
    """What each row is called: its product's id, else its picture's file, else its place in the table."""
    return [
        _given(cells.get(found.product_id or "")) or picture_in(cells.get(found.image))[1] or f"row {number + 1}"
        for number, cells, _ in rows
    ]


def _given(product_id: Any) -> str:
    return str(product_id) if isinstance(product_id, str | int) else ""


def grouped(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    """The rows in lists of `size`; the last one may be shorter."""
    group: list[T] = []
    for row in rows:
        group.append(row)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
