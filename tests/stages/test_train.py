import random
import subprocess
import sys
import time

import numpy as np
import pytest

from atlas.bundle import open_bundle
from atlas.dataset.loader import PictureLoader
from atlas.dataset.schema import open_dataset
from atlas.dataset.split import in_share
from atlas.errors import DataError, RecipeError, UsageError
from atlas.stages import train as train_file
from atlas.stages.checkpoint import BEST_FILE, STATE_FILE, Position
from atlas.stages.train import TrainingRun, train_model
from atlas.storage import part_of, sha256_file
from tests.striped import TINY, striped, tiny_recipe

#: Enough for the striped pictures to be learnt.
LEARNS = ("epochs=20", "mix=0", "peak=1e-2", "area=1", "label_smoothing=0", "width=8")


class Lines:
    """A listener that keeps what stays on the screen."""

    def __init__(self):
        self.said, self.steps = [], 0

    def begin(self, task, total=None):
        self.total = total

    def advance(self, count=1, status=""):
        self.steps += count

    def say(self, line):
        self.said.append(line)


class Stopped(BaseException):
    """Stands for a kill: nothing in Atlas may catch it."""


def weights(folder):
    return sha256_file(folder / "model.safetensors")


def test_a_model_learns_and_says_so(small_dataset, tmp_path):
    lines = Lines()
    summary = train_model(small_dataset, tmp_path / "model", tiny_recipe(*LEARNS), progress=lines)
    assert summary.dev_accuracy[0] > 0.7
    assert summary.core_minutes > 0
    assert lines.steps == lines.total
    assert "products" in lines.said[0]
    assert "5 leaves" in lines.said[0]
    assert "GB of memory" in lines.said[1]
    bundle = open_bundle(tmp_path / "model")
    assert bundle.training["best_epoch"] == summary.best_epoch
    assert bundle.training["dev_loss"] == min(entry["dev_loss"] for entry in bundle.training["history"])
    assert not part_of(tmp_path / "model").exists()


