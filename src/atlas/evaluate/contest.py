"""Several models on the same pictures, each trained with several seeds: means, intervals and paired differences.

An *entry* is a recipe at one share of the training data; its scores are means over its seeds. Products are drawn with
replacement for all entries alike, so that differences are paired.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atlas.errors import DataError
from atlas.evaluate import metrics
from atlas.evaluate.intervals import CONFIDENCE, DRAWS, percentile_interval, resamples, widen_at_the_ends
from atlas.evaluate.rows import PredictionsFile, Rows
from atlas.evaluate.scores import Scorecard, gather, leaf_products
from atlas.evaluate.summary import plain_object
from atlas.taxonomy.tree import Taxonomy, format_path

Json = dict[str, Any]
_AVERAGES = ("micro", "macro", "weighted")
#: Pictures whose whole path is right, of those whose whole path is known.
WHOLE_PATHS = "micro.recall"


@dataclass(frozen=True)
class Entry:
    """A recipe at one share of the training products, with the predictions of each seed that came to its end."""

    label: str
    share: float
    seeds: tuple[int, ...]
    files: tuple[PredictionsFile, ...]


@dataclass(frozen=True)
class Standing:
    """An entry's scores by name: each seed's, and the mean over seeds for every resample of the products."""

    by_seed: dict[str, list[float]]
    drawn: dict[str, NDArray[np.float64]]  # each (draws,)
    leaves: list[metrics.Counts]  # of each seed, by path number
    products: int
    counted: dict[str, int]  # the products that a score counts, where those may be fewer

    def mean(self, name: str) -> float:
        """The plain mean over seeds."""
        return float(np.mean(self.by_seed[name]))

    def summary(self, name: str) -> Json:
        """A score as benchmark.json tells it: mean over seeds, its interval over products, each seed's value."""
        mean, counted = self.mean(name), self.counted.get(name, self.products)
        low, high = widen_at_the_ends(percentile_interval(self.drawn[name]), mean, counted)
        return {"mean": mean, "interval": [low, high], "by_seed": self.by_seed[name]}


def stand(seeds: Sequence[Rows], draws: int = DRAWS, seed: int = 0) -> Standing:
    """The scores of one entry, from the same rows as each of its seeds predicts them.

    With S seeds, every score is (1/S) * sum over seeds of that seed's score, in each resample too. For a share of
    pictures that is the share of the pictures' hits averaged over seeds.
    """
    cards = [Scorecard(rows) for rows in seeds]
    own = [card.scores() for card in cards]
    blocks = [gather(card.draw(weights) for weights in _resamples(card, draws, seed))[0] for card in cards]
    names = score_names(seeds[0].table.levels)
    return Standing(
        {name: [scores[name] for scores, _ in own] for name in names},
        {name: np.mean([drawn[name] for drawn in blocks], axis=0) for name in names},
        [counts for _, counts in own],
        cards[0].products,
        cards[0].counted,
    )


def difference(new: Standing, old: Standing, name: str) -> Json:
    """The difference of two means over seeds, new minus old, with the interval over products, paired by resample."""
    low, high = percentile_interval(new.drawn[name] - old.drawn[name])
    return {"difference": new.mean(name) - old.mean(name), "interval": [float(low), float(high)]}


def score_names(levels: int) -> list[str]:
    """The scores that a contest tells, for paths of at most this many levels."""
    names = [f"level.{level}.accuracy" for level in range(1, levels + 1)]
    averages = [f"{average}.{part}" for average in _AVERAGES for part in ("precision", "recall", "f1")]
    return [*names, "name_accuracy", *averages, "hierarchical.f1"]


def headline_score(rows: Rows) -> str:
    """The score that says how many whole paths are right.

    Where all true paths are equally deep that is the accuracy of the last level. Where they are not, that one is of the
    deepest alone, and the share of whole paths is the micro recall.
    """
    deepest = rows.truth_at[rows.exact, -1] >= 0
    return f"level.{rows.table.levels}.accuracy" if deepest.all() else WHOLE_PATHS


def headline_name(summary: Json) -> str:
    """What the headline of a benchmark.json counts, in words."""
    return "whole paths right" if summary["headline"] == WHOLE_PATHS else f"first {summary['levels']} names right"


