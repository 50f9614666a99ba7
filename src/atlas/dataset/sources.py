"""Where listings come from: crawls, tables and folders of pictures, found, ordered and told apart."""

from __future__ import annotations

import fnmatch
import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path as FilePath
from typing import Literal, NamedTuple, TypeAlias

from atlas.dataset.columns import NEEDED, Cells, Columns
from atlas.dataset.listings import (
    LISTING_COLUMNS,
    LISTINGS_FILE,
    ORIGIN,
    is_listings,
    is_records,
    listing_rows,
    record_columns,
    record_rows,
)
from atlas.dataset.schema import BUILD_FILE, MAPPING_FILE, REJECTED_FILE
from atlas.dataset.tables import TABLE_KINDS, row_count, table_columns, table_rows
from atlas.errors import UsageError

Kind: TypeAlias = Literal["parquet", "csv", "jsonl", "pictures", "listings", "records"]

#: What a crawl works with; without listings beside it, it has not ended yet.
LEDGER_FILE = "crawl.sqlite"

#: What counts as a picture in a folder tree. Kinds that cannot be decoded here are rejected, not overlooked.
PICTURE_SUFFIXES = frozenset(
    f".{kind}"
    for kind in (
        *("jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "tif", "tiff", "ppm", "ico"),
        *("avif", "heic", "heif", "jxl", "jp2", "svg"),
    )
)


@dataclass(frozen=True)
class SourceFile:
    """One table, one crawl's listings, one JSON file of records, or one folder of pictures.

    `name` is relative to the source, `split` the part it is said to be.
    """

    name: str
    file: FilePath
    kind: Kind
    split: str | None = None


class RawRow(NamedTuple):
    """One row as it stands in the source. `number` counts from 0 within its file; `broken` says why it has no cells."""

    file: int
    number: int
    place: str
    cells: Cells
    broken: str | None = None


@dataclass(frozen=True)
class Source:
    """A SOURCE argument looked into: its files in the order in which they are read."""

    name: str
    root: FilePath
    files: tuple[SourceFile, ...]

    def folder(self, entry: SourceFile) -> FilePath:
        """The folder to which names of pictures in that file are relative."""
        return self.root if entry.kind == "pictures" else entry.file.parent

    @property
    def is_tree(self) -> bool:
        """Whether folders are categories."""
        return self.files[0].kind == "pictures"

    def says_split(self, patterns: Mapping[str, tuple[str, ...]]) -> bool:
        """Whether patterns are values of the rows' own split column: in listings and records, if they name no file."""
        wanted = [pattern for several in patterns.values() for pattern in several]
        known = all(entry.kind in ("listings", "records") for entry in self.files)
        return known and not any(_names(wanted, entry.name) for entry in self.files)

    def rows(self, columns: Sequence[str], start: tuple[int, int] = (0, 0)) -> Iterator[RawRow]:
        """Rows from file `start[0]`, row `start[1]` on, always in the same order; `columns` are the ones to read."""
        for index in range(start[0], len(self.files)):
            entry, first = self.files[index], start[1] if index == start[0] else 0
            if entry.kind == "pictures":
                yield from self._pictures(index, entry, first)
            elif entry.kind == "listings" or entry.kind == "records":
                read = listing_rows if entry.kind == "listings" else record_rows
                for number, place, cells, broken in read(entry.file, first):
                    yield RawRow(index, number, f"{entry.name}:{place}", cells, broken)
            else:
                for number, cells, broken in table_rows(entry.file, entry.kind, columns, first):
                    yield RawRow(index, number, f"{entry.name}:{number + 1}", {} if broken else cells, broken)

    def row_count(self) -> int | None:
        """How many rows there are, where that is known without reading them."""
        counts = [row_count(entry.file) if entry.kind == "parquet" else None for entry in self.files]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    def fingerprint(self) -> str:
        """A digest of names, sizes and times of change: equal when the source is as it was."""
        digest = hashlib.sha256()
        for entry in self.files:
            inside = walk(entry.file) if entry.kind == "pictures" else [entry.file]
            for file in inside:
                state = file.stat() if file.exists() else None
                stamp = f"{state.st_size}\t{state.st_mtime_ns}" if state else "-"
                digest.update(
                    f"{entry.split}\t{file.relative_to(self.root).as_posix()}\t{stamp}\n".encode(errors="replace")
                )
        return digest.hexdigest()

    def check_columns(
        self, columns: Columns, where: Iterable[str] = (), needed: Sequence[str] = NEEDED
    ) -> tuple[Columns, ...]:
        """The columns of each file. Raises UsageError for one that was asked for, or is needed, and is missing."""
        checked = []
        for entry in self.files:
            available = _columns(entry)
            for name in where:
                if name not in available:
                    raise UsageError(f"--where: {entry.name} has no column {name!r}: it has {', '.join(available)}")
            named = columns.also(ORIGIN) if entry.kind in ("listings", "records") else columns
            checked.append(named.within(available, entry.name, needed))
        return tuple(checked)

    def with_splits(self, patterns: dict[str, tuple[str, ...]]) -> tuple[Source, dict[str, int]]:
        """The source with each file given to the split whose pattern names it, and what no pattern names.

        That is tables, with 0, for nobody reads them, and in a tree of pictures folders, with the pictures in them.
        A pattern is a file, a glob, or a folder inside the source (all below it). In a tree of pictures it must be a
        folder, whose name is then no part of the paths. Raises UsageError for a pattern that names nothing and for a
        file in two splits.
        """
        if self.is_tree:
            taken = self._tree_with_splits(patterns)
            return taken, _left_out(self.root, [entry.file for entry in taken.files])
        splits = {entry.name: [name for name in patterns if _names(patterns[name], entry.name)] for entry in self.files}
        for file, names in splits.items():
            if len(names) > 1:
                raise UsageError(f"--splits gives {file} to {' and to '.join(names)}: a file belongs to one split")
        for name, wanted in patterns.items():
            for pattern in wanted:
                if not any(_names((pattern,), file) for file in splits):
                    raise UsageError(
                        f"--splits {name}={pattern} names no file of {self.name}: there are {_some(splits)}"
                    )
        named = tuple(replace(entry, split=splits[entry.name][0]) for entry in self.files if splits[entry.name])
        return replace(self, files=named), dict.fromkeys((file for file, names in splits.items() if not names), 0)

    def _tree_with_splits(self, patterns: dict[str, tuple[str, ...]]) -> Source:
        parts = [self._part(name, pattern) for name, wanted in patterns.items() for pattern in wanted]
        for one, other in permutations(parts, 2):
            if one.file.is_relative_to(other.file):
                raise UsageError(
                    f"--splits gives {one.name} to {one.split} and {other.name}, which holds it, to {other.split}: "
                    "a picture belongs to one split"
                )
        return replace(self, files=tuple(parts))

    def _part(self, split: str, pattern: str) -> SourceFile:
        """The folder of pictures that a pattern names. Raises UsageError when there is none inside the source."""
        folder = FilePath(pattern.rstrip("/*"))
        inside = not folder.is_absolute() and ".." not in folder.parts
        if not pattern.rstrip("/*") or not inside or not (self.root / folder).is_dir():
            there = sorted(entry.name for entry in self.root.iterdir() if entry.is_dir())
            raise UsageError(f"--splits {split}={pattern} is no folder of {self.name}: there are {_some(there)}")
        return SourceFile(folder.as_posix(), self.root / folder, "pictures", split)

    def _pictures(self, index: int, entry: SourceFile, first: int) -> Iterator[RawRow]:
        for number, file in enumerate(walk(entry.file)):
            if number >= first:
                place = file.relative_to(self.root).as_posix()
                levels = list(file.relative_to(entry.file).parts[:-1])
                yield RawRow(index, number, place, {"image": place, "path": levels})


def open_source(source: FilePath) -> Source:
    """The source of a file or folder: its tables if it has any, else its pictures.

    Raises UsageError when there is nothing that can be read.
    """
    address = str(source).replace(":/", "://", 1)  # two slashes are one in a file's name
    if address.startswith(("http://", "https://")):
        raise UsageError(f"{address} is a url: `atlas collect` downloads pages and pictures, `atlas build` reads files")
    if address.startswith("hf://"):
        raise UsageError(
            f"{address} is on the Hub: download it first (hf download --repo-type dataset), then name its folder"
        )
    if not source.exists():
        raise UsageError(f"{source} does not exist: name a table ({', '.join(TABLE_KINDS)}) or a folder")
    name = source.resolve().name
    if source.is_file():
        return Source(name, source.parent, (_table(source, source.parent),))
    tables = sorted(_tables(source)) or sorted(file for file in source.glob("*.json") if is_records(file))
    if tables:
        return Source(name, source, tuple(_table(file, source) for file in tables))
    if next(walk(source), None) is None:
        raise UsageError(f"{source} holds neither a table ({', '.join(TABLE_KINDS)}) nor a picture")
    return Source(name, source, (SourceFile(".", source, "pictures"),))


def walk(folder: FilePath) -> Iterator[FilePath]:
    """The pictures below a folder in order of name, one folder in memory at a time; hidden and linked ones not."""
    for file in _visible(folder):
        if file.suffix.lower() in PICTURE_SUFFIXES:
            yield file


def listing_files(folder: FilePath) -> list[FilePath]:
    """The listings of the crawls below a folder. Raises UsageError for a crawl that has none yet."""
    return [file for file in _tables(folder) if file.suffix.lower() == ".jsonl" and is_listings(file)]


def _left_out(root: FilePath, taken: Sequence[FilePath]) -> dict[str, int]:
    """The pictures that lie in none of the folders taken, counted by the highest folder that holds none of those."""
    counts: Counter[str] = Counter()
    for file in walk(root):
        if not any(file.is_relative_to(folder) for folder in taken):
            ways = [file, *file.parents][: len(file.relative_to(root).parts)]
            highest = next(
                (way for way in reversed(ways) if not any(folder.is_relative_to(way) for folder in taken)), file
            )
            counts[highest.relative_to(root).as_posix()] += 1
    return dict(counts)


def _tables(folder: FilePath) -> Iterator[FilePath]:
    """The tables below a folder: of a crawl its listings alone, of a data set its rows."""
    inside = _inside(folder)
    names = {name for name, _ in inside}
    if LISTINGS_FILE in names and is_listings(folder / LISTINGS_FILE):
        yield folder / LISTINGS_FILE
        return
    if LEDGER_FILE in names:
        raise UsageError(
            f"{folder} is a crawl without {LISTINGS_FILE}: take it up again with `atlas collect`, which writes it"
        )
    not_rows = {REJECTED_FILE, MAPPING_FILE} if BUILD_FILE in names else {REJECTED_FILE}
    for name, is_folder in inside:
        if is_folder:
            yield from _tables(folder / name)
        elif name not in not_rows and FilePath(name).suffix.lower() in TABLE_KINDS:
            yield folder / name


def _visible(folder: FilePath) -> Iterator[FilePath]:
    for name, is_folder in _inside(folder):
        if is_folder:
            yield from _visible(folder / name)
        else:
            yield folder / name


def _inside(folder: FilePath) -> list[tuple[str, bool]]:
    """What a folder holds, by name, and whether it is a folder; hidden things not, and linked folders as files."""
    with os.scandir(folder) as entries:
        inside = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    return [(name, is_folder) for name, is_folder in inside if not name.startswith(".")]


def _columns(entry: SourceFile) -> list[str]:
    if entry.kind == "pictures":
        return ["path", "image"]
    if entry.kind == "listings":
        return list(LISTING_COLUMNS)
    return record_columns(entry.file) if entry.kind == "records" else table_columns(entry.file, entry.kind)


def _table(file: FilePath, root: FilePath) -> SourceFile:
    kind: Kind | None = "records" if file.suffix.lower() == ".json" else TABLE_KINDS.get(file.suffix.lower())
    if kind is None:
        raise UsageError(f"{file} is no table: use {', '.join(TABLE_KINDS)}, .json, or a folder of pictures")
    if kind == "jsonl" and is_listings(file):
        kind = "listings"
    return SourceFile(file.relative_to(root).as_posix(), file, kind)


def _names(patterns: Iterable[str], file: str) -> bool:
    return any(
        fnmatch.fnmatchcase(file, pattern) or file.startswith(pattern.rstrip("/*") + "/") for pattern in patterns
    )


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:8]) + (f" and {len(listed) - 8} more" if len(listed) > 8 else "") if listed else "none"
