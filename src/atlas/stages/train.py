"""Data set and recipe to a model folder: one loop, to be read from top to bottom."""

from __future__ import annotations

import copy
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from atlas.bundle import write_bundle
from atlas.dataset.augment import draw_changes, draw_mixing
from atlas.dataset.loader import PictureLoader, Pictures, blend, change, in_order
from atlas.dataset.schema import DatasetFolder, open_dataset
from atlas.errors import DataError, RecipeError
from atlas.evaluate.metrics import level_hits
from atlas.evaluate.paths import PathTable
from atlas.model.assemble import Model, assemble
from atlas.model.averaging import start_average, update_average
from atlas.model.encoders import freeze
from atlas.model.loss import MassLoss, Target
from atlas.model.optimizer import build_optimizer, set_rates
from atlas.model.schedule import one_cycle
from atlas.progress import Progress, Silent
from atlas.recipe import to_mapping
from atlas.records import Batch
from atlas.stages.card import model_card
from atlas.stages.checkpoint import BEST_FILE, Position, find_position, load_state, save_state, save_tensors
from atlas.stages.hardware import (
    Estimate,
    claim_together,
    estimate_step,
    loading_threads,
    make_accelerator,
)
from atlas.stages.recipes import Recipe
from atlas.storage import part_of, publish_folder
from atlas.taxonomy.show import count_products
from atlas.taxonomy.tree import format_path

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: A state is saved within an epoch when this much work would be lost, and never for more than a twentieth of the time.
SAVE_EVERY_S = 30.0


@dataclass(frozen=True)
class TrainSummary:
    """What a finished training run has to tell."""

    model: Path
    epochs: int
    best_epoch: int
    dev_loss: float | None
    dev_accuracy: tuple[float, ...]  # share of dev pictures whose first 1, 2, ... names are right
    core_minutes: float
    stopped_early: bool
    reported: str | None  # a part of the data set that trained and chose nothing


