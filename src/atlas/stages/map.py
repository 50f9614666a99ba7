"""`taxonomy map`: store paths to a mapping with a suggested taxonomy path for each."""

from __future__ import annotations

from collections.abc import Mapping as Table
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import TypeAlias

from atlas.errors import UsageError
from atlas.progress import Progress, Silent
from atlas.records import Path
from atlas.stages.store_paths import read_store_paths
from atlas.taxonomy.files import load_taxonomy
from atlas.taxonomy.mapping import Mapping, MappingRow, StorePath, store_path_key
from atlas.taxonomy.mapping_file import read_mapping, write_mapping
from atlas.taxonomy.suggest import Suggestion, suggest_paths
from atlas.taxonomy.tree import format_path

#: From this score on, suggestions were right in all hand-made store trees (docs/mapping.md).
SURE = 0.8


_Key: TypeAlias = tuple[str, Path]
_Suggested: TypeAlias = tuple[StorePath, Suggestion]


@dataclass(frozen=True)
class MapSummary:
    """What a new mapping holds. `suggested` are its new rows in the file's order, surest first within each store."""

    output: FilePath
    kept: int  # rows of the old mapping
    covered: int  # store paths that those rows decide about already
    suggested: tuple[tuple[StorePath, Suggestion], ...]

    @property
    def sure(self) -> int:
        """Suggestions that score high."""
        return sum(suggestion.score >= SURE for _, suggestion in self.suggested)

    @property
    def open(self) -> int:
        """Store paths for which nothing was found."""
        return sum(not suggestion.path for _, suggestion in self.suggested)


def map_stores(
    sources: Sequence[str],
    taxonomy: str,
    output: FilePath,
    *,
    mapping: FilePath | None = None,
    store: str | None = None,
    columns: Sequence[str] = (),
    fold: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> MapSummary:
    """Write a mapping with a row for each store path of the sources: its best taxonomy path, suggested.

    Rows of an older `mapping` that somebody has confirmed or rejected are kept, in their order, and teach a store's
    words; store paths that they decide about get no new row, and pairs that were rejected are not suggested again. Old
    suggestions are made anew where the sources have their store path. With `fold`, store paths that begin alike and all
    go the same way, as their common beginning does, get one row together. Raises UsageError for an output that exists,
    TaxonomyError for a mapping that does not fit the tree.
    """
    if output.exists() and not overwrite:
        raise UsageError(f"{output} exists already: use --overwrite to replace it, or another -o")
    progress = progress or Silent()
    tree = load_taxonomy(taxonomy)
    old = read_mapping(mapping, tree) if mapping else Mapping()
    found = read_store_paths(sources, columns, store, progress)
    new = [here for here in found if not _is_decided(here, old)]
    progress.begin("matching", len(new))
    suggested = list(zip(new, suggest_paths(new, tree, old), strict=True))
    if fold:
        below = _beginnings(new, old)
        inner = [_together(store, path, found) for (store, path), found in below.items()]
        suggested = _folded(suggested, list(zip(inner, suggest_paths(inner, tree, old), strict=True)), below)
    progress.advance(len(new))
    suggested.sort(key=lambda entry: (entry[0].store.casefold(), -entry[1].score, -entry[0].products, entry[0].path))
    renewed = {store_path_key(here.store, here.path) for here, _ in suggested}
    kept = [row for row in old.rows if row.status != "suggested" or store_path_key(*row[:2]) not in renewed]
    rows = [MappingRow(here.store, here.path, one.path, "suggested") for here, one in suggested]
    write_mapping(output, Mapping((*kept, *rows)), [{}] * len(kept) + [_note(here, one) for here, one in suggested])
    return MapSummary(output, len(kept), len(found) - len(new), tuple(suggested))


def _is_decided(here: StorePath, old: Mapping) -> bool:
    """Whether a person has said where the store path goes, or that it goes nowhere."""
    row = old.row_of(here.store, here.path)
    return row is not None and (row.status == "confirmed" or not row.path)


def _beginnings(found: Sequence[StorePath], old: Mapping) -> dict[_Key, list[StorePath]]:
    """What several of the store paths begin with, longest first, less what the old mapping decides about."""
    below: dict[_Key, list[StorePath]] = {}
    for here in found:
        for depth in range(1, len(here.path)):
            below.setdefault((here.store, here.path[:depth]), []).append(here)
    listed = {here[:2] for here in found}
    inner = (key for key in sorted(below, key=lambda key: -len(key[1])) if len(below[key]) > 1 and key not in listed)
    return {key: below[key] for key in inner if not _is_decided(StorePath(*key), old)}


def _together(store: str, path: Path, below: Sequence[StorePath]) -> StorePath:
    titles = tuple(title for here in below for title in here.titles)
    return StorePath(store, path, sum(here.products for here in below), titles)


def _folded(
    suggested: Sequence[_Suggested], inner: Sequence[_Suggested], below: Table[_Key, Sequence[StorePath]]
) -> list[_Suggested]:
    """The suggestions with one in the place of those that begin alike, where all of them and the beginning agree."""
    kept = {here[:2]: (here, one) for here, one in suggested}
    for here, one in inner:
        keys = [other[:2] for other in below[here[:2]]]
        if one.path and all(kept[key][1].path == one.path for key in keys):
            sure = min([one.score, *(kept[key][1].score for key in keys)])
            kept.update(dict.fromkeys(keys, (here, one._replace(score=sure))))
    return list({here[:2]: (here, one) for here, one in kept.values()}.values())


def _note(here: StorePath, suggestion: Suggestion) -> dict[str, str]:
    """What helps a person to judge a row."""
    return {
        "score": f"{suggestion.score:.2f}",
        "products": str(here.products),
        "second": format_path(suggestion.second),
        "example": here.titles[0] if here.titles else "",
    }
