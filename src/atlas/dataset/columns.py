"""Which of a table's columns means what, and the values of one row under Atlas's names."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path as FilePath
from typing import Any, TypeAlias

from atlas.dataset.reasons import Reason, RowError
from atlas.errors import UsageError
from atlas.records import Path
from atlas.taxonomy.tree import MAX_LEVELS, clean_name, name_fault

#: What a row may say of itself. Names on the left of `key=column`.
KEYS = (
    *("product_id", "view", "title", "price", "currency", "store", "url", "breadcrumb", "path", "image", "split"),
    *("image_url", "sha256", "image_error", "marks"),
)
#: What is read only when somebody names a column for it, or when the source is known to say it.
ASKED = frozenset({"split", "image_url", "sha256", "image_error"})
#: Columns that are read under their own name when nobody says otherwise.
DEFAULTS = {key: (key,) for key in KEYS if key not in ASKED}
#: Without these there is nothing to learn from.
NEEDED = ("image", "path")
#: Sign between columns in `path=first > second`, and between the levels of a path as text unless told otherwise.
SIGN = ">"

#: One row of a source: its columns by their own names.
Cells: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Columns:
    """Which columns to read: Atlas's key -> one column, or several for a path that is assembled from them."""

    names: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict(DEFAULTS))
    asked: frozenset[str] = frozenset()  # keys that the user named himself: these must be there
    separator: str = SIGN  # between the levels of a path that stands in one cell

    @property
    def has_split(self) -> bool:
        """Whether rows say themselves to which split they belong."""
        return "split" in self.names

    def also(self, keys: Iterable[str]) -> Columns:
        """The same with these keys too, where nobody named a column for them: each read under its own name."""
        return Columns({**{key: (key,) for key in keys}, **self.names}, self.asked, self.separator)

    def within(self, available: Sequence[str], file: str, needed: Sequence[str] = NEEDED) -> Columns:
        """The same for a file that has these columns, without the keys that it lacks.

        Raises UsageError for a column that was asked for, or is needed, and is not there.
        """
        kept = {}
        for key, wanted in self.names.items():
            missing = [name for name in wanted if name not in available]
            if not missing:
                kept[key] = wanted
            elif key in self.asked or key in needed:
                raise UsageError(
                    f"{file} has no column {missing[0]!r} for {key}{_nearest(missing[0], available)}: "
                    f"say which one it is with --columns {key}=COLUMN"
                )
        return Columns(kept, self.asked, self.separator)

    def without_split(self) -> Columns:
        """The same, deaf to what rows say of their split."""
        return Columns({key: names for key, names in self.names.items() if key != "split"}, self.asked, self.separator)

    def only(self, keys: Sequence[str]) -> Columns:
        """The same, deaf to all other keys."""
        return Columns({key: names for key, names in self.names.items() if key in keys}, self.asked, self.separator)

    def needed(self) -> list[str]:
        """The columns to read, each once."""
        return list(dict.fromkeys(name for names in self.names.values() for name in names))

    def cell(self, cells: Cells, key: str) -> Any:
        """The cell of a key; None when it is empty or not read."""
        names = self.names.get(key)
        return None if names is None or is_empty(cells.get(names[0])) else cells[names[0]]

    def text(self, cells: Cells, key: str) -> str | None:
        """The cell of a key as text without outer blanks; None when it is empty."""
        value = self.cell(cells, key)
        return None if value is None else whole_text(as_text(value)) or None

    def number(self, cells: Cells, key: str) -> float | None:
        """The cell of a key as a finite number; None when it is empty or says something else."""
        value = self.cell(cells, key)
        try:
            number = float(value) if value is not None else math.nan
        except (TypeError, ValueError, OverflowError):  # a whole number in JSON may have hundreds of digits
            return None
        return number if math.isfinite(number) else None

    def path(self, cells: Cells) -> Path:
        """The row's category path. Raises RowError when it is empty, has an empty level or cannot be a path."""
        return checked_path(self._levels(cells, "path"))

    def marks(self, cells: Cells) -> list[str] | None:
        """The row's marks, where they stand in a list, as in a data set; else None."""
        value = self.cell(cells, "marks")
        return [as_text(mark) for mark in value] if isinstance(value, list) else None

    def breadcrumb(self, cells: Cells) -> list[str] | None:
        """The store's own way to the product, as it stands there; None when there is none."""
        levels = [
            clean_name(whole_text(as_text(level))) for level in self._levels(cells, "breadcrumb") if level is not None
        ]
        return [level for level in levels if level] or None

    def _levels(self, cells: Cells, key: str) -> list[Any]:
        names = self.names.get(key, ())
        if len(names) > 1:
            return [cells.get(name) for name in names]
        value = self.cell(cells, key)
        if value is None:
            return []
        return list(value) if isinstance(value, list | tuple) else as_text(value).split(self.separator)


