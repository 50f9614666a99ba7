"""A benchmark's summary from made-up predictions, without any training."""

from __future__ import annotations

from atlas.evaluate.contest import Entry, published_rows, summarize_contest
from atlas.evaluate.predictions import read_predictions

from .synthetic import tree_of, write_drawn

MACHINE = {"processor": "Abacus", "cores": 2, "threads": 1, "torch": "2", "system": "Linux"}


def entries_of(folder, *, leaves=24, rows=300):
    """Two recipes with two seeds on all products, and with one seed on a third of them."""
    tree = tree_of(leaves)

    def files(label, share, count):
        skill = {"flat": 3.4, "path": 3.6}[label] * (1 if share == 1 else 0.85)
        drawn = [
            write_drawn(folder / f"{label}-{share}-{s}.parquet", tree, rows, skill=skill, noise=s) for s in range(count)
        ]
        return tuple(map(read_predictions, drawn))

    asked = [("flat", 1.0, 2), ("path", 1.0, 2), ("flat", 0.3, 1), ("path", 0.3, 1)]
    return [Entry(label, share, tuple(range(n)), files(label, share, n)) for label, share, n in asked]


def summary_of(entries, draws=40, **changes):
    """What benchmark.json would hold, with one more recipe that failed everywhere."""
    scores = summarize_contest(entries, "flat", draws)
    runs = [run(e.label, e.share, seed) for e in entries for seed in e.seeds]
    scores["entries"] = [entry | facts(entry) for entry in scores["entries"]]
    failed = {"label": "wild_50% & more", "recipe": "wild.toml", "share": 1.0, "seeds": [], "scores": None}
    failed |= {"without_near_train": None, "decoder": "flat", "length": None}
    failed["failed"] = [{"seed": 0, "error": "the loss is not a number"}]
    scores["entries"].append(failed)
    for leaf in scores["leaves"]:
        leaf["entries"].append(None)
    return {
        "version": 1,
        "dataset": {
            "name": "shop_1", "digest": "d", "taxonomy": "t", "answers": 24, "pictures": {"train": 900, "test": 300},
        },
        "split": "test",
        "core_minutes": 12.5,
        "precision": "fp32",
        "reference": "flat",
        **scores,
        "runs": [*runs, run("wild_50% & more", 1.0, 0) | {"error": "the loss is not a number"}],
        "runs_missing": 0,
        "published": published_rows(),
        "recipes": {"flat": {}, "path": {}, "wild_50% & more": {}},
        "provenance": {"command": "atlas benchmark shop_1 -r flat -r path", "atlas": "0.1", "machine": MACHINE},
    } | changes  # fmt: skip


def facts(entry):
    free = {"pictures": 600, "invalid": 12, "products": 200, "invalid_products": 9, "unfinished": 1, "short": 2}
    free |= {"right": 480, "novelty": 0.04, "paths": [{"path": "Men > Inner Wear > Sarees", "count": 12}]}
    return {
        "recipe": entry["label"],
        "decoder": "lstm" if entry["label"] == "path" else "flat",
        "length": {"epochs": 14, "wanted": 20, "epoch_core_s": 50.0},
        "failed": [],
        "training": {
            "pictures": 900, "categories": 24 if entry["share"] == 1 else 23, "epochs": [14] * len(entry["seeds"]),
            "core_minutes": 11.7, "core_ms_per_picture": 4.31,
        },
        "prediction": {"core_ms_per_picture": 2.97},
        "constrained": {"pictures": 600, "invalid": 0},
        "free": free if entry["label"] == "path" else None,
    }  # fmt: skip


def run(label, share, seed):
    training = {"epochs": 14, "best_epoch": 13, "core_minutes": 11.7, "model_id": "abc"}
    commands = ["atlas train shop_1 -o model", "atlas calibrate model shop_1", "atlas evaluate model shop_1"]
    return {
        "label": label, "recipe": label, "share": share, "seed": seed, "error": "", "training": training,
        "commands": commands,
    }  # fmt: skip
