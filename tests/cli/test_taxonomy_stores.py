import json

import pytest
from typer.testing import CliRunner

from atlas.cli.main import app
from tests.dataset.crawls import listing, write_crawl
from tests.stages.fake_model import FakeScorer


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def shops(tmp_path):
    ours, theirs = ["Men > T-Shirts", "Men > Kilts", "Sale"], ["Menswear > tees", "Menswear > denim"]
    write_crawl(tmp_path / "shops" / "acme", [listing("acme", n, ours[n % 3]) for n in range(15)])
    write_crawl(tmp_path / "shops" / "bolt", [listing("bolt", n, theirs[n % 2]) for n in range(8)])
    return tmp_path / "shops"


def test_a_draft_is_a_table_or_a_file(shops, tmp_path):
    result = run("taxonomy", "draft", shops, "-q")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "path\tstores\tproducts\tby store",
        "Men > T-Shirts\t2\t9\tacme 5, bolt 4",
        "1 paths that at least 2 of 2 stores have; products: acme 15, bolt 8",
        "3 paths are in fewer stores: -o FILE lists them",
    ]
    tree = tmp_path / "tree.txt"
    told = run("taxonomy", "draft", shops / "acme", shops / "bolt", "-o", tree, "-q").stdout
    assert told.splitlines()[-1].startswith(f"next: edit {tree}, then atlas taxonomy map ")
    assert "# acme 5, bolt 4 as 'Menswear > tees'\nMen > T-Shirts\n" in tree.read_text()
    value = json.loads(run("taxonomy", "draft", shops, "--json", "--min-stores", 1).stdout)
    assert ["Sale"] in value["answers"]
    assert value["products"] == {"acme": 15, "bolt": 8}


def test_a_mapping_says_what_to_look_at(shops, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("taxonomy", "map", shops, "--taxonomy", "atlas52", "-o", "map.csv", "-q")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "map.csv: 5 store paths, 3 of them with a suggestion of 0.8 or more, 0 with a lower one, 2 without",
        "next: look through it and set status to confirmed, then atlas build CRAWL --mapping map.csv",
    ]
    value = json.loads(
        run("taxonomy", "map", shops, "--taxonomy", "atlas52", "-o", tmp_path / "again.csv", "--json").stdout
    )
    assert value["suggested"][0]["path"] == ["Men", "Western Wear", "Shirts"]
    (tmp_path / "words.txt").write_text("Women > Sleeping Gowns\n")
    doubtful = run("taxonomy", "map", tmp_path / "words.txt", "--taxonomy", "atlas52", "-o", tmp_path / "w.csv", "-q")
    assert doubtful.stdout.splitlines()[0] == "store\tstore path\tdoubtful suggestion\tscore\tproducts"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["draft", "SHOPS/acme"], 2, "1 stores in the sources (acme)"),
        (["draft", "SHOPS/none"], 2, "does not exist"),
        (["draft", "SHOPS", "--levels", "0"], 2, "--levels"),
        (["map", "SHOPS", "-o", "x.csv"], 2, "--taxonomy"),
        (["map", "SHOPS", "--taxonomy", "none.txt", "-o", "x.csv"], 2, "none.txt does not exist"),
        (["map", "SHOPS", "--taxonomy", "atlas52", "--mapping", "no.csv", "-o", "x.csv"], 2, "no.csv does not exist"),
        (["map", "https://shop.test", "--taxonomy", "atlas52", "-o", "x.csv"], 2, "atlas collect"),
    ],
)
def test_wrong_use_says_what_is_right(shops, tmp_path, monkeypatch, words, code, says):
    monkeypatch.chdir(tmp_path)
    result = run("taxonomy", *(word.replace("SHOPS", str(shops)) for word in words))
    assert result.exit_code == code
    assert says in result.stderr
    assert not (tmp_path / "x.csv").exists()


def test_build_prints_what_stayed_unmapped(shops, tmp_path):
    (tmp_path / "map.csv").write_text("store,store_path,path,status\n*,Men > T-Shirts,Men > Tops,confirmed\n")
    result = run("build", shops, "--mapping", tmp_path / "map.csv", "-o", tmp_path / "out", "-q")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    at = lines.index("store\tstore path that stayed unmapped\trows")
    assert lines[at + 1 : at + 5] == [
        "acme\tMen > Kilts\t5",
        "acme\tSale\t5",
        "bolt\tMenswear > denim\t4",
        "bolt\tMenswear > tees\t4",
    ]


def test_build_prints_what_no_split_names(tmp_path):
    from tests.dataset.pictures import picture

    for number in range(12):
        file = tmp_path / "tree" / ["train", "test", "spare"][number % 3] / "Men" / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(picture(number))
    result = run("build", tmp_path / "tree", "--splits", "train=train,test=test", "-o", tmp_path / "out", "-q")
    assert result.exit_code == 0
    assert "by --splits\t4" in result.stdout
    assert "in no split: spare" in result.stdout


def test_links_end_with_how_to_publish_and_drift_is_printed(shops, tmp_path):
    path = ("--columns", "path=breadcrumb", "-q")
    result = run("build", shops, *path, "--links-only", "-o", tmp_path / "links")
    assert result.stdout.splitlines()[-1] == "next: publish the folder (docs/publish.md)"
    again = run("build", tmp_path / "links", "--pictures", shops, "-o", tmp_path / "again", "-q")
    assert again.exit_code == 0
    assert "pictures since the links were made: 23 same, 0 changed, 0 dead, 0 not collected, 0 new" in again.stdout


def test_predict_has_a_column_for_each_store(tmp_path, monkeypatch):
    from atlas.stages import predict
    from atlas.stages.categorizer import Categorizer
    from tests.stages.fake_model import picture

    (tmp_path / "model").mkdir()
    (tmp_path / "map.csv").write_text("store,store_path,path,status\nacme,Rot,Red,confirmed\n")
    picture(("Red", "Dark")).save(tmp_path / "red.png")
    (tmp_path / "bad.png").write_bytes(b"no")
    monkeypatch.setattr(predict, "load", lambda *_, **__: Categorizer(FakeScorer(tmp_path / "model")))
    call = ("predict", tmp_path / "red.png", tmp_path / "bad.png", "-m", tmp_path / "model", "-q", "--also", "acme")
    lines = run(*call, "--mapping", tmp_path / "map.csv").stdout.splitlines()
    assert lines[0].split("\t")[-1] == "path_acme"
    assert lines[1].split("\t")[-1] == "Rot"
    assert lines[2].count("\t") == lines[0].count("\t")
    assert "name the stores with --also" in run(*call[:-2], "--mapping", tmp_path / "map.csv").stderr
    refused = run(*call)
    assert refused.exit_code == 2
    assert "has no mapping of stores" in refused.stderr
