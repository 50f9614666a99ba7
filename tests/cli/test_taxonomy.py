import json

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from atlas.cli.main import app
from atlas.dataset import schema


def run(*words):
    return CliRunner().invoke(app, ["taxonomy", *map(str, words)])


@pytest.fixture
def tree_file(tmp_path):
    file = tmp_path / "shop.txt"
    file.write_text("1 - Men\n2 - Men > Shirts\n3 - Men > Belts\n4 - Gifts\n")
    return file


def test_show_draws_the_shipped_tree():
    lines = run("show").stdout.splitlines()
    assert lines[0].startswith("atlas52: 52 leaves, 3 levels")
    assert lines[1].split() == ["Men", "22"]
    assert lines[2].split() == ["├─", "Ethnic", "Wear", "8"]
    assert len({len(line) for line in lines[1:]}) == 1


def test_show_marks_inner_answers_and_cuts_levels(tree_file):
    assert run("show", tree_file).stdout.splitlines()[1].split() == ["Men", "*", "2"]
    assert len(run("show", tree_file, "--levels", 1).stdout.splitlines()) == 3


def test_show_as_json(tree_file):
    value = json.loads(run("show", tree_file, "--json").stdout)
    assert (value["leaves"], value["answers"], value["levels"]) == (3, 4, 2)
    assert value["nodes"][1] == {"path": ["Men", "Shirts"], "id": "2", "answer": True, "leaves": 1, "products": None}


def test_show_counts_the_products_of_a_data_set(tmp_path, monkeypatch, tree_file):
    from atlas.taxonomy.files import read_taxonomy

    class Dataset:
        def __init__(self):
            self.taxonomy = read_taxonomy(tree_file)
            self.splits = {"train": 3, "test": 1}

        def table(self, split, columns):
            rows = {"train": [("a", ["Gifts"]), ("a", ["Gifts"]), ("b", ["Men", "Belts"])], "test": [("c", ["Men"])]}
            return pa.table(dict(zip(columns, zip(*rows[split], strict=True), strict=True)))

    monkeypatch.setattr(schema, "open_dataset", lambda folder: Dataset())
    value = json.loads(run("show", tmp_path, "--json").stdout)
    assert {node["path"][-1]: node["products"] for node in value["nodes"]} == {
        "Men": 2,
        "Shirts": 0,
        "Belts": 1,
        "Gifts": 1,
    }


def test_a_missing_file_is_one_line(tmp_path):
    result = run("show", tmp_path / "none.txt")
    assert result.exit_code == 2
    assert "none.txt does not exist" in result.stderr


def test_check_lists_everything_and_fails_on_errors_alone(tmp_path, tree_file):
    assert run("check", tree_file).exit_code == 0
    bad = tmp_path / "bad.txt"
    bad.write_bytes(b"A > x\nA > X\n\xff\nA > x\n")
    result = run("check", bad)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1] == "2 errors, 1 warnings"
    assert "bad.txt, line 3: error: byte 0xFF is not UTF-8" in result.stdout
    found = json.loads(run("check", bad, "--json").stdout)
    assert [(finding["line"], finding["severity"]) for finding in found] == [(3, "error"), (4, "error"), (2, "warning")]


def test_check_reads_the_shipped_tree_by_its_own_lines():
    assert "line 35: warning" in run("check", "atlas52").stdout


def test_diff_lists_changes_and_says_so_in_its_exit_code(tmp_path, tree_file):
    assert run("diff", tree_file, tree_file).exit_code == 0
    other = tmp_path / "other.txt"
    other.write_text("1 - Men\n2 - Men > Tops\n5 - Pets\n4 - Gifts\n")
    result = run("diff", tree_file, other)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "- Men > Belts",
        "+ Pets",
        "> Men > Shirts  to  Men > Tops",
        "1 removed, 1 added, 1 moved, 0 ids changed",
    ]
    value = json.loads(run("diff", tree_file, other, "--json").stdout)
    assert value["moved"] == [[["Men", "Shirts"], ["Men", "Tops"]]]


def test_show_counts_the_products_that_a_model_learned_from(small_model):
    value = json.loads(run("show", small_model, "--json").stdout)
    products = {tuple(node["path"]): node["products"] for node in value["nodes"]}
    assert products[("Men", "Jeans")] == 7  # of 12, a part for dev and test
    assert products[("Men",)] == sum(
        count for path, count in products.items() if path[0] == "Men" and path[1:] in LEAVES
    )


LEAVES = {("Tops", "Shirts"), ("Tops", "Vests"), ("Jeans",)}
