"""Lists of picture urls: the paper's published JSON, or any table with a column of urls, as listings without a page."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any, NamedTuple

from atlas.dataset.columns import Columns, is_empty, read_columns
from atlas.dataset.reasons import RowError
from atlas.dataset.schema import BUILD_FILE, open_dataset
from atlas.dataset.tables import TABLE_KINDS, table_columns, table_rows
from atlas.errors import DataError, UsageError
from atlas.records import Listing
from atlas.storage import read_json

#: Columns that hold a picture's address, the surest first.
PICTURE_COLUMNS = (
    "image_url", "picture_url", "img_url", "photo_url", "image_link", "images", "image", "picture", "img", "photo",
    "url", "link",
)  # fmt: skip
_GUESSES = {
    "image": PICTURE_COLUMNS,
    "path": ("path", "category_path", "taxonomy", "category"),
    "product_id": ("product_id", "sku", "id"),
    "split": ("split",),
    "title": ("title", "name"),
}


class Entry(NamedTuple):
    """One product of a list: its pictures are in `listing.images`, `split` is the list's own word."""

    listing: Listing
    split: str | None


@dataclass
class UrlList:
    """A list that was read: its entries in the list's order, and rows that gave none, by reason."""

    name: str
    entries: list[Entry] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)

    def skip(self, reason: str) -> None:
        """Count a row that gives nothing."""
        self.skipped[reason] = self.skipped.get(reason, 0) + 1


def is_url_list(file: FilePath) -> bool:
    """Whether a file can be one, by its name, or a folder, by its being a data set."""
    return file.suffix.lower() in (".json", *TABLE_KINDS) or (file / BUILD_FILE).is_file()


def read_url_list(file: FilePath, columns: Sequence[str] = (), limit: int | None = None) -> UrlList:
    """The products of a list; rows with one product id, path and split are one product with several pictures.

    A data set of links is a list, too. `columns` are `KEY=COLUMN` settings as `atlas build` takes them (`image` is the
    picture's address). Raises UsageError for a file or column that is not there, DataError for what is no list.
    """
    if not file.is_file() and not (file.is_dir() and is_url_list(file)):
        raise UsageError(f"{file} is no file: name a store file (.toml), a JSON list or a table")
    found = UrlList(file.name.partition(".")[0])
    if file.is_dir():
        rows = _dataset_rows(file)
    else:
        rows = _json_rows(file) if file.suffix.lower() == ".json" else _table_rows(file, columns)
    products: dict[Any, Entry] = {}
    for number, row in enumerate(rows):
        if limit is not None and number >= limit:
            break
        if isinstance(row, str):
            found.skip(row)
            continue
        entry = _entry(found.name, row)
        key = (entry.listing.store, entry.listing.product_id, entry.listing.path, entry.split)
        products[key] = _joined(products[key], entry) if key in products else entry
    found.entries = list(products.values())
    if not found.entries:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in found.skipped.items())
        raise DataError(f"{file} has no row with an address: {reasons or 'it is empty'}")
    return found


@dataclass(frozen=True)
class _Row:
    """What one row says."""

    pictures: tuple[str, ...]
    product_id: str = ""
    url: str = ""
    title: str | None = None
    price: float | None = None
    currency: str | None = None
    store: str = ""
    path: tuple[str, ...] = ()
    breadcrumb: tuple[str, ...] = ()
    split: str | None = None


def _entry(name: str, row: _Row) -> Entry:
    product_id = row.product_id or hashlib.sha256(row.pictures[0].encode()).hexdigest()[:16]
    listing = Listing(
        row.store or name, row.url or row.pictures[0], product_id, row.title, row.price, row.currency,
        row.breadcrumb, row.pictures, row.path,
    )  # fmt: skip
    return Entry(listing, row.split)


def _joined(first: Entry, other: Entry) -> Entry:
    images = tuple(dict.fromkeys(first.listing.images + other.listing.images))
    return Entry(replace(first.listing, images=images), first.split)


# -- the paper's JSON ------------------------------------------------------------------------------------------------


def _json_rows(file: FilePath) -> Iterator[_Row | str]:
    """Rows of `{"images": [{"filename", "title", "sentences": [{"tokens"}], "image_url", "split"}]}`, or reasons."""
    told = read_json(file)
    records = told.get("images") if isinstance(told, Mapping) else told
    if not isinstance(records, list):
        raise DataError(f'{file} is no url list: use {{"images": [{{"image_url": ..}}, ..]}}, or a table')
    for record in records:
        if not isinstance(record, Mapping):
            yield "no record"
        elif not isinstance(record.get("image_url"), str) or not record["image_url"].strip():
            yield "no address"
        else:
            path = _tokens(record)
            yield "broken path" if path is None else _of_record(record, path)


