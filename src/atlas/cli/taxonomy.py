"""`atlas taxonomy`: category trees and what stores call them."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated

import typer

from atlas.cli.options import Json, Output, Overwrite, Quiet
from atlas.cli.taxonomy_stores import draft, map_paths

if TYPE_CHECKING:
    from collections import Counter

    from atlas.records import Path
    from atlas.taxonomy.show import Row
    from atlas.taxonomy.tree import Taxonomy

Source = Annotated[str, typer.Argument(help="A taxonomy file, atlas52, a data set or a model folder.")]

taxonomy = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Category trees: show, check, compare, draft, map, extend."
)


@taxonomy.command()
def show(
    source: Source = "atlas52",
    levels: Annotated[int | None, typer.Option("--levels", "-l", min=1, help="Print only the first levels.")] = None,
    json: Json = False,
) -> None:
    """Print a tree, with the leaves below each node, or the products where a data set tells them."""
    from atlas.cli.screen import print_json, print_line
    from atlas.taxonomy.show import tree_rows

    tree, products = _open(source)
    rows = tree_rows(tree, products, levels)
    if json:
        print_json(_as_json(tree, rows))
        return
    counted = "leaves" if products is None else "products"
    print_line(f"{source}: {len(tree.leaves)} leaves, {tree.levels} levels; the figures are {counted} at or below")
    for line in _drawn(tree, rows):
        print_line(line)


@taxonomy.command()
def check(
    source: Source,
    thin: Annotated[int, typer.Option(help="Warn of answers with fewer products, where a data set tells them.")] = 10,
    json: Json = False,
) -> None:
    """List everything wrong or odd about a tree; exit code 1 when the file cannot be read as it is."""
    from atlas.cli.screen import print_json, print_line
    from atlas.taxonomy.check import check_taxonomy
    from atlas.taxonomy.files import read_bytes

    folder = FilePath(source)
    data = read_bytes(folder / "taxonomy.txt" if folder.is_dir() else source)
    products = _open(source)[1] if (folder / "data").is_dir() else None
    findings = check_taxonomy(data, products, thin)
    errors = sum(finding.severity == "error" for finding in findings)
    if json:
        print_json([finding._asdict() for finding in findings])
    else:
        for finding in findings:
            print_line(f"{source}, line {finding.line}: {finding.severity}: {finding.reason} [{finding.kind}]")
        print_line(f"{errors} errors, {len(findings) - errors} warnings")
    raise typer.Exit(1 if errors else 0)


@taxonomy.command()
def diff(old: Source, new: Source, json: Json = False) -> None:
    """List the answers that the second tree gained (+), lost (-) and moved (>); exit code 1 when the trees differ."""
    from dataclasses import asdict

    from atlas.cli.screen import print_json, print_line
    from atlas.taxonomy.compare import compare
    from atlas.taxonomy.tree import format_path

    change = compare(_open(old)[0], _open(new)[0])
    if json:
        print_json(asdict(change))
        raise typer.Exit(1 if change else 0)
    for path in change.removed:
        print_line(f"- {format_path(path)}")
    for path in change.added:
        print_line(f"+ {format_path(path)}")
    for source, target in change.moved:
        print_line(f"> {format_path(source)}  to  {format_path(target)}")
    for path, before, after in change.new_ids:
        print_line(f"# {format_path(path)}  id {before or 'none'}  to  {after or 'none'}")
    if change.reordered:
        print_line("the paths are the same, their order is not: node numbers differ")
    print_line(
        f"{len(change.removed)} removed, {len(change.added)} added, {len(change.moved)} moved, "
        f"{len(change.new_ids)} ids changed"
    )
    raise typer.Exit(1 if change else 0)


taxonomy.command()(draft)
taxonomy.command("map")(map_paths)


def _open(source: str) -> tuple[Taxonomy, Counter[Path] | None]:
    """The tree of a file, a shipped name, a data set or a model; for the last two also their products by path.

    A model's products are those that it learned from.
    """
    from collections import Counter

    from atlas.taxonomy.files import load_taxonomy
    from atlas.taxonomy.show import count_products
    from atlas.taxonomy.tree import parse_path

    folder = FilePath(source)
    if (folder / "config.json").is_file():
        from atlas.bundle import open_bundle

        bundle = open_bundle(folder)
        products = bundle.training.get("products")
        return bundle.taxonomy, Counter(
            {parse_path(path): count for path, count in products.items()}
        ) if products else None
    if not folder.is_dir():
        return load_taxonomy(source), None
    from atlas.dataset.schema import open_dataset

    dataset = open_dataset(folder)
    tables = [dataset.table(split, ["product_id", "path"]) for split in dataset.splits]
    labels = (
        (product_id, tuple(path))
        for table in tables
        for product_id, path in zip(table["product_id"].to_pylist(), table["path"].to_pylist(), strict=True)
    )
    return dataset.taxonomy, count_products(labels)


def _drawn(tree: Taxonomy, rows: list[Row]) -> list[str]:
    """Lines with the counts in one column; a star marks inner nodes that are answers themselves."""
    from rich.cells import cell_len

    names = [row.branch + row.path[-1] + (" *" if _is_inner_answer(tree, row.node) else "") for row in rows]
    counts = [f"{row.leaves if row.products is None else row.products:,}" for row in rows]
    width = max(map(cell_len, names))
    right = max(map(len, counts))
    return [
        f"{name}{' ' * (width - cell_len(name))}  {count:>{right}}" for name, count in zip(names, counts, strict=True)
    ]


def _is_inner_answer(tree: Taxonomy, node: int) -> bool:
    return bool(tree.is_answer[node]) and tree.end[node] > node + 1


def _as_json(tree: Taxonomy, rows: list[Row]) -> dict[str, object]:
    nodes = [
        {
            "path": row.path,
            "id": tree.ids.get(row.path),
            "answer": bool(tree.is_answer[row.node]),
            "leaves": row.leaves,
            "products": row.products,
        }
        for row in rows
    ]
    counts = {"leaves": len(tree.leaves), "answers": len(tree.answers), "levels": tree.levels}
    return {"taxonomy_id": tree.digest, **counts, "nodes": nodes}


@taxonomy.command()
def propose(
    model: Annotated[FilePath, typer.Argument(help="A model folder with a path decoder.")],
    dataset: Annotated[FilePath, typer.Argument(help="A data set folder.")],
    output: Output = FilePath("proposals.csv"),
    split: Annotated[str, typer.Option(help="The part of the data set to read.")] = "test",
    beams: Annotated[int, typer.Option(min=1, max=100, help="Width of the search.")] = 5,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List category paths that a path decoder writes and the tree lacks, for a person to judge.

    A row of the CSV is a path with its count, mean probability and example products; verdict and by are left open.
    """
    from atlas.cli.screen import print_json, print_line, screen_progress, table
    from atlas.stages.propose import propose_paths
    from atlas.taxonomy.tree import format_path

    with screen_progress(quiet, json) as progress:
        found = propose_paths(model, dataset, split, output, beams=beams, overwrite=overwrite, progress=progress)
    rows = [(format_path(p.path), p.count, p.probability, "; ".join(p.examples)) for p in found.proposals]
    if json:
        keys = ("path", "count", "probability", "examples")
        listed = [dict(zip(keys, row, strict=True)) for row in rows]
        print_json(
            {"pictures": found.pictures, "outside": found.outside, "novelty": found.novelty, "proposals": listed}
        )
        return
    if rows:
        table(("path", "count", "probability", "examples"), rows)
    print_line(
        f"{output}: {len(rows):,} paths outside the tree, for {found.outside:,} of {found.pictures:,} pictures; "
        f"mean mass on children that the tree lacks {found.novelty:.4f}"
    )


@taxonomy.command()
def add(
    source: Source,
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="New paths, such as 'Men > Kilts'.")],
    output: Output,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Write a tree with more paths, and say what must be trained again."""
    from atlas.cli.screen import print_json, print_line
    from atlas.errors import UsageError
    from atlas.taxonomy.compare import added_paths
    from atlas.taxonomy.files import write_taxonomy

    if output.exists() and not overwrite:
        raise UsageError(f"{output} exists already: use --overwrite to replace it, or another -o")
    tree, _ = _open(source)
    grown, words = added_paths(tree, paths)
    write_taxonomy(output, grown)
    if json:
        print_json({"output": str(output), "taxonomy_id": grown.digest, "new_names": words})
        return
    print_line(f"{output}: {len(grown.answers):,} answers, {len(paths):,} more than {source}")
    print_line("a flat model has no score for a new answer: build with the new tree, then train it again")
    if words:
        print_line(f"a path decoder has never read {', '.join(words)}: train it again too")
    else:
        print_line("a path decoder knows all these names, but has seen no product of the new path: train it on some")
