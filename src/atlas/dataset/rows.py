"""One row of a source read to the end: its words, and its picture decoded once to prove that it can be."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

import pyarrow as pa
from PIL import Image

from atlas.dataset.columns import Cells, Columns, as_text, is_empty, whole_text
from atlas.dataset.reasons import Reason, RowError
from atlas.dataset.schema import SCHEMA
from atlas.dataset.sources import RawRow
from atlas.dataset.split import is_split_name
from atlas.errors import ImageError
from atlas.images import MAX_PIXELS, decode, difference_hash

#: A bigger file is no product photo.
MAX_PICTURE_BYTES = 64 * 2**20
#: More of an explanation than this is no use to anybody.
MAX_DETAIL = 300
#: What a row weighs beside its picture and texts: numbers, offsets, page headers.
ROW_OVERHEAD_BYTES = 120

_KEPT = [entry for entry in SCHEMA if entry.name not in ("group", "marks", "near_train")]
#: What is kept of a row until all rows are known: the data set's own columns, and what the split needs.
PART_SCHEMA = pa.schema(
    [
        *_KEPT,
        ("place", pa.string()),  # file and row, or the picture's own name
        ("split", pa.string()),  # as the source says
        ("product_key", pa.uint64()),  # of store and product_id
        ("picture_key", pa.uint64()),  # first 64 bits of the SHA-256
        ("dhash", pa.uint64()),
        ("weight", pa.int32()),  # bytes in the data set, about
        ("reason", pa.string()),  # null for a good row
        ("detail", pa.string()),
    ]
)


@dataclass(frozen=True)
class RowReader:
    """Reads the rows of one source file; used by several threads at once."""

    columns: Columns
    folder: FilePath  # names of pictures are relative to it
    split: str | None = None  # of the whole file
    values: Mapping[str, str] = field(default_factory=dict)  # split column's value -> split; empty: the value itself
    where: Mapping[str, frozenset[str]] = field(default_factory=dict)  # column -> values to keep

    def needed(self) -> list[str]:
        """The columns to read."""
        return [*self.columns.needed(), *self.where]

    def left_out(self, raw: RawRow) -> str | None:
        """Which wish of the user's leaves the row out ("where" or "splits"); None when it is to be read."""
        if raw.broken is not None:
            return None
        for column, wanted in self.where.items():
            value = raw.cells.get(column)
            if ("" if is_empty(value) else as_text(value)) not in wanted:
                return "where"
        split = self.columns.text(raw.cells, "split")
        return "splits" if self.values and split is not None and split not in self.values else None

    def read(self, raw: RawRow) -> dict[str, Any]:
        """The row under the names of `PART_SCHEMA`; with `reason` and `detail`, and no picture, when it is rejected."""
        place = whole_text(raw.place)
        product_id = self.columns.text(raw.cells, "product_id") or place
        row: dict[str, Any] = {"place": place, "product_id": product_id, "weight": 0}
        try:
            if raw.broken is not None:
                raise RowError(Reason.BROKEN_ROW, raw.broken)
            row["path"] = self.columns.path(raw.cells)
            row["split"] = self.split or self._own_split(raw.cells)
            picture = _loaded(self.columns.cell(raw.cells, "image"), self.folder)
            row |= self._words(raw.cells, product_id) | _looked_at(*picture)
        except RowError as error:
            return row | {"reason": error.reason.value, "detail": whole_text(error.detail)[:MAX_DETAIL]}
        row["weight"] = _weight(row)
        return row

    def _own_split(self, cells: Cells) -> str | None:
        if not self.columns.has_split:
            return None
        value = self.columns.text(cells, "split") or ""
        split = self.values.get(value, value)
        if not is_split_name(split):
            raise RowError(Reason.NO_SPLIT, f"{value[:60]!r} is no split: use letters, digits and _")
        return split

    def _words(self, cells: Cells, product_id: str) -> dict[str, Any]:
        columns = self.columns
        view, store = columns.number(cells, "view"), columns.text(cells, "store")
        return {
            "view": int(view) if view is not None and 0 <= view < 2**31 else None,
            "title": columns.text(cells, "title"),
            "price": columns.number(cells, "price"),
            "currency": columns.text(cells, "currency"),
            "store": store,
            "url": columns.text(cells, "url"),
            "breadcrumb": columns.breadcrumb(cells),
            "product_key": _key64(f"{store or ''}\x1f{product_id}".encode()),
        }


