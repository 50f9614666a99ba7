"""The scripts in examples/ run as they stand, on drawn pictures."""

import runpy
import sys
from pathlib import Path

import pytest

from atlas.demo.journey import draw_fresh

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def run(monkeypatch, capsys):
    def run(name, *words):
        monkeypatch.setattr(sys, "argv", [name, *map(str, words)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return run


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    draw_fresh(folder)
    return folder


def test_every_example_is_tested_here():
    assert {file.name for file in EXAMPLES.glob("*.py")} == {"predict_one.py", "sweep_folder.py", "walk_tree.py"}


def test_walk_tree(run):
    shown = run("walk_tree.py", "Men > Inner Wear")
    assert shown.splitlines() == ["Men > Inner Wear has 4 children", "  Boxers", "  Vests", "  Pyjama", "  Underwear"]


def test_predict_one(run, small_model, pictures):
    shown = run("predict_one.py", small_model, sorted(pictures.iterdir())[0])
    assert "\nor " in shown


def test_sweep_folder_puts_the_least_sure_first(run, small_model, pictures):
    (pictures / "notes.txt").write_text("no picture")
    lines = run("sweep_folder.py", small_model, pictures).splitlines()
    shares = [float(line.split()[0]) for line in lines]
    assert len(lines) == 7
    assert shares == sorted(shares)
    assert "notes.txt: not a picture" in lines[0]
