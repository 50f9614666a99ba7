"""The table of a benchmark as CSV, with every figure, and as LaTeX, with those that a paper shows."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from atlas.evaluate.contest import score_names

Json = dict[str, Any]

#: A table of more columns than this is set smaller.
WIDE = 12

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': "''", "–": "--", "·": r"\textperiodcentered{}",
}  # fmt: skip


def csv_text(summary: Json) -> str:
    """One line for each entry and each published row, shares from 0 to 1; a figure that does not exist is empty."""
    names = score_names(summary["levels"])
    lines = [_measured(entry, summary, names) for entry in summary["entries"]]
    lines += [_published(row) for row in summary["published"]]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(lines[0]), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return stream.getvalue()


def latex_text(summary: Json) -> str:
    """A table for `\\input` into a document with the package booktabs; percent, with intervals as limits."""
    levels = summary["levels"]
    shares = any(entry["share"] != 1 for entry in summary["entries"])
    front = ["recipe", "data", "seeds"] if shares else ["recipe", "seeds"]
    scores = {str(level): f"level.{level}.accuracy" for level in range(1, levels + 1)}
    scores |= {"micro": "micro.f1", "macro": "macro.f1", "weighted": "weighted.f1"}
    heads = [*front, *scores, "new", "learn", "predict"]
    size, before = r"\footnotesize" if len(heads) <= WIDE else r"\scriptsize", len(front) + levels
    spans = [rf"\multicolumn{{{levels}}}{{c}}{{first names right}}", r"\multicolumn{3}{c}{$F$}"]
    ruled = rf"\cmidrule(lr){{{len(front) + 1}-{before}}}\cmidrule(lr){{{before + 1}-{before + 3}}}"
    measured = [_latex_entry(entry, list(scores.values()), shares) for entry in summary["entries"]]
    published = [
        [rf"\multicolumn{{{before}}}{{@{{}}l}}{{{escape(row['short'])}, published*}}", f"{100 * row['micro_f1']:.0f}"]
        for row in summary["published"]
    ]
    return "\n".join(
        [
            r"% \usepackage{booktabs}",
            r"\begin{table}",
            rf"\centering{size}\setlength{{\tabcolsep}}{{2pt}}\renewcommand{{\arraystretch}}{{1.35}}",
            rf"\begin{{tabular}}{{@{{}}l{'r' * (len(heads) - 1)}@{{}}}}",
            r"\toprule",
            _row([*[""] * len(front), *spans], len(front) + 5),
            ruled,
            _row(heads, len(heads)),
            r"\midrule",
            *(_row(cells, len(heads)) for cells in measured),
            r"\midrule",
            *(_row(cells, len(heads) - before + 1) for cells in published),
            r"\bottomrule",
            r"\end{tabular}",
            rf"\caption{{{_caption(summary)}}}",
            r"\end{table}",
            "",
        ]
    )


def escape(text: str) -> str:
    """Text that LaTeX sets as it is."""
    return "".join(_SPECIAL.get(letter, letter) for letter in text)


def _measured(entry: Json, summary: Json, names: Sequence[str]) -> Json:
    line: Json = {
        "kind": "measured",
        "recipe": entry["label"],
        "share": entry["share"],
        "seeds": " ".join(map(str, entry["seeds"])),
        "split": summary["split"],
        "pictures": summary["n"],
        "products": summary["products"],
    }
    for name in names:
        line |= _with_ends(name, (entry["scores"] or {}).get(name), "mean")
    last = summary["headline"]
    line |= _with_ends(f"{last}.without_near_train", (entry["without_near_train"] or {}).get(last), "mean")
    against = next((found for found in summary["comparisons"] if _same(found, entry)), None)
    line |= _with_ends(f"{last}.minus_reference", against and against["differences"][last], "difference")
    training, free = entry.get("training"), entry.get("free")
    return line | {
        "constrained_invalid": entry["constrained"]["invalid"] if "constrained" in entry else "",
        "free_invalid": free["invalid"] if free else "",
        "free_invalid_share": _number(free["invalid"] / max(free["pictures"], 1)) if free else "",
        "epochs": " ".join(map(str, training["epochs"])) if training else "",
        "training_core_minutes": _number(training["core_minutes"]) if training else "",
        "training_core_ms_per_picture": _number(training["core_ms_per_picture"]) if training else "",
        "prediction_core_ms_per_picture": _number(entry["prediction"]["core_ms_per_picture"]) if training else "",
        "error": "; ".join(f"seed {failed['seed']}: {failed['error']}" for failed in entry["failed"]),
        "data": summary["dataset"]["name"],
        "source": "",
    }


def _published(row: Json) -> Json:
    return {
        "kind": "published",
        "recipe": row["name"],
        "micro.f1": row["micro_f1"],
        "data": row["data"],
        "source": row["source"],
    }


def _same(found: Json, entry: Json) -> bool:
    return bool(found["label"] == entry["label"] and found["share"] == entry["share"])


def _with_ends(name: str, score: Json | None, value: str) -> Json:
    low, high = score["interval"] if score else (None, None)
    return {
        name: _number(score[value] if score else None),
        f"{name}.low": _number(low),
        f"{name}.high": _number(high),
    }


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _latex_entry(entry: Json, names: Sequence[str], shares: bool) -> list[str]:
    cells = [escape(entry["label"]), *([f"{100 * entry['share']:g}"] if shares else []), str(len(entry["seeds"]))]
    if entry["scores"] is None:
        return [*cells, "failed" if entry["failed"] else "to come"]
    cells += [_limits(entry["scores"][name]) for name in names]
    free = entry["free"]
    cells.append("--" if free is None else f"{100 * free['invalid'] / max(free['pictures'], 1):.1f}")
    costs = (entry["training"]["core_ms_per_picture"], entry["prediction"]["core_ms_per_picture"])
    return [*cells, *(f"{cost:.1f}" for cost in costs)]


def _row(cells: Sequence[str], width: int) -> str:
    return " & ".join([*cells, *[""] * (width - len(cells))]) + r" \\"


def _limits(score: Json) -> str:
    """A mean with the ends of its interval above and below."""
    if score["mean"] is None:
        return "--"
    low, high = score["interval"]
    return f"${100 * score['mean']:.1f}_{{{100 * low:.1f}}}^{{{100 * high:.1f}}}$"


def _caption(summary: Json) -> str:
    budget = summary["core_minutes"]
    spent = f"a budget of {budget:g} core-minutes of training a run" if budget else "each recipe its own epochs"
    return (
        f"{escape(summary['dataset']['name'])}, part {escape(summary['split'])}: {summary['n']} pictures of "
        f"{summary['products']} products; {spent}. Percent of pictures whose first names are right, and $F$ of whole "
        r"paths; means over seeds with 95\,\% bootstrap intervals over products. Data: percent of the training "
        f"products learned from. {_reach(summary)}New: percent of pictures with a path outside the "
        "tree when decoding is free. Learn, predict: core-milliseconds a picture. * Published, on "
        "other data and another test part."
    )


def _reach(summary: Json) -> str:
    """How many pictures each level counts, where those are not all."""
    counts = summary["pictures_by_level"]
    if min(counts) == summary["n"]:
        return ""
    return f"Pictures whose paths have so many names: {', '.join(map(str, counts))}. "
