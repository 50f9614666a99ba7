"""The store paths of crawls, tables and data sets, with their products and some titles."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath

from atlas.dataset.columns import Columns, as_text, read_columns
from atlas.dataset.sources import RawRow, open_source
from atlas.errors import NothingDoneError
from atlas.progress import Progress, Silent
from atlas.records import Path
from atlas.taxonomy.files import load_taxonomy
from atlas.taxonomy.mapping import ANY_STORE, StorePath, clean_store_path

#: Titles of a store path that are kept.
TITLES = 50
#: What a row must say, and what of it is read.
NEEDED = ("breadcrumb",)
READ = ("store", "breadcrumb", "title", "product_id")


@dataclass
class _Found:
    products: set[int] = field(default_factory=set)
    titles: dict[str, None] = field(default_factory=dict)


def read_store_paths(
    sources: Sequence[str], columns: Sequence[str] = (), store: str | None = None, progress: Progress | None = None
) -> list[StorePath]:
    """The store paths of all sources, by store and path, each with the number of its products and some of their titles.

    A source is a crawl, a table with breadcrumbs, a data set, or a text file with one store path a line, whose store is
    `store`, else the file's name. Rows of no store count for `store`, else for any. Rows without a breadcrumb have no
    store path. Raises UsageError and DataError like `build`, and NothingDoneError when there is no store path at all.
    """
    found: dict[tuple[str, Path], _Found] = {}
    progress = progress or Silent()
    named = read_columns(tuple(columns))
    for source in sources:
        progress.begin(f"reading {source}")
        file = FilePath(source)
        if file.suffix.lower() == ".txt":
            tree = load_taxonomy(source)
            for node in tree.answers:
                found.setdefault((_clean(store or file.stem), tree.paths[node]), _Found())
        else:
            for name, breadcrumb, product, title in _rows(file, named):
                here = found.setdefault((name or _clean(store), breadcrumb), _Found())
                here.products.add(product)
                if title and len(here.titles) < TITLES:
                    here.titles[title] = None
                progress.advance()
    if not found:
        raise NothingDoneError(f"no row of {', '.join(sources)} has a breadcrumb: there is no store path to go by")
    ordered = sorted(found.items(), key=lambda entry: (entry[0][0].casefold(), entry[0]))
    return [StorePath(*key, len(here.products), tuple(here.titles)) for key, here in ordered]


def _rows(file: FilePath, named: Columns) -> Iterator[tuple[str, Path, int, str]]:
    """Store (empty where the row says none), store path, product and title of each row that has a store path."""
    source = open_source(file)
    by_file = source.check_columns(named, needed=NEEDED)
    kept = [here.only(READ) for here in by_file]
    for raw in source.rows(sorted({name for here in kept for name in here.needed()})):
        columns = kept[raw.file]
        store_path = clean_store_path(columns.breadcrumb(raw.cells) or ()) if raw.broken is None else ()
        if store_path:
            store = columns.text(raw.cells, "store")
            yield _clean(store) if store else "", store_path, _product(raw, columns, store), _title(raw, columns)


def _clean(store: str | None) -> str:
    """A store's name that can stand in a mapping."""
    return " ".join(clean_store_path([store or ""])) or ANY_STORE


def _product(raw: RawRow, columns: Columns, store: str | None) -> int:
    """A number for the row's product: views of one product share it."""
    name = columns.text(raw.cells, "product_id") or raw.place
    return int.from_bytes(hashlib.blake2b(f"{store}\x1f{name}".encode(), digest_size=8).digest(), "big")


def _title(raw: RawRow, columns: Columns) -> str:
    return " ".join(as_text(columns.text(raw.cells, "title") or "").split())[:200]
