"""Where listings come from: tables and folders of pictures, found, ordered and told apart."""

from __future__ import annotations

import fnmatch
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path as FilePath
from typing import Literal, NamedTuple, TypeAlias

from atlas.dataset.columns import Cells, Columns
from atlas.dataset.schema import REJECTED_FILE
from atlas.dataset.tables import TABLE_KINDS, row_count, table_columns, table_rows
from atlas.errors import UsageError

Kind: TypeAlias = Literal["parquet", "csv", "jsonl", "pictures"]

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
    """One table, or one folder of pictures; `name` is relative to the source, `split` the part it is said to be."""

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

    def rows(self, columns: Sequence[str], start: tuple[int, int] = (0, 0)) -> Iterator[RawRow]:
        """Rows from file `start[0]`, row `start[1]` on, always in the same order; `columns` are the ones to read."""
        for index in range(start[0], len(self.files)):
            entry, first = self.files[index], start[1] if index == start[0] else 0
            if entry.kind == "pictures":
                yield from self._pictures(index, entry, first)
                continue
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

    def check_columns(self, columns: Columns, where: Iterable[str]) -> tuple[Columns, ...]:
        """The columns of each file. Raises UsageError for one that was asked for and is missing."""
        checked = []
        for entry in self.files:
            available = ["path", "image"] if entry.kind == "pictures" else table_columns(entry.file, entry.kind)
            for name in where:
                if name not in available:
                    raise UsageError(f"--where: {entry.name} has no column {name!r}: it has {', '.join(available)}")
            checked.append(columns.within(available, entry.name))
        return tuple(checked)

    def with_splits(self, patterns: dict[str, tuple[str, ...]]) -> tuple[Source, tuple[str, ...]]:
        """The source with each file given to the split whose pattern names it, and the files that no pattern names.

        A pattern is a file, a glob, or a folder inside the source (all below it). In a tree of pictures it must be a
        folder, whose name is then no part of the paths. Raises UsageError for a pattern that names nothing and for a
        file in two splits.
        """
        if self.is_tree:
            return self._tree_with_splits(patterns), ()
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
        taken = tuple(replace(entry, split=splits[entry.name][0]) for entry in self.files if splits[entry.name])
        return replace(self, files=taken), tuple(file for file, names in splits.items() if not names)

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
    found = (file for file in _visible(source) if file.name != REJECTED_FILE)  # a data set may be a source again
    tables = sorted(file for file in found if file.suffix.lower() in TABLE_KINDS)
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


def _visible(folder: FilePath) -> Iterator[FilePath]:
    with os.scandir(folder) as entries:
        inside = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    for name, is_folder in inside:
        if name.startswith("."):
            continue
        if is_folder:
            yield from _visible(folder / name)
        else:
            yield folder / name


def _table(file: FilePath, root: FilePath) -> SourceFile:
    kind = TABLE_KINDS.get(file.suffix.lower())
    if kind is None:
        raise UsageError(f"{file} is no table: use {', '.join(TABLE_KINDS)}, or a folder of pictures")
    return SourceFile(file.relative_to(root).as_posix(), file, kind)


def _names(patterns: Iterable[str], file: str) -> bool:
    return any(
        fnmatch.fnmatchcase(file, pattern) or file.startswith(pattern.rstrip("/*") + "/") for pattern in patterns
    )


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:8]) + (f" and {len(listed) - 8} more" if len(listed) > 8 else "") if listed else "none"
