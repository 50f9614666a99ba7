"""`atlas collect`: the pages of stores, or lists of urls, to listings and pictures."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlas.cli.options import Json, Output, Overwrite, Quiet, Resume

if TYPE_CHECKING:
    from atlas.stages.collect import CollectSummary

#: Categories with dead pictures that are shown, those with most of them first.
DEAD_SHOWN = 15


def collect(
    sources: Annotated[
        list[FilePath],
        typer.Argument(metavar="STORE|LIST", help="Store files (.toml); lists of urls as JSON, CSV, JSONL or Parquet."),
    ],
    output: Output = FilePath("crawl"),
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Another value for a key of the store files. Repeatable."),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--columns", metavar="KEY=COLUMN", help="Which column of a list is image, path, title, split. Repeatable."
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="A trial: so many products of each store.")
    ] = None,
    extract_again: Annotated[
        bool, typer.Option("--extract-again", help="Ask nobody: read the kept pages again by today's store files.")
    ] = False,
    resume: Resume = False,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Collect listings and pictures from stores, or download lists of picture urls.

    Robots.txt, delays and budgets are kept to; what a store file turns off is recorded and shown. What did not come is
    counted by reason, and the exit code is then 1. A crawl that was stopped or killed goes on with --resume; called
    again, a finished one fetches only what changed.
    """
    from atlas.cli.screen import print_json, screen_progress
    from atlas.errors import MissingExtraError, UsageError

    try:
        from atlas.stages import collect as stage
    except ModuleNotFoundError as error:
        raise MissingExtraError("collect", "collecting") from error
    if extract_again and (resume or overwrite or limit or settings):
        raise UsageError("--extract-again takes no --resume, --overwrite, --limit or --set: it only reads kept pages")
    options = stage.CollectOptions(tuple(settings or ()), tuple(columns or ()), limit)
    with screen_progress(quiet, json) as progress:
        if extract_again:
            summary = stage.extract_again(output, sources, progress)
        else:
            summary = stage.collect(sources, output, options, resume=resume, overwrite=overwrite, progress=progress)
    if json:
        print_json({"output": str(output)} | summary.record)
    else:
        _print(summary)
    if summary.failed:
        raise typer.Exit(1)


def _print(summary: CollectSummary) -> None:
    from atlas.cli.screen import print_line, table

    record = summary.record
    columns = ("pages", "listings", "pictures", "refused", "failed", "left")
    table(("store", *columns), [(store, *map(row.get, columns)) for store, row in record["stores"].items()])
    _print_reasons(record)
    for host, part in record["left"].items():
        print_line(f"{host}: {part['addresses']:,} addresses left, {part['why']}")
    for store, off in record["off"].items():
        print_line(f"{store}: {'; '.join(off)}")
    _print_dead(record["dead"])
    print_line(f"{record['listings']:,} listings: {summary.output / 'listings.jsonl'}")
    if record["left"]:
        print_line(f"what is left: the same command with --resume{_wider(record['left'])}")
    print_line(f"next: atlas build {summary.output} -o dataset")


def _wider(left: dict[str, dict[str, Any]]) -> str:
    """What must change in the call so that it goes further than the last one was told to."""
    whys = {part["why"] for part in left.values()}
    changes = [", without --limit"] if "limit" in whys else []
    budgets = sorted({why.split()[-1] for why in whys if why.startswith("budget")} - {"minutes"})  # those begin anew
    changes += [f" and a larger budget: --set budget.{name}=N" for name in budgets]
    return "".join(changes)


def _print_reasons(record: dict[str, Any]) -> None:
    from atlas.cli.screen import table

    rows = [(kind, reason, count) for kind in ("refused", "failed") for reason, count in record[kind].items()]
    rows += [("skipped", reason, count) for reason, count in record["skipped"].items()]
    if rows:
        table(("", "reason", "addresses"), rows)


def _print_dead(dead: dict[str, dict[str, int]]) -> None:
    from atlas.cli.screen import print_line, table

    rows = sorted(dead.items(), key=lambda item: (-item[1]["dead"], item[0]))
    if rows:
        shown = [(path or "(no path)", part["pictures"], part["dead"]) for path, part in rows[:DEAD_SHOWN]]
        table(("category", "pictures", "dead"), shown)
    if len(rows) > DEAD_SHOWN:
        print_line(f"... and {len(rows) - DEAD_SHOWN:,} more categories: --json lists all")
