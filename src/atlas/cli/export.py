"""`atlas export`: a model folder's network in a form that predicts without torch."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Annotated

import typer

from atlas.cli.options import Json, Overwrite, Quiet


def export(
    model: Annotated[FilePath, typer.Argument(help="A model folder made by `atlas train`.")],
    onnx: Annotated[bool, typer.Option("--onnx", help="Write model.onnx into the folder.")] = False,
    evidence: Annotated[
        bool, typer.Option("--evidence", help="With a second output: where a path decoder looks at each level.")
    ] = False,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a model in a form that predicts without torch.

    The file is compared with the network before it counts. It lies in the model folder, where `atlas predict` finds it.
    """
    from atlas.cli.screen import print_json, print_line, screen_progress
    from atlas.errors import MissingExtraError, UsageError

    if not onnx:
        raise UsageError("say which form to write: --onnx")
    try:
        from atlas.stages.export import export_onnx
    except ModuleNotFoundError as error:
        raise MissingExtraError("train", "exporting") from error
    with screen_progress(quiet, json) as progress:
        summary = export_onnx(model, evidence=evidence, overwrite=overwrite, progress=progress)
    if json:
        from dataclasses import asdict

        print_json(asdict(summary) | {"file": str(summary.file)})
        return
    size = f"{summary.size_bytes / 1e6:.1f} MB"
    print_line(f"{summary.file}: {size}, log masses within {summary.largest_difference:.1e} of torch")
    if summary.largest_light_difference is not None:
        print_line(f"with the light of each level, within {summary.largest_light_difference:.1e} of torch")
