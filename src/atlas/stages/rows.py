"""Rows of an input on their way to a model: chunks of pictures with the columns they came with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import pyarrow as pa

from atlas.errors import AtlasError, DataError, ImageError

if TYPE_CHECKING:
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
class Source:
    """An input that was looked at, but not read yet: its own columns, its rows where counted, and the way to them."""

    schema: pa.Schema
    rows: int | None
    chunks: Callable[[], Iterator[Chunk]]


class Columns(NamedTuple):
    """Which columns the caller named; None where Atlas looks for itself."""

    image: str | None = None
    product_id: str | None = None


#: Nothing was said: look for the columns by their names.
ANY_COLUMNS = Columns()


class Found(NamedTuple):
    """Which columns were found."""

    image: str
    product_id: str | None


def picture_in(cell: Any, folder: FilePath) -> Picture | AtlasError:
    """The picture that a cell holds: encoded bytes, a file name relative to `folder`, or a Hub image with either."""
    if isinstance(cell, dict):
        cell = cell.get("bytes") or cell.get("path")
    if isinstance(cell, bytes) and cell:
        return cell
    if isinstance(cell, str) and cell.strip():
        if cell.startswith(("http://", "https://")):
            return ImageError(f"an address, not a picture: {cell[:200]} (download it first)")
        return folder / cell
    return ImageError(
        "no picture: the cell is empty" if not cell else f"no picture: the cell holds a {type(cell).__name__}"
    )


def find_columns(file: FilePath, names: Sequence[str], columns: Columns) -> Found:
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


def unique_names(names: Sequence[str]) -> list[str]:
    """Every column under a name of its own: a second `title` becomes `title_2`, an empty name its place."""
    unique: list[str] = []
    for place, name in enumerate(names, 1):
        base = name.strip() or f"column_{place}"
        new, count = base, 1
        while new in unique:
            new, count = f"{base}_{count + 1}", count + 1
        unique.append(new)
    return unique


def chunks_of(rows: Iterator[list[Any]], schema: pa.Schema, found: Found, folder: FilePath) -> Iterator[Chunk]:
    """Rows of cells, each followed by None or by what is wrong with it, as chunks."""
    image = schema.get_field_index(found.image)
    product = schema.get_field_index(found.product_id) if found.product_id else -1
    done = 0
    for batch in grouped(rows, CHUNK_ROWS):
        numbered = enumerate(batch, done + 1)
        yield Chunk(
            [
                identity(row[product] if product >= 0 else None, row[image] if image >= 0 else None, at)
                for at, row in numbered
            ],
            [row[-1] or picture_in(row[image], folder) for row in batch],
            _own_columns(batch, schema, own_schema(schema, found)),
        )
        done += len(batch)


def own_schema(schema: pa.Schema, found: Found) -> pa.Schema:
    """The columns that come back beside the answer: all but the product's id where it comes back under its own name."""
    return pa.schema([field for field in schema if not field.name == found.product_id == "product_id"])


def _own_columns(rows: Sequence[Sequence[Any]], schema: pa.Schema, own: pa.Schema) -> pa.RecordBatch:
    arrays = []
    for field in own:
        place = schema.get_field_index(field.name)
        arrays.append(pa.array([_fitting(row[place], field.type) for row in rows], field.type))
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


def identity(product_id: Any, file: Any, row: int) -> str:
    """The product's id, else its picture's file, else its place in the table."""
    named = next((value for value in (product_id, file) if isinstance(value, str | int) and value != ""), None)
    return f"row {row}" if named is None else str(named)


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
