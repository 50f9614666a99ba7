"""Training rate of ResNet-34 at 150 px beside what loading and the model alone allow, and beside fp32, channels first.

    python benchmarks/training_rate.py DATASET [--rounds 5] [--steps 4] [--batch-size 32]

All four are measured in turn in one run; rates are pictures a second, medians over the rounds.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from atlas.dataset.loader import Pictures, in_order
from atlas.dataset.schema import open_dataset
from atlas.model.loss import Target
from atlas.model.optimizer import build_optimizer, set_rates
from atlas.model.schedule import Rates
from atlas.records import Batch
from atlas.stages.checkpoint import find_position
from atlas.stages.hardware import faster_precision, make_accelerator
from atlas.stages.recipes import load_recipe
from atlas.stages.train import TrainingRun

SETTINGS = ["weights=none", "encoder_rate=1.0"]


class Fp32:
    """The same network, loss and optimizer as plain PyTorch does them by default: fp32, channels first."""

    def __init__(self, run: TrainingRun) -> None:
        self.run = run
        self.model = copy.deepcopy(run.bare).to(memory_format=torch.contiguous_format).train()
        self.optimizer = build_optimizer(
            self.model, [], encoder_rate=1, weight_decay=0.01, decay_all=True, second_momentum=0.99
        )
        set_rates(self.optimizer, Rates(1e-4, 0.9))

    def step(self, pictures: Pictures) -> None:
        node = torch.from_numpy(self.run.train.nodes[pictures.rows])
        loss = self.model(Batch(pictures.pixels.contiguous()), Target(node))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=32)
    asked = parser.parse_args()
    recipe = load_recipe("paper-classifier", [*SETTINGS, f"batch_size={asked.batch_size}"])
    with tempfile.TemporaryDirectory() as folder:
        data = open_dataset(asked.dataset)
        position = find_position(data, recipe, None)
        run = TrainingRun(data, recipe, make_accelerator(position.precision), Path(folder), position)
        measure(run, Fp32(run), asked.rounds, asked.steps, asked.batch_size)


def measure(run: TrainingRun, plain: Fp32, rounds: int, steps: int, size: int) -> None:
    fixed = next(run.train.batches(in_order(size, size)))

    def batches() -> Iterator[Pictures]:
        order = run.train.order(0, 0)
        return run.train.batches(order[place * size : (place + 1) * size] for place in range(steps))

    def train(step: Callable[[Pictures], object]) -> None:
        for pictures in batches():
            step(pictures)

    works = {
        "load": lambda: list(batches()),
        "model": lambda: [run.step(fixed) for _ in range(steps)],
        "train": lambda: train(run.step),
        "fp32": lambda: train(plain.step),
    }
    run.model.train()
    for work in works.values():  # the first calls choose kernels and fill caches
        work()
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            times[name].append(seconds(work) / (steps * size))
    report(times)


def report(times: dict[str, list[float]]) -> None:
    print(f"{torch.get_num_threads()} threads, train in {faster_precision()}; medians of {len(times['load'])} rounds")
    for name, spent in times.items():
        middle = statistics.median(spent)
        print(f"{name:6} {1000 * middle:7.2f} ms ({1000 * min(spent):.2f}-{1000 * max(spent):.2f}), {1 / middle:.1f}/s")
    pairs = list(zip(times["load"], times["model"], times["train"], times["fp32"], strict=True))
    reached = statistics.median((load + model) / train for load, model, train, _ in pairs)
    faster = statistics.median(fp32 / train for *_, train, fp32 in pairs)
    print(f"train rate x (t_load + t_model) = {reached:.3f} (at least 0.95)")
    print(f"train rate / fp32 channels-first rate = {faster:.2f} (at least 2.2 where bf16 is faster)")


if __name__ == "__main__":
    main()
