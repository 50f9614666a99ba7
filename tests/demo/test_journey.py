import json
import shlex
from pathlib import Path

import pytest

from atlas.cli import demo as demo_command
from atlas.demo.journey import FRESH, Journey, draw_fresh
from atlas.demo.shelves import LEAVES
from atlas.progress import Silent

TINY = ("epochs=1", "batch_size=8", "image.height_px=40", "image.width_px=32", "encoder.width=8")


def test_every_command_is_one_that_the_program_has(tmp_path):
    from atlas.cli.main import COMMANDS

    journey = Journey(tmp_path / "a folder")
    commands = [step.command for step in journey.steps if step.command] + list(journey.next_commands)
    assert len(journey.next_commands) == 3
    for command in commands:
        program, name, *rest = shlex.split(command)
        assert program == "atlas"
        assert name in COMMANDS
        assert rest


def test_the_training_command_carries_recipe_and_settings():
    command = shlex.split(Journey(Path("demo"), settings=("epochs=3",)).train.command)
    assert command == shlex.split("atlas train demo/dataset -r demo/recipe.toml --set epochs=3 -o demo/model")


def test_fresh_pictures_are_named_after_what_they_show(tmp_path):
    draw_fresh(tmp_path / "new")
    names = sorted(file.name for file in (tmp_path / "new").iterdir())
    assert len(names) == len(FRESH)
    assert "men-western-wear-shirts.jpg" in names


@pytest.mark.slow
def test_a_small_journey_goes_all_the_way_and_is_reused(tmp_path, capsys):
    pytest.importorskip("torch")
    pytest.importorskip("scrapy")
    journey = Journey(tmp_path / "demo", products=72, settings=TINY, leaves=LEAVES[:4])
    told = demo_command.walk(journey, anew=False, json=False, quiet=True)
    assert [step["made"] for step in told] == [True] * 12
    shown = capsys.readouterr().out
    assert "72 products" in shown
    assert "haveli: 34 products" in shown
    assert "nordlys: 34 products" in shown
    assert "refused, robots.txt: 2" in shown
    assert "left out, store path not mapped" in shown
    assert "men-western-wear-shirts.jpg: Men" in shown
    assert "at nordlys: Apparel > " in shown
    assert "products that show another one's pictures: 2 of 2 caught" in shown
    assert "products with a close-up among their pictures: " in shown
    assert "products under a wrong category: " in shown
    metrics = json.loads((journey.report / "metrics.json").read_text())
    assert len(metrics["level_accuracy"]) == 3

    again = demo_command.walk(journey, anew=False, json=True, quiet=True)
    assert [step["made"] for step in again] == [False] * 12
    assert [step["said"] for step in again] == [step["said"] for step in told]
    assert capsys.readouterr().out == ""

    (journey.folder / "predictions.parquet").unlink()
    anew = False
    made = [anew := step.run(Silent(), anew=anew) or anew for step in journey.steps]
    assert made == [False] * 9 + [True] * 3
