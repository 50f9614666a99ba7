"""Category trees as text: one answer per line, ` > ` between levels, `#` comments, optional ids in front.

This is the form in which Google (`1604 - Apparel & Accessories > Clothing`) and Shopify
(`gid://shopify/TaxonomyCategory/aa-1 : Apparel & Accessories > Clothing`) publish theirs. Whether the heads of lines
are ids is one decision for the whole file, so that a category called "3 - Piece Suits" is never cut in two:

- a comment `# ids: yes` or `# ids: no` above the first path says it;
- else the first path says it: it has an id when it begins with one word that holds a digit or a colon, followed by
  ` - ` or ` : `. Then every line must have one (`?` stands for "none"); else no line has one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path as FilePath
from typing import NamedTuple
from unicodedata import category

from atlas.errors import TaxonomyError
from atlas.records import Path
from atlas.storage import write_text
from atlas.taxonomy.tree import Taxonomy, format_path, is_id, parse_path

#: Trees that come with Atlas.
SHIPPED = ("atlas52",)
#: Stands in the place of an id where a path has none, in a file whose other paths have.
NO_ID = "?"
MAX_FILE_BYTES = 64 * 2**20
MAX_LINE_BYTES = 64 * 2**10

_HEAD = re.compile(r"(?P<id>\S+)\s+(?P<sign>[-:])\s+(?P<path>\S.*)")
_DIRECTIVE = re.compile(r"#\s*ids:\s*(yes|no)\s*", re.IGNORECASE)


class Problem(NamedTuple):
    """What is wrong with one line of a file."""

    line: int
    reason: str


class Entry(NamedTuple):
    """One line of a file that names a path."""

    line: int
    path: Path
    id: str | None


@dataclass
class Scan:
    """Everything found in a file: the lines that can be read, in order, and all problems of the others."""

    entries: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def load_taxonomy(name_or_file: str | os.PathLike[str]) -> Taxonomy:
    """The tree of a file, or the one that ships under this name (`./atlas52` is a file of that name).

    Raises TaxonomyError like `read_taxonomy`.
    """
    return _build(scan_taxonomy(read_bytes(name_or_file)), str(name_or_file))


def read_taxonomy(file: FilePath) -> Taxonomy:
    """The tree of a text file. Raises TaxonomyError with file, line number and reason."""
    return _build(scan_taxonomy(_file_bytes(file)), str(file))


def parse_taxonomy(text: str, source: str = "taxonomy") -> Taxonomy:
    """The tree of a text; `source` names it in errors. Raises TaxonomyError with line number and reason."""
    return _build(scan_taxonomy(text.encode("utf-8", "surrogatepass")), source)


def write_taxonomy(file: FilePath, taxonomy: Taxonomy) -> None:
    """Write the tree so that `read_taxonomy` gives an equal one."""
    write_text(file, format_taxonomy(taxonomy))


def format_taxonomy(taxonomy: Taxonomy) -> str:
    """The tree as text, answers in preorder, each on a line of its own; `parse_taxonomy` gives an equal tree back."""
    paths = [taxonomy.paths[node] for node in taxonomy.answers]
    with_ids = bool(taxonomy.ids) or any(path[0].startswith("#") for path in paths)
    heads = [f"{taxonomy.ids.get(path, NO_ID)} - " if with_ids else "" for path in paths]
    lines = [head + format_path(path) for head, path in zip(heads, paths, strict=True)]
    sign, doubt = _likely_sign(lines)
    if doubt or bool(sign) != with_ids:
        lines.insert(0, f"# ids: {'yes' if with_ids else 'no'}")
    return "\n".join(lines) + "\n"


def read_bytes(name_or_file: str | os.PathLike[str]) -> bytes:
    """The content of a taxonomy file or a shipped tree. Raises TaxonomyError when there is none or far too much."""
    if name_or_file in SHIPPED:
        return files("atlas.taxonomy").joinpath("data", f"{name_or_file}.txt").read_bytes()
    return _file_bytes(FilePath(name_or_file))


def _file_bytes(file: FilePath) -> bytes:
    if not file.is_file():
        kind = "is a folder, not a file" if file.is_dir() else "does not exist"
        raise TaxonomyError(f"{file} {kind}: name a text file, or a shipped tree ({', '.join(SHIPPED)})")
    try:
        size_bytes = file.stat().st_size
        if size_bytes > MAX_FILE_BYTES:
            raise TaxonomyError(f"{file} has {size_bytes:,} bytes: a taxonomy file has at most {MAX_FILE_BYTES:,}")
        return file.read_bytes()
    except OSError as error:
        raise TaxonomyError(f"{file} cannot be read: {error.strerror}") from error


def scan_taxonomy(data: bytes) -> Scan:
    """All paths and all problems of a file's content; never raises, so that a check can list everything at once."""
    scan = Scan()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        scan.problems.append(Problem(1, "the file is UTF-16: save it as UTF-8"))
        return scan
    lines = list(_decoded_lines(data.removeprefix(b"\xef\xbb\xbf"), scan.problems))
    paths = [(number, text) for number, text in lines if not text.startswith("#")]
    if paths:
        comments = [text for number, text in lines if number < paths[0][0]]
        sign, doubt = _file_sign(comments, [text for _, text in paths])
        if doubt:
            scan.problems.append(Problem(paths[0][0], doubt))
        _read_entries(paths, sign, scan)
    elif not scan.problems:
        scan.problems.append(Problem(1, "no path in the file: write one answer per line, such as Men > Shirts"))
    scan.problems.sort()
    return scan


