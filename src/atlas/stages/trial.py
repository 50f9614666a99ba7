"""One run of a benchmark: a recipe with one seed, trained, calibrated, and measured on the split that is reported."""

from __future__ import annotations

import shlex
import time
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path as FilePath
from typing import Any

from atlas.bundle import Bundle, open_bundle
from atlas.dataset.schema import DatasetFolder
from atlas.dataset.split import in_share
from atlas.errors import AtlasError, NothingDoneError
from atlas.evaluate.contest import invalid_guesses
from atlas.evaluate.predictions import read_predictions
from atlas.progress import Progress
from atlas.runtime import Scorer, open_scorer
from atlas.stages.calibrate import calibrate
from atlas.stages.categorizer import Categorizer
from atlas.stages.inputs import dataset_source
from atlas.stages.predict import predict_to_file
from atlas.stages.propose import BEAMS, Sentence, write_paths
from atlas.stages.recipes import Recipe
from atlas.stages.rows import Input
from atlas.stages.train import train_model
from atlas.storage import part_of, read_json, write_json
from atlas.taxonomy.tree import Taxonomy, format_path, parse_path

RUN_FILE, MODEL, PREDICTIONS = "run.json", "model", "predictions.parquet"
#: New paths that are listed, the most frequent first.
LISTED = 20

Json = dict[str, Any]


@dataclass(frozen=True)
class Trial:
    """One run: its recipe as it is trained (share, seed, epochs and precision set), and the folder it lies in."""

    label: str
    asked: str  # the recipe's name or file
    settings: tuple[str, ...]  # what changes the recipe of that name into this one
    recipe: Recipe
    folder: FilePath

    @property
    def title(self) -> str:
        """What the run is called."""
        training = self.recipe.training
        share = "" if training.share == 1 else f", {training.share:.4g} of the products"
        return f"{self.label}{share}, seed {training.seed}"

    def commands(self, dataset: FilePath, split: str) -> list[str]:
        """The commands that do the same by hand."""
        changes = [word for setting in self.settings for word in ("--set", setting)]
        calls = (
            ["train", str(dataset), "-r", self.asked, *changes, "-o", MODEL],
            ["calibrate", MODEL, str(dataset)],
            ["evaluate", MODEL, str(dataset), "--split", split, "-o", "report"],
        )
        return [shlex.join(["atlas", *call]) for call in calls]


def finished_run(folder: FilePath) -> Json | None:
    """What a run that came to its end wrote down; None for one that did not, or that failed."""
    if not (folder / RUN_FILE).is_file():
        return None
    written: Json = read_json(folder / RUN_FILE)
    return None if written["error"] else written


def run_trial(trial: Trial, data: DatasetFolder, split: str, progress: Progress) -> Json:
    """Train, calibrate on `dev`, predict the split and let a path decoder write freely; returns what run.json holds.

    Training that was broken off is taken up where it was; the rest takes minutes and is done again. Raises what
    training and prediction raise.
    """
    model = trial.folder / MODEL
    if not model.exists():
        begun = part_of(model).exists()
        train_model(data.folder, model, trial.recipe, resume=begun, progress=progress)
    calibrated = _calibrated(model, data, progress)
    scorer = open_scorer(open_bundle(model), "torch")
    prediction, constrained = _predicted(scorer, data, split, trial.folder / PREDICTIONS, progress)
    written = {
        **identity(trial),
        "error": "",
        "training": _training(scorer.bundle, data),
        "calibrated": calibrated,
        "prediction": prediction,
        "constrained": constrained,
        "free": _written_freely(scorer, data, split, progress),
        "commands": trial.commands(data.folder, split),
    }
    write_json(trial.folder / RUN_FILE, written)
    return written


def note_failure(trial: Trial, data: DatasetFolder, split: str, error: str) -> Json:
    """Write down why a run failed; returns what run.json holds."""
    written = {**identity(trial), "error": error, "commands": trial.commands(data.folder, split)}
    trial.folder.mkdir(parents=True, exist_ok=True)
    write_json(trial.folder / RUN_FILE, written)
    return written


def identity(trial: Trial) -> Json:
    """Which run it is."""
    training = trial.recipe.training
    return {"label": trial.label, "recipe": trial.asked, "share": training.share, "seed": training.seed}


