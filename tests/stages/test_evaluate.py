import builtins
import json

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from atlas.cli.main import app
from atlas.errors import DataError, UsageError
from atlas.progress import Silent
from atlas.stages import evaluate as stage
from atlas.stages.evaluate import evaluate_model, evaluate_predictions
from atlas.storage import part_of, read_json
from tests.evaluate.synthetic import row, tree_of, write, write_drawn

TREE = tree_of(12)


@pytest.fixture(scope="module")
def predictions(tmp_path_factory):
    return write_drawn(tmp_path_factory.mktemp("drawn") / "predictions.parquet", TREE, 300, skill=3.5)


def spoilt(file, tmp_path):
    """The same predictions, by a model that has lost one big leaf."""
    table = pq.read_table(file)
    biggest = table["truth"].value_counts().to_pylist()
    leaf = max(biggest, key=lambda entry: entry["counts"])["values"]
    other = next(text for text in table["truth"].to_pylist() if text != leaf)
    columns = zip(table["path"].to_pylist(), table["truth"].to_pylist(), strict=True)
    guesses = [other if truth == leaf else path for path, truth in columns]
    worse = tmp_path / "worse.parquet"
    place = table.column_names.index("path")
    pq.write_table(table.set_column(place, "path", [guesses]), worse)
    return worse, leaf


@pytest.fixture
def no_page(monkeypatch):
    """Drawing takes a second; where the page is no matter it is left out."""
    monkeypatch.setattr(stage, "write_report", lambda metrics, folder: None)


class Heard(Silent):
    def __init__(self):
        self.tasks = []

    def begin(self, task, total=None):
        self.tasks.append(task)


def test_the_report_folder_is_whole(predictions, tmp_path):
    heard = Heard()
    done = evaluate_predictions(predictions, tmp_path / "report", draws=20, command="atlas evaluate", progress=heard)
    names = {file.name for file in done.folder.iterdir()}
    assert names == {"metrics.json", "report.html", "f1_by_support.png", "f1_by_support.svg"}
    metrics = read_json(done.folder / "metrics.json")
    assert metrics == done.metrics
    assert metrics["provenance"]["command"] == "atlas evaluate"
    assert metrics["provenance"]["predictions"]["file"] == str(predictions)
    assert len(metrics["provenance"]["predictions"]["sha256"]) == 64
    assert done.fell == ()
    assert heard.tasks == ["measure"]


@pytest.mark.usefixtures("no_page")
def test_the_same_file_gives_the_same_figures(predictions, tmp_path):
    first, second = (evaluate_predictions(predictions, tmp_path / name, draws=20) for name in "ab")
    assert first.metrics == second.metrics


@pytest.mark.usefixtures("no_page")
def test_an_existing_report_is_kept(predictions, tmp_path):
    (tmp_path / "report").mkdir()
    with pytest.raises(UsageError, match="exists already"):
        evaluate_predictions(predictions, tmp_path / "report", draws=5)
    evaluate_predictions(predictions, tmp_path / "report", draws=5, overwrite=True)
    assert (tmp_path / "report" / "metrics.json").is_file()


@pytest.mark.usefixtures("no_page")
def test_what_a_killed_call_left_is_made_again(predictions, tmp_path):
    (tmp_path / "report.part").mkdir()
    (tmp_path / "report.part" / "metrics.json").write_text("{")
    evaluate_predictions(predictions, tmp_path / "report", draws=5)
    assert read_json(tmp_path / "report" / "metrics.json")["version"]
    assert not (tmp_path / "report.part").exists()


def test_a_bad_file_leaves_nothing_behind(tmp_path):
    (tmp_path / "p.parquet").write_text("no")
    with pytest.raises(DataError, match="not a whole Parquet file"):
        evaluate_predictions(tmp_path / "p.parquet", tmp_path / "report")
    assert [file.name for file in tmp_path.iterdir()] == ["p.parquet"]