def looks_like_id(text: str) -> bool:
    """Whether a line begins like one with an id, as `1604 - Apparel` does."""
    return _likely_head(text) is not None


def _build(scan: Scan, source: str) -> Taxonomy:
    if scan.problems:
        line, reason = scan.problems[0]
        more = len(scan.problems) - 1
        rest = f" (and {more} more; `atlas taxonomy check` lists them all)" if more else ""
        raise TaxonomyError(f"{source}, line {line}: {reason}{rest}")
    ids = {entry.path: entry.id for entry in scan.entries if entry.id is not None}
    return Taxonomy([entry.path for entry in scan.entries], ids)


def _decoded_lines(data: bytes, problems: list[Problem]) -> Iterable[tuple[int, str]]:
    """Number and text of every line that is not empty; what cannot be text becomes a problem."""
    for number, raw in enumerate(data.split(b"\n"), start=1):
        if len(raw) > MAX_LINE_BYTES:
            problems.append(Problem(number, f"line of {len(raw):,} bytes: at most {MAX_LINE_BYTES:,} are allowed"))
            continue
        try:
            text = raw.decode("utf-8").strip(" \t\r")
        except UnicodeDecodeError as error:
            byte = raw[error.start]
            problems.append(Problem(number, f"byte 0x{byte:02X} is not UTF-8: save the file as UTF-8"))
            continue
        control = next((sign for sign in text if category(sign) in ("Cc", "Zl", "Zp") and sign != "\t"), None)
        if control:
            problems.append(Problem(number, f"control character U+{ord(control):04X}: remove it"))
        elif text:
            yield number, text


def _read_entries(lines: Iterable[tuple[int, str]], sign: str, scan: Scan) -> None:
    """Add one entry or one problem for each line; `sign` stands after the ids, empty where there are none."""
    line_of: dict[Path, int] = {}
    owner_of: dict[str, int] = {}
    for number, text in lines:
        try:
            id, rest = _split_id(text, sign) if sign else (None, text)
            path = parse_path(rest)
        except TaxonomyError as error:
            scan.problems.append(Problem(number, str(error)))
            continue
        if path in line_of:
            reason = f"'{format_path(path)}' is on line {line_of[path]} already: keep one of the two"
            scan.problems.append(Problem(number, reason))
        elif id is not None and id in owner_of:
            reason = f"id {id} is given on line {owner_of[id]} already: one id names one path{_hint(text)}"
            scan.problems.append(Problem(number, reason))
        else:
            scan.entries.append(Entry(number, path, id))
        line_of.setdefault(path, number)
        if id is not None:
            owner_of.setdefault(id, number)


def _split_id(text: str, sign: str) -> tuple[str | None, str]:
    found = _HEAD.fullmatch(text)
    if found is None or found["sign"] != sign:
        raise TaxonomyError(
            f"no id before {text[:60]!r}, while the first path has one: write '{NO_ID} {sign} ' where there is none, "
            "or '# ids: no' above the first path if its head belongs to the name"
        )
    if found["id"] != NO_ID and not is_id(found["id"]):
        raise TaxonomyError(f"{found['id'][:60]!r} cannot be an id")
    return (None if found["id"] == NO_ID else found["id"]), found["path"]


def _file_sign(comments: Iterable[str], texts: Sequence[str]) -> tuple[str, str]:
    """The sign after the ids, or "" where the file has none; and what speaks against reading it so, or ""."""
    said = [choice[1].lower() for choice in map(_DIRECTIVE.fullmatch, comments) if choice]
    if not said:
        return _likely_sign(texts)
    found = _HEAD.fullmatch(texts[0])
    return ("" if said[-1] == "no" else found["sign"] if found else "-"), ""


def _likely_sign(texts: Sequence[str]) -> tuple[str, str]:
    first = _likely_head(texts[0])
    if first:
        return first["sign"], ""
    later = {head["id"] for head in map(_likely_head, texts) if head}
    if len(later) > 1 and 2 * len(later) >= len(texts):
        return "", (
            f"the first path has no id, but {len(later)} others do: write '{NO_ID} - ' before it, "
            "or '# ids: no' above it if their heads belong to the names"
        )
    return "", ""


def _likely_head(text: str) -> re.Match[str] | None:
    found = _HEAD.fullmatch(text)
    if found and (found["id"] == NO_ID or any(sign.isdigit() or sign == ":" for sign in found["id"])):
        return found
    return None


def _hint(text: str) -> str:
    return f"; if {text[:30]!r} is how a name begins, write '# ids: no' above the first path"
