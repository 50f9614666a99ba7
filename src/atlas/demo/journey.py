"""The whole journey on a drawn store, step by step, each with the command that does the same by hand.

A step leaves a file or folder behind and tells its result from there, so a second journey reuses what the first one
made, and one that was stopped goes on where it was.
"""

from __future__ import annotations

import csv
import shlex
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path as FilePath

from atlas.demo.shelves import LEAVES, Leaf
from atlas.demo.shops.opening import Shops, open_shops
from atlas.demo.store import Product, draw, draw_store, jpeg
from atlas.errors import MissingExtraError
from atlas.progress import Progress
from atlas.storage import part_of, read_json, write_text
from atlas.taxonomy.tree import format_path

#: Enough to learn from in two minutes on two cores.
PRODUCTS = 880
#: Fresh pictures for the end: products of another seed, in a view that may cut off the head or show no person.
FRESH = ((0, "front"), (12, "close"), (18, "second"), (6, "close"), (14, "laid"), (20, "front"))
FRESH_SEED = 1


@dataclass(frozen=True)
class Step:
    """One step: its title, the command a user would type, what it leaves behind, and how to make and to tell it."""

    title: str
    command: str
    result: FilePath
    make: Callable[[Progress, bool], object]  # with False, unfinished work is taken up; with True, all is made anew
    tell: Callable[[], list[str]]

    def run(self, progress: Progress, *, anew: bool) -> bool:
        """Whether the result had to be made: it is reused when it is there, unless all is wanted `anew`.

        Raises what the stages raise.
        """
        if self.result.exists() and not anew:
            return False
        self.make(progress, anew)
        return True


@dataclass(frozen=True)
class Journey:
    """All steps in one folder."""

    folder: FilePath
    products: int = PRODUCTS
    settings: tuple[str, ...] = ()  # changes to the recipe
    leaves: tuple[Leaf, ...] = LEAVES

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps in their order."""
        return (self.draw, self.build, self.train, self.calibrate, self.predict, self.evaluate, self.predict_fresh)

    @property
    def next_commands(self) -> tuple[str, str, str]:
        """Three commands to try next."""
        return (
            _atlas("taxonomy", "show", self.dataset),
            _atlas("export", self.model, "--onnx"),
            _atlas("predict", "YOUR-PICTURES/", "-m", self.model, "-o", "answers.csv"),
        )

    # -- where things lie --------------------------------------------------------------------------------------------

    @property
    def table(self) -> FilePath:
        """The drawn store's products."""
        return self.folder / "store" / "products.csv"

    @property
    def dataset(self) -> FilePath:
        """The data set folder."""
        return self.folder / "dataset"

    @property
    def recipe(self) -> FilePath:
        """The recipe, for the user to copy and change."""
        return self.folder / "recipe.toml"

    @property
    def model(self) -> FilePath:
        """The model folder."""
        return self.folder / "model"

    @property
    def predictions(self) -> FilePath:
        """Predictions of the data set's test part."""
        return self.folder / "predictions.parquet"

    @property
    def report(self) -> FilePath:
        """The report folder."""
        return self.folder / "report"

    @property
    def fresh(self) -> FilePath:
        """A few new pictures."""
        return self.folder / "new"

    def open_shops(self) -> AbstractContextManager[Shops]:
        """The two web shops that sell the drawn products; their store files lie in the folder."""
        return open_shops(
            self.folder / "shops", self.products, leaves=self.leaves, pictures=self.table.parent / "images"
        )

    # -- the steps ---------------------------------------------------------------------------------------------------

    @property
    def draw(self) -> Step:
        """Products and their pictures."""

        def make(progress: Progress, _anew: bool) -> None:
            draw_store(self.table.parent, self.products, leaves=self.leaves, overwrite=True, progress=progress)

        def tell() -> list[str]:
            with self.table.open(encoding="utf-8", newline="") as stream:
                rows = list(csv.DictReader(stream))
            products = len({row["product_id"] for row in rows})
            return [f"{products:,} products, {len(rows):,} pictures, {len({row['path'] for row in rows})} categories"]

        return Step("Draw a store", "", self.table, make, tell)

    @property
    def build(self) -> Step:
        """The table to a data set."""

        def make(progress: Progress, anew: bool) -> None:
            from atlas.stages.build import build

            resume = part_of(self.dataset).exists() and not anew
            build(self.table, self.dataset, resume=resume, overwrite=anew, progress=progress)

        def tell() -> list[str]:
            record = read_json(self.dataset / "build.json")
            products = record["products"]
            return [
                f"{split}: {rows:,} pictures of {products[split]:,} products" for split, rows in record["rows"].items()
            ]

        command = _atlas("build", self.table, "-o", self.dataset)
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
        command = _atlas("train", self.dataset, "-r", self.recipe, *settings, "-o", self.model)
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

        command = _atlas("calibrate", self.model, self.dataset)
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

        command = _atlas("predict", self.dataset, "--split", "test", "-m", self.model, "-o", self.predictions)
        return Step("Predict products that it has never seen", command, self.predictions, make, tell)

    @property
    def evaluate(self) -> Step:
        """The report."""
        command = _atlas("evaluate", self.predictions, "-o", self.report)

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
            from atlas.stages.predict import load, predict_to_file

            draw_fresh(self.fresh)
            predict_to_file(load(self.model), find_inputs([str(self.fresh)]), result, overwrite=True, progress=progress)

        def tell() -> list[str]:
            with result.open(encoding="utf-8", newline="") as stream:
                return [_answer_line(row) for row in csv.DictReader(stream)]

        command = _atlas("predict", self.fresh, "-m", self.model, "-o", result)
        return Step("Categorize a folder of new pictures", command, result, make, tell)


def draw_fresh(folder: FilePath) -> None:
    """Draw a few pictures of products that no store has, each named after what it shows."""
    folder.mkdir(parents=True, exist_ok=True)
    for place, view in FRESH:
        leaf = LEAVES[place]
        name = format_path(leaf.path).lower().replace(" > ", "-").replace(" & ", "-").replace(" ", "-")
        (folder / f"{name}.jpg").write_bytes(jpeg(draw(Product.invent(leaf, 0, FRESH_SEED), view)))


def _answer_line(row: dict[str, str]) -> str:
    levels = " > ".join(
        f"{name} {float(share):.2f}"
        for name, share in zip(row["path"].split(" > "), row["level_probabilities"].split(), strict=True)
    )
    return f"{FilePath(row['file']).name}: {levels}"


def _atlas(*words: object) -> str:
    return shlex.join(["atlas", *map(str, words)])
