"""`atlas build`: labelled products to a data set."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from atlas.cli.options import Json, Output, Overwrite, Quiet, Resume

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from atlas.stages.build import BuildSummary

#: Store paths without a mapping that are printed.
UNMAPPED = 20


def build(
    source: Annotated[
        FilePath,
        typer.Argument(
            help="A crawl, a Parquet, CSV or JSONL file or a folder of them, the paper's JSON, a folder of folders of "
            "pictures, or a data set of links."
        ),
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
    mapping: Annotated[
        FilePath | None,
        typer.Option(
            "--mapping", metavar="FILE", help="CSV that gives store paths (breadcrumbs) their category paths."
        ),
    ] = None,
    use_suggested: Annotated[
        bool, typer.Option("--use-suggested", help="Use the suggested rows of mapping and patches too.")
    ] = False,
    patch: Annotated[
        list[FilePath] | None,
        typer.Option(
            "--patch", metavar="FILE", help="CSV of products whose path somebody decided (docs/labels.md). Repeatable."
        ),
    ] = None,
    pictures: Annotated[
        FilePath | None,
        typer.Option(
            "--pictures", metavar="FOLDER", help="Where pictures are: their folder, or a crawl of their urls."
        ),
    ] = None,
    links_only: Annotated[
        bool, typer.Option("--links-only", help="Keep urls and checksums in place of pictures, to publish the set.")
    ] = False,
    hold_out_store: Annotated[
        list[str] | None,
        typer.Option(
            "--hold-out-store",
            metavar="NAME",
            help="This store's pictures are the test; all that it shows is left out of the other stores. Repeatable.",
        ),
    ] = None,
    min_support: Annotated[
        int, typer.Option("--min-support", metavar="N", help="Paths with fewer training products are rare.")
    ] = 0,
    rare: Annotated[
        Literal["fold", "drop"],
        typer.Option("--rare", help="What becomes of rare paths: up into their parent, or out."),
    ] = "fold",
    closeups: Annotated[
        str | None,
        typer.Option(
            "--closeups",
            metavar="standard|FILE",
            help="Cut close-ups out of normal pictures: makes a data set of two paths, 'normal' and 'zoomed'.",
        ),
    ] = None,
    zoom_model: Annotated[
        FilePath | None,
        typer.Option("--zoom-model", metavar="FOLDER", help="A model for close-ups, which looks at each picture."),
    ] = None,
    zoomed: Annotated[
        Literal["drop", "mark"] | None,
        typer.Option("--zoomed", help="What becomes of the close-ups that it finds. Default: mark."),
    ] = None,
    zoom_threshold: Annotated[
        float | None,
        typer.Option("--zoom-threshold", metavar="P", help="Close-ups are normal with less probability. Default: 0.5."),
    ] = None,
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

    options = BuildOptions(
        columns=tuple(columns or ()),
        where=tuple(where or ()),
        splits=splits,
        taxonomy=taxonomy,
        min_support=min_support,
        rare=rare,
        seed=seed,
        mapping=mapping,
        use_suggested=use_suggested,
        pictures=pictures,
        links_only=links_only,
        hold_out_store=tuple(hold_out_store or ()),
        closeups=closeups,
        zoom_model=zoom_model,
        zoomed=zoomed,
        zoom_threshold=zoom_threshold,
        patch=tuple(patch or ()),
    )
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
    _print_duplicates(record["duplicates"])
    tree = record["taxonomy"]
    print_line(f"{tree['answers']:,} categories in {tree['levels']} levels (tree {tree['id']})")
    for split, rows in record["unknown_paths"].items():
        print_line(f"{rows:,} pictures of {split} have a path that train lacks: they will count as wrong")
    if record["rejected"] or record["left_out"]:
        print_line()
        gone = [(reason, rows) for reason, rows in record["rejected"].items()]
        table(("left out", "rows"), gone + [(f"by --{wish}", rows) for wish, rows in record["left_out"].items()])
    for mark, rows in record["marks"].items():
        print_line(f"{rows:,} pictures are marked '{mark}'")
    if record["source"]["unread"]:
        print_line(f"in no split: {_some(record['source']['unread'])}")
    _print_unmapped(record.get("mapping", {}).get("unmapped", []), summary)
    _print_patch(record.get("patch"))
    if "drift" in record:
        told = ", ".join(f"{count:,} {what.replace('_', ' ')}" for what, count in record["drift"].items())
        print_line(f"pictures since the links were made: {told}")
    if summary.dry_run:
        print_line("nothing was written (--dry-run)")
        return
    if record["rejected"]:
        print_line(f"each rejected row and why: {summary.output / 'rejected.jsonl'}")
    if record["options"]["links_only"]:
        print_line("next: publish the folder (docs/publish.md)")
    else:
        recipe = "fast-zoom" if "closeups" in record["options"] else "fast"
        print_line(f"next: atlas train {summary.output} -r {recipe} -o model")


def _print_duplicates(found: Mapping[str, Any]) -> None:
    from atlas.cli.screen import print_line

    told = ", ".join(f"{rows:,} by {kind}" for kind, rows in found["pictures"].items() if rows)
    if told:
        print_line(f"{found['groups']:,} pictures come more than once ({told})")
    if found["conflicts"]:
        print_line(f"{found['conflicts']:,} pictures stand under more than one path: `atlas check` lists them")


def _print_unmapped(unmapped: Sequence[Mapping[str, Any]], summary: BuildSummary) -> None:
    from atlas.cli.screen import print_line, table

    if not unmapped:
        return
    print_line()
    rows = [(row["store"], row["store_path"] or "(none)", row["rows"]) for row in unmapped[:UNMAPPED]]
    table(("store", "store path that stayed unmapped", "rows"), rows)
    if len(unmapped) > UNMAPPED:
        where = "" if summary.dry_run else f": {summary.output / 'build.json'} lists them"
        print_line(f"and {len(unmapped) - UNMAPPED:,} more store paths{where}")


def _print_patch(patch: Mapping[str, Any] | None) -> None:
    """What became of the lines of the patches, where there were any."""
    from atlas.cli.screen import print_line

    if patch is None:
        return
    out = f", {patch['taken_out']:,} of them taken out" if patch["taken_out"] else ""
    print_line(f"patched: {patch['products']:,} products ({patch['rows']:,} pictures){out}")
    if patch["waiting"]:
        print_line(f"{patch['waiting']:,} suggested lines of patches wait: decide them, or use --use-suggested")
    if patch["new_paths"]:
        print_line(f"paths that only patched products have: {_some(patch['new_paths'])}")
    if patch["in_several_stores"]:
        print_line(f"in several stores, so not patched without a column store: {_some(patch['in_several_stores'])}")
    if patch["unmatched"]:
        print_line(f"in patches, but not in the source: {_some(patch['unmatched'])}")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8:,} more" if len(names) > 8 else "")
