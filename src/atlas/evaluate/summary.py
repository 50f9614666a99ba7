"""What metrics.json holds: every figure of the report as plain numbers, lists and text."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atlas.evaluate import metrics
from atlas.evaluate.comparison import Change, Comparison
from atlas.evaluate.intervals import CONFIDENCE, DRAWS
from atlas.evaluate.paths import PathTable
from atlas.evaluate.rows import PredictionsFile, Rows
from atlas.evaluate.scores import TOP_K, Headline, Scorecard, leaf_products
from atlas.taxonomy.tree import format_path

#: Of the keys; a reader refuses what it does not know.
VERSION = 1
#: Confusions kept for each level, and the largest level that is also shown as a matrix.
CONFUSIONS, MATRIX = 30, 16

_PARTS = ("precision", "recall", "f1")
Json = dict[str, Any]


def summarize(predictions: PredictionsFile, draws: int = DRAWS, seed: int = 0) -> Json:
    """All measures of one file as JSON values; a figure that does not exist (no row, no column) is null."""
    rows = predictions.rows
    headline = Scorecard(rows).headline(draws, seed)
    return plain_object(
        {
            "version": VERSION,
            "split": predictions.split,
            "n": len(rows),
            "products": len(rows.product_ids),
            "rows": _row_counts(predictions),
            **_scores(headline, rows),
            "tree_distance": headline.value["tree_distance"],
            "first_wrong_level": _first_wrong_level(rows),
            "levels": [_level(rows, level, headline) for level in range(rows.table.levels)],
            "leaves": _leaves(predictions, headline),
            "confusions": _confusions(rows),
            "intervals": {
                "confidence": CONFIDENCE,
                "method": "percentile bootstrap over products",
                "draws": draws,
                "seed": seed,
                **_interval_tree(headline, rows.table.levels),
            },
            "leak": _leak(rows, draws, seed),
            "errors": predictions.errors,
            "model_ids": list(predictions.model_ids),
            "taxonomy_ids": list(predictions.taxonomy_ids),
        }
    )


def summarize_comparison(comparison: Comparison) -> Json:
    """The value of `against` as JSON values; differences are this file minus the other one."""
    matched = comparison.matched
    names = [name for name in comparison.interval if not name.startswith("level.") or name.endswith(".accuracy")]
    return plain_object(
        {
            "rows": len(matched.new),
            "products": len(matched.new.product_ids),
            "left_out": matched.left_out,
            "differences": {name: _difference(comparison, name) for name in names},
            "test": "exact sign test over products, one-sided, corrected by Holm over all leaves and the whole",
            "overall": _change(comparison.overall),
            "leaves": [_change(change) for change in comparison.leaves],
            "fell": [format_path(change.path) for change in comparison.fell],
        }
    )


def _row_counts(predictions: PredictionsFile) -> Json:
    rows = predictions.rows
    return {
        "in_file": predictions.total,
        "without_truth": predictions.total - len(rows),
        "failed": int(rows.failed.sum()),
        "known_no_deeper": int(rows.known_no_deeper.sum()),
        "unknown_path": int(rows.unknown.sum()),
    }


def _scores(headline: Headline, rows: Rows) -> Json:
    """The headline keys; also the shape of the scores without leaked rows."""
    value, levels = headline.value, range(1, rows.table.levels + 1)
    return {
        "level_accuracy": [value[f"level.{level}.accuracy"] for level in levels],
        "name_accuracy": value["name_accuracy"],
        "name_accuracy_by_level": [value[f"level.{level}.name_accuracy"] for level in levels],
        **{average: _three(value, f"{average}.") for average in ("micro", "macro", "weighted", "hierarchical")},
        "top_k": {str(k): value[f"top_k.{k}"] for k in TOP_K if f"top_k.{k}" in value},
        "ece": [_ece(rows, level) for level in range(rows.table.levels)],
        "coverage": {
            "rows": 1 - float(rows.failed.mean()),
            "by_level": [value[f"level.{level}.coverage"] for level in levels],
            "accuracy_where_answered": [value[f"level.{level}.accuracy_where_answered"] for level in levels],
        },
    }


def _interval_tree(headline: Headline, levels: int) -> Json:
    """The ends of the intervals under the keys of the scores they belong to."""
    ends = headline.interval
    by_level = {
        key: [ends[f"level.{level}.{name}"] for level in range(1, levels + 1)]
        for key, name in (("level_accuracy", "accuracy"), ("name_accuracy_by_level", "name_accuracy"))
    }
    averages = {average: _three(ends, f"{average}.") for average in ("micro", "macro", "weighted", "hierarchical")}
    top = {str(k): ends[f"top_k.{k}"] for k in TOP_K if f"top_k.{k}" in ends}
    single = {name: ends[name] for name in ("name_accuracy", "tree_distance")}
    coverage = {"by_level": [ends[f"level.{level}.coverage"] for level in range(1, levels + 1)]}
    return {**by_level, **single, **averages, "top_k": top, "coverage": coverage}


def _three(values: dict[str, Any], prefix: str) -> Json:
    return {part: values[prefix + part] for part in _PARTS}


def _level(rows: Rows, level: int, headline: Headline) -> Json:
    prefix = f"level.{level + 1}."
    truth = rows.truth_at[:, level]
    return {
        "level": level + 1,
        "n": int((truth >= 0).sum()),
        "categories": len(np.unique(truth[truth >= 0])),
        "accuracy": headline.value[prefix + "accuracy"],
        "accuracy_interval": headline.interval[prefix + "accuracy"],
        "name_accuracy": headline.value[prefix + "name_accuracy"],
        **{average: _three(headline.value, f"{prefix}{average}.") for average in ("micro", "macro", "weighted")},
        "macro_f1_interval": headline.interval[prefix + "macro.f1"],
        "coverage": headline.value[prefix + "coverage"],
        **_calibration(rows, level),
        "matrix": _matrix(rows, level),
    }


def _calibration(rows: Rows, level: int) -> Json:
    """ECE of a level, what chance alone would show, and the bins."""
    confidence, right = _judged_confidence(rows, level)
    bins = metrics.reliability(confidence, right)
    return {
        "ece": metrics.expected_calibration_error(bins),
        "ece_by_chance": metrics.calibration_error_by_chance(confidence, bins),
        "reliability": [
            {"confidence": c, "accuracy": a, "count": n}
            for c, a, n in zip(bins.confidence, bins.accuracy, bins.rows, strict=True)
        ],
    }


def _ece(rows: Rows, level: int) -> float:
    return metrics.expected_calibration_error(metrics.reliability(*_judged_confidence(rows, level)))


def _judged_confidence(rows: Rows, level: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """A level's probability and whether it came true, over the rows whose guess reaches the level.

    A guess that goes deeper than a whole truth is wrong there; one below a truth known no deeper was cut before.
    """
    if rows.level_probabilities is None:
        return np.zeros(0), np.zeros(0, dtype=bool)
    truth, guess = rows.truth_at[:, level], rows.guess_at[:, level]
    confidence = rows.level_probabilities[:, level]
    judged = (guess >= 0) & ~np.isnan(confidence)
    return np.clip(confidence[judged], 0, 1), truth[judged] == guess[judged]


def _first_wrong_level(rows: Rows) -> list[Json]:
    """How many rows leave the true path at each level; failed rows have no path to leave."""
    leaving = metrics.leaving_level(rows.truth_at, rows.guess_at)[~rows.failed]
    counts = np.bincount(leaving, minlength=rows.table.levels + 1)[1:]
    mistakes = max(int(counts.sum()), 1)
    return [{"level": level, "count": n, "share": n / mistakes} for level, n in enumerate(counts.tolist(), start=1)]


def _leaves(predictions: PredictionsFile, headline: Headline) -> list[Json]:
    """One entry per answer of the tree and per true path, the largest support first."""
    rows, tree = predictions.rows, predictions.taxonomy
    paths = rows.table.paths
    guess = np.where(rows.failed, -1, rows.guess)
    counts = metrics.class_counts(np.where(rows.exact, rows.truth, -1), guess, len(paths))
    right, truths, guesses = (values[0] for values in counts)
    scores = metrics.class_scores(counts)
    products = leaf_products(rows)
    answers = {rows.table.number[tree.paths[node]] for node in tree.answers} if tree else set()
    listed = answers | set(np.flatnonzero(truths + guesses).tolist())
    entries = []
    for number in sorted(listed, key=lambda number: (-truths[number], paths[number])):
        known = bool(truths[number])
        entries.append(
            {
                "path": format_path(paths[number]),
                "in_tree": tree is None or paths[number] in tree,
                "support": int(truths[number]),
                "products": int(products[number]),
                "guesses": int(guesses[number]),
                "right": int(right[number]),
                "precision": scores.precision[0, number] if guesses[number] else None,
                "recall": scores.recall[0, number] if known else None,
                "f1": scores.f1[0, number] if known else None,
                "f1_interval": headline.leaf_interval[:, number] if known else None,
            }
        )
    return entries


def _confusions(rows: Rows) -> list[Json]:
    """The most frequent ways to leave the true path, by the level at which it happens.

    `share` is of the rows with that true category. A guess that stops early is shown as its end.
    """
    truth_at, guess_at = rows.truth_at, rows.guess_at
    leaving = np.where(rows.failed, 0, metrics.leaving_level(truth_at, guess_at))
    found: list[Json] = []
    for level in range(rows.table.levels):
        here = leaving == level + 1
        truth, guess = _last_of(truth_at[here, : level + 1]), _last_of(guess_at[here, : level + 1])
        support = np.bincount(truth_at[:, : level + 1].max(axis=1), minlength=len(rows.table.paths))
        pairs, counts = np.unique(np.stack([truth, guess]), axis=1, return_counts=True)
        order = np.lexsort((pairs[1], pairs[0], -counts))[:CONFUSIONS]
        found += [
            _confusion(rows.table, level + 1, pairs[:, place].tolist(), int(counts[place]), support) for place in order
        ]
    return found


def _last_of(at_level: NDArray[np.int32]) -> NDArray[np.int64]:
    """The deepest number of each row; a longer path of the same row has the larger number, -1 is beyond its end."""
    deepest: NDArray[np.int64] = np.maximum(at_level, 0).max(axis=1, initial=0).astype(np.int64)
    return deepest


def _confusion(table: PathTable, level: int, pair: list[int], count: int, support: NDArray[np.int64]) -> Json:
    truth, guess = (table.paths[number] for number in pair)
    whole = max(int(support[pair[0]]), count)
    return {
        "level": level,
        "truth": format_path(truth),
        "guess": format_path(guess),
        "count": count,
        "share": count / whole,
    }


def _matrix(rows: Rows, level: int) -> Json | None:
    """Rows by true and guessed category of a level, where there are few; the last column is for no guess there."""
    truth, guess = rows.truth_at[:, level], rows.guess_at[:, level]
    truth, guess = truth[truth >= 0], guess[truth >= 0]
    used = np.unique(np.concatenate([truth, guess[guess >= 0]]))
    if len(used) > MATRIX or len(used) < 2:
        return None
    column = np.where(guess >= 0, np.searchsorted(used, np.maximum(guess, 0)), len(used))
    counts = np.zeros((len(used), len(used) + 1), dtype=int)
    np.add.at(counts, (np.searchsorted(used, truth), column), 1)
    return {"categories": [format_path(rows.table.paths[number]) for number in used], "counts": counts.tolist()}


def _leak(rows: Rows, draws: int, seed: int) -> Json | None:
    """Rows that have a near-duplicate in training, and the scores without them; null where nobody looked."""
    if rows.near_train is None:
        return None
    leaked = int(rows.near_train.sum())
    rest = rows.only(~rows.near_train)
    without = None
    if leaked and len(rest):
        headline = Scorecard(rest).headline(draws, seed)
        without = {"n": len(rest), **_scores(headline, rest), "intervals": _interval_tree(headline, rest.table.levels)}
    return {"rows": leaked, "share": leaked / len(rows), "without": without}


def _difference(comparison: Comparison, name: str) -> Json:
    old, new = comparison.old[name], comparison.new[name]
    return {"old": old, "new": new, "difference": new - old, "interval": comparison.interval[name]}


def _change(change: Change) -> Json:
    return {
        "path": format_path(change.path),
        "products": change.products,
        "old_f1": change.old_f1,
        "new_f1": change.new_f1,
        "difference": change.new_f1 - change.old_f1,
        "interval": (change.low, change.high),
        "worse": change.worse,
        "better": change.better,
        "p": change.p,
        "p_holm": change.p_holm,
        "fell": change.fell,
    }


def plain_object(value: Json) -> Json:
    """The object in JSON's own types, all the way down; what is not a number becomes null."""
    return {key: _plain(item) for key, item in value.items()}


def _plain(value: Any) -> Any:
    """The value in JSON's own types; what is not a number becomes null."""
    if isinstance(value, dict):
        return plain_object(value)
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(item) for item in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.integer):
        return int(value)
    return value
