"""`taxonomy map`: store paths to a mapping with a suggested taxonomy path for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath

from atlas.errors import UsageError
from atlas.progress import Progress, Silent
from atlas.stages.store_paths import read_store_paths
from atlas.taxonomy.files import load_taxonomy
from atlas.taxonomy.mapping import Mapping, MappingRow, StorePath, store_path_key
from atlas.taxonomy.mapping_file import read_mapping, write_mapping
from atlas.taxonomy.suggest import Suggestion, suggest_paths
from atlas.taxonomy.tree import format_path

#: From this score on, suggestions were right in all hand-made store trees (docs/mapping.md).
SURE = 0.8


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
    overwrite: bool = False,
    progress: Progress | None = None,
) -> MapSummary:
    """Write a mapping with a row for each store path of the sources: its best taxonomy path, suggested.

    Rows of an older `mapping` that somebody has confirmed or rejected are kept, in their order, and teach a store's
    words; store paths that they decide about get no new row, and pairs that were rejected are not suggested again. Old
    suggestions are made anew where the sources have their store path. Raises UsageError for an output that exists,
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


def _note(here: StorePath, suggestion: Suggestion) -> dict[str, str]:
    """What helps a person to judge a row."""
    return {
        "score": f"{suggestion.score:.2f}",
        "products": str(here.products),
        "second": format_path(suggestion.second),
        "example": here.titles[0] if here.titles else "",
    }
