import csv
import json
import shutil

import pytest
from typer.testing import CliRunner

from atlas.cli.main import app
from atlas.dataset.schema import open_dataset
from atlas.errors import NothingDoneError, UsageError
from atlas.progress import Silent
from atlas.stages import benchmark as stage
from atlas.stages import train as train_file
from atlas.stages.benchmark import benchmark
from atlas.stages.benchmark_plan import Plan, parse_entrants, parse_portions
from atlas.stages.propose import Sentence
from atlas.stages.train import TrainingRun
from atlas.stages.trial import judge_sentences, reason
from atlas.storage import part_of, read_json
from atlas.taxonomy.tree import Taxonomy
from tests.striped import TINY

SMALL = (*TINY, "epochs=2", "decoder.size=8", "heads=2", "precision=fp32")


class Stopped(BaseException):
    """Stands for a kill: nothing in Atlas may catch it."""


@pytest.fixture(autouse=True)
def no_page(monkeypatch):
    """Drawing takes seconds; where the page is no matter it is left out."""
    monkeypatch.setattr(stage, "write_page", lambda summary, folder: None)


def plan(*recipes, portions=("1",), seeds=1, **other):
    return Plan(parse_entrants(recipes or ("fast", "path=fast-path"), SMALL), parse_portions(portions, seeds), **other)


@pytest.fixture(scope="module")
def whole(small_dataset, tmp_path_factory):
    """Two recipes, one seed, never stopped."""
    folder = tmp_path_factory.mktemp("benchmark") / "report"
    patch = pytest.MonkeyPatch()
    patch.setattr(stage, "write_page", lambda summary, folder: None)
    benchmark(small_dataset, folder, plan(), draws=30)
    patch.undo()
    return folder


def scores(summary):
    """Everything that may not depend on the moment or on how often the work was stopped."""
    kept = [{key: entry[key] for key in ("label", "share", "seeds", "scores", "free", "constrained")}
            for entry in summary["entries"] if entry["scores"]]  # fmt: skip
    return kept, summary["comparisons"], summary["leaves"]


def test_the_folder_is_whole(whole, small_dataset):
    names = {file.name for file in whole.iterdir()}
    assert names == {"benchmark.json", "table.csv", "table.tex", "plan.json", "runs"}
    assert not part_of(whole).exists()
    summary = read_json(whole / "benchmark.json")
    assert [entry["label"] for entry in summary["entries"]] == ["fast", "path"]
    assert (summary["split"], summary["reference"], summary["runs_missing"]) == ("test", "fast", 0)
    assert summary["n"] == open_dataset(small_dataset).splits["test"]
    flat, path = summary["entries"]
    assert flat["free"] is None
    assert path["free"]["pictures"] == summary["n"]
    assert [entry["constrained"] for entry in (flat, path)] == [{"pictures": summary["n"], "invalid": 0}] * 2
    assert [entry["training"]["categories"] for entry in (flat, path)] == [5, 5]
    assert all(entry["training"]["core_ms_per_picture"] > 0 for entry in (flat, path))
    assert all(entry["prediction"]["core_ms_per_picture"] > 0 for entry in (flat, path))
    for run in summary["runs"]:
        folder = whole / "runs" / f"{run['label']}-share1-s0"
        assert (folder / "model" / "calibration.json").is_file()
        assert (folder / "predictions.parquet").is_file()
        assert read_json(folder / "run.json") == run
    rows = list(csv.DictReader((whole / "table.csv").read_text().splitlines()))
    assert [row["kind"] for row in rows] == ["measured"] * 2 + ["published"] * 3


@pytest.mark.parametrize("stop_at", [5, 12], ids=["within the first run", "within the second"])
def test_stopped_and_resumed_it_gives_the_same_table(whole, small_dataset, tmp_path, monkeypatch, stop_at):
    monkeypatch.setattr(train_file, "SAVE_EVERY_S", 0)
    with monkeypatch.context() as patched:
        patched.setattr(TrainingRun, "step", stopping(TrainingRun.step, stop_at))
        with pytest.raises(Stopped):
            benchmark(small_dataset, tmp_path / "report", plan(), draws=30)
    done = sorted(file.parent.name for file in part_of(tmp_path / "report").glob("runs/*/run.json"))
    assert done == ([] if stop_at == 5 else ["fast-share1-s0"])
    with pytest.raises(UsageError, match="--resume"):
        benchmark(small_dataset, tmp_path / "report", plan(), draws=30)
    resumed = benchmark(small_dataset, tmp_path / "report", plan(), draws=30, resume=True)
    assert scores(resumed.summary) == scores(read_json(whole / "benchmark.json"))


