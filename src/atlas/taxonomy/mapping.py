"""Store paths and taxonomy paths beside each other: which means which, in both directions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, TypeAlias

from atlas.errors import TaxonomyError
from atlas.records import Path
from atlas.taxonomy.tree import MAX_LEVELS, MAX_NAME_CHARS, clean_name, format_path, name_fault

Status: TypeAlias = Literal["suggested", "confirmed", "rejected"]

#: What a person may think of a row.
STATUSES: tuple[Status, ...] = ("suggested", "confirmed", "rejected")
#: In the place of a store's name: whatever the store.
ANY_STORE = "*"


class MappingRow(NamedTuple):
    """One store path with its taxonomy path, empty where none is known or, in a rejected row, none is right."""

    store: str
    store_path: Path
    path: Path
    status: Status


class StorePath(NamedTuple):
    """A store path as it was found: how many products are in it, and what some of them are called."""

    store: str
    path: Path
    products: int = 0
    titles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mapping:
    """Which store path means which taxonomy path. Two mappings are equal when they have the same rows in one order.

    The longest mapped beginning of a store path decides; at one length a store's own row goes before one of any store.
    Confirmed rows answer, suggested ones only when asked to. A rejected row says that its store path, as far as no row
    below it says otherwise, has no place in the tree. Upper and lower case are the same in stores and store paths.

    Raises TaxonomyError when two rows contradict or repeat each other.
    """

    rows: tuple[MappingRow, ...] = ()

    def __post_init__(self) -> None:
        for number, reason in contradictions(self.rows):
            raise TaxonomyError(f"row {number}: {reason}")

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def stores(self) -> tuple[str, ...]:
        """The stores that some row names, sorted; `*` is none."""
        return tuple(sorted({row.store for row in self.rows} - {ANY_STORE}))

    # -- from a store's words ----------------------------------------------------------------------------------------

    def path_of(self, store: str | None, store_path: Sequence[str], *, suggested: bool = False) -> Path | None:
        """The taxonomy path of a store path; None where no row says one, or a rejected one says that there is none."""
        row = self.row_of(store, store_path, suggested=suggested)
        return row.path if row is not None and row.status != "rejected" else None

    def row_of(self, store: str | None, store_path: Sequence[str], *, suggested: bool = False) -> MappingRow | None:
        """The row that decides about a store path, which may be a rejected one; None where there is no such row."""
        folded = _folded(store_path)
        for depth in range(len(folded), 0, -1):
            for name in ((store or "").casefold(), ANY_STORE):
                for row in self._by_store_path.get((name, folded[:depth]), ()):
                    if row.status != "suggested" or (suggested and row.path):
                        return row
        return None

    # -- into a store's words ----------------------------------------------------------------------------------------

    def store_path_of(self, store: str, path: Sequence[str], *, suggested: bool = False) -> Path | None:
        """What a store calls a taxonomy path: the store path of its first row, else that of the nearest ancestor's.

        Where no ancestor has a row either, what the store paths of the nearest ancestor's descendants have in common.
        None where the store has nothing of the kind.
        """
        known = self._backward(store.casefold(), suggested)
        way = [tuple(path[:depth]) for depth in range(len(path), 0, -1)]
        found = next((known[node] for node in way if node in known), None)
        return found or next(filter(None, (_shared(node, known) for node in way)), None)

    def _backward(self, store: str, suggested: bool) -> dict[Path, Path]:
        """The first store path of each taxonomy path, of the store's own rows and then of any store's."""
        key = (store, suggested)
        if key not in self._backward_of:
            self._backward_of[key] = dict(self._first_store_paths(store, suggested))
        return self._backward_of[key]

    def _first_store_paths(self, store: str, suggested: bool) -> Iterator[tuple[Path, Path]]:
        allowed = ("confirmed", "suggested") if suggested else ("confirmed",)
        seen: set[Path] = set()
        for name in dict.fromkeys((store, ANY_STORE)):
            for row in self.rows:
                right = row.store.casefold() == name and row.status in allowed and row.path and row.path not in seen
                if right and self.path_of(store, row.store_path, suggested=suggested) == row.path:
                    seen.add(row.path)
                    yield row.path, row.store_path

    @cached_property
    def _backward_of(self) -> dict[tuple[str, bool], dict[Path, Path]]:
        return {}

    @cached_property
    def _by_store_path(self) -> dict[tuple[str, Path], list[MappingRow]]:
        """The rows of each store path: the answer before the rejected ones."""
        found: dict[tuple[str, Path], list[MappingRow]] = {}
        for row in sorted(self.rows, key=lambda row: row.status == "rejected"):
            found.setdefault(store_path_key(row.store, row.store_path), []).append(row)
        return found


def clean_store_path(names: Iterable[str]) -> Path:
    """The names of a store's breadcrumb as a store path; never raises.

    A name with '>' inside is several, control characters become blanks, empty levels go, and what is too long or too
    deep for a path is cut.
    """
    levels = (clean_name(_plain(level))[:MAX_NAME_CHARS].rstrip() for name in names for level in name.split(">"))
    return tuple(level for level in levels if level)[:MAX_LEVELS]


def store_path_key(store: str, store_path: Sequence[str]) -> tuple[str, Path]:
    """What is the same for store paths that differ in upper and lower case alone."""
    return store.casefold(), _folded(store_path)


def contradictions(
    rows: Sequence[MappingRow], called: Callable[[int], str] = "row {}".format
) -> Iterator[tuple[int, str]]:
    """The numbers (from 0) of rows that cannot stand beside an earlier one, and why; `called` names a row by number."""
    answer: dict[tuple[str, Path], int] = {}
    pair: dict[tuple[str, Path, Path], int] = {}
    for number, row in enumerate(rows):
        key = store_path_key(row.store, row.store_path)
        same = pair.setdefault((*key, row.path), number)
        only_pair = row.status == "rejected" and row.path
        other = number if only_pair else answer.setdefault(key, number)
        what = f"'{format_path(row.store_path)}' of store {row.store}"
        if same != number and rows[same].status == row.status:
            yield number, f"{what} stands like this in {called(same)} already: keep one of the two"
        elif same != number:
            yield number, f"{what} is {row.status} here and {rows[same].status} in {called(same)}: keep one of the two"
        elif other != number:
            there = f"{_goes(rows[other])} in {called(other)}"
            yield number, f"{what} {_goes(row)} here, but {there}: keep one of the two"


def _goes(row: MappingRow) -> str:
    if row.status == "rejected":
        return "has no place"
    return f"goes to '{format_path(row.path)}'" if row.path else "is left open"


def _folded(path: Sequence[str]) -> Path:
    return tuple(name.casefold() for name in path)


def _plain(name: str) -> str:
    """The name with a blank for every character that no path may hold."""
    if name.isprintable():
        return name
    return "".join(" " if sign.isspace() or name_fault(sign) else sign for sign in name)


def _shared(node: Path, known: dict[Path, Path]) -> Path:
    """The common beginning of the store paths below a node; of a single one all but its end, which is too special."""
    below = [store_path for path, store_path in known.items() if path[: len(node)] == node]
    if len(below) < 2:
        return below[0][:-1] if below else ()
    depth = 0
    while all(len(path) > depth and path[depth] == below[0][depth] for path in below):
        depth += 1
    return below[0][:depth]
