"""The steps of the journey that find what is wrong: learn what a close-up is, and look the data set over.

The shops are known to the last fault, so the last step can say how much of what is wrong was caught.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from atlas.demo.places import Places
from atlas.demo.shops.opening import stock_shops
from atlas.demo.step import Step, atlas_command
from atlas.errors import MissingExtraError
from atlas.progress import Progress
from atlas.storage import part_of, read_json
from atlas.taxonomy.tree import format_path

if TYPE_CHECKING:
    from atlas.demo.shops.goods import Oddity

#: Rounds of learning what a close-up is, from every second category: enough to catch most, at a price of seconds.
ZOOM_EPOCHS, ZOOM_EVERY = 10, 2
#: What each fault of the shops is caught as, and how it is told.
CAUGHT: dict[Oddity, tuple[str, str]] = {
    "close-up": ("closeup", "products with a close-up among their pictures"),
    "copied": ("duplicates", "products that show another one's pictures"),
    "wrong shelf": ("labels", "products under a wrong category"),
}


def closeups_step(places: Places) -> Step:
    """Close-ups cut out of the pictures of some drawn products, to learn from without any label."""
    where = tuple(f"path={format_path(leaf.path)}" for leaf in places.leaves[::ZOOM_EVERY])

    def make(progress: Progress, anew: bool) -> None:
        from atlas.stages.build import BuildOptions, build

        resume = part_of(places.closeups).exists() and not anew
        options = BuildOptions(where=where, closeups="standard")
        build(places.table, places.closeups, options, resume=resume, overwrite=anew, progress=progress)

    def tell() -> list[str]:
        rows = read_json(places.closeups / "build.json")["rows"]
        return [f"{sum(rows.values()):,} pictures, normal ones and close-ups cut out of them"]

    words = [word for condition in where for word in ("--where", condition)]
    command = atlas_command("build", places.table, *words, "--closeups", "standard", "-o", places.closeups)
    return Step("Cut close-ups to learn from", command, places.closeups, make, tell)


def zoom_step(places: Places) -> Step:
    """A model that tells close-ups from normal pictures."""
    settings = (f"training.epochs={ZOOM_EPOCHS}", "training.batch_size=32")  # there are few pictures: more steps

    def make(progress: Progress, anew: bool) -> None:
        from atlas.stages.recipes import load_recipe

        try:
            from atlas.stages.train import train_model
        except ModuleNotFoundError as error:
            raise MissingExtraError("train", "the demo") from error
        resume = part_of(places.zoom).exists() and not anew
        recipe = load_recipe("fast-zoom", settings)
        train_model(places.closeups, places.zoom, recipe, resume=resume, overwrite=anew, progress=progress)

    def tell() -> list[str]:
        return [f"{places.zoom}: knows 'normal' and 'zoomed'"]

    words = [word for setting in settings for word in ("--set", setting)]
    command = atlas_command("train", places.closeups, "-r", "fast-zoom", *words, "-o", places.zoom)
    return Step("Learn what a close-up is", command, places.zoom, make, tell)


def check_step(places: Places) -> Step:
    """Everything that is wrong with the data set, by both models."""
    cache = places.folder / "cache"
    models = ("-m", places.model, "--zoom-model", places.zoom)
    command = atlas_command("check", places.dataset, *models, "--cache", cache, "-o", places.check)

    def make(progress: Progress, anew: bool) -> None:
        from atlas.stages.check import check

        check(
            places.dataset, places.check,
            model=places.model, zoom_model=places.zoom, cache=cache,
            overwrite=anew, command=command, progress=progress,
        )  # fmt: skip

    def tell() -> list[str]:
        page = places.check / "index.html"
        return [*_caught(places), *([f"open {page}"] if page.exists() else [])]

    return Step("Look at what is wrong with the data set", command, places.check, make, tell)


def _caught(places: Places) -> list[str]:
    """What the shops serve that is wrong, how much of it the check found, and how much else it called wrong."""
    found: dict[str, set[tuple[str, str]]] = {}
    with (places.check / "findings.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            found.setdefault(row["check"], set()).add((row["store"], row["product_id"]))
    collected = _collected(places)
    lines = []
    for oddity, (check, what) in CAUGHT.items():
        wrong = {
            (shop.name, item.number)
            for shop in stock_shops(places.products, places.leaves)
            for item in shop.items
            if item.oddity == oddity
        } & collected
        caught = wrong & found.get(check, set())
        lines.append(f"{what}: {len(caught)} of {len(wrong)} caught, {len(found.get(check, ())):,} products listed")
    return lines


def _collected(places: Places) -> set[tuple[str, str]]:
    """Store and product_id of all products in the data set."""
    from atlas.dataset.schema import open_dataset

    data = open_dataset(places.dataset)
    tables = [data.table(split, ["store", "product_id"]) for split in data.splits]
    return {
        (store, product_id)
        for table in tables
        for store, product_id in zip(table["store"].to_pylist(), table["product_id"].to_pylist(), strict=True)
    }
