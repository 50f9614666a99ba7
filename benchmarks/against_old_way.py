"""Files to paths beside the old way (`old_way.py`), measured in turn in one run on the same weights.

    python benchmarks/against_old_way.py [--pictures 32] [--rounds 3] [--threads 1] [--agreement 400] [--work FOLDER]
        [--model MODEL --dataset DATASET --split SPLIT]

Needs no data: it draws its pictures and teaches a random ResNet-101 model (256 px, 14x14 cells, 52 leaves) a little. It
says what decoding adds to the encoder's core-milliseconds, ours and the old way's; how many files a second become paths
in fp32, in bf16 and the old way; and on how many pictures the best path is the same, by that network and on more
pictures by a small one. With a trained model it also says how many points bf16 costs on a part of a data set.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path as FilePath

import torch
from agreement import beside_old_way, cost_of_bf16
from drawn_model import draw_files, make_model, read_all
from old_way import OldWay
from torch import Tensor

from atlas.bundle import open_bundle
from atlas.model.decoding import expand
from atlas.model.path import PathModel
from atlas.runtime import TorchScorer, load_model
from atlas.stages.categorizer import BATCH_SIZE, Categorizer
from atlas.stages.recipes import load_recipe

LARGE = ("weights=none", "height_px=256", "width_px=256")
SMALL = ("weights=none", "encoder.name=resnet18", "encoder.width=16", "height_px=80", "width_px=60", "decoder.size=128")
#: Wall-clock and core seconds a picture.
Spent = tuple[float, float]


class Ways:
    """One model folder, predicted by Atlas and the old way."""

    def __init__(self, work: FilePath, name: str, settings: Sequence[str]) -> None:
        folder = work / name
        if not folder.exists():
            make_model(folder, load_recipe("paper-seq2seq", settings), work / "taught")
        bundle = open_bundle(folder)
        scorer = TorchScorer(bundle)
        self.ours, self.bf16 = Categorizer(scorer), Categorizer(TorchScorer(bundle, bf16=True))
        self.model: PathModel = scorer.model
        self.old = OldWay(load_model(bundle), bundle.taxonomy, bundle.image)


def measure(ways: Ways, files: Sequence[FilePath], rounds: int) -> None:
    model, old, pixels = ways.model, ways.old, read_all(files, ways.old.image)
    batched = Parts(model.encoder, lambda features: expand(model.decoder, features, model.plan, model.keep))
    single = Parts(old.encode, old.decode)
    readers: dict[str, Callable[[Sequence[FilePath]], object]] = {
        "fp32": ways.ours.predict,
        "bf16": ways.bf16.predict,
        "old way": lambda files: [old.predict(file) for file in files],
    }
    for read in readers.values():
        read(files[:2])  # the first call chooses kernels
    parts: dict[str, list[Spent]] = {"batched": [], "the old way": []}
    rates: dict[str, list[Spent]] = {name: [] for name in readers}
    for _ in range(rounds):
        parts["batched"].append(batched(pixels.split(BATCH_SIZE)))
        parts["the old way"].append(single(pixels.split(1)))
        for name, read in readers.items():
            rates[name].append(spent(read, files))
    report(parts, rates)


class Parts:
    """Encoder and decoder, timed apart, but one after the other as in prediction."""

    def __init__(self, encode: Callable[[Tensor], Tensor], decode: Callable[[Tensor], object]) -> None:
        self.encode, self.decode = encode, decode

    @torch.inference_mode()
    def __call__(self, batches: Sequence[Tensor]) -> tuple[float, float]:
        """Core seconds a picture of both."""
        clock = [time.process_time()]
        for pixels in batches:
            features = self.encode(pixels)
            clock.append(time.process_time())
            self.decode(features)
            clock.append(time.process_time())
        steps = [later - earlier for earlier, later in pairwise(clock)]
        pictures = sum(map(len, batches))
        return sum(steps[::2]) / pictures, sum(steps[1::2]) / pictures


def spent(read: Callable[[Sequence[FilePath]], object], files: Sequence[FilePath]) -> Spent:
    wall, core = time.perf_counter(), time.process_time()
    read(files)
    return (time.perf_counter() - wall) / len(files), (time.process_time() - core) / len(files)


def report(parts: dict[str, list[Spent]], rates: dict[str, list[Spent]]) -> None:
    print("core-ms a picture (encoder, decoding, what decoding adds):")
    for name, measured in parts.items():
        encoding, decoding = ([1000 * pair[part] for pair in measured] for part in (0, 1))
        added = [100 * late / early for early, late in measured]
        print(f"  {name:12} {told(encoding)}, {told(decoding)}, {told(added)} %")
    print("files to paths (pictures/s, core-ms, rate over the old way's):")
    for name, measured in rates.items():
        ratio = [old / new for (old, _), (new, _) in zip(rates["old way"], measured, strict=True)]
        rate, core_ms = [1 / wall for wall, _ in measured], [1000 * core for _, core in measured]
        print(f"  {name:12} {told(rate)}, {told(core_ms)}, {told(ratio)}", flush=True)


def told(values: Sequence[float]) -> str:
    """The median, and from where to where the rounds went."""
    return f"{statistics.median(values):.3g} ({min(values):.3g}-{max(values):.3g})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=32, help="for rates; each round takes each of them five times")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--agreement", type=int, default=400, help="pictures for the small network")
    parser.add_argument("--work", type=FilePath, help="keep drawn pictures and models here for another run")
    parser.add_argument("--model", type=FilePath)
    parser.add_argument("--dataset", type=FilePath)
    parser.add_argument("--split", default="validation")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    with tempfile.TemporaryDirectory() as folder:
        work = asked.work or FilePath(folder)
        files = draw_files(work / "pictures", max(asked.pictures, asked.agreement), seed=2)
        large = Ways(work, "large", LARGE)
        print(f"ResNet-101, 256 px, 14x14 cells, 52 leaves; {asked.pictures} pictures, {asked.threads} thread(s)")
        print(f"medians of {asked.rounds} rounds (least-most)", flush=True)
        measure(large, files[: asked.pictures], asked.rounds)
        print(
            f"same best path, ResNet-101: {beside_old_way(large.ours, large.old, files[: asked.pictures])}", flush=True
        )
        small = Ways(work, "small", SMALL)
        print(f"same best path, small network: {beside_old_way(small.ours, small.old, files[: asked.agreement])}")
    if asked.model and asked.dataset:
        print(cost_of_bf16(asked.model, asked.dataset, asked.split))


if __name__ == "__main__":
    main()