def stopping(step, after):
    taken = []

    def stop(run, pictures):
        if len(taken) == after:
            raise Stopped
        taken.append(pictures)
        return step(run, pictures)

    return stop


@pytest.fixture
def copy(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "report")


def test_a_finished_benchmark_grows_and_repeats_nothing(copy, small_dataset, tmp_path, monkeypatch):
    """One more recipe that diverges: it is a row with its error; what was there is neither trained nor predicted."""
    trained = []
    train = stage.run_trial
    monkeypatch.setattr(stage, "run_trial", lambda trial, *asked: trained.append(trial.title) or train(trial, *asked))
    wild = tmp_path / "wild.toml"
    wild.write_text('[encoder]\nname = "resnet18"\nweights = "none"\n[schedule]\npeak = 1e30\nstart_division = 1.0\n')
    before = read_json(copy / "benchmark.json")
    grown = benchmark(small_dataset, copy, plan("fast", "path=fast-path", str(wild)), draws=30, resume=True)
    assert trained == ["wild, seed 0"]
    assert scores(grown.summary) == scores(before | {"leaves": [with_none(leaf) for leaf in before["leaves"]]})
    (failed,) = grown.failed
    assert failed["error"].startswith("the loss at step")
    assert grown.summary["entries"][2]["failed"] == [{"seed": 0, "error": failed["error"]}]
    assert grown.summary["entries"][2]["scores"] is None
    assert "wild & 0 & failed" in (copy / "table.tex").read_text()


def with_none(leaf):
    return leaf | {"entries": [*leaf["entries"], None]}


def test_what_does_not_fit_a_finished_benchmark_leaves_it_alone(copy, small_dataset):
    for other in (plan(split="dev"), plan("fast=fast-path")):
        with pytest.raises(UsageError, match="was begun with"):
            benchmark(small_dataset, copy, other, resume=True)
    with pytest.raises(UsageError, match="exists already"):
        benchmark(small_dataset, copy, plan())
    assert (copy / "benchmark.json").is_file()
    assert not part_of(copy).exists()


class Told:
    """Runs that are told, not done: each has the files of a real one."""

    def __init__(self, whole, fails=()):
        self.whole, self.fails, self.done = whole, fails, []

    def __call__(self, trial, data, split, progress):
        training = trial.recipe.training
        name = f"{trial.label} {training.share:g} {training.seed}"
        self.done.append(name)
        if name in self.fails:
            raise RuntimeError("out of memory\nmore of it")
        real = self.whole / "runs" / f"{'path' if trial.label == 'path' else 'fast'}-share1-s0"
        trial.folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(real / "predictions.parquet", trial.folder)
        run = read_json(real / "run.json") | {
            "label": trial.label, "recipe": trial.asked, "share": training.share, "seed": training.seed,
        }  # fmt: skip
        (trial.folder / "run.json").write_text(json.dumps(run))
        return run


def test_runs_come_in_rounds_with_a_report_after_each(whole, small_dataset, tmp_path, monkeypatch):
    told = Told(whole, fails=("path 0.5 0",))
    monkeypatch.setattr(stage, "run_trial", told)
    reports = []
    monkeypatch.setattr(stage, "write_page", lambda summary, folder: reports.append((summary["runs_missing"], folder)))
    asked = plan(portions=("1", "0.5:1"), seeds=2)
    done = benchmark(small_dataset, tmp_path / "report", asked, draws=10)
    assert told.done == ["fast 1 0", "path 1 0", "fast 0.5 0", "path 0.5 0", "fast 1 1", "path 1 1"]
    assert reports == [(left, part_of(tmp_path / "report")) for left in (4, 2, 0)]
    assert [run["error"] for run in done.failed] == ["RuntimeError: out of memory"]
    fast, path, fast_half, path_half = done.summary["entries"]
    assert (fast["seeds"], path["seeds"], fast_half["seeds"], path_half["seeds"]) == ([0, 1], [0, 1], [0], [])
    assert [(c["label"], c["share"]) for c in done.summary["comparisons"]] == [("path", 1.0)]
    assert path["free"]["pictures"] == 2 * done.summary["n"]
    told.fails, told.done = (), []
    again = benchmark(small_dataset, tmp_path / "report", asked, draws=10, resume=True)
    assert told.done == ["path 0.5 0"]
    assert again.failed == []