def _calibrated(model: FilePath, data: DatasetFolder, progress: Progress) -> bool:
    """Fit the probabilities on `dev`; False where the data set has none that can be used."""
    if not data.splits.get("dev"):
        return False
    try:
        calibrate(model, data.folder, "dev", progress=progress, engine="torch")
    except NothingDoneError:
        return False
    return True


def _training(bundle: Bundle, data: DatasetFolder) -> Json:
    kept = ("pictures", "pictures_seen", "best_epoch", "dev_loss", "dev_accuracy", "core_minutes")
    told = {key: bundle.training[key] for key in kept}
    return {
        **told,
        "categories": _categories(data, bundle.recipe["training"]["share"]),
        "epochs": len(bundle.training["history"]),
        "epochs_planned": bundle.recipe["training"]["epochs"],
        "core_ms_per_picture": 60e3 * told["core_minutes"] / max(told["pictures_seen"], 1),
        "decoder": bundle.recipe["decoder"]["kind"],
        "model_id": bundle.model_id,
    }


def _categories(data: DatasetFolder, share: float) -> int:
    """How many answers of the tree have a product in this share of the training part."""
    table, tree = data.table("train", ["product_id", "path"]), data.taxonomy
    used = in_share(table["product_id"].to_pylist(), share)
    nodes = {tree.find(path) for path, inside in zip(table["path"].to_pylist(), used, strict=True) if inside}
    return sum(node is not None and bool(tree.is_answer[node]) for node in nodes)


def _predicted(
    scorer: Scorer, data: DatasetFolder, split: str, file: FilePath, progress: Progress
) -> tuple[Json, Json]:
    """Predict the split into `file`: what that cost, and how many answers lie outside the tree."""
    categorizer, source = Categorizer(scorer), dataset_source(data.folder, split)
    some = Input(source.schema, None, lambda: islice(source.chunks(), 1))
    predict_to_file(categorizer, some, file, split=split, overwrite=True)  # the first calls cost more than the rest
    started = time.process_time()
    outcome = predict_to_file(categorizer, source, file, split=split, overwrite=True, progress=progress)
    core_s = time.process_time() - started
    cost = {"pictures": outcome.rows, "failed": outcome.failed, "core_ms_per_picture": 1e3 * core_s / outcome.rows}
    outside = invalid_guesses(read_predictions(file), data.taxonomy)
    return cost, {"pictures": outcome.rows, "invalid": outside}


def _written_freely(scorer: Scorer, data: DatasetFolder, split: str, progress: Progress) -> Json | None:
    """What a path decoder writes when nothing holds it to the tree; None for a flat model."""
    if scorer.bundle.recipe["decoder"]["kind"] == "flat":
        return None
    source = dataset_source(data.folder, split)
    progress.begin("write paths", source.rows)
    found: list[Sentence] = []
    for sentences in write_paths(scorer, source.chunks(), BEAMS):
        found += sentences
        progress.advance(len(sentences))
    return judge_sentences(found, data.taxonomy)


def judge_sentences(sentences: list[Sentence], tree: Taxonomy) -> Json:
    """How many of the written paths the tree lacks (`invalid`), and which; how many are right.

    `unfinished` never came to an end, `short` ends at an inner node that is no answer; both are no invalid paths.
    """
    ended = [said for said in sentences if said.path]
    invalid = [said for said in ended if said.path not in tree]
    nodes = [tree.find(said.path) for said in ended]
    short = sum(node is not None and not tree.is_answer[node] for node in nodes)
    counts = Counter(said.path for said in invalid)
    return {
        "pictures": len(sentences),
        "invalid": len(invalid),
        "products": len({said.product_id for said in sentences}),
        "invalid_products": len({said.product_id for said in invalid}),
        "unfinished": len(sentences) - len(ended),
        "short": int(short),
        "right": sum(said.truth is not None and said.path == parse_path(said.truth) for said in ended),
        "novelty": sum(said.novelty for said in sentences) / max(len(sentences), 1),
        "beams": BEAMS,
        "paths": [
            {"path": format_path(path), "count": count}
            for path, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:LISTED]
        ],
    }


def reason(error: Exception) -> str:
    """One line that says why a run failed."""
    line = (str(error).splitlines() or [""])[0]
    return line if isinstance(error, AtlasError) else f"{type(error).__name__}: {line}"[:500]
