"""Core-milliseconds and memory a picture of scoring paths, against the tree's inner nodes, exactly and with `keep`.

    python benchmarks/decoding_cost.py -o benchmarks/decoding_cost.csv [--leaves 52 1000 50000] [--keep 32]

Trees are made up (ten children a node at most); features are random grids of 5x5 cells with 512 channels, so the
encoder has no part in it. Each row is a process of its own, for its peak memory; the least of three timings counts.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

LEAVES = (52, 300, 1_000, 5_000, 20_000, 50_000)
ROWS = 8
COLUMNS = ("decoder", "leaves", "inner_nodes", "keep", "core_ms", "peak_mb", "baseline_mb")


def made_up_tree(leaves: int):
    """A tree with this many leaves: every level is cut into parts of ten, names shared between branches."""
    from atlas.taxonomy.tree import Taxonomy

    width = 1
    while 10**width < leaves:
        width += 1
    digits = (f"{number:0{width}d}" for number in range(leaves))
    return Taxonomy([tuple(f"{level}-{digit}" for level, digit in enumerate(text)) for text in digits])


def measure(kind: str, leaves: int, keep: int) -> dict[str, float | int | str]:
    import torch

    from atlas.model.attention import LstmDecoder
    from atlas.model.config import DecoderConfig
    from atlas.model.decoding import TreePlan, expand
    from atlas.model.transformer import TransformerDecoder

    torch.set_num_threads(1)
    torch.manual_seed(0)
    tree = made_up_tree(leaves)
    words = len(tree.vocabulary)
    if kind == "lstm":
        decoder = LstmDecoder(DecoderConfig("lstm"), 512, words).eval()
    else:
        decoder = TransformerDecoder(DecoderConfig("transformer", size=128, layers=1), 512, words).eval()
    plan, features = TreePlan(tree.arrays), torch.randn(ROWS, 512, 5, 5)
    baseline = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    times = []
    with torch.inference_mode():
        for _ in range(3):
            started = time.process_time()
            mass = expand(decoder, features, plan, keep or None).exp().sum(dim=1)
            times.append((time.process_time() - started) / ROWS * 1000)
    assert torch.allclose(mass, torch.ones(ROWS), atol=1e-3)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    inner = sum(level.slots for level in plan)
    values = (kind, leaves, inner, keep, round(min(times), 3), round(peak), round(baseline))
    return dict(zip(COLUMNS, values, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--leaves", type=int, nargs="+", default=LEAVES)
    parser.add_argument("--keep", type=int, default=32)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(measure(asked.one[0], int(asked.one[1]), int(asked.one[2]))))
        return
    rows = []
    for kind in ("lstm", "transformer"):
        for leaves in asked.leaves:
            for keep in (0, asked.keep):
                command = [sys.executable, __file__, "--one", kind, str(leaves), str(keep)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                rows.append(json.loads(done.stdout))
                print(rows[-1], flush=True)
    if asked.output:
        with asked.output.open("w", newline="") as stream:
            table = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
            table.writeheader()
            table.writerows(rows)


if __name__ == "__main__":
    main()
