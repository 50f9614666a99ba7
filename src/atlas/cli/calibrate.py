"""`atlas calibrate`: a model's probabilities fitted on a split."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Annotated

import typer

from atlas.cli.options import Json, Quiet


def calibrate(
    model: Annotated[FilePath, typer.Argument(help="A model folder made by `atlas train`.")],
    dataset: Annotated[FilePath, typer.Argument(help="A data set folder made by `atlas build`.")],
    split: Annotated[str, typer.Option(help="The part to fit on: one that is not reported on.")] = "dev",
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures that the model scores at once.")] = 32,
    engine: Annotated[str, typer.Option(help="auto, torch or onnx.")] = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fit a model's probabilities on a data set's split.

    One temperature per level is written into the model folder, in place of older ones. Paths stay nearly the same;
    their probabilities come to mean what they say.
    """
    from atlas.cli.screen import print_json, print_line, screen_progress, table
    from atlas.stages.calibrate import calibrate as fit

    with screen_progress(quiet, json) as progress:
        fitted = fit(model, dataset, split, progress=progress, engine=engine, batch_size=batch_size)  # type: ignore[arg-type]
    if json:
        before, after = ([level._asdict() for level in levels] for levels in (fitted.before, fitted.after))
        figures = {"rows": fitted.rows, "failed": fitted.failed, "temperatures": list(fitted.temperatures)}
        print_json({"split": split, **figures, "before": before, "after": after})
        return
    levels = zip(fitted.temperatures, fitted.before, fitted.after, strict=True)
    table(
        ("level", "rows", "temperature", "ECE before", "ECE after", "NLL before", "NLL after"),
        [
            (old.level, old.rows, f"{t:.3f}", f"{old.ece:.4f}", f"{new.ece:.4f}", f"{old.nll:.4f}", f"{new.nll:.4f}")
            for t, old, new in levels
        ],
        title=f"Fitted on {fitted.rows:,} pictures of '{split}'",
    )
    if fitted.failed:
        print_line(f"{fitted.failed:,} pictures could not be read")
        raise typer.Exit(1)
