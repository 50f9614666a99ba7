"""Answers in stores' own words: the mapping read backwards, one column for each store."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath

from atlas.bundle import Bundle
from atlas.errors import UsageError
from atlas.records import Path
from atlas.taxonomy.mapping import Mapping
from atlas.taxonomy.mapping_file import read_mapping
from atlas.taxonomy.tree import format_path


@dataclass(frozen=True)
class StoreWords:
    """How some stores say paths."""

    mapping: Mapping
    stores: tuple[str, ...]
    suggested: bool = False
    _said: dict[Path, tuple[str | None, ...]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """The column of each store in a predictions file."""
        return tuple(f"path_{store}" for store in self.stores)

    def say(self, path: Path) -> tuple[str | None, ...]:
        """The store path of each store; None where a store has nothing of the kind."""
        if path not in self._said:
            said = [self.mapping.store_path_of(store, path, suggested=self.suggested) for store in self.stores]
            self._said[path] = tuple(format_path(store_path) if store_path else None for store_path in said)
        return self._said[path]


def store_words(
    bundle: Bundle, stores: Sequence[str], mapping_file: FilePath | None = None, *, use_suggested: bool = False
) -> StoreWords:
    """How these stores say the model's paths, by its own mapping or by another file.

    Raises UsageError where there is no mapping, and for a store that it does not know, or only by suggestions.
    """
    mapping = read_mapping(mapping_file) if mapping_file else bundle.mapping
    source = mapping_file or bundle.folder
    if mapping is None:
        raise UsageError(
            f"{source} has no mapping of stores: build its data set with --mapping, or name a file here with --mapping"
        )
    named = {name.casefold(): name for name in mapping.stores}
    found = []
    for store in dict.fromkeys(name.casefold() for name in stores):
        if store not in named:
            raise UsageError(_unknown(store, str(source), mapping.stores))
        statuses = {row.status for row in mapping.rows if row.store.casefold() == store}
        if "confirmed" not in statuses and not (use_suggested and "suggested" in statuses):
            raise UsageError(
                f"no row of {named[store]} is confirmed in the mapping of {source}: set the status of those that are "
                "right, or use --use-suggested"
            )
        found.append(named[store])
    return StoreWords(mapping, tuple(found), use_suggested)


def _unknown(store: str, source: str, known: Sequence[str]) -> str:
    named = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(store, named, n=1)
    hint = f" (did you mean {named[close[0]]}?)" if close else ""
    return f"the mapping of {source} knows no store {store!r}{hint}: it knows {', '.join(known) or 'none by name'}"
