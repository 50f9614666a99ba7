"""`atlas evaluate`: measure predictions against the truth."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlas.cli.options import Json, Output, Overwrite, Quiet, Resume

if TYPE_CHECKING:
    from atlas.stages.evaluate import Evaluation

#: Exit codes besides 0: rows that failed, and a model that is worse than the one it is held against.
SOME_FAILED, WORSE = 1, 4


def evaluate(
    source: Annotated[
        FilePath, typer.Argument(metavar="PREDICTIONS|MODEL", help="A predictions file, or a model folder.")
    ],
    dataset: Annotated[
        FilePath | None, typer.Argument(metavar="[DATASET]", help="With a model: the data set folder.")
    ] = None,
    output: Output = FilePath("report"),
    split: Annotated[str | None, typer.Option("--split", help="With a model: the part that is measured.")] = None,
    against: Annotated[
        FilePath | None,
        typer.Option("--against", help="Another model's predictions of the same pictures; exit 4 when worse."),
    ] = None,
    faithfulness: Annotated[
        int | None,
        typer.Option(
            "--faithfulness", metavar="N", min=1, help="With a model: does its evidence decide? On so many products."
        ),
    ] = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure predictions: metrics.json, report.html, F by support.

    Either of a Parquet file that `atlas predict` wrote from a data set, or of a model on one part of a data set.
    """
    import shlex
    import sys

    from atlas.cli.screen import print_json, screen_progress
    from atlas.stages.evaluate import evaluate_model, evaluate_predictions

    command = shlex.join(["atlas", *sys.argv[1:]])
    with screen_progress(quiet, json) as progress:
        if dataset is None:
            _refuse_alone(source, split, faithfulness)
            done = evaluate_predictions(
                source, output, against=against, overwrite=overwrite, command=command, progress=progress
            )
        else:
            done = evaluate_model(
                source, dataset, _needed(split), output,
                against=against, faithfulness=faithfulness or 0,
                resume=resume, overwrite=overwrite, command=command, progress=progress,
            )  # fmt: skip
    if json:
        print_json(done.metrics)
    else:
        _show(done)
    if done.fell:
        raise typer.Exit(WORSE)
    if done.metrics["rows"]["failed"]:
        raise typer.Exit(SOME_FAILED)


def _refuse_alone(source: FilePath, split: str | None, faithfulness: int | None) -> None:
    from atlas.errors import UsageError

    if source.is_dir():
        raise UsageError(
            f"{source} is a folder: a model needs a data set too, `atlas evaluate MODEL DATASET --split NAME`"
        )
    if split is not None:
        raise UsageError("--split goes with a model and a data set; a predictions file is measured whole")
    if faithfulness is not None:
        raise UsageError(
            "--faithfulness runs the model again, and a predictions file holds none: "
            "use `atlas evaluate MODEL DATASET --split NAME --faithfulness N`"
        )


def _needed(split: str | None) -> str:
    from atlas.errors import UsageError

    if split is None:
        raise UsageError("name the part of the data set to measure with --split, such as --split test")
    return split


def _show(done: Evaluation) -> None:
    from atlas.cli.screen import print_line, table

    m = done.metrics
    part = f" of '{m['split']}'" if m["split"] else ""
    without = (m["leak"] or {}).get("without")
    table(
        ["score", "value", "95 % interval", *(["without near-duplicates"] if without else [])],
        _headline(m, without),
        title=f"{m['n']:,} pictures{part}, {m['products']:,} products",
    )
    if m["rows"]["failed"]:
        print_line(f"{m['rows']['failed']:,} rows failed and count as wrong: {next(iter(m['errors']), '')}")
    print_line(_leak(m["leak"]))
    if "against" in m:
        _show_comparison(m["against"])
    if "faithfulness" in m:
        _show_faithfulness(m["faithfulness"])
    print_line(
        f"no report.html: {done.without_page}" if done.without_page else f"report: {done.folder / 'report.html'}"
    )


def _headline(m: dict[str, Any], without: dict[str, Any] | None) -> list[tuple[str, ...]]:
    """Each score with its interval, and beside it the score without leaked rows where there are any."""
    ends, rest = _scores(m["intervals"]), _scores(without) if without else {}
    shown = []
    for name, value in _scores(m).items():
        low, high = ends[name]
        clean = [_percent(rest[name])] if without else []
        shown.append((name, _percent(value), f"{_percent(low)} to {_percent(high)}", *clean))
    for level, ece in enumerate(m["ece"], start=1):
        if ece is not None:
            clean = [_percent(without["ece"][level - 1])] if without else []
            shown.append((f"ECE, level {level}", _percent(ece), "", *clean))
    return shown


def _scores(m: dict[str, Any]) -> dict[str, Any]:
    """What the table shows, from scores, from scores without leaked rows, or from the intervals of either."""
    rows = {
        f"first {level} name{'s' if level > 1 else ''} right": value
        for level, value in enumerate(m["level_accuracy"], start=1)
    }
    rows["last name alone"] = m["name_accuracy"]
    rows |= {f"{name} F": m[name]["f1"] for name in ("micro", "macro", "weighted", "hierarchical")}
    return rows | {f"top {k}": value for k, value in m["top_k"].items() if k in ("3", "5")}


def _leak(leak: dict[str, Any] | None) -> str:
    if leak is None:
        return "whether pictures have near-duplicates in training is not known: the file does not say"
    if not leak["rows"]:
        return "no picture has a near-duplicate in training"
    left = "" if leak["without"] else "; none is left without them"
    return f"{leak['rows']:,} pictures ({_percent(leak['share'])}) have a near-duplicate in training{left}"


def _show_comparison(against: dict[str, Any]) -> None:
    from atlas.cli.screen import print_line, table

    rows = []
    for name in ("micro.f1", "macro.f1", "hierarchical.f1", "name_accuracy"):
        found = against["differences"][name]
        low, high = found["interval"]
        rows.append((name, _percent(found["old"]), _percent(found["new"]), f"{_points(low)} to {_points(high)}"))
    table(
        ["score", "other", "this", "difference, 95 %"], rows, title=f"against, on {against['rows']:,} common pictures"
    )
    fallen = [name or "all leaves together" for name in against["fell"]]
    print_line(f"worse beyond chance: {'; '.join(fallen)}" if fallen else "no leaf fell beyond chance")


def _show_faithfulness(found: dict[str, Any]) -> None:
    from atlas.cli.screen import table

    rows = []
    for level in found["levels"]:
        low, high = level["interval"] or (None, None)
        ratio = "-" if level["ratio"] is None else f"{level['ratio']:.1f}"
        ends = "" if low is None else f"{low:.1f} to {high:.1f}"
        rows.append((level["level"], f"{level['brightest']:.3f}", f"{level['random']:.3f}", ratio, ends))
    table(
        ["level", "fall, brightest fifth hidden", "random fifth", "ratio", "95 % interval"],
        rows,
        title=f"evidence by {found['evidence']}, {found['products']:,} products; goal: a ratio of {found['goal']:g}",
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _points(difference: float | None) -> str:
    return "-" if difference is None else f"{100 * difference:+.1f}"