def picture_in(cell: Any) -> tuple[bytes, str]:
    """What a cell says of its picture: encoded bytes and a file's name, each empty where it says none.

    A cell is one of the two, or the Hub's `{bytes, path}` with either or both.
    """
    if isinstance(cell, Mapping):
        data, name = cell.get("bytes"), cell.get("path")
        return picture_in(data)[0], picture_in(name)[1]
    if isinstance(cell, bytes | bytearray | memoryview):
        return bytes(cell), ""
    return b"", as_text(cell) if isinstance(cell, str | int | float) and not is_empty(cell) else ""


def why_none(cell: Any) -> str:
    """Why a cell in which `picture_in` finds nothing is no picture."""
    empty = isinstance(cell, Mapping | bytes) or is_empty(cell)
    return "the picture's cell is empty" if empty else f"the picture's cell holds a {type(cell).__name__}"


def is_url(name: str) -> bool:
    """Whether the name of a picture is an address elsewhere, not a file's."""
    return "://" in name[:12] or name.startswith("//")


def _loaded(cell: Any, folder: FilePath) -> tuple[bytes, str | None]:
    """Encoded bytes and file name of an image cell. Raises RowError when there is no picture to be had."""
    data, name = picture_in(cell)
    if not data and not name:
        raise RowError(Reason.NO_PICTURE, why_none(cell))
    if not data and is_url(name):
        raise RowError(Reason.URL, f"{name[:200]}: `atlas collect` downloads pictures, `atlas build` reads files")
    file_name = whole_text(FilePath(name).name) if name else None
    return _checked_size(data) if data else _file_bytes(folder / name, name), file_name


def _file_bytes(file: FilePath, name: str) -> bytes:
    try:
        if not file.is_file():
            raise RowError(Reason.MISSING_FILE, f"{name}: no such file")
        size_bytes = file.stat().st_size
        if size_bytes > MAX_PICTURE_BYTES:
            raise RowError(Reason.TOO_BIG, f"{size_bytes:,} bytes, at most {MAX_PICTURE_BYTES:,} are allowed")
        return _checked_size(file.read_bytes())
    except (OSError, ValueError) as error:
        raise RowError(
            Reason.MISSING_FILE, f"{name[:200]!r} cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error


def _checked_size(data: bytes) -> bytes:
    if not data:
        raise RowError(Reason.NO_PICTURE, "the picture has no bytes")
    if len(data) > MAX_PICTURE_BYTES:
        raise RowError(Reason.TOO_BIG, f"{len(data):,} bytes, at most {MAX_PICTURE_BYTES:,} are allowed")
    return data


def _looked_at(data: bytes, name: str | None) -> dict[str, Any]:
    """Size, digest and difference hash of a picture. Raises RowError when it cannot be decoded to its last line."""
    try:
        image = decode(data)
        dhash = difference_hash(image)
    except ImageError as error:
        reason = Reason.TOO_BIG if _has_too_many_pixels(data) else Reason.UNREADABLE
        raise RowError(reason, str(error)) from error
    except Exception as error:  # a decoder may raise anything on damaged data, and that costs this row only
        raise RowError(Reason.UNREADABLE, f"{type(error).__name__}: {error}"[:200]) from error
    sha256 = hashlib.sha256(data).digest()
    return {
        "image": {"bytes": data, "path": name},
        "width": image.width,
        "height": image.height,
        "sha256": sha256.hex(),
        "picture_key": int.from_bytes(sha256[:8], "big"),
        "dhash": dhash,
    }


def _has_too_many_pixels(data: bytes) -> bool:
    try:
        with Image.open(io.BytesIO(data)) as image:
            return image.width * image.height > MAX_PIXELS
    except Image.DecompressionBombError:
        return True
    except Exception:
        return False


def _key64(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


def _weight(row: Mapping[str, Any]) -> int:
    texts = (row[key] for key in ("product_id", "title", "url", "store"))
    names = [*row["path"], *(row["breadcrumb"] or ())]
    return (
        ROW_OVERHEAD_BYTES
        + len(row["image"]["bytes"])
        + sum(len(text.encode()) for text in texts if text)
        + sum(len(name.encode()) + 4 for name in names)
    )
