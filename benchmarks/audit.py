"""How many of the labels that `atlas.stages.audit` lists first are wrong, with some of them flipped on purpose.

    python benchmarks/audit.py flip fashion-small flipped          5 % of the labels of train and dev, seeded
    atlas train flipped -r fast --set epochs=8 -o flipped-model    a model that never saw the truth
    python benchmarks/audit.py measure flipped flipped-model       precision of the first 5 % listed, by order

Half of the flips go to a sibling leaf, half to a leaf under another parent, each drawn evenly. `flips.csv` in the
flipped data set keeps the truth.
"""

from __future__ import annotations

import argparse
import csv
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from atlas.dataset.schema import BUILD_FILE, SCHEMA, TAXONOMY_FILE, open_dataset
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    flipping = commands.add_parser("flip")
    flipping.add_argument("dataset", type=Path)
    flipping.add_argument("output", type=Path)
    flipping.add_argument("--share", type=float, default=0.05)
    flipping.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    if asked.command == "flip":
        flip(asked.dataset, asked.output, asked.share, asked.seed)


if __name__ == "__main__":
    main()
