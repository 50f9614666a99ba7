"""The first steps of the journey: draw what two web shops sell, collect it from them, and read their categories."""

from __future__ import annotations

import csv
import json
from collections import Counter
from contextlib import AbstractContextManager
from typing import Any

from atlas.demo.places import Places
from atlas.demo.shops.opening import SHOPS, Shops, open_shops
from atlas.demo.step import Step, atlas_command
from atlas.demo.store import draw_store
from atlas.errors import MissingExtraError, UsageError
from atlas.progress import Progress
from atlas.storage import read_json, write_json
from atlas.taxonomy.mapping_file import read_mapping
from atlas.taxonomy.tree import format_path

#: The tree in which the shops' categories are looked up: it has more leaves than the shops sell.
TREE = "atlas52"
NEEDS_BROWSER = "needs a browser"


def open_own_shops(places: Places) -> AbstractContextManager[Shops]:
    """Both web shops with the journey's products; their store files lie in its folder."""
    images = places.table.parent / "images"
    return open_shops(places.shops, places.products, leaves=places.leaves, pictures=images)


def draw_step(places: Places) -> Step:
    """Products and their pictures."""

    def make(progress: Progress, _anew: bool) -> None:
        draw_store(places.table.parent, places.products, leaves=places.leaves, overwrite=True, progress=progress)

    def tell() -> list[str]:
        with places.table.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        products = len({row["product_id"] for row in rows})
        return [f"{products:,} products, {len(rows):,} pictures, {len({row['path'] for row in rows})} categories"]

    return Step("Draw what two shops sell", "", places.table, make, tell)


def collect_step(places: Places) -> Step:
    """Listings and pictures from both shops, which are open while it works."""
    result = places.folder / "crawl.json"
    store_files = [places.shops / f"{kind.name}.toml" for kind in SHOPS]

    def make(progress: Progress, anew: bool) -> None:
        try:
            from atlas.stages.collect import collect
        except ModuleNotFoundError as error:
            raise MissingExtraError("collect", "the demo") from error
        with open_own_shops(places):
            try:
                summary = collect(store_files, places.crawl, resume=not anew, overwrite=anew, progress=progress)
            except UsageError:  # the shops lie at other ports than last time
                summary = collect(store_files, places.crawl, overwrite=True, progress=progress)
        write_json(result, summary.record)

    def tell() -> list[str]:
        record = read_json(result)
        by_hand = atlas_command("demo", "--shops", "-o", places.folder)
        return [*_collected(record), f"to look at the shops, or to collect by hand: {by_hand}"]

    command = atlas_command("collect", *store_files, "-o", places.crawl)
    return Step("Collect listings from both shops on this machine", command, result, make, tell)


def _collected(record: dict[str, Any]) -> list[str]:
    """What came from each shop, and what did not come and why."""
    lines = [
        f"{store}: {row['listings']:,} products, {row['pictures']:,} pictures"
        for store, row in record["stores"].items()
    ]
    failed = dict(record["failed"])
    skipped = failed.pop(NEEDS_BROWSER, 0)
    lines += [f"refused, {why}: {count:,}" for why, count in record["refused"].items()]
    lines += [f"failed, {why}: {count:,}" for why, count in failed.items()]
    return lines + (["SKIPPED: a section that only a browser can see, for want of a Chromium"] if skipped else [])


def suggest_step(places: Places) -> Step:
    """What the shops' categories may mean, before a person looks at it."""
    result = places.folder / "suggested.csv"

    def make(progress: Progress, _anew: bool) -> None:
        from atlas.stages.map import map_stores

        map_stores([str(places.crawl)], TREE, result, overwrite=True, progress=progress)

    def tell() -> list[str]:
        suggested, confirmed = read_mapping(result), read_mapping(places.mapping)
        wrong: Counter[str] = Counter()
        total = 0
        for line in (places.crawl / "listings.jsonl").read_text(encoding="utf-8").splitlines():
            listing = json.loads(line)
            store, said = listing["store"], listing["breadcrumb"]
            guess = suggested.path_of(store, said, suggested=True)
            total += 1
            if guess != confirmed.path_of(store, said):
                wrong[f"{store}: {format_path(said)} as {format_path(guess or ('nothing',))}"] += 1
        lines = [f"{len(suggested):,} categories; right for {total - wrong.total():,} of {total:,} products"]
        lines += [f"wrong: {slip}" for slip, _ in wrong.most_common(3)]
        return [*lines, f"a person has looked through them: {places.mapping}"]

    command = atlas_command("taxonomy", "map", places.crawl, "--taxonomy", TREE, "-o", result)
    return Step("Suggest what the shops' categories mean", command, result, make, tell)
