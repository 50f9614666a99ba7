"""Which pictures of a build are one and the same: what its split must not part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atlas.clean.descriptor import LENGTH, describe
from atlas.clean.duplicates import ALONE, KINDS, find_duplicates
from atlas.dataset.parts import Keys, load_descriptors
from atlas.dataset.split import Twins
from atlas.progress import Progress

if TYPE_CHECKING:
    import pyarrow as pa
    from PIL import Image


@dataclass(frozen=True)
class FoundTwins:
    """Which rows show one picture, and what build.json says of it."""

    twins: Twins
    figures: dict[str, Any]


def described(picture: Image.Image) -> bytes:
    """What a picture shows, in the form in which it is kept with its row."""
    return describe(picture).tobytes()


def find_twins(keys: Keys, batches: Sequence[pa.RecordBatch], progress: Progress) -> FoundTwins:
    """The rows that show one picture: the same file, the same pixels, or changed on the way.

    Blank pictures are no twins. Memory: 128 bytes a row for descriptors, and what `find_duplicates` says. Raises
    MissingExtraError for very many rows without the extra `clean`; the same rows never give another answer.
    """
    progress.begin("looking for duplicates")
    good = np.flatnonzero(keys.good)
    shown = load_descriptors(batches, keys.good, LENGTH)
    found = find_duplicates(keys.picture[good], keys.pixels[good], shown, keys.path[good])
    alike = np.zeros(len(keys.good), np.uint64)
    alike[good] = np.where(shown.any(axis=1), found.groups + 1, 0)
    kinds, sizes = found.kinds, found.sizes()
    figures = {
        "groups": int((kinds != ALONE).sum()),
        "pictures": {name: int(sizes[kinds == kind].sum()) for kind, name in enumerate(KINDS) if kind != ALONE},
        "largest": int(sizes.max(initial=0)),
        "conflicts": len(found.conflicts),
        "kept_apart": found.cut,
    }
    return FoundTwins(Twins(alike, good[found.pairs.left], good[found.pairs.right]), figures)
