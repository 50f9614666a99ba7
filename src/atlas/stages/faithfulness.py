"""How faithful a model's evidence is, on a sample of products: hide what it points at, and chance beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

import numpy as np

from atlas.dataset.schema import open_dataset
from atlas.errors import AtlasError, ImageError, NothingDoneError
from atlas.evaluate import faithfulness
from atlas.evaluate.intervals import DRAWS
from atlas.progress import Progress, Silent
from atlas.stages.categorizer import Categorizer, Lit
from atlas.stages.evidence import hide

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atlas.records import Picture

#: Places to which a level's brightest fifth is moved by chance, to be hidden there.
RANDOM_DRAWS = 5


def measure_faithfulness(
    categorizer: Categorizer,
    dataset: FilePath,
    split: str,
    products: int,
    *,
    draws: int = DRAWS,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """The value of `faithfulness` in metrics.json, from one picture each of some products of a split.

    For each level of the model's own answer, right or wrong, the brightest fifth of its evidence is hidden, and then as
    many cells in the same pattern at random places. Raises NothingDoneError when no picture could be scored.
    """
    progress = progress or Silent()
    random = np.random.default_rng(seed)
    chosen = _sample(dataset, split, products, random)
    progress.begin("hide evidence", len(chosen))
    falls: list[NDArray[np.float64]] = []
    about: dict[str, Any] = {"random_draws": RANDOM_DRAWS, "seed": seed}
    for lit in categorizer.lit(_pictures(dataset, split, chosen)):
        falls.append(_falls(categorizer, lit, random))
        about |= {"evidence": "occlusion" if lit.by_hiding else "attention", "grid": list(lit.light[0].shape)}
        progress.advance()
    if not falls:
        raise NothingDoneError(f"split '{split}' has no picture that can be scored: faithfulness cannot be measured")
    about |= {"products": len(falls), "hidden_cells": faithfulness.hidden_cells(about["grid"])}
    brightest, by_chance = np.stack(falls, axis=1)  # (P, D) each
    return faithfulness.summarize(faithfulness.measure(brightest, by_chance, draws, seed), about)


def _falls(categorizer: Categorizer, lit: Lit, random: np.random.Generator) -> NDArray[np.float64]:
    """(2, D): each level's fall when its own brightest fifth is hidden, and its mean fall over moved ones.

    nan beyond the answer's own depth.
    """
    grid, depth = lit.light[0].shape, len(lit.light)
    bright = [faithfulness.brightest_cells(light, random) for light in lit.light]
    moved = [faithfulness.moved_cells(cells, grid, random) for cells in bright for _ in range(RANDOM_DRAWS)]
    pictures = np.stack([lit.pixels, *(hide(lit.pixels, cells, grid) for cells in [*bright, *moved])])
    levels = categorizer.log_levels(pictures, lit.node)  # (1 + d + d * draws, d)
    fell = levels[0] - levels[1:]
    falls = np.full((2, categorizer.taxonomy.levels), np.nan)
    falls[0, :depth] = fell[:depth].diagonal()
    falls[1, :depth] = fell[depth:].reshape(depth, RANDOM_DRAWS, depth).mean(axis=1).diagonal()
    return falls


def _sample(dataset: FilePath, split: str, products: int, random: np.random.Generator) -> set[int]:
    """The rows of some products' first pictures; all products where there are fewer."""
    first: dict[str, int] = {}
    for row, name in enumerate(open_dataset(dataset).table(split, ["product_id"])["product_id"].to_pylist()):
        first.setdefault(name, row)
    rows = list(first.values())
    return {rows[place] for place in random.permutation(len(rows))[:products]}


def _pictures(dataset: FilePath, split: str, rows: set[int]) -> Iterator[Picture | AtlasError]:
    """The pictures of some rows of a split, in stored order."""
    row = 0
    for batch in open_dataset(dataset).batches(split, ["image"]):
        for image in batch.column("image"):
            if row in rows:
                yield (image.as_py() or {}).get("bytes") or ImageError("the row's picture is empty")
            row += 1
