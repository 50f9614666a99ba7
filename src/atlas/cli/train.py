"""`atlas train`: a data set and a recipe to a model folder."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Annotated

import typer

from atlas.cli.options import Json, Output, Overwrite, Quiet, Resume


def train(
    dataset: Annotated[FilePath, typer.Argument(help="A data set folder made by `atlas build`.")],
    output: Output = FilePath("model"),
    recipe: Annotated[
        str,
        typer.Option(
            "--recipe",
            "-r",
            help="A shipped recipe (such as fast, fast-path, paper-classifier, paper-seq2seq) or a TOML file.",
        ),
    ] = "fast",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change one setting of the recipe. Repeatable."),
    ] = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a model on a data set.

    The epoch that does best on the data set's dev part becomes the model folder. Killed at any moment, --resume goes on
    where it was and ends with the same weights.
    """
    from atlas.cli.screen import print_json, print_line, screen_progress
    from atlas.errors import MissingExtraError
    from atlas.stages.recipes import load_recipe

    chosen = load_recipe(recipe, settings or [])
    try:
        from atlas.stages.train import train_model
    except ModuleNotFoundError as error:
        raise MissingExtraError("train", "training") from error
    with screen_progress(quiet, json) as progress:
        summary = train_model(dataset, output, chosen, resume=resume, overwrite=overwrite, progress=progress)
    if json:
        from dataclasses import asdict

        print_json(asdict(summary) | {"model": str(summary.model)})
        return
    early = " (stopped early)" if summary.stopped_early else ""
    print_line(
        f"{output}: epoch {summary.best_epoch} of {summary.epochs}{early}, {summary.core_minutes:.1f} core-minutes"
    )
    for level, share in enumerate(summary.dev_accuracy, 1):
        print_line(f"  first {level} name{'s' * (level > 1)} right on dev: {100 * share:.1f} %")
    print_line(f"next: atlas predict PICTURES -m {output}")
    if summary.reported:
        print_line(f"      atlas evaluate {output} {dataset} --split {summary.reported} -o report")
