"""Predictions to a report: metrics.json, report.html and the figure of F against support."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path as FilePath
from typing import Any

from atlas.bundle import CALIBRATION, CONFIG
from atlas.dataset.schema import BUILD_FILE
from atlas.errors import MissingExtraError, UsageError
from atlas.evaluate.comparison import compare
from atlas.evaluate.intervals import DRAWS
from atlas.evaluate.predictions import read_predictions
from atlas.evaluate.report import write_report
from atlas.evaluate.rows import PredictionsFile
from atlas.evaluate.summary import summarize, summarize_comparison
from atlas.progress import Progress, Silent
from atlas.storage import claim_output, part_of, publish_folder, read_json, sha256_file, write_json

#: Name of the predictions that `evaluate_model` leaves beside its report.
PREDICTIONS = "predictions.parquet"
#: Name of the file that says whose predictions wait in unfinished work.
_ASKED = "asked.json"


@dataclass(frozen=True)
class Evaluation:
    """A finished report: its folder, what metrics.json holds, and why report.html is missing when it is."""

    folder: FilePath
    metrics: dict[str, Any]
    without_page: str = ""

    @property
    def fell(self) -> tuple[str, ...]:
        """What became worse beyond chance: leaf paths, and "" for the whole. Empty without a comparison."""
        return tuple(self.metrics.get("against", {}).get("fell", ()))


def evaluate_predictions(
    predictions: FilePath,
    folder: FilePath,
    *,
    against: FilePath | None = None,
    overwrite: bool = False,
    command: str = "",
    draws: int = DRAWS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure a predictions file and write the report folder.

    Raises UsageError when the folder exists, and DataError when a file is no predictions file, has no truth, or shares
    too few pictures with `against`.
    """
    if not (part_of(folder) / PREDICTIONS).exists():  # what a killed call left is made again in seconds
        shutil.rmtree(part_of(folder), ignore_errors=True)
    part = claim_output(folder, overwrite=overwrite, inputs=(predictions, against))
    try:
        metrics = _measure(predictions, against, {"command": command}, draws, seed, progress or Silent())
        return _write(metrics, part, folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def evaluate_model(
    model: FilePath,
    dataset: FilePath,
    split: str,
    folder: FilePath,
    *,
    against: FilePath | None = None,
    faithfulness: int = 0,
    resume: bool = False,
    overwrite: bool = False,
    command: str = "",
    draws: int = DRAWS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Evaluation:
    """Predict one split of a data set, measure that and write the report folder with the predictions beside.

    `faithfulness` is the number of products on which the evidence is measured too, by running the model again. When
    measuring fails, the predictions stay in `FOLDER.part`, and `resume` takes them up if they are of the same model and
    data. Raises what `evaluate_predictions` and `predict_dataset` raise.
    """
    from atlas.stages.predict import predict_dataset

    if against is not None:
        read_predictions(against)  # a wrong file is told before the long work
    part = claim_output(folder, resume=resume, overwrite=overwrite, inputs=(model, dataset, against))
    predictions, asked = part / PREDICTIONS, _asked(model, dataset, split)
    if predictions.exists() and read_json(part / _ASKED) != asked:
        raise UsageError(
            f"{part} was begun with another model, data set or split: repeat that call, or use --overwrite"
        )
    try:
        if not predictions.exists():
            write_json(part / _ASKED, asked)
            predict_dataset(model, dataset, split, predictions, progress=progress)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    origin = {"command": command, "model": str(model), "dataset": str(dataset)}
    metrics = _measure(predictions, against, origin, draws, seed, progress or Silent())
    metrics["provenance"]["predictions"]["file"] = str(folder / PREDICTIONS)
    if faithfulness:
        from atlas.stages.categorizer import load
        from atlas.stages.faithfulness import measure_faithfulness

        metrics["faithfulness"] = measure_faithfulness(
            load(model), dataset, split, faithfulness, draws=draws, seed=seed, progress=progress
        )
    return _write(metrics, part, folder)


def _asked(model: FilePath, dataset: FilePath, split: str) -> dict[str, Any]:
    """What decides the predictions, so that only the same ones are taken up."""
    files = (model / CONFIG, model / CALIBRATION, dataset / BUILD_FILE)
    return {"split": split, "files": [sha256_file(file) if file.is_file() else "" for file in files]}


def _measure(
    predictions: FilePath, against: FilePath | None, origin: dict[str, Any], draws: int, seed: int, progress: Progress
) -> dict[str, Any]:
    """The whole of metrics.json. Both files are opened first, so that a wrong one is told at once."""
    progress.begin("measure", 3 if against else 2)
    new = read_predictions(predictions)
    old = read_predictions(against) if against else None
    progress.advance(status=f"{len(new.rows):,} pictures")
    metrics = summarize(new, draws, seed)
    progress.advance()
    metrics["provenance"] = {**origin, "atlas": version("atlas-categorizer"), "predictions": _identity(new)}
    if old is not None:
        metrics["against"] = summarize_comparison(compare(new, old, draws, seed))
        metrics["provenance"]["against"] = _identity(old)
        progress.advance()
    return metrics


def _identity(predictions: PredictionsFile) -> dict[str, Any]:
    return {
        "file": str(predictions.file),
        "sha256": sha256_file(predictions.file),
        "split": predictions.split,
        "model_ids": list(predictions.model_ids),
    }


def _write(metrics: dict[str, Any], part: FilePath, folder: FilePath) -> Evaluation:
    """Figures first: they need no extra, the page does."""
    write_json(part / "metrics.json", metrics)
    done = Evaluation(folder, metrics)
    try:
        write_report(metrics, part)
    except MissingExtraError as error:
        done = replace(done, without_page=str(error))
    (part / _ASKED).unlink(missing_ok=True)
    publish_folder(part, folder)
    return done