def test_when_every_run_fails_nothing_is_published(whole, small_dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "run_trial", Told(whole, fails=("fast 1 0", "path 1 0")))
    with pytest.raises(NothingDoneError, match="out of memory"):
        benchmark(small_dataset, tmp_path / "report", plan(), draws=10)
    assert not (tmp_path / "report").exists()


def test_a_full_disk_stops_everything(small_dataset, tmp_path, monkeypatch):
    def full(*asked):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stage, "run_trial", full)
    with pytest.raises(OSError, match="No space"):
        benchmark(small_dataset, tmp_path / "report", plan())


def test_a_budget_that_holds_no_epoch_is_a_row(small_dataset, tmp_path):
    with pytest.raises(NothingDoneError, match="raise --core-minutes"):
        benchmark(small_dataset, tmp_path / "report", plan("fast", core_minutes=1e-6))


def test_free_paths_are_judged():
    tree = Taxonomy([("Men", "Shirts"), ("Women", "Skirts")])
    said = [
        ("a", "Men > Shirts", ("Men", "Shirts")),
        ("a", "Men > Shirts", ("Men", "Skirts")),
        ("b", "Women > Skirts", ("Men", "Skirts")),
        ("c", "Women > Skirts", ("Women",)),
        ("d", None, ()),
    ]
    judged = judge_sentences([Sentence(*words, probability=0.5, novelty=0.1) for words in said], tree)
    assert judged.pop("novelty") == pytest.approx(0.1)
    assert judged == {
        "pictures": 5, "invalid": 2, "products": 4, "invalid_products": 2, "unfinished": 1, "short": 1, "right": 1,
        "beams": 5, "paths": [{"path": "Men > Skirts", "count": 2}],
    }  # fmt: skip


def test_a_reason_is_one_line():
    assert reason(UsageError("no\nmore")) == "no"
    assert reason(ValueError("")) == "ValueError: "


def test_the_part_that_is_reported_on_must_be_said_when_none_is_free(small_dataset):
    data = open_dataset(small_dataset)
    assert stage._reported(data, None) == "test"
    assert stage._reported(data, "dev") == "dev"
    with pytest.raises(UsageError, match="every recipe learns from it"):
        stage._reported(data, "train")
    data.splits.pop("test")
    with pytest.raises(UsageError, match="--split"):
        stage._reported(data, None)


def test_the_command(whole, small_dataset, tmp_path, monkeypatch):
    told = Told(whole)
    monkeypatch.setattr(stage, "run_trial", told)
    monkeypatch.setitem(stage.benchmark.__kwdefaults__, "draws", 10)
    words = ["benchmark", str(small_dataset), "-r", "fast", "-r", "path=fast-path", "-o", str(tmp_path / "report")]
    settings = [word for setting in SMALL for word in ("--set", setting)]
    said = CliRunner().invoke(app, [*words, *settings])
    assert said.exit_code == 0, said.output
    assert "path minus fast, whole paths: " in said.stdout  # the drawn tree is of unequal depth
    assert "2 runs\n" in said.stderr
    assert "run 2 of 2, path, seed 0: " in said.stderr
    told.fails = ("fast 1 1",)
    said = CliRunner().invoke(app, [*words, *settings, "--seeds", "2", "--resume", "--json"])
    assert said.exit_code == 1
    assert json.loads(said.stdout)["entries"][0]["seeds"] == [0]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["-r", "fats"], "did you mean 'fast'"),
        (["-r", "fast", "-r", "fast"], "tell them apart"),
        (["-r", "fast", "--share", "2"], "above 0, up to 1"),
        (["-r", "fast", "--split", "moon"], "has no split 'moon'"),
        (["-r", "fast", "--seeds", "0"], "use 1 or more"),
        (["-r", "fast", "--core-minutes", "-1"], "above 0"),
        ([], "Missing option"),
    ],
)
def test_wrong_use_says_what_to_do(words, says, small_dataset, tmp_path):
    said = CliRunner().invoke(app, ["benchmark", str(small_dataset), "-o", str(tmp_path / "report"), *words])
    assert said.exit_code == 2
    assert says in said.output
    assert list(tmp_path.iterdir()) == []


def test_a_silent_listener_is_enough(whole, small_dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "run_trial", Told(whole))
    assert benchmark(small_dataset, tmp_path / "report", plan(), draws=5, progress=Silent()).failed == []