def summarize_contest(entries: Sequence[Entry], reference: str, draws: int = DRAWS, seed: int = 0) -> Json:
    """The measured part of benchmark.json: scores of each entry, differences from the reference, scores by leaf.

    An entry is compared with the recipe that is labelled `reference`, at the same share. Raises DataError when two
    files do not hold the same pictures with the same truths.
    """
    first = entries[0].files[0]
    for entry in entries:
        for file in entry.files:
            _check_same(file, first)
    rows, levels = first.rows, first.rows.table.levels
    standings = [stand([file.rows for file in entry.files], draws, seed) for entry in entries]
    measured = {
        "n": len(rows),
        "products": len(rows.product_ids),
        "levels": levels,
        "pictures_by_level": (rows.truth_at >= 0).sum(axis=0).tolist(),
        "headline": headline_score(rows),
        "entries": [
            {
                "label": entry.label,
                "share": entry.share,
                "seeds": list(entry.seeds),
                "scores": {name: standing.summary(name) for name in standing.by_seed},
                "without_near_train": _without_leak(entry, draws, seed),
            }
            for entry, standing in zip(entries, standings, strict=True)
        ],
        "comparisons": _comparisons(entries, standings, reference),
        "leaves": _leaves(first.rows, standings),
        "near_train": None if rows.near_train is None else int(rows.near_train.sum()),
        "intervals": {
            "confidence": CONFIDENCE,
            "method": "percentile bootstrap over products of the mean over seeds",
            "draws": draws,
            "seed": seed,
        },
    }
    return plain_object(measured)


def invalid_guesses(file: PredictionsFile, tree: Taxonomy) -> int:
    """How many guesses are no answer of the tree. A failed row has no guess and does not count."""
    table = file.rows.table
    nodes = [tree.find(path) for path in table.paths]
    answer = np.array([node is not None and bool(tree.is_answer[node]) for node in nodes])
    return int((~answer[file.rows.guess] & ~file.rows.failed).sum())


def published_rows() -> list[Json]:
    """Scores that others published on other data: name, micro F, data, source."""
    text = (resources.files("atlas.evaluate") / "published.toml").read_text(encoding="utf-8")
    rows: list[Json] = tomllib.loads(text)["row"]
    return rows


def _resamples(card: Scorecard, draws: int, seed: int) -> Any:
    return resamples(card.products, draws, seed, len(card.rows))


def _check_same(file: PredictionsFile, first: PredictionsFile) -> None:
    rows, other = file.rows, first.rows
    if (
        rows.product_ids != other.product_ids
        or rows.table.paths != other.table.paths
        or not np.array_equal(rows.product, other.product)
        or not np.array_equal(rows.view, other.view)
        or not np.array_equal(rows.truth, other.truth)
    ):
        raise DataError(f"{file.file} and {first.file} hold other pictures or truths: predict the same split with both")


def _without_leak(entry: Entry, draws: int, seed: int) -> Json | None:
    """The accuracies over the rows that have no near-duplicate in training; None where none has one."""
    near = entry.files[0].rows.near_train
    if near is None or not near.any() or near.all():
        return None
    standing = stand([file.rows.only(~near) for file in entry.files], draws, seed)
    return {name: standing.summary(name) for name in standing.by_seed if _is_accuracy(name)}


def _is_accuracy(name: str) -> bool:
    return name.startswith("level.") or name == WHOLE_PATHS


def _comparisons(entries: Sequence[Entry], standings: Sequence[Standing], reference: str) -> list[Json]:
    """Each entry against the reference at the same share, where both came to their end."""
    base = {entry.share: place for place, entry in enumerate(entries) if entry.label == reference}
    found = []
    for entry, standing in zip(entries, standings, strict=True):
        if entry.label != reference and entry.share in base:
            old = standings[base[entry.share]]
            found.append(
                {
                    "label": entry.label,
                    "share": entry.share,
                    "reference": reference,
                    "seeds": list(entry.seeds),
                    "reference_seeds": list(entries[base[entry.share]].seeds),
                    "differences": {name: difference(standing, old, name) for name in standing.by_seed},
                }
            )
    return found


def _leaves(rows: Rows, standings: Sequence[Standing]) -> list[Json]:
    """Every leaf that has pictures, the largest support first: precision, recall and F of each entry, over its seeds.

    The paper's figure 5 is F against support.
    """
    products, paths = leaf_products(rows), rows.table.paths
    scores = [_leaf_scores(standing) for standing in standings]
    support = standings[0].leaves[0].truths
    order = sorted(np.flatnonzero(support > 0).tolist(), key=lambda number: (-support[number], paths[number]))
    return [
        {
            "path": format_path(paths[number]),
            "support": int(support[number]),
            "products": int(products[number]),
            "entries": [{part: float(values[number]) for part, values in entry.items()} for entry in scores],
        }
        for number in order
    ]


def _leaf_scores(standing: Standing) -> dict[str, NDArray[np.float64]]:
    """Precision, recall and F by path, each (P,) and the mean over seeds."""
    seeds = [metrics.class_scores(counts) for counts in standing.leaves]
    return {part: np.mean([getattr(scores, part) for scores in seeds], axis=0) for part in seeds[0]._fields}
