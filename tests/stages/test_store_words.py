import csv
import json
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from atlas.errors import TaxonomyError, UsageError
from atlas.stages.categorizer import Categorizer
from atlas.stages.inputs import find_inputs
from atlas.stages.predict import predict_to_file, store_words
from atlas.taxonomy.mapping import Mapping, MappingRow

from .fake_model import FakeScorer, picture

ROWS = (
    MappingRow("Flipkart", ("Rot", "Dunkel"), ("Red", "Dark"), "confirmed"),
    MappingRow("Flipkart", ("Blau",), ("Blue",), "confirmed"),
    MappingRow("amazon", ("Reds",), ("Red",), "confirmed"),
    MappingRow("later", ("Rouge",), ("Red",), "suggested"),
)


@pytest.fixture
def categorizer(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scorer = FakeScorer(tmp_path / "model")
    scorer.bundle = replace(scorer.bundle, mapping=Mapping(ROWS))
    for path in (("Red", "Dark"), ("Blue", "Dark"), ("Grey",)):
        picture(path).save(f"{'-'.join(path)}.png")
    (tmp_path / "bad.png").write_bytes(b"no")
    return Categorizer(scorer)


def predict(categorizer, output, stores, **more):
    words = store_words(categorizer.bundle, stores, **more)
    names = ["Red-Dark.png", "Blue-Dark.png", "Grey.png", "bad.png"]
    predict_to_file(categorizer, find_inputs(names), Path(output), also=words)
    return Path(output)


EXPECTED = [("Rot > Dunkel", "Reds"), ("Blau", None), (None, None), (None, None)]


def test_each_store_has_a_column_in_its_own_words(categorizer):
    table = pq.read_table(predict(categorizer, "out.parquet", ["flipkart", "amazon", "FLIPKART"]))
    assert table.schema.names[11:13] == ["path_Flipkart", "path_amazon"]
    assert [(row["path_Flipkart"], row["path_amazon"]) for row in table.to_pylist()] == EXPECTED
    with predict(categorizer, "out.csv", ["flipkart", "amazon"]).open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["path_Flipkart"] or None, row["path_amazon"] or None) for row in rows] == EXPECTED
    assert rows[3]["error"]
    lines = predict(categorizer, "out.jsonl", ["flipkart", "amazon"]).read_text().splitlines()
    assert [(row["path_Flipkart"], row["path_amazon"]) for row in map(json.loads, lines)] == EXPECTED


def test_an_input_column_of_that_name_gets_another_one(categorizer):
    Path("t.csv").write_text("image,path_amazon\nRed-Dark.png,mine\n")
    words = store_words(categorizer.bundle, ["amazon"])
    predict_to_file(categorizer, find_inputs(["t.csv"]), Path("out.jsonl"), also=words)
    row = json.loads(Path("out.jsonl").read_text())
    assert (row["path_amazon"], row["input_path_amazon"]) == ("Reds", "mine")


def test_a_store_path_is_no_formula(categorizer):
    evil = replace(categorizer.bundle, mapping=Mapping((MappingRow("x", ("=1+1",), ("Red",), "confirmed"),)))
    predict_to_file(categorizer, find_inputs(["Red-Dark.png"]), Path("out.csv"), also=store_words(evil, ["x"]))
    assert "'=1+1" in Path("out.csv").read_text()


def test_unknown_stores_are_refused_with_those_that_are_known(categorizer):
    with pytest.raises(
        UsageError, match=r"knows no store 'flipkrt' \(did you mean Flipkart\?\): it knows Flipkart, amazon"
    ):
        store_words(categorizer.bundle, ["amazon", "flipkrt"])
    with pytest.raises(UsageError, match="knows no store '\\*'"):
        store_words(categorizer.bundle, ["*"])
    with pytest.raises(UsageError, match=r"no row of later is confirmed .* or use --use-suggested"):
        store_words(categorizer.bundle, ["later"])
    assert store_words(categorizer.bundle, ["later"], use_suggested=True).say(("Red", "Dark")) == ("Rouge",)


def test_another_mapping_can_be_named_and_one_is_needed(categorizer, tmp_path):
    file = tmp_path / "map.csv"
    file.write_text("store,store_path,path,status\nmine,Rosso,Red,confirmed\n")
    assert store_words(categorizer.bundle, ["mine"], file).say(("Red", "Bright")) == ("Rosso",)
    bare = replace(categorizer.bundle, mapping=None)
    with pytest.raises(UsageError, match="has no mapping of stores: build its data set with --mapping"):
        store_words(bare, ["mine"])
    with pytest.raises(TaxonomyError, match="does not exist"):
        store_words(bare, ["mine"], tmp_path / "none.csv")
