import json

import pytest
from typer.testing import CliRunner

from atlas.cli.main import app
from tests.dataset.pictures import listings, write_parquet


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    from atlas.stages.build import BuildOptions, build

    folder = tmp_path_factory.mktemp("cli")
    write_parquet(folder / "source" / "rows.parquet", listings(20))
    build(folder / "source", folder / "dataset", BuildOptions(splits="60/20/20"))
    return folder / "dataset"


def call(*words):
    return CliRunner().invoke(app, ["check", *map(str, words)])


def test_the_summary_names_every_check_and_the_files(dataset, tmp_path):
    result = call(dataset, "-o", tmp_path / "report", "--cache", tmp_path / "cache", "-q")
    assert result.exit_code == 0, result.output
    for words in ("Too small", "Contradicting labels", "not looked at", "findings.csv", "index.html"):
        assert words in result.stdout
    assert result.stderr == ""


def test_json_is_the_record(dataset, tmp_path):
    result = call(dataset, "-o", tmp_path / "report", "--cache", tmp_path / "cache", "--json", "--set", "thin=3")
    record = json.loads(result.stdout)
    assert record == json.loads((tmp_path / "report" / "check.json").read_text("utf-8"))
    assert record["thresholds"]["tree"]["thin"] == 3


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--set", "smal.below=1"], "did you mean"),
        (["--set", "small.below"], "write key=value"),
        (["--thresholds", "missing.toml"], "cannot be read"),
    ],
)
def test_wrong_use_is_told_before_any_work(dataset, tmp_path, words, told):
    result = call(dataset, "-o", tmp_path / "report", "--cache", tmp_path / "cache", *words)
    assert result.exit_code == 2
    assert told in result.output
    assert not list(tmp_path.iterdir())


def test_a_source_is_refused_with_advice(dataset, tmp_path):
    result = call(dataset.parent / "source", "-o", tmp_path / "report", "--cache", tmp_path / "cache")
    assert result.exit_code == 2
    assert "atlas build" in result.output
