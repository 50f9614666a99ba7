"""One row of a source read to the end: its words, and its picture decoded once to prove that it can be."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, TypeAlias

import pyarrow as pa
from PIL import Image

from atlas.dataset.columns import Cells, Columns, as_text, is_empty, whole_text
from atlas.dataset.listings import Fetched
from atlas.dataset.reasons import Reason, RowError
from atlas.dataset.schema import SCHEMA
from atlas.dataset.sources import RawRow
from atlas.dataset.split import is_split_name
from atlas.errors import ImageError
from atlas.images import MAX_PIXELS, decode, pixel_hash
from atlas.records import Path
from atlas.taxonomy.mapping import Mapping as StoreMapping
from atlas.taxonomy.mapping import clean_store_path
from atlas.taxonomy.tree import format_path

#: A bigger file is no product photo.
MAX_PICTURE_BYTES = 64 * 2**20
#: More of an explanation than this is no use to anybody.
MAX_DETAIL = 300
#: What a row weighs beside its picture and texts: numbers, offsets, page headers.
ROW_OVERHEAD_BYTES = 120

_KEPT = [entry for entry in SCHEMA if entry.name not in ("group", "near_train")]
#: What is kept of a row until all rows are known: the data set's own columns, and what the split needs.
PART_SCHEMA = pa.schema(
    [
        *_KEPT,
        ("place", pa.string()),  # file and row, or the picture's own name
        ("split", pa.string()),  # as the source says
        ("product_key", pa.uint64()),  # of store and product_id
        ("picture_key", pa.uint64()),  # first 64 bits of the SHA-256
        ("pixel_key", pa.uint64()),  # the same for equal pixels
        ("descriptor", pa.binary()),  # what the picture shows; null where nobody described it
        ("weight", pa.int32()),  # bytes in the data set, about
        ("reason", pa.string()),  # null for a good row
        ("detail", pa.string()),
    ]
)


#: What describes a decoded picture, so that copies of it are found: so many bytes for each.
Describe: TypeAlias = Callable[[Image.Image], bytes]
#: Labelled pictures made of one; raises RowError where none can be made.
Cut: TypeAlias = Callable[[bytes], Sequence[tuple[Path, bytes]]]


#: Store ("" where none is named) and product_id.
ProductKey: TypeAlias = tuple[str, str]


@dataclass(frozen=True)
class Labelling:
    """Which path a row gets: by the mapping of its store path, else the one that it brings itself."""

    mapping: StoreMapping
    suggested: bool = False  # whether rows count that nobody has confirmed

    def path(self, store: str | None, breadcrumb: Sequence[str] | None) -> Path | None:
        """The path by the mapping; None where it says nothing. Raises RowError where it says that there is none."""
        store_path = clean_store_path(breadcrumb or ())
        row = self.mapping.row_of(store, store_path, suggested=self.suggested)
        if row is not None and row.status == "rejected":
            raise RowError(Reason.NO_PLACE, f"{format_path(row.store_path)} of {row.store}")
        return row.path if row is not None else None


@dataclass(frozen=True)
class PictureSource:
    """Where pictures are: in a folder, and for addresses what a crawl made of them."""

    folder: FilePath  # names of files are relative to it
    fetched: Mapping[str, Fetched] | None = None  # address -> what became of it; None without a crawl
    links_only: bool = False  # whether the address is kept in place of the picture


@dataclass(frozen=True)
class RowReader:
    """Reads the rows of one source file; used by several threads at once."""

    columns: Columns
    pictures: PictureSource
    split: str | None = None  # of the whole file
    values: Mapping[str, str] = field(default_factory=dict)  # split column's value -> split; empty: the value itself
    where: Mapping[str, frozenset[str]] = field(default_factory=dict)  # column -> values to keep
    labelling: Labelling | None = None  # None: rows bring their paths
    cut: Cut | None = None  # what makes other rows of each, with labels of their own
    judged: bool = False  # whether a row goes on with its picture under `data`, for somebody who looks at it
    describe: Describe | None = None
    patched: Mapping[ProductKey, Path] = field(default_factory=dict)  # what somebody decided; () takes a product out

    def needed_for_product(self) -> list[str]:
        """The columns that say which product a row belongs to, and whether it is left out."""
        return [*self.columns.only(["product_id", "store", "split"]).needed(), *self.where]

    def product(self, raw: RawRow) -> ProductKey:
        """Which product a row belongs to; without an id each row is one of its own."""
        product_id = self.columns.text(raw.cells, "product_id") or whole_text(raw.place)
        return self.columns.text(raw.cells, "store") or "", product_id

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

    def read_all(self, raw: RawRow) -> list[dict[str, Any]]:
        """What a row of the source becomes, each as from `read`: one row, or one for each picture cut out of it."""
        row = self.read(raw)
        if self.cut is None or "reason" in row:
            return [row]
        try:
            cuts = self.cut(row["image"]["bytes"])
            rows = [
                row | {"path": path, "view": None} | _looked_at(data, self.describe) | _kept(row, data)
                for path, data in cuts
            ]
        except RowError as error:
            return [
                row | {"image": None, "weight": 0, "reason": error.reason.value, "detail": error.detail[:MAX_DETAIL]}
            ]
        return [made | {"weight": _weight(made)} for made in rows]

    def read(self, raw: RawRow) -> dict[str, Any]:
        """The row under the names of `PART_SCHEMA`; with `reason` and `detail`, and no picture, when it is rejected."""
        place = whole_text(raw.place)
        product_id = self.columns.text(raw.cells, "product_id") or place
        row: dict[str, Any] = {"place": place, "product_id": product_id, "weight": 0}
        try:
            if raw.broken is not None:
                raise RowError(Reason.BROKEN_ROW, raw.broken)
            row |= self._words(raw.cells, product_id)
            row["path"] = self._path(raw.cells, row) if self.cut is None else ()
            row["split"] = self.split or self._own_split(raw.cells)
            row |= self._picture(raw.cells)
        except RowError as error:
            return row | {"reason": error.reason.value, "detail": whole_text(error.detail)[:MAX_DETAIL]}
        row["weight"] = _weight(row)
        return row

    def _path(self, cells: Cells, row: Mapping[str, Any]) -> Path:
        """The row's label. Raises RowError where there is none."""
        decided = self.patched.get((row["store"] or "", row["product_id"]))
        if decided is not None:
            if not decided:
                raise RowError(Reason.TAKEN_OUT, row["product_id"])
            return decided
        if self.labelling is None:
            return self.columns.path(cells)
        path = self.labelling.path(row["store"], row["breadcrumb"])
        if path is not None:
            return path
        try:
            return self.columns.path(cells)
        except RowError as error:
            if error.reason is not Reason.EMPTY_PATH:
                raise
            store_path = format_path(clean_store_path(row["breadcrumb"] or ())) or "no store path"
            raise RowError(Reason.UNMAPPED, f"{store_path} of {row['store'] or 'no store'}") from error

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
            "marks": columns.marks(cells),
            "product_key": product_key((store or "", product_id)),
        }

    # -- the picture -------------------------------------------------------------------------------------------------

    def _picture(self, cells: Cells) -> dict[str, Any]:
        """The picture, looked at. Raises RowError when there is none, or another one than the row says."""
        data, name = picture_in(self.columns.cell(cells, "image"))
        url = self.columns.text(cells, "image_url") or (name if is_url(name) else "")
        data = _checked_size(data) if data else self._loaded(cells, name, url)
        found = _looked_at(data, self.describe)
        expected = self.columns.text(cells, "sha256")
        if expected and expected.lower() != found["sha256"]:
            raise RowError(Reason.CHANGED, f"{url or name}: another content than sha256 {expected[:12]}.. says")
        if self.pictures.links_only and not url:
            raise RowError(Reason.NO_URL, f"{name or 'the picture'} comes from a file: nobody else could fetch it")
        kept = None if self.pictures.links_only else data
        shown = {"data": data} if self.judged else {}
        image = {"bytes": kept, "path": url or (whole_text(FilePath(name).name) if name else None)}
        return found | shown | {"image": image}

    def _loaded(self, cells: Cells, name: str, url: str) -> bytes:
        """The bytes of a picture that the row names by file or address. Raises RowError when they cannot be had."""
        if url and self.pictures.fetched is not None:
            fetched = self.pictures.fetched.get(url)
            if fetched is None:
                raise RowError(Reason.NOT_COLLECTED, url[:200])
            if not fetched.file:
                raise RowError(Reason.NOT_FETCHED, f"{url[:200]}: {fetched.error}")
            return _file_bytes(self.pictures.folder / fetched.file, fetched.file)
        if why := self.columns.text(cells, "image_error"):
            raise RowError(Reason.NOT_FETCHED, f"{url[:200]}: {why}" if url else why)
        if not name:
            raise RowError(Reason.NO_PICTURE, why_none(self.columns.cell(cells, "image")))
        if is_url(name):
            raise RowError(
                Reason.URL, f"{name[:200]}: `atlas collect` fetches pictures; then name its folder with --pictures"
            )
        return _file_bytes(self.pictures.folder / name, name)


