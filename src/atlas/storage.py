"""Files and folders that are either whole or not there, and long work that can be taken up again."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from atlas.errors import DataError, UsageError

#: Suffix of what is not whole yet. Stands beside the final name, so that the last rename stays on one file system.
PART_SUFFIX = ".part"


def part_of(target: Path) -> Path:
    """Where `target` is written until it is whole: `model` is written as `model.part`."""
    return target.with_name(target.name + PART_SUFFIX)


@contextmanager
def atomic_file(target: Path) -> Iterator[Path]:
    """Yield a temporary file name; on success it becomes `target` in one step, on any error it goes away."""
    if target.is_dir():
        raise UsageError(f"{target} is a folder, and a file is to be written: name one with -o")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}.{threading.get_ident()}{PART_SUFFIX}")
    try:
        yield part
        _flush_to_disk(part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def write_text(target: Path, text: str) -> None:
    """Write a text file (UTF-8, Unix line ends) atomically."""
    with atomic_file(target) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def write_json(target: Path, value: Any) -> None:
    """Write JSON atomically: two blanks, keys in the given order, one line end at the end."""
    write_text(target, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(source: Path) -> Any:
    """The value of a JSON file. Raises DataError with the file's name when it is missing or not JSON."""
    try:
        return json.loads(source.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{source} is missing") from error
    except (IsADirectoryError, PermissionError) as error:
        raise DataError(f"{source} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{source} is not JSON: {error}") from error


def claim_output(
    target: Path, *, resume: bool = False, overwrite: bool = False, inputs: Iterable[Path | None] = ()
) -> Path:
    """The folder in which `target` is to be built, `target.part`, kept from last time only with `resume`.

    Raises UsageError when `target` exists and neither flag allows it, when unfinished work would be lost silently, when
    replacing `target` would take away the folder one stands in, one's home or one of the `inputs`.
    """
    for source in inputs:
        if source is not None and target.resolve() in {source.resolve(), *source.resolve().parents}:
            raise UsageError(f"{target} holds {source}, which is to be read: name another folder with -o")
    here = {Path.cwd(), *Path.cwd().parents, Path.home()}
    if target.resolve() in here:
        raise UsageError(f"{target} is not a place for output: name a new folder with -o")
    part = part_of(target)
    if target.exists() and not overwrite:
        raise UsageError(f"{target} exists already: {_way_out(part, resume)}")
    if part.exists() and not resume and not _is_empty_folder(part):  # an empty one is what a refused call left
        if not overwrite:
            raise UsageError(f"{part} holds unfinished work: use --resume to take it up, or --overwrite to start again")
        _remove(part)
    part.mkdir(parents=True, exist_ok=True)
    return part


def _way_out(part: Path, resume: bool) -> str:
    """What to do about an output that is there already."""
    if not resume:
        return "use --overwrite to replace it, or another -o"
    if part.exists():
        return f"--resume with --overwrite goes on with {part}, which is to replace it"
    return "it is finished; nothing to resume"


def publish_folder(part: Path, target: Path) -> None:
    """Make the finished folder `part` into `target`; an older `target` goes away only once the new one is whole."""
    old = target.with_name(f".{target.name}.old")
    _remove(old)  # left behind when an earlier call was killed here
    if target.exists() or target.is_symlink():
        target.replace(old)
    part.replace(target)
    _remove(old)


def sha256_file(file: Path) -> str:
    """The SHA-256 of a file's content as 64 hexadecimal digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _is_empty_folder(target: Path) -> bool:
    return target.is_dir() and not any(target.iterdir())


def _remove(target: Path) -> None:
    """Take away a file, a link (not what it points to) or a folder, if there is one."""
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)


def _flush_to_disk(file: Path) -> None:
    with file.open("rb") as stream:
        os.fsync(stream.fileno())
