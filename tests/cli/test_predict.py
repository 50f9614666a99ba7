"""`atlas predict` and `atlas calibrate` as a person meets them: what is printed, and the exit code."""

import io
import json
import sys

import pytest

from atlas.cli import main as cli
from atlas.stages import calibrate, predict
from atlas.stages.categorizer import Categorizer
from tests.stages.fake_model import COLOURS, FakeScorer, encoded, picture, write_dataset


@pytest.fixture
def atlas(tmp_path, monkeypatch, capsys):
    """Call the command line; gives exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATLAS_MODEL", "model")
    (tmp_path / "model").mkdir()
    for stage in (predict, calibrate):
        monkeypatch.setattr(stage, "load", lambda *_, **__: Categorizer(FakeScorer(tmp_path / "model")))
    for path in COLOURS:
        picture(path).save(f"{'-'.join(path)}.png")

    def call(*arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["atlas", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        return stopped.value.code or 0, *capsys.readouterr()

    return call


def test_a_picture_gives_its_path(atlas):
    code, out, _ = atlas("predict", "Red-Dark.png", "-q")
    header, row = out.splitlines()
    assert code == 0
    assert header.split("\t") == ["product", "path", "probability", "by level", "alternatives"]
    product, path, _, _, others = row.split("\t")
    assert (product, path) == ("Red-Dark.png", "Red > Dark")
    assert "… > Bright (0." in others
    assert "Blue > Dark (0." in others


def test_json_is_json_and_nothing_else(atlas):
    code, out, err = atlas("predict", "Red-Dark.png", "Grey.png", "--json", "--alternatives", "1")
    rows = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert [row["path"] for row in rows] == ["Red > Dark", "Grey"]
    assert [len(row["alternatives"]) for row in rows] == [1, 1]


def test_some_failed_is_one_and_all_failed_is_three(atlas):
    code, out, err = atlas("predict", "gone.png", "Grey.png", "-q")
    assert code == 1
    assert "error: no such file" in out
    assert "1 of 2 rows failed" in err
    code, out, err = atlas("predict", "gone.png", "-o", "out.csv", "-q")
    assert (code, out) == (3, "")
    assert "no such file" in err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["Grey.png", "-o", "out.xls"],
        ["*.gif"],
        ["Grey.png", "--batch-size", "0"],
        ["Grey.png", "--split", "test"],
        ["Grey.png", "--nonsense"],
        ["Grey.png", "--evidence"],
        ["Grey.png", "--evidence", "-o", "out.csv"],
    ],
)
def test_wrong_use_is_two(atlas, arguments):
    code, out, err = atlas("predict", *arguments)
    assert (code, out) == (2, "")
    assert err


def test_no_model_says_how(atlas, monkeypatch):
    monkeypatch.delenv("ATLAS_MODEL")
    code, _, err = atlas("predict", "Grey.png")
    assert code == 2
    assert "-m" in err


def test_a_file_comes_out_with_a_summary(atlas, tmp_path):
    code, out, _ = atlas("predict", "*.png", "-o", "out.csv", "-q")
    assert (code, out) == (0, "out.csv: 5 rows\n")
    code, out, _ = atlas("predict", "*.png", "-o", "out.parquet", "--json")
    assert json.loads(out) == {"output": "out.parquet", "rows": 5, "failed": 0}
    assert atlas("predict", "*.png", "-o", "out.csv")[0] == 2
    assert atlas("predict", "*.png", "-o", "out.csv", "--overwrite")[0] == 0


def test_evidence_goes_into_parquet(atlas):
    import pyarrow.parquet as pq

    assert atlas("predict", "Red-Dark.png", "-o", "out.parquet", "--evidence", "-q")[0] == 0
    (levels,) = pq.read_table("out.parquet")["evidence"].to_pylist()
    assert len(levels) == 2
    assert ".parquet" in atlas("predict", "Red-Dark.png", "-o", "out.jsonl", "--evidence")[2]


def test_names_come_from_stdin_and_may_begin_with_a_dash(atlas):
    picture(("Grey",)).save("-o.png")
    code, out, _ = atlas("predict", "-", "--json", stdin=b"Grey.png\n-o.png\n")
    assert code == 0
    assert [json.loads(line)["product_id"] for line in out.splitlines()] == ["Grey.png", "-o.png"]
    assert atlas("predict", "-q", "--", "-o.png")[0] == 0


def test_calibrate_prints_each_level_before_and_after(atlas, tmp_path):
    rows = [{"path": list(path), "image": encoded(picture(path))} for path in COLOURS] * 20
    write_dataset(tmp_path / "data", [*rows, {"path": ["Grey"], "image": b"x"}])
    code, out, _ = atlas("calibrate", "model", "data", "-q")
    assert code == 1
    header, first, second, failed = out.splitlines()
    assert header.split("\t")[3:] == ["ECE before", "ECE after", "NLL before", "NLL after"]
    assert first.split("\t")[:2] == ["1", "100"]
    assert second.split("\t")[:2] == ["2", "80"]
    assert failed == "1 pictures could not be read"
    figures = json.loads(atlas("calibrate", "model", "data", "--json")[1])
    assert figures["temperatures"] == pytest.approx([float(line.split("\t")[2]) for line in (first, second)], abs=1e-3)
    assert [level["level"] for level in figures["after"]] == [1, 2]


def test_explain_draws_into_a_folder_of_its_own(atlas, tmp_path):
    code, _, err = atlas("predict", "Red-Dark.png", "--explain", "Grey.png", "-q")
    assert code == 2
    assert "Grey.png is a file: --explain draws into a folder" in err
    assert atlas("predict", "gone.png", "--explain", "why", "-q")[0] == 3
    assert not (tmp_path / "why").exists()
    assert atlas("predict", "Grey.png", "Red-Dark.png", "--explain", "why", "-q")[0] == 0
    assert "why holds files already" in atlas("predict", "Red-Dark.png", "--explain", "why", "-q")[2]
    assert atlas("predict", "Red-Dark.png", "--explain", "why", "--overwrite", "-q")[0] == 0
    assert [file.name for file in (tmp_path / "why").iterdir()] == ["00001-Red-Dark.png"]