def read_columns(settings: Iterable[str]) -> Columns:
    """The columns that `--columns` options name, later ones first: a preset, a TOML file, or `key=column`.

    Raises UsageError for an unknown preset, key or kind of value, with the nearest valid one.
    """
    names: dict[str, tuple[str, ...]] = dict(DEFAULTS)
    asked: set[str] = set()
    separator = SIGN
    for setting in settings:
        key, equals, value = setting.partition("=")
        own = bool(equals) and not setting.endswith(".toml")
        table = {key.strip(): value.strip()} if own else _read_table(setting)
        for name, column in table.items():
            if name == "separator":
                separator = _separator(column)
            else:
                names[_key(name, setting)] = _column_names(name, column, setting)
                asked.update([name] if own else [])
    return Columns(names, frozenset(asked), separator)


def preset_names() -> list[str]:
    """The presets that come with Atlas."""
    folder = files("atlas.dataset").joinpath("presets")
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def checked_path(levels: Sequence[Any]) -> Path:
    """Clean names of a path; empty levels at its end mean "known no deeper". Raises RowError otherwise."""
    names = [clean_name("" if is_empty(level) else as_text(level)) for level in levels]
    while names and not names[-1]:
        names.pop()
    if not names:
        raise RowError(Reason.EMPTY_PATH, "the row names no category")
    if not all(names):
        raise RowError(Reason.EMPTY_LEVEL, " > ".join(names))
    if len(names) > MAX_LEVELS:
        raise RowError(Reason.TOO_DEEP, f"{len(names)} levels, at most {MAX_LEVELS} are allowed")
    for name in names:
        _check_name(name)
    return tuple(names)


def is_empty(value: Any) -> bool:
    """Whether a cell holds nothing: null, NaN, or blanks."""
    return (
        value is None
        or (isinstance(value, float) and math.isnan(value))
        or (isinstance(value, str) and not value.strip())
    )


def as_text(value: Any) -> str:
    """A cell as text; a whole number that a hole in its column made a float loses its `.0`."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def whole_text(text: str) -> str:
    """The text with a question mark where half a character stands that no file could hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _check_name(name: str) -> None:
    if fault := name_fault(name):
        raise RowError(Reason.BAD_NAME, f"{fault}: {name[:60]!r}")


def _read_table(setting: str) -> dict[str, Any]:
    """The key -> column table of a preset or of a TOML file."""
    presets = preset_names()
    if setting in presets:
        text = files("atlas.dataset").joinpath("presets", f"{setting}.toml").read_text(encoding="utf-8")
        return tomllib.loads(text)
    file = FilePath(setting)
    if not file.is_file():
        raise UsageError(
            f"--columns {setting!r} is no file, no key=column, and no preset{_nearest(setting, presets)}: "
            f"presets are {', '.join(presets)}"
        )
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise UsageError(f"{file} is not TOML: {error}") from error


def _key(name: str, setting: str) -> str:
    if name in KEYS:
        return name
    raise UsageError(f"unknown key {name!r} in --columns {setting!r}{_nearest(name, KEYS)}: keys are {', '.join(KEYS)}")


def _column_names(key: str, column: Any, setting: str) -> tuple[str, ...]:
    several = key in ("path", "breadcrumb")
    if isinstance(column, str):
        parts = column.split(SIGN) if several else [column]
        names = tuple(part.strip() for part in parts)
    elif isinstance(column, list) and several and all(isinstance(part, str) for part in column):
        names = tuple(column)
    else:
        names = ()
    if not names or not all(names):
        raise UsageError(
            f"--columns {setting!r}: {key} needs a column's name{', or several with > between' if several else ''}"
        )
    return names


def _separator(value: Any) -> str:
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise UsageError("--columns separator= needs the sign between the levels of a path, such as separator=/")


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