def test_a_share_learns_from_fewer_products_on_the_same_tree(small_dataset, tmp_path):
    lines = Lines()
    train_model(small_dataset, tmp_path / "model", tiny_recipe("epochs=2", "share=0.5"), progress=lines)
    whole, part = open_dataset(small_dataset), open_bundle(tmp_path / "model")
    ids = whole.table("train", ["product_id"])["product_id"].to_pylist()
    kept = int(in_share(ids, 0.5).sum())
    assert 8 < kept < len(ids)
    assert part.training["pictures"] == kept
    assert part.training["pictures_seen"] == 2 * (kept // 8) * 8
    assert f"({kept:,} pictures), 5 leaves" in lines.said[0]
    assert part.taxonomy.digest == whole.taxonomy.digest


def test_the_seed_decides_the_weights(small_dataset, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train_model(small_dataset, tmp_path / name, tiny_recipe("epochs=1", f"training.seed={seed}"))
    assert weights(tmp_path / "a") == weights(tmp_path / "b") != weights(tmp_path / "c")


@pytest.mark.parametrize("stop_at", [1, 4, 5, 9])
def test_a_run_stopped_anywhere_and_resumed_gives_the_same_weights(small_dataset, tmp_path, monkeypatch, stop_at):
    recipe = tiny_recipe("epochs=3", "head.dropout=0.5")
    train_model(small_dataset, tmp_path / "whole", recipe)
    monkeypatch.setattr(train_file, "SAVE_EVERY_S", 0)
    monkeypatch.setattr(TrainingRun, "step", _stopping(TrainingRun.step, stop_at))
    with pytest.raises(Stopped):
        train_model(small_dataset, tmp_path / "broken", recipe)
    monkeypatch.undo()
    train_model(small_dataset, tmp_path / "broken", recipe, resume=True)
    assert weights(tmp_path / "whole") == weights(tmp_path / "broken")


@pytest.mark.parametrize("epoch_steps", [3, 11])
def test_an_epoch_of_another_length_goes_on_in_the_passes(small_dataset, tmp_path, monkeypatch, epoch_steps):
    """Batches are those of pass after pass; only where an epoch ends, and `dev` is scored, changes."""
    seen = []
    step = TrainingRun.step
    monkeypatch.setattr(TrainingRun, "step", lambda run, pictures: seen.append(pictures.rows) or step(run, pictures))
    data = open_dataset(small_dataset)
    recipe = tiny_recipe("epochs=2", f"epoch_steps={epoch_steps}")
    whole = data.splits["train"] // recipe.training.batch_size
    assert epoch_steps != whole
    summary = train_model(small_dataset, tmp_path / "model", recipe)
    assert summary.epochs == 2
    order = PictureLoader(data, "train", recipe.image, 1).order
    passes = [order(0, turn)[: whole * recipe.training.batch_size] for turn in range(2 * epoch_steps // whole + 1)]
    wanted = np.concatenate(passes)[: 2 * epoch_steps * recipe.training.batch_size]
    assert np.concatenate(seen).tolist() == wanted.tolist()


def _stopping(step, after):
    taken = []

    def stop(run, pictures):
        if len(taken) == after:
            raise Stopped
        taken.append(pictures)
        return step(run, pictures)

    return stop


@pytest.mark.slow
def test_ten_kills_at_random_moments_change_nothing(small_dataset, tmp_path):
    settings = [f"--set={setting}" for setting in (*TINY, "epochs=40")]

    def start(output):
        command = [sys.executable, "-m", "atlas", "train", str(small_dataset), "-o", str(output), "--resume", "-q"]
        return subprocess.Popen(command + settings, stdout=subprocess.DEVNULL)

    assert start(tmp_path / "first").wait() == 0  # compiles modules, which would count as time of training
    began = time.monotonic()
    assert start(tmp_path / "whole").wait() == 0
    whole_s = time.monotonic() - began
    kills = 0
    while kills < 10 and not (tmp_path / "broken").exists():
        process = start(tmp_path / "broken")
        time.sleep(random.Random(kills).uniform(0.3, 0.95) * whole_s)
        kills += process.poll() is None
        process.kill()
        process.wait()
    while not (tmp_path / "broken").exists():
        assert start(tmp_path / "broken").wait() == 0
    assert kills
    assert weights(tmp_path / "whole") == weights(tmp_path / "broken")


def test_another_recipe_cannot_take_up_a_run(small_dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(train_file, "SAVE_EVERY_S", 0)
    monkeypatch.setattr(TrainingRun, "step", _stopping(TrainingRun.step, 2))
    with pytest.raises(Stopped):
        train_model(small_dataset, tmp_path / "model", tiny_recipe("epochs=2"))
    monkeypatch.undo()
    with pytest.raises(UsageError, match="unfinished work"):
        train_model(small_dataset, tmp_path / "model", tiny_recipe("epochs=2"))
    with pytest.raises(UsageError, match="another recipe"):
        train_model(small_dataset, tmp_path / "model", tiny_recipe("epochs=3"), resume=True)
    train_model(small_dataset, tmp_path / "model", tiny_recipe("epochs=1"), overwrite=True)


def test_a_cut_state_is_named(small_dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(train_file, "SAVE_EVERY_S", 0)
    monkeypatch.setattr(TrainingRun, "step", _stopping(TrainingRun.step, 2))
    with pytest.raises(Stopped):
        train_model(small_dataset, tmp_path / "model", tiny_recipe("epochs=2"))
    monkeypatch.undo()
    state = part_of(tmp_path / "model") / STATE_FILE
    state.write_bytes(state.read_bytes()[:-10])
    with pytest.raises(Exception, match=r"state\.safetensors is damaged"):
        train_model(small_dataset, tmp_path / "model", tiny_recipe("epochs=2"), resume=True)


def test_training_stops_early_when_dev_stands_still(small_dataset, tmp_path):
    recipe = tiny_recipe("epochs=9", "patience=2", "min_improvement=100")
    summary = train_model(small_dataset, tmp_path / "model", recipe)
    assert summary.stopped_early
    assert summary.epochs == 3


def test_the_last_improvement_restarts_the_patience():
    class Told(TrainingRun):
        def __init__(self, losses):
            self.recipe = tiny_recipe("patience=3", "min_improvement=0.001")
            self.position = Position("", "fp32", history=[{"dev_loss": loss} for loss in losses])

    assert not Told([1.0, 0.9, 0.9, 0.9]).should_stop()
    assert Told([1.0, 0.9, 0.9, 0.9, 0.8995]).should_stop()
    assert not Told([1.0, 0.9, 0.9, 0.89, 0.89]).should_stop()


def test_the_best_epoch_is_kept_not_the_last(small_dataset, tmp_path, monkeypatch):
    kept, scores = {}, iter([0.9, 0.3, 0.5])
    monkeypatch.setattr(TrainingRun, "score_dev", lambda run: (next(scores), (0.5,)))
    finish = TrainingRun.finish_epoch

    def watched(run):
        figures = finish(run)
        kept[figures["epoch"]] = sha256_file(run.part / BEST_FILE)
        return figures

    monkeypatch.setattr(TrainingRun, "finish_epoch", watched)
    summary = train_model(small_dataset, tmp_path / "model", tiny_recipe("epochs=3"))
    assert summary.best_epoch == 2
    assert kept[1] != kept[2] == kept[3] == weights(tmp_path / "model")


def test_too_few_pictures_for_a_batch_say_what_to_set(small_dataset, tmp_path):
    with pytest.raises(DataError, match="--set batch_size="):
        train_model(small_dataset, tmp_path / "model", tiny_recipe("batch_size=512"))


def test_frozen_convolutions_stay_and_clipping_works(small_dataset, tmp_path, small_model):
    from transformers import ResNetConfig, ResNetForImageClassification

    sizes = {"embedding_size": 4, "hidden_sizes": [4, 8, 16, 32], "depths": [2, 2, 2, 2], "layer_type": "basic"}
    ResNetForImageClassification(ResNetConfig(**sizes)).save_pretrained(tmp_path / "weights")
    recipe = tiny_recipe("epochs=1", f"weights={tmp_path / 'weights'}", "freeze=convolutions", "clip=0.1", "average=0")
    train_model(small_dataset, tmp_path / "model", recipe)
    from safetensors.numpy import load_file

    before = load_file(tmp_path / "weights" / "model.safetensors")
    after = load_file(tmp_path / "model" / "model.safetensors")
    stem = "embedder.embedder.convolution.weight"
    assert np.array_equal(before[f"resnet.{stem}"], after[f"encoder.backbone.{stem}"])
    norm = "embedder.embedder.normalization.weight"
    assert not np.array_equal(before[f"resnet.{norm}"], after[f"encoder.backbone.{norm}"])


def test_a_loss_that_is_no_number_says_what_to_change(small_dataset, tmp_path):
    with pytest.raises(RecipeError, match=r"not a number: lower schedule\.peak"):
        train_model(small_dataset, tmp_path / "model", tiny_recipe("epochs=9", "peak=1e30", "start_division=1"))


@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_path_decoders_learn_resume_and_predict(small_dataset, tmp_path, monkeypatch, kind):
    import atlas

    settings = (f"decoder.kind={kind}", "decoder.size=16", "embedding=8", "attention=8", "decoder.dropout=0")
    recipe = tiny_recipe(*LEARNS, *settings)
    summary = train_model(small_dataset, tmp_path / "whole", recipe)
    assert summary.dev_loss < 0.8 * np.log(5)  # of five leaves, by chance
    monkeypatch.setattr(TrainingRun, "step", _stopping(TrainingRun.step, 21))
    with pytest.raises(Stopped):
        train_model(small_dataset, tmp_path / "broken", recipe)
    monkeypatch.undo()
    train_model(small_dataset, tmp_path / "broken", recipe, resume=True)
    assert weights(tmp_path / "whole") == weights(tmp_path / "broken")
    prediction = atlas.load(tmp_path / "whole").predict(striped(0, 99))
    assert prediction.path in open_bundle(tmp_path / "whole").taxonomy
    assert prediction.error is None
