"""Mappings as CSV: `store,store_path,path,status`, in any order, and further columns that nothing but people read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Table
from pathlib import Path as FilePath

from atlas.errors import TaxonomyError
from atlas.records import Path
from atlas.storage import write_text
from atlas.taxonomy.csv_lines import Problem, csv_lines, format_csv, told
from atlas.taxonomy.mapping import ANY_STORE, STATUSES, Mapping, MappingRow, contradictions
from atlas.taxonomy.tree import Taxonomy, clean_name, format_path, name_fault, parse_path

#: The columns of a mapping.
COLUMNS = ("store", "store_path", "path", "status")
MAX_FILE_BYTES = 64 * 2**20


def read_mapping(file: FilePath, taxonomy: Taxonomy | None = None) -> Mapping:
    """The mapping of a CSV file. Where a tree is given, every path of a row that is not rejected must be in it.

    Raises TaxonomyError with file, line and reason of the first problems, and how many there are.
    """
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise TaxonomyError(f"{file} is larger than {MAX_FILE_BYTES:,} bytes: that is no mapping")
        data = file.read_bytes()
    except FileNotFoundError as error:
        raise TaxonomyError(
            f"{file} does not exist: `atlas taxonomy map CRAWL --taxonomy TREE -o {file}` writes one"
        ) from error
    except OSError as error:
        raise TaxonomyError(f"{file} cannot be read: {error.strerror}") from error
    return parse_mapping(data, taxonomy, str(file))


def parse_mapping(data: bytes, taxonomy: Taxonomy | None = None, source: str = "mapping") -> Mapping:
    """The mapping of a CSV file's content; `source` names it in errors. Raises TaxonomyError like `read_mapping`."""
    rows: list[MappingRow] = []
    lines: list[int] = []
    problems: list[Problem] = []
    for line, found in _scan(data, taxonomy):
        if isinstance(found, MappingRow):
            rows.append(found)
            lines.append(line)
        else:
            problems.append(Problem(line, found))
    clashes = contradictions(rows, lambda number: f"line {lines[number]}")
    problems += [Problem(lines[number], reason) for number, reason in clashes]
    if problems:
        raise TaxonomyError(f"{source}, {told(problems)}")
    return Mapping(tuple(rows))


def write_mapping(file: FilePath, mapping: Mapping, notes: Sequence[Table[str, str]] = ()) -> None:
    """Write the mapping so that `read_mapping` gives an equal one."""
    write_text(file, format_mapping(mapping, notes))


def mapping_id(mapping: Mapping) -> str:
    """Twelve hexadecimal digits that name a mapping: its rows in their order."""
    return hashlib.sha256(format_mapping(mapping).encode()).hexdigest()[:12]


def format_mapping(mapping: Mapping, notes: Sequence[Table[str, str]] = ()) -> str:
    """The mapping as CSV. `notes` are further columns for the reader's eye, one table for each row in order.

    A cell that a spreadsheet would take for a formula gets a leading apostrophe, which reading takes away again.
    """
    noted = list(dict.fromkeys(name for note in notes for name in note))
    lines = []
    for number, row in enumerate(mapping.rows):
        note = notes[number] if number < len(notes) else {}
        cells = (row.store, format_path(row.store_path), format_path(row.path), row.status)
        lines.append([*cells, *(note.get(name, "") for name in noted)])
    return format_csv([*COLUMNS, *noted], lines)


def _scan(data: bytes, taxonomy: Taxonomy | None) -> Iterator[tuple[int, MappingRow | str]]:
    """Each line with its row, or with what is wrong with it."""
    for line, cells in csv_lines(data, COLUMNS, f"the first line of a mapping is {','.join(COLUMNS)}"):
        if isinstance(cells, str):
            yield line, cells
            continue
        try:
            yield line, _row(cells, taxonomy)
        except TaxonomyError as error:
            yield line, str(error)


def _row(cells: Table[str, str], taxonomy: Taxonomy | None) -> MappingRow:
    """The row that the cells spell. Raises TaxonomyError for a cell that cannot be what it should."""
    store, store_path, path, status = (clean_name(cells.get(name, "")) for name in COLUMNS)
    known = next((known for known in STATUSES if known == status.lower()), None)
    if known is None:
        raise TaxonomyError(f"status is '{status}': use {', '.join(STATUSES[:-1])} or {STATUSES[-1]}")
    if not store:
        raise TaxonomyError(f"store is empty: write its name, or {ANY_STORE} for any store")
    if fault := name_fault(store.replace(">", "")):
        raise TaxonomyError(f"{fault} in store '{store[:60]}'")
    if not store_path:
        raise TaxonomyError("store_path is empty: name at least its first level")
    if not path and known == "confirmed":
        raise TaxonomyError("path is empty, and status confirmed: name the path, or set the status to rejected")
    return MappingRow(store, parse_path(store_path), _known(path, known, taxonomy), known)


def _known(text: str, status: str, taxonomy: Taxonomy | None) -> Path:
    path = parse_path(text) if text else ()
    if path and taxonomy is not None and status != "rejected":
        taxonomy.node(path)
    return path
