"""`atlas taxonomy draft` and `map`: from stores' own trees to one tree, and back."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated

import typer

from atlas.cli.options import Json, MaybeOutput, Output, Overwrite, Quiet

if TYPE_CHECKING:
    from atlas.stages.map import MapSummary
    from atlas.taxonomy.draft import Draft

#: Suggestions that are printed: those that a person should look at first.
SHOWN = 12

Sources = Annotated[
    list[str],
    typer.Argument(metavar="SOURCE...", help="Crawls, tables with breadcrumbs and stores, or data sets."),
]
Columns = Annotated[
    list[str] | None,
    typer.Option("--columns", metavar="PRESET|FILE|KEY=COLUMN", help="What columns mean, as for `atlas build`."),
]


def draft(
    sources: Sources,
    output: MaybeOutput = None,
    levels: Annotated[
        int, typer.Option("--levels", "-l", min=1, max=32, help="Deeper paths fold into this level.")
    ] = 3,
    min_stores: Annotated[int, typer.Option(min=1, help="A path must be in this many stores.")] = 2,
    columns: Columns = None,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Draft a tree from the paths that several stores share, whatever their case, plurals and signs.

    With -o a taxonomy file, where comments say how many products of which store lie at each path and how it spells it,
    and what too few stores have. Without, a table.
    """
    from atlas.cli.screen import print_json, print_line, screen_progress
    from atlas.stages.draft import draft_taxonomy

    with screen_progress(quiet, json) as progress:
        found = draft_taxonomy(
            sources, output, levels=levels, min_stores=min_stores, columns=columns or (), overwrite=overwrite,
            progress=progress,
        )  # fmt: skip
    if json:
        print_json(_draft_as_json(found))
        return
    if output is None:
        _print_draft(found)
    told = ", ".join(f"{store} {count:,}" for store, count in found.products.items())
    print_line(
        f"{len(found.taxonomy.answers):,} paths that at least {min_stores} of {len(found.products)} stores have; "
        f"products: {told}"
    )
    for store, root in found.roots.items():
        print_line(f"left out above all paths of {store}: {root}")
    if found.alone:
        print_line(f"{len(found.alone):,} paths are in fewer stores" + ("" if output else ": -o FILE lists them"))
    if output is not None:
        print_line(
            f"next: edit {output}, then atlas taxonomy map {' '.join(sources)} --taxonomy {output} -o mapping.csv"
        )


def map_paths(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...", help="Crawls, tables with breadcrumbs, data sets, or a .txt with a store path a line."
        ),
    ],
    taxonomy: Annotated[str, typer.Option("--taxonomy", metavar="FILE|atlas52", help="The tree to map to.")],
    output: Output = FilePath("mapping.csv"),
    mapping: Annotated[
        FilePath | None,
        typer.Option("--mapping", metavar="FILE", help="An older mapping: what was confirmed or rejected there stays."),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(help="The store of rows and text files that name none. Default: any, or the file's name."),
    ] = None,
    columns: Columns = None,
    fold: Annotated[
        bool, typer.Option("--fold", help="One row for store paths that begin alike and all go the same way.")
    ] = False,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Suggest a taxonomy path for each store path, by the words of both and by titles.

    The mapping is a CSV, the surest rows of each store first. Set the status of a row to confirmed when it is right, or
    mend its path first; to rejected, with an empty path, when the tree has no place for it. `build --mapping` goes by
    confirmed rows.
    """
    from atlas.cli.screen import print_json, screen_progress
    from atlas.stages.map import map_stores

    with screen_progress(quiet, json) as progress:
        summary = map_stores(
            sources, taxonomy, output, mapping=mapping, store=store, columns=columns or (), fold=fold,
            overwrite=overwrite, progress=progress,
        )  # fmt: skip
    if json:
        print_json(_map_as_json(summary))
        return
    _print_map(summary)


def _print_draft(found: Draft) -> None:
    from atlas.cli.screen import table
    from atlas.taxonomy.tree import format_path

    answers = {found.taxonomy.paths[node] for node in found.taxonomy.answers}
    rows = [
        (format_path(here.path), len(here.products), sum(here.products.values()), _by_store(here.products))
        for here in found.shared
        if here.path in answers
    ]
    table(("path", "stores", "products", "by store"), rows)


def _by_store(products: dict[str, int]) -> str:
    ranked = sorted(products.items(), key=lambda entry: (-entry[1], entry[0]))
    return ", ".join(f"{store} {count:,}" for store, count in ranked)


def _draft_as_json(found: Draft) -> dict[str, object]:
    listed = [
        [{"path": here.path, "products": here.products, "spelled": here.spelled} for here in part]
        for part in (found.shared, found.alone)
    ]
    answers = [found.taxonomy.paths[node] for node in found.taxonomy.answers]
    return {
        "answers": answers,
        "products": found.products,
        "roots": found.roots,
        "shared": listed[0],
        "alone": listed[1],
    }


def _print_map(summary: MapSummary) -> None:
    from atlas.cli.screen import print_line, table
    from atlas.stages.map import SURE
    from atlas.taxonomy.tree import format_path

    doubtful = [entry for entry in summary.suggested if entry[1].path and entry[1].score < SURE]
    rows = [
        (here.store, format_path(here.path), format_path(one.path), f"{one.score:.2f}", here.products)
        for here, one in sorted(doubtful, key=lambda entry: (-entry[0].products, entry[1].score))[:SHOWN]
    ]
    if rows:
        table(("store", "store path", "doubtful suggestion", "score", "products"), rows)
    total = len(summary.suggested)
    print_line(
        f"{summary.output}: {total:,} store paths, {summary.sure:,} of them with a suggestion of {SURE} or more, "
        f"{len(doubtful):,} with a lower one, {summary.open:,} without"
    )
    if summary.kept or summary.covered:
        print_line(f"kept {summary.kept:,} rows, which decide about {summary.covered:,} store paths")
    print_line(f"next: look through it and set status to confirmed, then atlas build CRAWL --mapping {summary.output}")


def _map_as_json(summary: MapSummary) -> dict[str, object]:
    rows = [
        {
            "store": here.store,
            "store_path": here.path,
            "path": one.path,
            "score": round(one.score, 4),
            "second": one.second,
            "products": here.products,
        }
        for here, one in summary.suggested
    ]
    return {"output": str(summary.output), "kept": summary.kept, "covered": summary.covered, "suggested": rows}
