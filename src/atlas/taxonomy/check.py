"""Everything that is wrong or odd about a tree, in one go."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from atlas.records import Path
from atlas.taxonomy.files import Scan, looks_like_id, scan_taxonomy
from atlas.taxonomy.tree import Taxonomy, format_path

#: Invisible too, but part of correct spelling in several scripts.
_JOINERS = "\u200c\u200d"


class Finding(NamedTuple):
    """One thing to look at. An error stops the file from being read; a warning does not."""

    line: int | None
    severity: str  # "error" or "warning"
    kind: str
    reason: str
    path: Path = ()  # the node that a warning is about


def check_taxonomy(data: bytes, products: Mapping[Path, int] | None = None, thin: int = 10) -> list[Finding]:
    """All findings about a file's content, errors first, each group by line.

    Warnings: names that differ in case alone, names that look alike, invisible characters, mixed alphabets, a level
    with one child, a name that begins like an id, and where `products` tells, answers with none or fewer than `thin`.
    """
    scan = scan_taxonomy(data)
    errors = [Finding(problem.line, "error", "unreadable", problem.reason) for problem in scan.problems]
    if not scan.entries:
        return errors
    tree = Taxonomy([entry.path for entry in scan.entries])
    checks: Sequence[Iterable[tuple[Path, str, str]]] = (
        _twins(tree, "case-twins", str.casefold, "differ in case alone"),
        _twins(tree, "look-alikes", _skeleton, "look alike"),
        _two_spellings(tree),
        _odd_characters(tree),
        _single_children(tree),
        _id_heads(tree, scan),
        _thin_answers(tree, products, thin) if products is not None else (),
    )
    line_of = _line_of(scan)
    warnings = [
        Finding(line_of.get(path), "warning", kind, reason, path) for found in checks for path, kind, reason in found
    ]
    return errors + sorted(warnings, key=lambda finding: finding.line or 0)


def _line_of(scan: Scan) -> dict[Path, int]:
    """The first line at or below each node."""
    lines: dict[Path, int] = {}
    for entry in scan.entries:
        for depth in range(1, len(entry.path) + 1):
            lines.setdefault(entry.path[:depth], entry.line)
    return lines


def _twins(tree: Taxonomy, kind: str, key: Callable[[str], str], what: str) -> Iterator[tuple[Path, str, str]]:
    """Siblings with the same key, though their names differ."""
    for node in range(len(tree)):
        first: dict[str, Path] = {}
        for child in tree.children(node):
            path = tree.paths[child]
            other = first.setdefault(key(path[-1]), path)
            if other != path and (kind == "case-twins" or other[-1].casefold() != path[-1].casefold()):
                yield path, kind, f"'{format_path(path)}' and '{other[-1]}' beside it {what}"


def _two_spellings(tree: Taxonomy) -> Iterator[tuple[Path, str, str]]:
    """Names that stand in several places of the tree and are not spelled alike."""
    first: dict[str, Path] = {}
    for path in tree.paths[1:]:
        other = first.setdefault(path[-1].casefold(), path)
        if other[-1] != path[-1] and other[:-1] != path[:-1]:
            yield path, "spelling", f"'{format_path(path)}' is spelled otherwise in '{format_path(other)}'"


def _odd_characters(tree: Taxonomy) -> Iterator[tuple[Path, str, str]]:
    for path in tree.paths[1:]:
        hidden = [sign for sign in path[-1] if unicodedata.category(sign) == "Cf" and sign not in _JOINERS]
        if hidden:
            yield path, "invisible", f"'{format_path(path)}' holds the invisible character U+{ord(hidden[0]):04X}"
        for word in path[-1].split():
            alphabets = {unicodedata.name(sign, "?").split()[0] for sign in word if sign.isalpha()}
            if "LATIN" in alphabets and alphabets & {"CYRILLIC", "GREEK"}:
                mix = " and ".join(sorted(alphabets))
                yield path, "mixed-alphabets", f"'{word}' in '{format_path(path)}' mixes {mix}"


def _single_children(tree: Taxonomy) -> Iterator[tuple[Path, str, str]]:
    for node in range(1, len(tree)):
        children = tree.children(node)
        if len(children) == 1 and not tree.is_answer[node]:
            path, child = tree.paths[node], tree.paths[children[0]][-1]
            yield path, "single-child", f"'{format_path(path)}' has the one child '{child}': the level decides nothing"


def _id_heads(tree: Taxonomy, scan: Scan) -> Iterator[tuple[Path, str, str]]:
    if any(entry.id is not None for entry in scan.entries):
        return
    for node in tree.children(0):
        path = tree.paths[node]
        if looks_like_id(path[0]):
            yield path, "id-like", f"'{path[0]}' begins like an id, but the file is read as one without ids"


def _thin_answers(tree: Taxonomy, products: Mapping[Path, int], thin: int) -> Iterator[tuple[Path, str, str]]:
    for node in tree.answers:
        path = tree.paths[node]
        count = products.get(path, 0)
        if count < thin:
            kind, told = ("thin", f"{count} products, fewer than {thin}") if count else ("empty", "no products")
            yield path, kind, f"'{format_path(path)}' has {told}"


def _skeleton(name: str) -> str:
    """The name without what a reader skips over: case, width, accents, marks, '&', spaces and a plural's s."""
    plain = unicodedata.normalize("NFKD", name).casefold().replace("&", " and ")
    words = "".join(sign if sign.isalnum() else " " for sign in plain if not unicodedata.combining(sign)).split()
    return "".join(word.removesuffix("s") if len(word) > 3 else word for word in words if word != "and")