def test_a_lost_leaf_is_named(predictions, tmp_path):
    worse, leaf = spoilt(predictions, tmp_path)
    done = evaluate_predictions(worse, tmp_path / "report", against=predictions, draws=20)
    assert leaf in done.fell
    assert "Worse beyond chance" in (done.folder / "report.html").read_text()
    assert done.metrics["provenance"]["against"]["file"] == str(predictions)


def without_report_extra(monkeypatch):
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.split(".")[0] in ("jinja2", "altair", "vl_convert", "markupsafe"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)


def test_without_the_extra_there_are_still_figures(predictions, tmp_path, monkeypatch):
    without_report_extra(monkeypatch)
    done = evaluate_predictions(predictions, tmp_path / "report", draws=5)
    assert [file.name for file in done.folder.iterdir()] == ["metrics.json"]
    assert "pip install 'atlas-categorizer[report]'" in done.without_page


def fake_prediction(file):
    calls = []

    def predict_dataset(model, dataset, split, output_file, *, progress=None):
        calls.append((model, dataset, split))
        output_file.write_bytes(file.read_bytes())

    return predict_dataset, calls


@pytest.mark.usefixtures("no_page")
def test_a_model_is_measured_on_a_split(predictions, tmp_path, monkeypatch):
    predict, calls = fake_prediction(predictions)
    monkeypatch.setattr("atlas.stages.predict.predict_dataset", predict)
    done = evaluate_model(tmp_path / "model", tmp_path / "dataset", "dev", tmp_path / "report", draws=5)
    assert calls == [(tmp_path / "model", tmp_path / "dataset", "dev")]
    assert (done.folder / "predictions.parquet").is_file()
    assert done.metrics["provenance"]["predictions"]["file"] == str(done.folder / "predictions.parquet")
    assert done.metrics["provenance"]["dataset"] == str(tmp_path / "dataset")


@pytest.mark.usefixtures("no_page")
def test_predictions_survive_a_failure_and_are_taken_up(predictions, tmp_path, monkeypatch):
    predict, calls = fake_prediction(predictions)
    monkeypatch.setattr("atlas.stages.predict.predict_dataset", predict)
    with monkeypatch.context() as failing:
        failing.setattr(stage, "summarize", fails)
        with pytest.raises(DataError, match="no such split"):
            evaluate_model(tmp_path, tmp_path, "dev", tmp_path / "report", draws=5)
    assert (part_of(tmp_path / "report") / "predictions.parquet").is_file()
    with pytest.raises(UsageError, match="another model, data set or split"):
        evaluate_model(tmp_path, tmp_path, "test", tmp_path / "report", resume=True, draws=5)
    done = evaluate_model(tmp_path, tmp_path, "dev", tmp_path / "report", resume=True, draws=5)
    assert len(calls) == 1
    assert {file.name for file in done.folder.iterdir()} == {"metrics.json", "predictions.parquet"}


def test_a_wrong_file_to_compare_with_is_told_before_the_long_work(predictions, tmp_path, monkeypatch):
    predict, calls = fake_prediction(predictions)
    monkeypatch.setattr("atlas.stages.predict.predict_dataset", predict)
    with pytest.raises(DataError, match="is not a file"):
        evaluate_model(tmp_path, tmp_path, "dev", tmp_path / "report", against=tmp_path / "none.parquet", draws=5)
    assert calls == []
    assert list(tmp_path.iterdir()) == []


def fails(*args, **kwargs):
    raise DataError("no such split")


