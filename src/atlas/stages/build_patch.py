"""Patches on their way into `build`: which products of the source they name, before any picture is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from atlas.dataset.parts import Keys
from atlas.dataset.rows import ProductKey, RowReader, product_key
from atlas.dataset.sources import Source
from atlas.errors import UsageError
from atlas.progress import Progress
from atlas.records import Path
from atlas.taxonomy.patch_file import STORE, Patch
from atlas.taxonomy.tree import format_path

#: Rows between two signs of progress.
TOLD_EVERY = 1000


@dataclass(frozen=True)
class Patched:
    """The decided paths of the products that the source has (`()` takes one out), and the figures of the patches."""

    paths: dict[ProductKey, Path] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)

    def told(self, keys: Keys) -> dict[str, Any]:
        """What build.json says of the patches, once all rows are known; nothing without any."""
        if not self.figures:
            return {}
        by_patch = np.isin(keys.product, np.array([product_key(product) for product in self.paths], np.uint64))
        named, others = (set(keys.path[keys.good & mask].tolist()) for mask in (by_patch, ~by_patch))
        new = sorted(format_path(keys.paths[place]) for place in named - others)
        return {"patch": {**self.figures, "new_paths": new}}


class _Decided(NamedTuple):
    """The path that the last line about a product gives it."""

    place: int  # among all lines of all patches
    path: Path


def find_patched(
    patches: Sequence[Patch], use_suggested: bool, source: Source, readers: Sequence[RowReader], progress: Progress
) -> Patched:
    """What the patches decide about this source. Later files overrule earlier ones, decisions overrule suggestions.

    A line without a store that fits products of several stores decides about none of them. Raises UsageError when no
    line fits any product.
    """
    if not patches:
        return Patched()
    decided = _decided(patches, use_suggested)
    stores, rows = _found(decided, source, readers, progress)
    paths = {}
    for product_id, found in stores.items():
        of_any = decided.get(("", product_id)) if len(found) == 1 else None
        for store in found:
            lines = [line for line in (decided.get((store, product_id)), of_any) if line is not None]
            if lines:
                paths[store, product_id] = max(lines).path
    if decided and not paths:
        raise UsageError(_nothing_fits(patches, decided, stores))
    return Patched(paths, _told(patches, use_suggested, decided, stores, rows, paths))


def _decided(patches: Sequence[Patch], use_suggested: bool) -> dict[ProductKey, _Decided]:
    """The last word on each product, by (store, product_id)."""
    lines = [row for patch in patches for row in patch.rows]
    if use_suggested:
        lines.sort(key=lambda row: not row.is_suggested)  # what somebody decided comes last
    else:
        lines = [row for row in lines if not row.is_suggested]
    return {(row.store, row.product_id): _Decided(place, row.path) for place, row in enumerate(lines)}


def _found(
    decided: dict[ProductKey, _Decided], source: Source, readers: Sequence[RowReader], progress: Progress
) -> tuple[dict[str, list[str]], Counter[ProductKey]]:
    """The stores ("" for none) of each product that a line may mean, and the rows of each."""
    asked = {product_id for _, product_id in decided}
    columns = sorted({name for reader in readers for name in reader.needed_for_product()})
    rows: Counter[ProductKey] = Counter()
    progress.begin("looking for patched products", source.row_count())
    for number, raw in enumerate(source.rows(columns), 1):
        store, product_id = readers[raw.file].product(raw)
        if product_id in asked and raw.broken is None and readers[raw.file].left_out(raw) is None:
            rows[store, product_id] += 1
        if number % TOLD_EVERY == 0:
            progress.advance(TOLD_EVERY)
    stores: dict[str, list[str]] = {}
    for store, product_id in rows:
        stores.setdefault(product_id, []).append(store)
    return stores, rows


def _told(
    patches: Sequence[Patch],
    use_suggested: bool,
    decided: dict[ProductKey, _Decided],
    stores: dict[str, list[str]],
    rows: Counter[ProductKey],
    paths: dict[ProductKey, Path],
) -> dict[str, Any]:
    """What build.json says of the patches."""
    several = [key for key in decided if not key[0] and len(stores.get(key[1], [])) > 1]
    missing = [key for key in decided if (key not in rows if key[0] else key[1] not in stores)]
    waiting = sum(row.is_suggested for patch in patches for row in patch.rows)
    return {
        "files": [{"name": patch.name, "id": patch.digest, "lines": len(patch.rows)} for patch in patches],
        "products": len(paths),
        "rows": sum(rows[key] for key in paths),
        "taken_out": sum(not path for path in paths.values()),
        "waiting": 0 if use_suggested else waiting,
        "in_several_stores": [product_id for _, product_id in several],
        "unmatched": [f"{product_id} of {store}" if store else product_id for store, product_id in missing],
    }


def _nothing_fits(patches: Sequence[Patch], decided: dict[ProductKey, _Decided], stores: dict[str, list[str]]) -> str:
    names = ", ".join(patch.name for patch in patches)
    if any(len(found) > 1 for found in stores.values()):
        return f"the products of {names} stand in several stores each: add a column '{STORE}' that says which is meant"
    example = next(iter(decided))[1]
    return (
        f"none of the {len(decided):,} products of {names} (the first is {example!r}) is in the source: "
        "is it the patch of another data set, or is --columns product_id=COLUMN missing?"
    )
