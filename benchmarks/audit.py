"""How many of the labels that `atlas.stages.audit` lists first are wrong, with some of them flipped on purpose.

    python benchmarks/audit.py flip fashion-small flipped          5 % of the labels of train and dev, seeded
    atlas train flipped -r fast --set epochs=8 -o flipped-model    a model that never saw the truth
    python benchmarks/audit.py measure flipped flipped-model       precision of the first 5 % listed, by order
    python benchmarks/audit.py measure flipped plain               the same on gradients and colours: nothing learned

Half of the flips go to a sibling leaf, half to a leaf under another parent, each drawn evenly. `flips.csv` in the
flipped data set keeps the truth. Real wrong labels of the data count as right here, so precision is understated.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import shutil
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from atlas.clean.labels import FOLDS, probe, score_labels, tree_distances
from atlas.dataset.schema import BUILD_FILE, SCHEMA, TAXONOMY_FILE, open_dataset
from atlas.progress import Silent
from atlas.stages.categorizer import load
from atlas.stages.inputs import dataset_source
from atlas.storage import read_json, write_json
from atlas.taxonomy.tree import Taxonomy, format_path

FLIPS = "flips.csv"
SPLITS = ("train", "dev")
KINDS = ("sibling", "elsewhere")


class Flip(NamedTuple):
    row: int
    path: tuple[str, ...]
    kind: str


def draw_flips(paths: list[tuple[str, ...]], tree: Taxonomy, share: float, random: np.random.Generator) -> list[Flip]:
    """Flips of a share of the rows, half of them to siblings; no row twice."""
    leaves = [tree.paths[node] for node in tree.leaves]
    near = {path: [leaf for leaf in leaves if leaf[:-1] == path[:-1] and leaf != path] for path in leaves}
    far = {path: [leaf for leaf in leaves if leaf[:-1] != path[:-1]] for path in leaves}
    order = random.permutation(len(paths))
    count = round(share * len(paths))
    with_siblings = [row for row in order.tolist() if near[paths[row]]][: count // 2]
    others = [row for row in order.tolist() if row not in set(with_siblings)][: count - count // 2]
    return [
        Flip(row, choices[paths[row]][random.integers(len(choices[paths[row]]))], kind)
        for rows, choices, kind in ((with_siblings, near, KINDS[0]), (others, far, KINDS[1]))
        for row in rows
    ]


def flip(dataset: Path, output: Path, share: float, seed: int) -> None:
    """A copy of a data set in which some labels of train and dev are wrong."""
    found, random = open_dataset(dataset), np.random.default_rng(seed)
    shutil.copytree(dataset, output)
    record = read_json(output / BUILD_FILE)
    told = []
    for split in SPLITS:
        table = found.table(split, ["product_id", "path"])
        ids, paths = table["product_id"].to_pylist(), [tuple(path) for path in table["path"].to_pylist()]
        for row, path, kind in draw_flips(paths, found.taxonomy, share, random):
            told.append((split, row, ids[row], format_path(paths[row]), format_path(path), kind))
            paths[row] = path
        start = 0
        for file in found.files(split):
            name, rows = f"data/{file.name}", pq.read_metadata(file).num_rows
            _rewrite(output / name, paths[start : start + rows])
            record["files"][name]["bytes"] = (output / name).stat().st_size
            start += rows
    write_json(output / BUILD_FILE, record)
    with (output / FLIPS).open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("split", "row", "product_id", "true_path", "given_path", "kind"), *told])
    print(f"{len(told):,} labels flipped in {output}; the tree is still {output / TAXONOMY_FILE}")


def _rewrite(file: Path, paths: list[tuple[str, ...]]) -> None:
    """The shard with these labels and all else as it was."""
    shard = pq.ParquetFile(file)
    groups = [shard.read_row_group(group) for group in range(shard.num_row_groups)]
    start = 0
    with pq.ParquetWriter(file, SCHEMA, compression="zstd") as writer:
        for table in groups:
            labels = pa.array(paths[start : start + len(table)], SCHEMA.field("path").type)
            place = table.schema.get_field_index("path")
            writer.write_table(table.set_column(place, SCHEMA.field("path"), labels), row_group_size=len(table))
            start += len(table)


# -- measuring -------------------------------------------------------------------------------------------------------


class Truth(NamedTuple):
    labels: np.ndarray
    groups: np.ndarray
    kind: np.ndarray  # 0: not flipped, else 1 + place in KINDS
    paths: list[tuple[str, ...]]


def read_truth(dataset: Path) -> Truth:
    found = open_dataset(dataset)
    tables = [found.table(split, ["path", "group"]) for split in SPLITS]
    given = [tuple(path) for table in tables for path in table["path"].to_pylist()]
    paths = sorted(set(given))
    code = {path: place for place, path in enumerate(paths)}
    start = dict(zip(SPLITS, np.cumsum([0, *(table.num_rows for table in tables)]).tolist(), strict=False))
    kind = np.zeros(len(given), np.int64)
    with (dataset / FLIPS).open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            kind[start[row["split"]] + int(row["row"])] = 1 + KINDS.index(row["kind"])
    groups = np.concatenate([np.asarray(table["group"]) for table in tables])
    return Truth(np.array([code[path] for path in given]), groups, kind, paths)


def features_of(dataset: Path, model: str) -> np.ndarray:
    """What the model sees of all pictures, or gradients and colours; kept beside the data set for the next call."""
    kept = dataset.with_name(f"{dataset.name}-{Path(model).name}.npy")
    if not kept.exists():
        chunks = (chunk.pictures for split in SPLITS for chunk in dataset_source(dataset, split).chunks())
        parts = map(plain, chunks) if model == "plain" else seen(Path(model), chunks)
        np.save(kept, np.concatenate([part.astype(np.float16) for part in parts]))
    return np.load(kept).astype(np.float32)


def seen(model: Path, chunks: Iterator[list[bytes]]) -> Iterator[np.ndarray]:
    categorizer = load(model, "torch")
    for pictures in chunks:
        yield from (features for _, features in categorizer.features(pictures))


def plain(pictures: list[bytes]) -> np.ndarray:
    """How strong edges of 8 directions are in each of 8 x 6 cells, and the mean colours of 10 x 8 cells."""
    small = [Image.open(io.BytesIO(data)).convert("RGB").resize((48, 80)) for data in pictures]
    pixels = np.stack([np.asarray(image) for image in small]).astype(np.float32) / 255
    down, right = np.gradient(pixels.mean(axis=3), axis=(1, 2))
    strength, direction = np.hypot(down, right), np.arctan2(down, right) % np.pi
    bins = np.minimum((direction / np.pi * 8).astype(int), 7)
    edges = [np.where(bins == k, strength, 0).reshape(len(pixels), 8, 10, 6, 8).sum(axis=(2, 4)) for k in range(8)]
    edge = np.sqrt(np.stack(edges, axis=3).reshape(len(pixels), -1))
    edge /= np.linalg.norm(edge, axis=1, keepdims=True) + 1e-6
    colour = pixels.reshape(len(pixels), 10, 8, 8, 6, 3).mean(axis=(2, 4)).reshape(len(pixels), -1)
    return np.concatenate([edge, colour], axis=1)


def orders(probability: np.ndarray, truth: Truth, strength: float) -> dict[str, np.ndarray]:
    """Rows in the order in which each way lists them, from the same probabilities."""
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    rows = np.arange(len(truth.labels))
    chance = np.maximum(probability.astype(np.float64), 1e-9)
    chance /= chance.sum(axis=1, keepdims=True)
    given = chance[rows, truth.labels]
    others = chance.copy()
    others[rows, truth.labels] = 0
    best = others.argmax(axis=1)
    distance = tree_distances(truth.paths)[1]
    ways = {"atlas": score_labels(probability, truth.labels, truth.paths, np.ones(len(rows), bool), strength).order}
    for rank in ("self_confidence", "normalized_margin"):
        ways[f"cleanlab find_label_issues, by {rank}"] = find_label_issues(
            truth.labels, chance, return_indices_ranked_by=rank
        )
    for method in ("self_confidence", "normalized_margin", "confidence_weighted_entropy"):
        scores = get_label_quality_scores(truth.labels, chance, method=method)
        ways[f"cleanlab quality, {method}"] = np.argsort(scores, kind="stable")
    odds = others[rows, best] / given
    for name, low in {
        "distance x probability": -distance[truth.labels, best] * others[rows, best],
        "expected distance": -(chance * distance[truth.labels]).sum(axis=1),
        "odds": -odds,
        "distance x odds": -distance[truth.labels, best] * odds,
    }.items():
        ways[name] = np.argsort(low, kind="stable")
    return ways


def measure(dataset: Path, model: str, output: Path | None) -> None:
    """Print how many of the first 5 % are flips, by order."""
    truth, features = read_truth(dataset), features_of(dataset, model)
    started = time.process_time()
    probability, strength, _ = probe(
        features, truth.labels, truth.groups, len(truth.paths), folds=FOLDS, seed=0, progress=Silent()
    )
    core_s = time.process_time() - started
    flipped, top = truth.kind > 0, round(0.05 * len(truth.labels))
    record: dict[str, object] = {"model": model, "rows": len(flipped), "flips": int(flipped.sum()), "first": top}
    record |= {"features": features.shape[1], "probe_core_s": round(core_s, 1), "strength": strength}
    print(" ".join(f"{key}={value}" for key, value in record.items()))
    print("| order | precision of the first 5 % | of the first 2.5 % | siblings found | others found |")
    print("|---|---|---|---|---|")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, order in orders(probability, truth, strength).items():
            first = truth.kind[order[:top]]
            shares = [(first > 0).mean(), (first[: top // 2] > 0).mean()]
            shares += [(first == kind).sum() / (truth.kind == kind).sum() for kind in (1, 2)]
            record[name] = [round(float(share), 4) for share in shares]
            print(f"| {name} | " + " | ".join(f"{share:.3f}" for share in shares) + " |", flush=True)
    if output:
        output.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    flipping = commands.add_parser("flip")
    flipping.add_argument("dataset", type=Path)
    flipping.add_argument("output", type=Path)
    flipping.add_argument("--share", type=float, default=0.05)
    flipping.add_argument("--seed", type=int, default=0)
    measuring = commands.add_parser("measure")
    measuring.add_argument("dataset", type=Path)
    measuring.add_argument("model", help="a model folder, or 'plain'")
    measuring.add_argument("-o", "--output", type=Path, help="also as JSON")
    asked = parser.parse_args()
    if asked.command == "flip":
        flip(asked.dataset, asked.output, asked.share, asked.seed)
    else:
        measure(asked.dataset, asked.model, asked.output)


if __name__ == "__main__":
    main()
