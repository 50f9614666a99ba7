"""Patches as CSV: which path a product gets, as somebody decided: `product_id,path,by,at,reason`.

One more column, `store`, tells products of different stores apart where their ids repeat. A path `-` takes the product
out. `by` says who decided; where it says `suggested`, nobody has yet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import NamedTuple

from atlas.errors import DataError, TaxonomyError
from atlas.records import Path
from atlas.taxonomy.csv_lines import Problem, csv_lines, format_csv, told
from atlas.taxonomy.tree import Taxonomy, format_path, parse_path

#: The columns of a patch; without the first two it says nothing.
COLUMNS = ("product_id", "path", "by", "at", "reason")
NEEDED = COLUMNS[:2]
STORE = "store"
#: The path that takes a product out. An empty one is refused: it is what a slip of the hand leaves.
DROP = "-"
#: In `by`: a suggestion that nobody has looked at.
SUGGESTED = "suggested"
MAX_FILE_BYTES = 256 * 2**20


class PatchRow(NamedTuple):
    """What one line says of one product. Path `()` takes it out; without a store it is the product of any store."""

    product_id: str
    path: Path
    by: str = ""
    at: str = ""
    reason: str = ""
    store: str = ""

    @property
    def is_suggested(self) -> bool:
        """Whether nobody has decided it yet."""
        return self.by.lower() == SUGGESTED


@dataclass(frozen=True)
class Patch:
    """The lines of one file, and the digest of its content."""

    name: str
    rows: tuple[PatchRow, ...]
    digest: str  # 12 hexadecimal digits


def read_patch(file: FilePath, taxonomy: Taxonomy | None = None) -> Patch:
    """The patch of a CSV file. Where a tree is given, every path must be in it.

    Raises DataError with file, line and reason of the first problems, and how many there are.
    """
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise DataError(f"{file} is larger than {MAX_FILE_BYTES:,} bytes: that is no patch")
        data = file.read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"{file} does not exist: a patch is a CSV of {','.join(COLUMNS)}") from error
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from error
    rows = parse_patch(data, taxonomy, str(file))
    return Patch(file.name, rows, hashlib.sha256(data).hexdigest()[:12])


def parse_patch(data: bytes, taxonomy: Taxonomy | None = None, source: str = "patch") -> tuple[PatchRow, ...]:
    """The rows of a CSV file's content; `source` names it in errors. Raises DataError like `read_patch`."""
    rows: list[PatchRow] = []
    lines: list[int] = []
    problems: list[Problem] = []
    for line, cells in csv_lines(data, NEEDED, f"the first line of a patch is {','.join(COLUMNS)}"):
        try:
            if isinstance(cells, str):
                raise TaxonomyError(cells)
            rows.append(_row(cells, taxonomy))
            lines.append(line)
        except TaxonomyError as error:
            problems.append(Problem(line, str(error)))
    problems += _contradictions(rows, lines)
    if problems:
        raise DataError(f"{source}, {told(problems)}")
    return tuple(rows)


def format_patch(rows: Iterable[PatchRow]) -> str:
    """The rows as CSV, with the column `store` where one names its store."""
    listed = list(rows)
    columns = (*COLUMNS, STORE) if any(row.store for row in listed) else COLUMNS
    cells = ((row.product_id, format_path(row.path) or DROP, row.by, row.at, row.reason, row.store) for row in listed)
    return format_csv(columns, (line[: len(columns)] for line in cells))


def _row(cells: Mapping[str, str], taxonomy: Taxonomy | None) -> PatchRow:
    """The row that the cells spell. Raises TaxonomyError for a cell that cannot be what it should."""
    product_id, path, by, at, reason, store = (cells.get(name, "").strip() for name in (*COLUMNS, STORE))
    if not product_id:
        raise TaxonomyError("product_id is empty: say which product")
    if not path:
        raise TaxonomyError(f"path is empty: write the product's path, or {DROP} to take the product out")
    names = () if path == DROP else parse_path(path)
    if names and taxonomy is not None:
        taxonomy.node(names)
    return PatchRow(product_id, names, by, at, reason, store)


def _contradictions(rows: list[PatchRow], lines: list[int]) -> list[Problem]:
    """Lines that give a product another path than an earlier line of the same standing."""
    seen: dict[tuple[str, str, bool], int] = {}
    problems = []
    for number, row in enumerate(rows):
        first = seen.setdefault((row.store, row.product_id, row.is_suggested), number)
        if rows[first].path != row.path:
            earlier = format_path(rows[first].path) or DROP
            problems.append(
                Problem(
                    lines[number], f"product {row.product_id} has the path {earlier} in line {lines[first]}: keep one"
                )
            )
    return problems
