"""The whole journey from two drawn shops, step by step, each with the command that does the same by hand.

A step leaves a file or folder behind and tells its result from there, so a second journey reuses what the first one
made, and one that was stopped goes on where it was.
"""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from importlib import resources
from pathlib import Path as FilePath

from atlas.demo.gathering import collect_step, draw_step, suggest_step
from atlas.demo.inspection import check_step, closeups_step, zoom_step
from atlas.demo.places import Places
from atlas.demo.shelves import LEAVES
from atlas.demo.step import Step, atlas_command
from atlas.demo.store import Product, draw, jpeg
from atlas.errors import MissingExtraError
from atlas.progress import Progress
from atlas.storage import part_of, read_json, write_text
from atlas.taxonomy.tree import format_path

#: Fresh pictures for the end: products of another seed, in a view that may cut off the head or show no person.
FRESH = ((0, "front"), (12, "close"), (18, "second"), (6, "close"), (14, "laid"), (20, "front"))
FRESH_SEED = 1
#: In whose words the fresh pictures are said once more.
SAID_BY = "nordlys"


@dataclass(frozen=True)
class Journey(Places):
    """All steps in one folder."""

    settings: tuple[str, ...] = ()  # changes to the recipe

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps in their order."""
        first = (draw_step(self), collect_step(self), suggest_step(self))
        learned = (self.train, self.calibrate, closeups_step(self), zoom_step(self), check_step(self))
        return (*first, self.build, *learned, self.predict, self.evaluate, self.predict_fresh)

    @property
    def next_commands(self) -> tuple[str, str, str]:
        """Three commands to try next."""
        return (
            atlas_command("taxonomy", "show", self.dataset),
            atlas_command("export", self.model, "--onnx"),
            atlas_command("predict", "YOUR-PICTURES/", "-m", self.model, "-o", "answers.csv"),
        )

    # -- the steps ---------------------------------------------------------------------------------------------------

    @property
    def build(self) -> Step:
        """The crawl to a data set."""

        def make(progress: Progress, anew: bool) -> None:
            from atlas.stages.build import BuildOptions, build

            resume = part_of(self.dataset).exists() and not anew
            options = BuildOptions(mapping=self.mapping)
            build(self.crawl, self.dataset, options, resume=resume, overwrite=anew, progress=progress)

        def tell() -> list[str]:
            record = read_json(self.dataset / "build.json")
            products = record["products"]
            parts = [
                f"{split}: {rows:,} pictures of {products[split]:,} products" for split, rows in record["rows"].items()
            ]
            return [*parts, *(f"left out, {why}: {count:,}" for why, count in record["rejected"].items())]

        command = atlas_command("build", self.crawl, "--mapping", self.mapping, "-o", self.dataset)
        return Step("Build a data set, split by product", command, self.dataset, make, tell)

    @property
    def train(self) -> Step:
        """The data set to a model."""

        def make(progress: Progress, anew: bool) -> None:
            from atlas.stages.recipes import load_recipe

            try:
                from atlas.stages.train import train_model
            except ModuleNotFoundError as error:
                raise MissingExtraError("train", "the demo") from error
            write_text(self.recipe, (resources.files("atlas.demo") / "recipe.toml").read_text(encoding="utf-8"))
            recipe = load_recipe(str(self.recipe), self.settings)
            resume = part_of(self.model).exists() and not anew
            train_model(self.dataset, self.model, recipe, resume=resume, overwrite=anew, progress=progress)

        def tell() -> list[str]:
            size = (self.model / "model.safetensors").stat().st_size
            return [f"{self.model}: {size / 1e6:.1f} MB of weights, learned from nothing but these drawings"]

        settings = [word for setting in self.settings for word in ("--set", setting)]
        command = atlas_command("train", self.dataset, "-r", self.recipe, *settings, "-o", self.model)
        return Step("Train a model", command, self.model, make, tell)

    @property
    def calibrate(self) -> Step:
        """Probabilities that mean what they say."""
        result = self.model / "calibration.json"

        def make(progress: Progress, _anew: bool) -> None:
            from atlas.stages.calibrate import calibrate

            calibrate(self.model, self.dataset, "dev", progress=progress)

        def tell() -> list[str]:
            temperatures = read_json(result)["image"]["temperatures"]
            return ["temperatures by level: " + ", ".join(f"{temperature:.2f}" for temperature in temperatures)]

        command = atlas_command("calibrate", self.model, self.dataset)
        return Step("Fit its probabilities on the dev part", command, result, make, tell)

    @property
    def predict(self) -> Step:
        """Paths for the products that the model has never seen."""

        def make(progress: Progress, anew: bool) -> None:
            from atlas.stages.predict import predict_dataset

            predict_dataset(self.model, self.dataset, "test", self.predictions, overwrite=anew, progress=progress)

        def tell() -> list[str]:
            import pyarrow.parquet as pq

            table = pq.read_table(self.predictions, columns=["path", "truth", "probability"])
            paths, truths = table.column("path").to_pylist(), table.column("truth").to_pylist()
            right = sum(path == truth for path, truth in zip(paths, truths, strict=True))
            slips = Counter((truth, path) for path, truth in zip(paths, truths, strict=True) if path != truth)
            lines = [f"{right:,} of {len(paths):,} pictures of unseen products right to the last name"]
            return lines + [
                f"most often wrong: {truth}  taken for  {path}" for (truth, path), _ in slips.most_common(1)
            ]

        command = atlas_command("predict", self.dataset, "--split", "test", "-m", self.model, "-o", self.predictions)
        return Step("Predict products that it has never seen", command, self.predictions, make, tell)

    @property
    def evaluate(self) -> Step:
        """The report."""
        command = atlas_command("evaluate", self.predictions, "-o", self.report)

        def make(progress: Progress, anew: bool) -> None:
            from atlas.stages.evaluate import evaluate_predictions

            evaluate_predictions(self.predictions, self.report, overwrite=anew, command=command, progress=progress)

        def tell() -> list[str]:
            metrics = read_json(self.report / "metrics.json")
            ends = metrics["intervals"]["level_accuracy"]
            shares = zip(metrics["level_accuracy"], ends, strict=True)
            lines = [
                f"first {level} of 3 names right: {share:.1%} (95 % interval {low:.1%} to {high:.1%})"
                for level, (share, (low, high)) in enumerate(shares, 1)
            ]
            page = self.report / "report.html"
            return [*lines, f"open {page}"] if page.exists() else lines

        return Step("Measure", command, self.report, make, tell)

    @property
    def predict_fresh(self) -> Step:
        """Paths for single pictures, as a catalogue team would get them."""
        result = self.folder / "new.csv"

        def make(progress: Progress, _anew: bool) -> None:
            from atlas.stages.inputs import find_inputs
            from atlas.stages.predict import load, predict_to_file, store_words

            draw_fresh(self.fresh)
            model, source = load(self.model), find_inputs([str(self.fresh)])
            also = store_words(model.bundle, [SAID_BY])
            predict_to_file(model, source, result, overwrite=True, progress=progress, also=also)

        def tell() -> list[str]:
            with result.open(encoding="utf-8", newline="") as stream:
                return [line for row in csv.DictReader(stream) for line in _answer_lines(row)]

        command = atlas_command("predict", self.fresh, "-m", self.model, "--also", SAID_BY, "-o", result)
        return Step("Categorize a folder of new pictures", command, result, make, tell)


def draw_fresh(folder: FilePath) -> None:
    """Draw a few pictures of products that no store has, each named after what it shows."""
    folder.mkdir(parents=True, exist_ok=True)
    for place, view in FRESH:
        leaf = LEAVES[place]
        name = format_path(leaf.path).lower().replace(" > ", "-").replace(" & ", "-").replace(" ", "-")
        (folder / f"{name}.jpg").write_bytes(jpeg(draw(Product.invent(leaf, 0, FRESH_SEED), view)))


def _answer_lines(row: dict[str, str]) -> tuple[str, str]:
    levels = " > ".join(
        f"{name} {float(share):.2f}"
        for name, share in zip(row["path"].split(" > "), row["level_probabilities"].split(), strict=True)
    )
    said = row[f"path_{SAID_BY}"]
    return f"{FilePath(row['file']).name}: {levels}", f"   at {SAID_BY}: {said or 'no such category'}"
