"""On how many pictures two ways of calculating give the same path, and why they differ on the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path as FilePath

import numpy as np
from drawn_model import read_all
from numpy.typing import NDArray
from old_way import OldWay

from atlas.evaluate.intervals import percentile_interval, resamples
from atlas.evaluate.metrics import level_hits
from atlas.evaluate.paths import PathTable
from atlas.records import Path
from atlas.stages.categorizer import Categorizer, load
from atlas.stages.inputs import dataset_source
from atlas.taxonomy.tree import parse_path

#: Log masses that are closer than this are a tie: the order of sums decides it.
TIE = 1e-4


def beside_old_way(ours: Categorizer, old: OldWay, files: Sequence[FilePath]) -> str:
    """Lines that say on how many files Atlas's best path in fp32 is the old way's."""
    tree = ours.taxonomy
    log_mass = np.concatenate([masses for _, masses in ours.scores(files)])
    wide = OldWay(old.model, tree, old.image, beams=len(tree.answers))
    loose = OldWay(old.model, tree, old.image, held=False)
    counts: Counter[str] = Counter()
    furthest, paths = 0.0, set()
    for file, masses in zip(files, log_mass, strict=True):
        best = tree.paths[int(masses.argmax())]
        features = old.encode(read_all([file], old.image))
        found = old.decode(features)
        furthest = max(furthest, abs(found.log_probability - float(masses[tree.node(found.path)])))
        paths.add(best)
        if found.path == best:
            counts["same"] += 1
        elif masses.max() - masses[tree.node(found.path)] < TIE:
            counts["ties"] += 1
        else:
            counts["lost by the beam" if wide.decode(features).path == best else "otherwise"] += 1
        counts["loose"] += loose.decode(features).path == best
    apart = ", ".join(f"{counts[why]} {why}" for why in ("ties", "lost by the beam", "otherwise"))
    return (
        f"{counts['same']} of {len(files)} ({counts['same'] / len(files):.2%}; at least 99.9 %), the others: {apart}\n"
        f"  {len(paths)} different paths; log probabilities within {furthest:.1e} of the old way's\n"
        f"  with shares among all names, as published, the old way's best path is Atlas's on {counts['loose']}"
    )


def cost_of_bf16(model: FilePath, dataset: FilePath, split: str) -> str:
    """Lines that say how many points a trained model loses on a part of a data set by calculating in bf16."""
    truths, plain = answers(load(model, "torch"), dataset, split)
    _, short = answers(load(model, "torch", bf16=True), dataset, split)
    table = PathTable.of([*truths, *plain, *short])
    truth, *guesses = (table.at_level[[table.number[path] for path in paths]] for paths in (truths, plain, short))
    exact, rounded = (100.0 * level_hits(truth, guess)[0] for guess in guesses)  # (R, D) each, 0 or 100
    scored = level_hits(truth, truth)[1]
    fewer = (exact - rounded).sum(axis=0) / scored.sum(axis=0)
    low, high = drawn_differences(exact - rounded, scored)
    changed = sum(one != other for one, other in zip(plain, short, strict=True))
    lines = [f"bf16 beside fp32 on {len(truths):,} pictures of '{split}': {changed} get another path; points lost:"]
    for level, points in enumerate(fewer):
        right = exact[:, level].sum() / scored[:, level].sum()
        lines.append(f"  first {level + 1} right: {right:.2f} % - {points:.2f} ({low[level]:.2f} to {high[level]:.2f})")
    return "\n".join(lines)


def answers(categorizer: Categorizer, dataset: FilePath, split: str) -> tuple[list[Path], list[Path]]:
    """True and predicted path of every labelled picture of a part."""
    truths, guesses = [], []
    for chunk in dataset_source(dataset, split).chunks():
        said = categorizer.predict(chunk.pictures)  # type: ignore[arg-type]
        for truth, guess in zip(chunk.truths or (), said, strict=True):
            if truth:
                truths.append(parse_path(truth))
                guesses.append(guess.path)
    return truths, guesses


def drawn_differences(difference: NDArray[np.float64], scored: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(2, D): between which points the mean difference (R, D) of each level lies, by the paired bootstrap (95 %)."""
    drawn = [weights @ difference / (weights @ scored) for weights in resamples(len(difference))]
    return percentile_interval(np.concatenate(drawn))
