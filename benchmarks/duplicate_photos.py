"""The photos of the duplicate benchmarks: 5,000 to test on, and the others, on which everything is chosen."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq

TEST_PHOTOS = 5000
PARTS = ("train", "validation", "rest")


class Photos(NamedTuple):
    ids: np.ndarray  # (P,)
    data: list[bytes]
    test: np.ndarray  # places of the 5,000
    other: np.ndarray


def photos(folder: Path) -> Photos:
    """All photos of `fashion-photos`, cut in two by a draw over their ids."""
    tables = [pq.read_table(folder / f"{part}.parquet", columns=["id", "image"]) for part in PARTS]
    ids = np.concatenate([np.array(table["id"].to_pylist()) for table in tables])
    data = [row["bytes"] for table in tables for row in table["image"].to_pylist()]
    drawn = np.argsort(ids, kind="stable")[np.random.default_rng(5).permutation(len(ids))]
    return Photos(ids, data, drawn[:TEST_PHOTOS], drawn[TEST_PHOTOS:])


def thumbnails(folder: Path, without: np.ndarray, count: int) -> list[bytes]:
    """Pictures of `fashion-small`, none of them of the products `without`."""
    table = pq.read_table(folder / "train.parquet", columns=["id", "image"])
    free = np.flatnonzero(~np.isin(np.array(table["id"].to_pylist()), without))
    drawn = np.random.default_rng(6).permutation(free)[:count]
    return [table["image"][int(place)].as_py()["bytes"] for place in drawn]
