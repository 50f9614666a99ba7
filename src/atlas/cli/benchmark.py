"""`atlas benchmark`: several recipes on one data set under one budget, several seeds, one report."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlas.cli.options import Json, Output, Overwrite, Quiet, Resume

if TYPE_CHECKING:
    from atlas.stages.benchmark import Benchmark

#: Exit code when some runs failed.
SOME_FAILED = 1


def benchmark(
    dataset: Annotated[FilePath, typer.Argument(help="A data set folder made by `atlas build`.")],
    recipes: Annotated[
        list[str],
        typer.Option(
            "--recipe",
            "-r",
            metavar="[LABEL=]RECIPE",
            help="A shipped recipe or a TOML file; the others are compared with the first. Repeatable.",
        ),
    ],
    output: Output = FilePath("report"),
    seeds: Annotated[int, typer.Option("--seeds", help="Seeds of each recipe: 0, 1, ...")] = 1,
    core_minutes: Annotated[
        float | None,
        typer.Option("--core-minutes", help="The budget of each run's training, in minutes of one core."),
    ] = None,
    shares: Annotated[
        list[str] | None,
        typer.Option(
            "--share",
            metavar="SHARE[:SEEDS]",
            help="Learn from this share of the training products, such as 0.3, or 0.3:1 for one seed. Repeatable.",
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", help="The part that is measured; else the last that chooses nothing.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change one setting of every recipe. Repeatable."),
    ] = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare recipes on one data set under one budget.

    Trains and measures every recipe with every share and seed, and writes one report: scores with intervals, paired
    differences from the first recipe, F by support, paths that do not exist, costs; as a page, as CSV and LaTeX. Killed
    at any moment, --resume goes on where it was; on a finished report it adds what is asked for beyond it. A run that
    fails becomes a row with its error, and the exit code is then 1.
    """
    import shlex
    import sys

    from atlas.cli.screen import print_json, screen_progress
    from atlas.errors import MissingExtraError

    try:
        from atlas.stages import benchmark as stage
        from atlas.stages.benchmark_plan import Plan, parse_entrants, parse_portions
    except ModuleNotFoundError as error:
        raise MissingExtraError("train", "training") from error
    plan = Plan(parse_entrants(recipes, settings or ()), parse_portions(shares or (), seeds), core_minutes, split)
    command = shlex.join(["atlas", *sys.argv[1:]])
    with screen_progress(quiet, json) as progress:
        done = stage.benchmark(
            dataset, output, plan, resume=resume, overwrite=overwrite, command=command, progress=progress
        )
    if json:
        print_json(done.summary)
    else:
        _show(done)
    if done.failed:
        raise typer.Exit(SOME_FAILED)


def _show(done: Benchmark) -> None:
    from atlas.cli.screen import print_line, table

    b = done.summary
    levels = range(1, b["levels"] + 1)
    names = {f"first {level}": f"level.{level}.accuracy" for level in levels}
    names |= {} if b["headline"] in names.values() else {"whole path": b["headline"]}
    heads = ["recipe", "share", "seeds", *names, "95 % interval", "macro F"]
    rows = [_row(entry, list(names.values())) for entry in b["entries"]]
    title = f"{b['n']:,} pictures of '{b['split']}', {b['products']:,} products"
    table([*heads, "new paths", "learn, ms", "predict, ms"], rows, title=title)
    for found in b["comparisons"]:
        print_line(_verdict(found, b["headline"], "whole paths" if "whole path" in names else "last level"))
    for run in done.failed:
        print_line(f"failed: {run['label']}, share {run['share']:g}, seed {run['seed']}: {run['error']}")
    page = f"no report.html: {done.without_page}" if done.without_page else f"report: {done.folder / 'report.html'}"
    print_line(page)


def _row(entry: dict[str, Any], names: list[str]) -> list[str]:
    """The cells of an entry: the scores of these names, the interval of the last one, and the rest."""
    start = [entry["label"], f"{entry['share']:g}", str(len(entry["seeds"]))]
    scores, free = entry["scores"], entry.get("free")
    if scores is None:
        return [*start, *["-"] * (len(names) + 5)]
    low, high = scores[names[-1]]["interval"]
    shown = [_percent(scores[name]["mean"]) for name in names]
    return [
        *start,
        *shown,
        f"{_percent(low)} to {_percent(high)}",
        _percent(scores["macro.f1"]["mean"]),
        _percent(free["invalid"] / max(free["pictures"], 1)) if free else "-",
        f"{entry['training']['core_ms_per_picture']:.1f}",
        f"{entry['prediction']['core_ms_per_picture']:.1f}",
    ]


def _verdict(found: dict[str, Any], name: str, what: str) -> str:
    change = found["differences"][name]
    low, high = change["interval"]
    share = "" if found["share"] == 1 else f" at share {found['share']:g}"
    points = f"{100 * change['difference']:+.1f} points ({100 * low:+.1f} to {100 * high:+.1f})"
    return f"{found['label']} minus {found['reference']}{share}, {what}: {points}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