def test_faithfulness_stands_beside_the_scores(predictions, tmp_path, monkeypatch):
    level = {"level": 1, "products": 7, "brightest": 1.25, "random": 0.5, "ratio": 2.5, "interval": [2.1, 3.0]}
    found = {
        "random_draws": 5, "seed": 0, "evidence": "attention", "grid": [8, 6], "products": 7, "hidden_cells": 10,
        "hidden_share": 0.2, "goal": 2.0,
        "levels": [level | {"reached": True}, level | {"level": 2, "ratio": None, "interval": None, "reached": False}],
    }  # fmt: skip
    asked = []
    monkeypatch.setattr("atlas.stages.predict.predict_dataset", fake_prediction(predictions)[0])
    monkeypatch.setattr("atlas.stages.categorizer.load", lambda folder: folder.name)
    monkeypatch.setattr(
        "atlas.stages.faithfulness.measure_faithfulness", lambda *given, **words: asked.append(given) or found
    )
    done = evaluate_model(tmp_path / "model", tmp_path / "data", "dev", tmp_path / "report", faithfulness=40, draws=5)
    assert asked == [("model", tmp_path / "data", "dev", 40)]
    assert read_json(done.folder / "metrics.json")["faithfulness"] == found
    page = (done.folder / "report.html").read_text()
    assert "10 of 48 cells, by attention" in page
    assert "Missed at level 2" in page
    assert "2.1 – 3.0" in page


def test_a_failed_prediction_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("atlas.stages.predict.predict_dataset", fails)
    with pytest.raises(DataError):
        evaluate_model(tmp_path, tmp_path, "dev", tmp_path / "report")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def run(monkeypatch):
    """`atlas evaluate ...` with few resamples."""
    monkeypatch.setattr(stage, "DRAWS", 20)
    for function in (stage.evaluate_predictions, stage.evaluate_model):
        monkeypatch.setitem(function.__kwdefaults__, "draws", 20)
    return lambda *arguments: CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


@pytest.mark.usefixtures("no_page")
def test_the_command_prints_the_headline(predictions, tmp_path, run):
    result = run(predictions, "-o", tmp_path / "report", "--quiet")
    assert result.exit_code == 0, result.output
    assert "first 3 names right" in result.output
    assert "macro F" in result.output
    assert "report.html" in result.output


@pytest.mark.usefixtures("no_page")
def test_the_command_prints_metrics_as_json(predictions, tmp_path, run):
    result = run(predictions, "-o", tmp_path / "report", "--json")
    assert json.loads(result.stdout) == read_json(tmp_path / "report" / "metrics.json")


@pytest.mark.usefixtures("no_page")
def test_the_command_exits_with_4_when_a_leaf_fell(predictions, tmp_path, run):
    worse, leaf = spoilt(predictions, tmp_path)
    result = run(worse, "-o", tmp_path / "report", "--against", predictions, "--quiet")
    assert result.exit_code == 4
    assert "worse beyond chance: " in result.output
    assert leaf in result.output
    assert run(predictions, "-o", tmp_path / "better", "--against", worse, "--quiet").exit_code == 0


@pytest.mark.usefixtures("no_page")
def test_the_command_counts_failed_rows(tmp_path, run, monkeypatch):
    guess = " > ".join(TREE.paths[TREE.answers[0]])
    rows = [row("a", guess, guess, TREE), row("b", guess, "", TREE, error="cut")]
    file = write(tmp_path / "p.parquet", rows, TREE)
    result = run(file, "-o", tmp_path / "report", "--quiet")
    assert result.exit_code == 1
    assert "1 rows failed and count as wrong: cut" in result.output
    monkeypatch.setattr("atlas.stages.predict.predict_dataset", fake_prediction(file)[0])
    assert run("model", "dataset", "--split", "dev", "-o", tmp_path / "other", "--quiet").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["."], "a model needs a data set too"),
        (["p.parquet", "--split", "dev"], "--split goes with a model"),
        (["p.parquet", "--faithfulness", "9"], "a predictions file holds none"),
        (["model", "dataset", "--split", "dev", "--faithfulness", "0"], "--faithfulness"),
        (["model", "dataset"], "--split test"),
        (["missing.parquet"], "is not a file"),
    ],
)
def test_wrong_use_says_what_to_do(arguments, message, tmp_path, run):
    result = run(*arguments, "-o", tmp_path / "report")
    assert result.exit_code == 2
    assert message in result.output
