"""`atlas check`: everything that is wrong or odd about a data set, in one report."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated

import typer

from atlas.cli.options import Json, Output, Overwrite, Quiet

if TYPE_CHECKING:
    from atlas.stages.check import Checked

#: Exit code when some pictures cannot be read.
SOME_FAILED = 1


def check(
    dataset: Annotated[FilePath, typer.Argument(metavar="DATASET", help="A data set folder. Nothing in it changes.")],
    output: Output = FilePath("report"),
    model: Annotated[
        FilePath | None, typer.Option("--model", "-m", metavar="FOLDER", help="A model that names suspect labels.")
    ] = None,
    zoom_model: Annotated[
        FilePath | None, typer.Option("--zoom-model", metavar="FOLDER", help="A model that finds close-ups.")
    ] = None,
    thresholds: Annotated[
        FilePath | None,
        typer.Option("--thresholds", metavar="FILE", help="TOML with other thresholds; what it leaves out stays."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change one threshold, such as small.below=0.5. Repeatable."),
    ] = None,
    cache: Annotated[
        FilePath | None,
        typer.Option("--cache", metavar="FOLDER", help="Where measures of pictures are kept. Default: ~/.cache/atlas."),
    ] = None,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show what is wrong with a data set: pictures, duplicates, labels, split, tree.

    Each picture is measured once and never again, so a stopped check goes on where it was, and a set that has grown
    costs only what is new. Exit code 1 when some pictures cannot be read.
    """
    import shlex
    import sys

    from atlas.clean.thresholds import load_thresholds
    from atlas.cli.screen import print_json, screen_progress
    from atlas.stages.check import check as run

    command = shlex.join(["atlas", *sys.argv[1:]])
    rules = load_thresholds(thresholds, settings or ())
    with screen_progress(quiet, json) as progress:
        done = run(
            dataset, output,
            model=model, zoom_model=zoom_model, thresholds=rules, cache=cache,
            overwrite=overwrite, command=command, progress=progress,
        )  # fmt: skip
    if json:
        print_json(done.record)
    else:
        _show(done)
    if done.unreadable:
        raise typer.Exit(SOME_FAILED)


def _show(done: Checked) -> None:
    from atlas.clean.report import STATES, state
    from atlas.cli.screen import print_line, table

    record = done.record
    rows = [
        (one["title"], _found(one["count"]), _share(one["share"]), STATES[state(one)]) for one in record["sections"]
    ]
    data, summary = record["dataset"], record["summary"]
    table(["check", "found", "of all pictures", ""], rows, title=f"{data['folder']}: {data['pictures']:,} pictures")
    print_line(
        f"{summary['pictures']:,} of {data['pictures']:,} pictures have something worth a look, "
        f"{summary['drop']:,} should go; {record['measured']['new']:,} were measured, "
        f"{record['measured']['known']:,} known from before"
    )
    if record["take_out"]:
        print_line(f"{record['take_out']:,} products without a good picture: {done.folder / 'take-out.csv'}")
    print_line(f"each finding: {done.folder / 'findings.csv'}")
    print_line(f"no index.html: {done.without_page}" if done.without_page else f"report: {done.folder / 'index.html'}")


def _found(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"


def _share(share: float | None) -> str:
    return "" if not share else f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.1f} %"
