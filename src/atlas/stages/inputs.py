"""What to predict: pictures by file, folder, pattern or list, and tables of products."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path as FilePath

import pyarrow as pa

from atlas.dataset.schema import BUILD_FILE, SCHEMA, TAXONOMY_FILE, open_dataset
from atlas.dataset.sources import PICTURE_SUFFIXES
from atlas.dataset.tables import TABLE_KINDS
from atlas.errors import ImageError, UsageError
from atlas.stages.rows import CHUNK_ROWS, NO_NAMES, Chunk, Input, NamedColumns, grouped
from atlas.stages.tables import open_table
from atlas.taxonomy.tree import format_path

_FILES = pa.schema([("file", pa.string())])


def find_inputs(
    names: Sequence[str], columns: NamedColumns = NO_NAMES, split: str | None = None, lines: Iterable[str] = ()
) -> Input:
    """All that the names stand for, in their order, with the union of their own columns.

    A name is a file, a folder (searched through, links followed once), a pattern such as `photos/**/*.jpg`, a table (by
    its ending), or `-` for the files in `lines`; with `split` it is one data set folder. A file that is missing becomes
    a row with an error; a pattern without match, a missing table and an address are UsageErrors, before any work.
    """
    if split is not None:
        if len(names) != 1 or not FilePath(names[0]).is_dir():
            raise UsageError(f"--split goes with one data set folder, not with {', '.join(names) or 'nothing'}")
        return dataset_source(FilePath(names[0]), split)
    sources: list[Input] = []
    files: list[Callable[[], Iterator[str]]] = []
    for name in names:
        if is_table(name):
            sources += [*_file_source(files), open_table(FilePath(name), columns)]
            files = []
        else:
            files.append(_way_to_files(name, lines))
    return _joined([*sources, *_file_source(files)], names)


def dataset_source(folder: FilePath, split: str) -> Input:
    """The rows of a split with their truths. Raises DataError when the data set is damaged or has no such split."""
    dataset = open_dataset(folder)
    dataset.check_pictures()
    dataset.files(split)
    given = ("image", "product_id", "view", "near_train")
    schema = pa.schema([field for field in SCHEMA if field.name not in given])

    def chunks() -> Iterator[Chunk]:
        for batch in dataset.batches(split, batch_rows=CHUNK_ROWS):
            pictures = [image and image["bytes"] for image in batch.column("image").to_pylist()]
            yield Chunk(
                product_ids=batch.column("product_id").to_pylist(),
                pictures=[picture or ImageError("no picture: the row's picture is empty") for picture in pictures],
                own=batch.select(schema.names),
                views=batch.column("view").to_pylist(),
                truths=[format_path(path) if path else None for path in batch.column("path").to_pylist()],
                near_train=batch.column("near_train").to_pylist(),
            )

    return Input(schema, dataset.splits[split], chunks)


def is_table(name: str) -> bool:
    """Whether a name is that of a table. Raises UsageError when such a file is missing."""
    file = FilePath(name)
    if file.suffix.lower() not in TABLE_KINDS or glob.has_magic(name) or file.is_dir():
        return False
    if not file.exists():
        raise UsageError(f"no such table: {name}")
    return True


def is_dataset(name: str) -> bool:
    """Whether a name is that of a folder which `atlas build` wrote."""
    return (FilePath(name) / BUILD_FILE).is_file() and (FilePath(name) / TAXONOMY_FILE).is_file()


def _way_to_files(name: str, lines: Iterable[str]) -> Callable[[], Iterator[str]]:
    if name == "-":
        listed = [line.rstrip("\r\n") for line in lines]
        return lambda: iter([line for line in listed if line])
    if name.startswith(("http://", "https://", "hf://")):
        raise UsageError(f"{name} is an address: Atlas predicts files; download it first")
    if is_dataset(name):
        raise UsageError(f"{name} is a data set: say which part of it to predict with --split, e.g. --split test")
    if glob.has_magic(name) and not os.path.lexists(name):
        found = sorted(glob.glob(name, recursive=True))  # noqa: PTH207
        if not found:
            raise UsageError(f"nothing matches the pattern {name!r}: check it, or name a folder")
        return lambda: (file for match in found for file in _files_at(match, by_ending=True))
    return lambda: _files_at(name)


def _files_at(name: str, by_ending: bool = False) -> Iterator[str]:
    """The file itself, or all pictures in the folder, sorted within each folder."""
    if os.path.isdir(name):  # noqa: PTH112 - names stay the strings that the caller wrote
        yield from _walk(name)
    elif not by_ending or _looks_like_picture(name):
        yield name


def _walk(top: str) -> Iterator[str]:
    seen: set[tuple[int, int]] = set()  # links may lead round in a circle
    closed: list[OSError] = []
    for folder, folders, files in os.walk(top, followlinks=True, onerror=closed.append):
        here = os.stat(folder)  # noqa: PTH116
        if (here.st_dev, here.st_ino) in seen:
            folders.clear()
            continue
        seen.add((here.st_dev, here.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (os.path.join(folder, name) for name in sorted(files) if _looks_like_picture(name))  # noqa: PTH118
    yield from (str(error.filename) for error in closed)  # a folder that may not be read is told as a failed row


def _looks_like_picture(name: str) -> bool:
    base = os.path.basename(name)  # noqa: PTH119
    return not base.startswith(".") and os.path.splitext(base)[1].lower() in PICTURE_SUFFIXES  # noqa: PTH122


def _file_source(ways: Sequence[Callable[[], Iterator[str]]]) -> list[Input]:
    if not ways:
        return []
    rows = sum(1 for way in ways for _ in way())
    return [
        Input(_FILES, rows, lambda: map(_file_chunk, grouped((file for way in ways for file in way()), CHUNK_ROWS)))
    ]


def _file_chunk(files: list[str]) -> Chunk:
    named = [_printable(file) for file in files]
    own = pa.RecordBatch.from_arrays([pa.array(named, pa.string())], schema=_FILES)
    return Chunk(named, list(files), own)


def _printable(file: str) -> str:
    return file.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _joined(sources: Sequence[Input], names: Sequence[str]) -> Input:
    if len(sources) == 1:
        return sources[0]
    try:
        schema = pa.unify_schemas([source.schema for source in sources], promote_options="permissive")
    except pa.ArrowException as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"{', '.join(names)} do not go into one output: {reason}; predict them one by one") from error

    def chunks() -> Iterator[Chunk]:
        for source in sources:
            yield from (chunk._replace(own=_widened(chunk.own, schema)) for chunk in source.chunks())

    counts = [source.rows for source in sources]
    return Input(schema, None if None in counts else sum(filter(None, counts)), chunks)


def _widened(own: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = [
        own.column(field.name).cast(field.type) if field.name in own.schema.names else pa.nulls(len(own), field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
