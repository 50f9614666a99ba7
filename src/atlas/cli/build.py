"""`atlas build`: labelled products to a data set."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from atlas.cli.options import Json, Output, Overwrite, Quiet, Resume

if TYPE_CHECKING:
    from atlas.stages.build import BuildSummary


def build(
    source: Annotated[
        FilePath,
        typer.Argument(help="A Parquet, CSV or JSONL file, a folder of them, or a folder of folders of pictures."),
    ],
    output: Output = FilePath("dataset"),
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--columns",
            metavar="PRESET|FILE|KEY=COLUMN",
            help="What columns mean: atlas, fashion-products, a TOML file, or 'path=first > second'. Repeatable.",
        ),
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option("--where", metavar="COLUMN=VALUE", help="Keep matching rows only. Repeatable.")
    ] = None,
    splits: Annotated[
        str | None,
        typer.Option(
            "--splits",
            metavar="64/6/30|NAME=FILES,..",
            help="Train/dev/test in percent (64/6/30), or the source's own: train=FILES,validation=FILES.",
        ),
    ] = None,
    taxonomy: Annotated[
        str | None,
        typer.Option(
            "--taxonomy", metavar="FILE|atlas52", help="The tree to use; without it, that of the training labels."
        ),
    ] = None,
    min_support: Annotated[
        int, typer.Option("--min-support", metavar="N", help="Paths with fewer training products are rare.")
    ] = 0,
    rare: Annotated[
        Literal["fold", "drop"],
        typer.Option("--rare", help="What becomes of rare paths: up into their parent, or out."),
    ] = "fold",
    seed: Annotated[int, typer.Option("--seed", help="Another one makes another split and order.")] = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read everything, say what would happen, write nothing.")
    ] = False,
    resume: Resume = False,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Turn labelled products into a data set.

    Products stay whole and look-alikes together when Atlas makes the split. A bad row stops nothing: it is listed in
    rejected.jsonl, and the exit code is then 1. Killed at any moment, --resume goes on and ends with the same bytes.
    """
    from atlas.cli.screen import print_json, screen_progress
    from atlas.stages.build import BuildOptions
    from atlas.stages.build import build as run

    options = BuildOptions(tuple(columns or ()), tuple(where or ()), splits, taxonomy, min_support, rare, seed)
    with screen_progress(quiet, json) as progress:
        summary = run(source, output, options, resume=resume, overwrite=overwrite, dry_run=dry_run, progress=progress)
    if json:
        print_json({"output": str(output), "dry_run": dry_run} | summary.record)
    else:
        _print(summary)
    if summary.failed:
        raise typer.Exit(1)


def _print(summary: BuildSummary) -> None:
    from atlas.cli.screen import print_line, table

    record = summary.record
    counted = [
        (split, rows, record["products"][split], record["near_train"][split] or "")
        for split, rows in record["rows"].items()
    ]
    table(("split", "pictures", "products", "near train"), counted)
    tree = record["taxonomy"]
    print_line(f"{tree['answers']:,} categories in {tree['levels']} levels (tree {tree['id']})")
    for split, rows in record["unknown_paths"].items():
        print_line(f"{rows:,} pictures of {split} have a path that train lacks: they will count as wrong")
    if record["rejected"] or record["left_out"]:
        print_line()
        gone = [(reason, rows) for reason, rows in record["rejected"].items()]
        table(("left out", "rows"), gone + [(f"by --{wish}", rows) for wish, rows in record["left_out"].items()])
    if summary.dry_run:
        print_line("nothing was written (--dry-run)")
        return
    if record["rejected"]:
        print_line(f"each rejected row and why: {summary.output / 'rejected.jsonl'}")
    print_line(f"next: atlas train {summary.output} -r fast -o model")
