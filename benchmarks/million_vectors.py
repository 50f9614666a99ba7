"""Planted copies found again among very many descriptors: time, memory, recall and precision as the rows grow.

    python benchmarks/million_vectors.py --like $DATA/fashion-photos --threads 2

Each size runs in a process of its own. A tenth of the rows are copies: of another row, every second one of its mirror
image, as far from it as the copies of real photos are (drawn from the eight changes of `picture_changes.py`: squared
distances of 60 to 1,500, skewed). The other rows spread as the descriptors of the 5,000 photos that the descriptor was
not fitted to (`duplicate_photos.py`), without `--like` by a falling spectrum of the same size. A pair is right when it
is a row and its planted copy. Memory a row is what the search needed beside the rows and this program.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from pathlib import Path
from typing import Any

import numpy as np

LENGTH = 128


def drawn(rows: int, like: Path | None, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows (R, 128), int8, in random order, and the pairs (R / 10, 2) of rows and their copies."""
    from atlas.clean.descriptor import mirrored

    random = np.random.default_rng(seed)
    count = rows // 10
    spread, mean = _spread(like)
    vectors = np.empty((rows, LENGTH), np.int8)
    for start in range(0, rows - count, 50_000):
        stop = min(rows - count, start + 50_000)
        far = random.standard_normal((stop - start, LENGTH), np.float32) @ spread + mean
        vectors[start:stop] = np.clip(np.rint(far), -127, 127)
    source = random.choice(rows - count, count, replace=False)
    apart = random.standard_normal((count, LENGTH), np.float32)
    length = np.exp(random.normal(np.log(350), 0.7, count)).clip(60, 1500)
    apart *= np.sqrt(length / (apart**2).sum(axis=1))[:, None].astype(np.float32)
    copies = np.clip(np.rint(vectors[source] + apart), -127, 127).astype(np.int8)
    copies[::2] = mirrored(copies[::2])
    vectors[rows - count :] = copies
    order = random.permutation(rows)
    place = np.empty(rows, np.int64)
    place[order] = np.arange(rows)
    return vectors[order], np.sort(np.stack([place[source], place[rows - count :]], axis=1), axis=1)


def _spread(like: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """What turns independent numbers into rows like those of photos, and the middle of these."""
    if like is None:
        deviation = 40 / (1 + np.arange(LENGTH // 2)) ** 0.45
        return np.diag(np.concatenate([deviation, deviation])).astype(np.float32), np.zeros(LENGTH, np.float32)
    real = _described(like).astype(np.float64)
    value, direction = np.linalg.eigh(np.cov(real.T))
    return (np.sqrt(value.clip(0))[:, None] * direction.T).astype(np.float32), real.mean(axis=0).astype(np.float32)


def _described(folder: Path) -> np.ndarray:
    """The descriptors (n, 128) of real photos."""
    from duplicate_photos import photos

    from atlas.clean.descriptor import describe
    from atlas.images import decode

    found = photos(folder)
    return np.stack([describe(decode(found.data[place])) for place in found.test])


def run(rows: int, threads: int, like: Path | None, sink: Any) -> None:
    import faiss
    from threadpoolctl import threadpool_limits

    from atlas.clean.duplicates import near_pairs

    faiss.omp_set_num_threads(threads)
    vectors, planted = drawn(rows, like)
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    before = _status_kb("VmRSS")
    start, core = time.perf_counter(), time.process_time()
    with threadpool_limits(threads):
        pairs = near_pairs(vectors)
    took = time.perf_counter() - start, time.process_time() - core, _status_kb("VmHWM")
    found = set(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True))
    right = len(found & set(map(tuple, planted.tolist())))
    sink.put(
        {
            "rows": rows,
            "recall": round(right / len(planted), 4),
            "precision": round(right / max(1, len(found)), 4),
            "wall_s": round(took[0], 1),
            "core_s": round(took[1], 1),
            "peak_mb": round(took[2] / 1024),
            "more_bytes_a_row": round((took[2] - before) * 1024 / rows),
        }
    )


def _status_kb(key: str) -> int:
    """A line of what Linux says of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(key + ":")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 30_000, 100_000, 300_000, 1_000_000])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--like", type=Path)
    asked = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    for rows in asked.rows:
        sink = context.Queue()
        worker = context.Process(target=run, args=(rows, asked.threads, asked.like, sink))
        worker.start()
        print(json.dumps(sink.get()), flush=True)
        worker.join()


if __name__ == "__main__":
    main()
