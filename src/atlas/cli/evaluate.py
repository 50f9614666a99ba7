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
    table(
        ["score", "value", "95 % interval"],
        _headline(m),
        title=f"{m['n']:,} pictures{part}, {m['products']:,} products",
    )
    if m["rows"]["failed"]:
        print_line(f"{m['rows']['failed']:,} rows failed and count as wrong: {next(iter(m['errors']), '')}")
    if m["leak"] and m["leak"]["rows"]:
        print_line(f"{m['leak']['rows']:,} pictures have a near-duplicate in training; {_without_leak(m['leak'])}")
    if "against" in m:
        _show_comparison(m["against"])
    if "faithfulness" in m:
        _show_faithfulness(m["faithfulness"])
    print_line(
        f"no report.html: {done.without_page}" if done.without_page else f"report: {done.folder / 'report.html'}"
    )


def _headline(m: dict[str, Any]) -> list[tuple[str, str, str]]:
    ends = m["intervals"]
    rows = [
        (f"first {level} name{'s' if level > 1 else ''} right", value, ends["level_accuracy"][level - 1])
        for level, value in enumerate(m["level_accuracy"], start=1)
    ]
    rows.append(("last name alone", m["name_accuracy"], ends["name_accuracy"]))
    rows += [(f"{name} F", m[name]["f1"], ends[name]["f1"]) for name in ("micro", "macro", "weighted", "hierarchical")]
    rows += [(f"top {k}", value, ends["top_k"][k]) for k, value in m["top_k"].items() if k in ("3", "5")]
    shown = [(name, _percent(value), f"{_percent(low)} to {_percent(high)}") for name, value, (low, high) in rows]
    shown += [
        (f"ECE, level {level}", _percent(ece), "") for level, ece in enumerate(m["ece"], start=1) if ece is not None
    ]
    return shown


def _without_leak(leak: dict[str, Any]) -> str:
    if leak["without"] is None:
        return "none is left without them"
    accuracies = ", ".join(_percent(value) for value in leak["without"]["level_accuracy"])
    return f"without them the levels are {accuracies}"


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