def _of_record(record: Mapping[str, Any], path: tuple[str, ...]) -> _Row:
    text = {key: record[key].strip() for key in ("filename", "title", "split") if isinstance(record.get(key), str)}
    name = text.get("filename", "")
    return _Row(
        (record["image_url"].strip(),),
        product_id=name.rpartition(".")[0] or name,
        title=text.get("title") or None,
        path=path,
        split=text.get("split") or None,
    )


def _tokens(record: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The path, () where there is none, None where it is broken."""
    try:
        sentences = record.get("sentences")
        tokens = sentences[0]["tokens"] if sentences else record.get("path")
        return Columns({"path": ("path",)}).path({"path": tokens}) if tokens else ()
    except (KeyError, IndexError, TypeError, RowError):
        return None


# -- tables ----------------------------------------------------------------------------------------------------------


def _table_rows(file: FilePath, settings: Sequence[str]) -> Iterator[_Row | str]:
    kind = TABLE_KINDS[file.suffix.lower()]
    names = table_columns(file, kind)
    columns = _guessed(read_columns(settings), names, file)
    for _, cells, broken in table_rows(file, kind, columns.needed()):
        try:
            yield broken or _of_cells(columns, cells)
        except RowError as error:
            yield str(error.reason)


def _dataset_rows(folder: FilePath) -> Iterator[_Row | str]:
    """The rows of a data set that holds addresses in place of pictures."""
    dataset = open_dataset(folder)
    if not dataset.links_only:
        raise UsageError(f"{folder} is a data set that holds its pictures: there is nothing to collect")
    keys = ("product_id", "title", "price", "currency", "store", "url", "breadcrumb", "path", "image", "split")
    columns = Columns({key: (key,) for key in keys})
    for split in dataset.splits:
        for cells in dataset.table(split, [key for key in keys if key != "split"]).to_pylist():
            yield _of_cells(columns, cells | {"split": split})


def _guessed(columns: Columns, names: Sequence[str], file: FilePath) -> Columns:
    """The columns that were named, and for the others those that are usually called so."""
    lower = {name.strip().lower(): name for name in reversed(names)}
    chosen = {key: wanted for key, wanted in columns.names.items() if key in columns.asked}
    for key, known in _GUESSES.items():
        hit = next((lower[name] for name in known if name in lower), None)
        if key not in chosen and hit is not None:
            chosen[key] = (hit,)
    for key in ("url", "price", "currency", "store", "breadcrumb"):
        if key not in chosen and key in lower and chosen.get("image") != (lower[key],):
            chosen[key] = (lower[key],)
    missing = [name for wanted in chosen.values() for name in wanted if name not in names]
    if missing or "image" not in chosen:
        what = f"column {missing[0]!r}" if missing else f"column of picture addresses ({', '.join(PICTURE_COLUMNS)})"
        raise UsageError(f"{file} has no {what}: its columns are {', '.join(names)}; use --columns image=COLUMN")
    return Columns(chosen, columns.asked, columns.separator)


def _of_cells(columns: Columns, cells: Mapping[str, Any]) -> _Row | str:
    pictures = _addresses(columns.cell(cells, "image"))
    if not pictures:
        return "no address"
    has_path = any(not is_empty(cells.get(name)) for name in columns.names.get("path", ()))
    return _Row(
        pictures,
        product_id=columns.text(cells, "product_id") or "",
        url=columns.text(cells, "url") or "",
        title=columns.text(cells, "title"),
        price=columns.number(cells, "price"),
        currency=columns.text(cells, "currency"),
        store=columns.text(cells, "store") or "",
        path=columns.path(cells) if has_path else (),
        breadcrumb=tuple(columns.breadcrumb(cells) or ()),
        split=columns.text(cells, "split"),
    )


def _addresses(cell: Any) -> tuple[str, ...]:
    """The addresses in a cell: one, or a list of them, also as JSON or with `url` in each."""
    if isinstance(cell, str) and cell.lstrip().startswith("["):
        try:
            cell = json.loads(cell)
        except ValueError:
            return ()
    items = cell if isinstance(cell, list | tuple) else [cell]
    urls = [item.get("url") or item.get("path") if isinstance(item, Mapping) else item for item in items]
    return tuple(dict.fromkeys(url.strip() for url in urls if isinstance(url, str) and url.strip()))