def _kept(row: Mapping[str, Any], data: bytes) -> dict[str, Any]:
    """The picture of a row replaced by one that was made of it."""
    return {"image": {"bytes": data, "path": row["image"]["path"]}}


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


def _looked_at(data: bytes, describe: Describe | None) -> dict[str, Any]:
    """Size, digests and descriptor of a picture. Raises RowError when it cannot be decoded to its last line."""
    try:
        image = decode(data)
        descriptor = describe(image) if describe else None
    except ImageError as error:
        reason = Reason.TOO_BIG if _has_too_many_pixels(data) else Reason.UNREADABLE
        raise RowError(reason, str(error)) from error
    except Exception as error:  # a decoder may raise anything on damaged data, and that costs this row only
        raise RowError(Reason.UNREADABLE, f"{type(error).__name__}: {error}"[:200]) from error
    sha256 = hashlib.sha256(data).digest()
    return {
        "width": image.width,
        "height": image.height,
        "sha256": sha256.hex(),
        "picture_key": int.from_bytes(sha256[:8], "big"),
        "pixel_key": pixel_hash(image),
        "descriptor": descriptor,
    }


def _has_too_many_pixels(data: bytes) -> bool:
    try:
        with Image.open(io.BytesIO(data)) as image:
            return image.width * image.height > MAX_PIXELS
    except Image.DecompressionBombError:
        return True
    except Exception:
        return False


def product_key(product: ProductKey) -> int:
    """The 64 bits by which the split knows a product."""
    return int.from_bytes(hashlib.blake2b("\x1f".join(product).encode(), digest_size=8).digest(), "big")


def _weight(row: Mapping[str, Any]) -> int:
    texts = (row[key] for key in ("product_id", "title", "url", "store"))
    names = [*row["path"], *(row["breadcrumb"] or ())]
    return (
        ROW_OVERHEAD_BYTES
        + len(row["image"]["bytes"] or b"")
        + len((row["image"]["path"] or "").encode())
        + sum(len(text.encode()) for text in texts if text)
        + sum(len(name.encode()) + 4 for name in names)
    )
