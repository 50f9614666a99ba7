"""Small CSV files that people edit: each line with its cells or with what is wrong with it, safe from spreadsheets."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from atlas.taxonomy.tree import clean_name

#: Problems that one message names.
TOLD = 3
#: What a spreadsheet takes for a formula, and what was kept from being one by an apostrophe.
_FORMULA = re.compile(r"'*[=+\-@]")


class Problem(NamedTuple):
    """What is wrong with one line of a file."""

    line: int
    reason: str


def told(problems: Iterable[Problem]) -> str:
    """The first problems in the order of their lines, and how many more there are."""
    found = sorted(problems)
    more = f" (and {len(found) - TOLD} more)" if len(found) > TOLD else ""
    return "; ".join(f"line {line}: {reason}" for line, reason in found[:TOLD]) + more


def csv_lines(data: bytes, needed: Sequence[str], heading: str) -> Iterator[tuple[int, Mapping[str, str] | str]]:
    """Each line that says anything, by number: its cells under their headings in lower case, or what is wrong with it.

    Cells lose the apostrophe that kept them from being formulas. `heading` says what the first line should be. A file
    in another encoding, or without one of the `needed` columns, is one problem and nothing else.
    """
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        yield line, f"byte 0x{data[error.start]:02X} is not {encoding.upper()}: save the file as UTF-8 (CSV)"
        return
    records = _records(text)
    line, header = next(records, (1, []))
    names = [clean_name(name).lower() for name in header] if isinstance(header, list) else []
    missing = [name for name in needed if names.count(name) != 1]
    if missing:
        how = "two columns" if missing[0] in names else "no column"
        yield line, f"{how} '{missing[0]}': {heading}"
        return
    for line, cells in records:
        if isinstance(cells, str):
            yield line, cells
        elif len(cells) > len(names):
            yield line, f"{len(cells)} cells under {len(names)} headings: put a name with a comma in double quotes"
        else:
            yield line, {name: _unquoted(cell) for name, cell in zip(names, cells, strict=False)}


def format_csv(columns: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """The rows under their headings as CSV. A cell that a spreadsheet would take for a formula gets an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_quoted(cell) for cell in row] for row in rows)
    return out.getvalue()


def _records(text: str) -> Iterator[tuple[int, list[str] | str]]:
    """The records that say anything, each with the line where it begins; one that is no CSV as the reason why."""
    sign = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=sign, strict=True)
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            ends = "end of data" in str(error)
            yield line, "a double quote is never closed" if ends else f"not CSV: {error}"
        else:
            if any(cell.strip() for cell in cells):
                yield line, cells
        line = reader.line_num + 1


def _quoted(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _unquoted(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