def train_model(
    dataset: Path,
    output: Path,
    recipe: Recipe,
    *,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> TrainSummary:
    """Train a recipe on a data set's `train` part, choose the epoch on `dev`, and write the model folder `output`.

    A run that is killed and resumed gives the same weights, bit for bit on a CPU, as one that was not. Under
    `torchrun` each process takes its share of every batch. Raises UsageError for an output that exists, DataError for
    a data set that cannot be trained on, RecipeError and WeightsError for a recipe that cannot be followed.
    """
    progress = progress or Silent()
    data = open_dataset(dataset)
    position = find_position(data, recipe, part_of(output) if resume else None)
    accelerator = make_accelerator(position.precision)
    part = claim_together(accelerator, output, resume=resume, overwrite=overwrite, inputs=(dataset,))
    run = TrainingRun(data, recipe, accelerator, part, position)
    run.announce(progress)
    progress.begin("train", run.steps_left)
    while run.steps_left and not run.should_stop():
        run.train_epoch(progress)
        figures = run.finish_epoch()
        progress.say(_epoch_line(figures, recipe.training.epochs))
    if accelerator.is_main_process:
        run.publish(output)
    accelerator.wait_for_everyone()
    return run.summary(output)


class TrainingRun:
    """One training run: model, optimizer, data and position."""

    def __init__(
        self, data: DatasetFolder, recipe: Recipe, accelerator: Accelerator, part: Path, position: Position
    ) -> None:
        self.data, self.recipe, self.accelerator, self.part, self.position = data, recipe, accelerator, part, position
        settings = recipe.training
        threads = loading_threads(accelerator)
        self.train = PictureLoader(data, "train", recipe.image, threads, settings.share)
        dev = PictureLoader(data, "dev", recipe.image, threads) if data.splits.get("dev") else None
        self.dev = dev if dev is not None and (dev.nodes >= 0).any() else None  # paths that train lacks choose nothing
        self.size = (recipe.image.height_px, recipe.image.width_px)
        self.steps_per_pass = len(self.train) // settings.batch_size
        self.steps_per_epoch = (settings.epoch_steps or self.steps_per_pass) if self.steps_per_pass else 0
        self._check()
        torch.manual_seed(settings.seed)
        bare = assemble(recipe.model, data.taxonomy.arrays)
        if recipe.encoder.is_pretrained:
            freeze(bare.encoder, settings.freeze)
        self.dev_loss = MassLoss(data.taxonomy.arrays).to(accelerator.device)
        self.bare = bare.to(accelerator.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = start_average(self.bare) if settings.average else None
        bare_optimizer = build_optimizer(
            bare,
            bare.encoder_parameters(),
            encoder_rate=settings.encoder_rate,
            weight_decay=settings.weight_decay,
            decay_all=settings.decay_all,
            second_momentum=settings.second_momentum,
            method=settings.optimizer,
        )
        self.estimate = self._estimate()
        if position.epoch or position.step:
            load_state(part, bare, self.average, bare_optimizer)
        self.model, self.optimizer = accelerator.prepare(bare, bare_optimizer)
        self.bare_optimizer = bare_optimizer
        self.saved_at, self.save_cost_s = time.monotonic(), 0.0

    def _estimate(self) -> Estimate:
        """What a step costs, tried on a throw-away copy that leaves the run untouched."""
        model, rows = copy.deepcopy(self.bare).train(), self.train.order(0, 0)[: self.recipe.training.batch_size]
        share = rows[:: self.accelerator.num_processes]
        node = torch.from_numpy(self.train.nodes[share]).to(self.accelerator.device)

        def step() -> None:
            pixels = next(self.train.batches([share])).pixels.to(self.accelerator.device)
            with self.accelerator.autocast():
                loss = model(Batch(pixels), Target(node))
            loss.backward()

        return estimate_step(model, step)

    def _check(self) -> None:
        settings, ranks = self.recipe.training, self.accelerator.num_processes
        if self.steps_per_epoch == 0:
            raise DataError(
                f"{len(self.train)} training pictures do not fill one batch of {settings.batch_size}: "
                f"use --set batch_size={max(2, len(self.train))} or less"
            )
        if settings.batch_size % ranks:
            raise DataError(
                f"a batch of {settings.batch_size} cannot be shared by {ranks} processes: change batch_size"
            )
        if (self.train.nodes < 0).any():
            raise DataError(f"{self.data.folder}: training rows lie outside taxonomy.txt; build the data set again")

    @property
    def steps_left(self) -> int:
        """Batches until the last epoch ends, were none to stop early."""
        return (self.recipe.training.epochs - self.position.epoch) * self.steps_per_epoch - self.position.step

    @property
    def number(self) -> int:
        """The place of the next batch among all."""
        return self.position.epoch * self.steps_per_epoch + self.position.step

    @property
    def done(self) -> float:
        """The share of all steps that lies behind."""
        return 1 - self.steps_left / (self.recipe.training.epochs * self.steps_per_epoch)

    # -- training ----------------------------------------------------------------------------------------------------

    def train_epoch(self, progress: Progress) -> None:
        """All batches of the current epoch from the current step on."""
        self.model.train()
        started, total = time.monotonic(), 0
        for pictures in self.train.batches(self._shares()):
            loss = self.step(pictures)
            total += self.recipe.training.batch_size
            rate = total / (time.monotonic() - started)
            progress.advance(status=f"{rate:,.0f} pictures/s, epoch {self.position.epoch + 1}, loss {loss:.3f}")
            self._save_when_due()

    def step(self, pictures: Pictures) -> float:
        """One batch: change, blend, score, learn. Everything random comes from (seed, epoch, step, row)."""
        settings, position, device = self.recipe.training, self.position, self.accelerator.device
        started = time.process_time()
        number = self.number
        set_rates(self.bare_optimizer, one_cycle(self.recipe.schedule, number, settings.epochs * self.steps_per_epoch))
        torch.manual_seed(_seed(settings.seed, number, self.accelerator.process_index))
        pixels = pictures.pixels.to(device, non_blocking=True)
        pixels, target = self._altered(pixels, pictures.rows)
        batch = Batch(pixels.contiguous(memory_format=torch.channels_last))
        loss = self.model(batch, target, settings.label_smoothing)
        self.optimizer.zero_grad()
        self.accelerator.backward(loss)
        if settings.clip:
            self.accelerator.clip_grad_value_(self.bare.parameters(), settings.clip)
        self.optimizer.step()
        if self.average is not None:
            update_average(self.average, self.bare, settings.average, number)
        position.step += 1
        position.pictures += settings.batch_size
        position.core_s += time.process_time() - started
        if not loss.isfinite():
            raise RecipeError(
                f"the loss at step {number} is not a number: lower schedule.peak or use --set precision=fp32"
            )
        return float(loss.detach())

    def _altered(self, pixels: Tensor, rows: NDArray[np.int64]) -> tuple[Tensor, Target]:
        augment, seed, position = self.recipe.augment, self.recipe.training.seed, self.position
        if augment.moves:
            pixels = change(pixels, draw_changes(augment, self.size, seed, self.number // self.steps_per_pass, rows))
        node = torch.from_numpy(self.train.nodes[rows]).to(pixels.device)
        place = position.step * self.accelerator.num_processes + self.accelerator.process_index
        mixing = draw_mixing(augment, self.size, len(rows), seed, position.epoch, place, self.done)
        if mixing is None:
            return pixels, Target(node)
        share = torch.full((len(rows),), mixing.share, device=pixels.device)
        return blend(pixels, mixing), Target(node, node[torch.from_numpy(mixing.partner).to(node.device)], share)

    def _shares(self) -> Iterator[NDArray[np.int64]]:
        """This process's rows of each batch from here to the epoch's end.

        Batches are cut off one pass after the other, each in its own order; rows that fill none wait for the next pass.
        """
        size, order, drawn = self.recipe.training.batch_size, np.empty(0, np.int64), -1
        for number in range(self.number, self.number + self.steps_per_epoch - self.position.step):
            turn, step = divmod(number, self.steps_per_pass)
            if turn != drawn:
                order, drawn = self.train.order(self.recipe.training.seed, turn), turn
            yield order[step * size : (step + 1) * size][
                self.accelerator.process_index :: self.accelerator.num_processes
            ]

    # -- choosing ----------------------------------------------------------------------------------------------------

    @property
    def kept(self) -> Model:
        """The weights that would become the model now."""
        kept: Model = self.bare if self.average is None else self.average
        return kept

    def finish_epoch(self) -> dict[str, Any]:
        """Score `dev`, keep the weights when they are the best so far, save the state."""
        started = time.process_time()
        position = self.position
        loss, accuracy = self.score_dev() if self.dev is not None else (None, ())
        best = (
            min((entry["dev_loss"] for entry in position.history), default=float("inf")) if loss is not None else None
        )
        figures = {"epoch": position.epoch + 1, "dev_loss": loss, "dev_accuracy": list(accuracy)}
        position.history.append(figures)
        if self.accelerator.is_main_process and (loss is None or best is None or loss < best):
            save_tensors(self.part / BEST_FILE, self.kept.state_dict())
        position.epoch, position.step = position.epoch + 1, 0
        position.core_s += time.process_time() - started
        self._save()
        return figures | {"core_minutes": position.core_s / 60}

    @torch.no_grad()
    def dev_scores(self) -> Iterator[Tensor]:
        """The log masses of the rows of `dev`, float32 (B, N) for one batch after the other, by the weights kept."""
        assert self.dev is not None
        self.kept.eval()
        for pictures in self.dev.batches(in_order(len(self.dev), 2 * self.recipe.training.batch_size)):
            with self.accelerator.autocast():
                scores = self.kept.score(Batch(pictures.pixels.to(self.accelerator.device))).float()
            yield scores

    @torch.no_grad()
    def score_dev(self) -> tuple[float, tuple[float, ...]]:
        """Mean loss over the rows whose path is in the tree, and the share with the first 1, 2, ... names right."""
        assert self.dev is not None
        log_mass = torch.cat(list(self.dev_scores()))
        known = torch.from_numpy(self.dev.nodes >= 0)
        nodes = torch.from_numpy(self.dev.nodes)[known].to(log_mass.device)
        loss = float(self.dev_loss(log_mass[known.to(log_mass.device)], Target(nodes)))
        if not isfinite(loss):
            raise RecipeError("the loss on dev is not a number: lower schedule.peak or use --set precision=fp32")
        guesses = log_mass.argmax(dim=1).cpu().numpy()
        return loss, _level_accuracy(self.data, guesses)

    def should_stop(self) -> bool:
        """Whether the last `patience` epochs each improved the loss on `dev` by less than `min_improvement` (5.1.3)."""
        settings = self.recipe.training
        losses = [entry["dev_loss"] for entry in self.position.history if entry["dev_loss"] is not None]
        recent = losses[-settings.patience - 1 :]
        if not settings.patience or len(recent) <= settings.patience:
            return False
        falls = [before - after for before, after in pairwise(recent)]
        return all(fall < settings.min_improvement for fall in falls)

    # -- keeping -----------------------------------------------------------------------------------------------------

    def _save_when_due(self) -> None:
        if time.monotonic() - self.saved_at > max(SAVE_EVERY_S, 20 * self.save_cost_s):
            self._save()

    def _save(self) -> None:
        started = time.monotonic()
        if self.accelerator.is_main_process:
            save_state(self.part, self.position, self.bare, self.average, self.bare_optimizer)
        self.saved_at = time.monotonic()
        self.save_cost_s = self.saved_at - started

    def publish(self, output: Path) -> None:
        """Turn the best weights into the model folder and drop the working files."""
        finished = self.part / "model"
        training = {
            "data": self.data.folder.name,
            "pictures": len(self.train),
            "products": _products_by_path(self.data),
            "best_epoch": self.best["epoch"],
            "dev_loss": self.best["dev_loss"],
            "dev_accuracy": self.best["dev_accuracy"],
            "history": self.position.history,
            "core_minutes": round(self.position.core_s / 60, 4),
            "pictures_seen": self.position.pictures,
        }
        write_bundle(
            finished,
            weights=self.part / BEST_FILE,
            taxonomy=self.data.taxonomy,
            recipe=to_mapping(self.recipe),
            encoder=self.bare.encoder.description(),
            training=training,
            card=model_card(output.name, to_mapping(self.recipe), self.data.taxonomy, training),
            mapping=self.data.mapping,
        )
        publish_folder(finished, output)
        shutil.rmtree(part_of(output))

    @property
    def best(self) -> dict[str, Any]:
        """The figures of the epoch whose weights are kept: the lowest loss on `dev`, or the last one without `dev`."""
        history = self.position.history
        return history[-1] if self.dev is None else min(history, key=lambda entry: float(entry["dev_loss"]))

    def summary(self, output: Path) -> TrainSummary:
        """The run in figures."""
        return TrainSummary(
            model=output,
            epochs=len(self.position.history),
            best_epoch=self.best["epoch"],
            dev_loss=self.best["dev_loss"],
            dev_accuracy=tuple(self.best["dev_accuracy"]),
            core_minutes=self.position.core_s / 60,
            stopped_early=len(self.position.history) < self.recipe.training.epochs,
            reported=next((split for split in reversed(self.data.splits) if split not in ("train", "dev")), None),
        )

    def announce(self, progress: Progress) -> None:
        """Say what is to be done, how long it takes at most and how much memory it needs."""
        tree, left = self.data.taxonomy, self.steps_left
        precision = self.accelerator.mixed_precision.replace("no", "fp32")
        weights = sum(parameter.numel() for parameter in self.bare.parameters())
        progress.say(
            f"{self.train.products:,} products ({len(self.train):,} pictures), "
            f"{len(tree.leaves)} leaves on {tree.levels} levels; "
            f"{self.recipe.encoder.name} with {weights / 1e6:.1f} M weights at {self.size[1]}x{self.size[0]} px, "
            f"{precision} on {self.accelerator.device}"
        )
        step_s, memory_bytes = self.estimate
        progress.say(f"about {_duration(left * step_s)} for {left:,} steps, {memory_bytes / 1e9:.1f} GB of memory")


def _seed(seed: int, step: int, rank: int) -> int:
    return int(np.random.SeedSequence((seed, step, rank)).generate_state(1, np.uint64)[0] >> 1)


def _products_by_path(data: DatasetFolder) -> dict[str, int]:
    """The training products of each path."""
    table = data.table("train", ["product_id", "path"])
    labels = zip(table["product_id"].to_pylist(), map(tuple, table["path"].to_pylist()), strict=True)
    return {format_path(path): count for path, count in sorted(count_products(labels).items())}


def _level_accuracy(data: DatasetFolder, guesses: NDArray[np.int64]) -> tuple[float, ...]:
    """The share of `dev` whose first 1, 2, ... names are right, of the rows whose truth has as many."""
    tree, truths = data.taxonomy, [tuple(path) for path in data.table("dev", ["path"])["path"].to_pylist()]
    table = PathTable.of([*tree.paths, *truths])
    truth_at = table.at_level[[table.number[path] for path in truths]]
    guess_at = table.at_level[[table.number[tree.paths[guess]] for guess in guesses]]
    right, scored = level_hits(truth_at, guess_at)
    return tuple((right.sum(0) / np.maximum(scored.sum(0), 1)).tolist())


def _epoch_line(figures: dict[str, Any], epochs: int) -> str:
    line = f"epoch {figures['epoch']:>3}/{epochs}"
    if figures["dev_loss"] is not None:
        levels = " / ".join(f"{100 * share:.1f}" for share in figures["dev_accuracy"])
        line += f"  dev loss {figures['dev_loss']:.4f}  {levels} % right"
    return f"{line}  {figures['core_minutes']:.1f} core-min"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
