"""What goes in and what comes out: files, folders, patterns, tables, data sets; Parquet, CSV, JSON lines."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from atlas.errors import BundleError, DataError, NothingDoneError, UsageError
from atlas.stages import predict as stage
from atlas.stages.categorizer import Categorizer
from atlas.stages.inputs import find_inputs
from atlas.stages.outputs import ANSWER_SCHEMA, EVIDENCE_SCHEMA
from atlas.stages.rows import NamedColumns
from atlas.taxonomy.files import parse_taxonomy

from .fake_model import COLOURS, TREE, FakeScorer, encoded, picture, write_dataset


@pytest.fixture
def categorizer(tmp_path) -> Categorizer:
    return Categorizer(FakeScorer(tmp_path / "model"))


@pytest.fixture
def photos(tmp_path, monkeypatch) -> Path:
    """`photos/` with one picture per path, in the current folder."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "photos"
    for path in COLOURS:
        file = folder.joinpath(*path).with_suffix(".png")
        file.parent.mkdir(parents=True, exist_ok=True)
        picture(path).save(file)
    return folder


def run(categorizer, names, output, **options) -> stage.Outcome:
    return stage.predict_to_file(categorizer, find_inputs(names, **options), Path(output))


def files_of(source) -> list[str]:
    return [name for chunk in source.chunks() for name in chunk.product_ids]


def read_csv(file) -> list[dict[str, str]]:
    with Path(file).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


# -- files, folders, patterns ------------------------------------------------------------------------------------------


def test_a_folder_is_searched_through_in_order(categorizer, photos):
    (photos / ".hidden.png").touch()
    (photos / "notes.txt").touch()
    source = find_inputs(["photos"])
    names = [
        "photos/Grey.png",
        "photos/Blue/Bright.png",
        "photos/Blue/Dark.png",
        "photos/Red/Bright.png",
        "photos/Red/Dark.png",
    ]
    assert files_of(source) == names
    assert source.rows == 5
    assert run(categorizer, ["photos"], "out.jsonl") == stage.Outcome(5, 0)
    rows = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert [row["path"].replace(" > ", "/") for row in rows] == [name[7:-4] for name in names]
    assert [row["file"] for row in rows] == names


def test_patterns_are_resolved_here_too(photos):
    assert files_of(find_inputs(["photos/**/*.png"])) == sorted(
        [
            "photos/Grey.png",
            "photos/Blue/Bright.png",
            "photos/Blue/Dark.png",
            "photos/Red/Bright.png",
            "photos/Red/Dark.png",
        ]
    )
    assert files_of(find_inputs(["photos/R*"])) == ["photos/Red/Bright.png", "photos/Red/Dark.png"]
    with pytest.raises(UsageError, match="nothing matches"):
        find_inputs(["photos/*.gif"])


def test_a_file_with_signs_of_a_pattern_in_its_name_is_a_file(photos):
    picture(("Grey",)).save("a[1].png")
    assert files_of(find_inputs(["a[1].png"])) == ["a[1].png"]


def test_links_in_a_circle_end(photos):
    (photos / "Red" / "again").symlink_to(photos)
    (photos / "self").symlink_to("self")
    assert len(files_of(find_inputs(["photos"]))) == 5


def test_a_list_on_stdin(categorizer, photos):
    lines = ["photos/Grey.png\n", "\n", "photos/Red/Dark.png\r\n", "photos/none.png"]
    outcome = run(categorizer, ["-"], "out.csv", lines=lines)
    assert (outcome.rows, outcome.failed) == (3, 1)
    assert [row["path"] for row in read_csv("out.csv")] == ["Grey", "Red > Dark", ""]


def test_names_of_every_kind(categorizer, photos):
    names = ["-x.png", "=1+2.png", "ünï → 服.png", "a b\n.png", "folder.jpg/in.png"]
    Path("folder.jpg").mkdir()
    for name in names:
        picture(("Grey",)).save(name)
    odd = os.fsdecode(b"bad-\xff.png")
    Path(odd).symlink_to("=1+2.png")
    outcome = run(categorizer, [*names[:4], "folder.jpg", odd], "out.csv")
    assert outcome == stage.Outcome(6, 0)
    ids = [row["product_id"] for row in read_csv("out.csv")]
    assert ids == ["'-x.png", "'=1+2.png", "ünï → 服.png", "a b\n.png", "folder.jpg/in.png", "bad-�.png"]


def test_bad_pictures_cost_their_own_rows(categorizer, photos):
    (photos / "empty.jpg").touch()
    (photos / "text.jpg").write_text("no picture")
    outcome = run(categorizer, ["photos", "missing.jpg"], "out.parquet")
    assert (outcome.rows, outcome.failed) == (8, 3)
    rows = {row["product_id"]: row for row in pq.read_table("out.parquet").to_pylist()}
    bad = rows["photos/empty.jpg"]
    assert "not a picture" in bad["error"]
    silent = ("path", "probability", "level_probabilities", "answered_depth", "alternatives", "masses", "mass_left")
    assert [bad[name] for name in silent] == [None] * 7
    assert "no such file" in rows["missing.jpg"]["error"]
    assert rows["photos/Grey.png"]["error"] is None


def test_when_nothing_succeeds_nothing_is_written(categorizer, photos):
    for names in (["missing.jpg"], ["empty"]):
        Path("empty").mkdir(exist_ok=True)
        with pytest.raises(NothingDoneError, match="nothing was written"):
            run(categorizer, names, "out.csv")
    assert sorted(file.name for file in Path().iterdir()) == ["empty", "photos"]


@pytest.mark.parametrize("name", ["https://shop.example/a.jpg", "hf://a/b", "none.csv"])
def test_what_is_no_file_is_refused_before_any_work(photos, name):
    with pytest.raises(UsageError, match=r"download|no such table"):
        find_inputs(["photos", name])


def test_many_files_stream(categorizer, photos):
    names = ["photos/Grey.png", "photos/Red/Dark.png", "gone.png"] * 100
    outcome = run(categorizer, names, "out.parquet")
    assert (outcome.rows, outcome.failed, len(outcome.first_errors)) == (300, 100, 3)
    table = pq.read_table("out.parquet")
    assert table["product_id"].to_pylist() == names
    assert table["path"].to_pylist()[:3] == ["Grey", "Red > Dark", None]


# -- tables ------------------------------------------------------------------------------------------------------------


def write_table(name: str, text: str | bytes) -> str:
    Path(name).write_bytes(text.encode() if isinstance(text, str) else text)
    return name


@pytest.mark.parametrize(
    ("mark", "encoding", "sign"),
    [("", "utf-8", ","), ("\ufeff", "utf-8", ";"), ("", "cp1252", "\t"), ("", "utf-16", "|")],
)
def test_csv_comes_back_whole(categorizer, photos, mark, encoding, sign):
    lines = [
        ["sku", "Größe", "image", "note"],
        ["007", "5", "photos/Grey.png", ""],
        ["008", "-5", "gone.png", "=cmd()"],
    ]
    text = mark + "\r\n".join(sign.join(cells) for cells in lines) + "\r\n\r\n"
    write_table("products.csv", text.encode(encoding))
    outcome = run(categorizer, ["products.csv"], "out.csv")
    assert (outcome.rows, outcome.failed) == (2, 1)
    first, second = read_csv("out.csv")
    assert first["product_id"] == first["sku"] == "007"
    assert (first["path"], first["error"], first["Größe"]) == ("Grey", "", "5")
    assert (second["path"], second["Größe"], second["note"]) == ("", "-5", "'=cmd()")


def test_files_are_relative_to_their_table(categorizer, photos):
    write_table("photos/list.csv", "file\nGrey.png\n")
    run(categorizer, ["photos/list.csv"], "out.csv")
    assert [(row["product_id"], row["path"]) for row in read_csv("out.csv")] == [("Grey.png", "Grey")]


def test_rows_that_do_not_fit_the_header(categorizer, photos):
    write_table("t.csv", "image,a,b\nphotos/Grey.png\nphotos/Grey.png,1,2,3\n,1,2\nhttps://a.example/x.jpg,1,2\n")
    outcome = run(categorizer, ["t.csv"], "out.parquet")
    assert (outcome.rows, outcome.failed) == (4, 3)
    short, long, empty, address = pq.read_table("out.parquet").to_pylist()
    assert (short["path"], short["a"]) == ("Grey", None)
    assert "4 cells" in long["error"]
    assert "empty" in empty["error"]
    assert empty["product_id"] == "row 3"
    assert "an address" in address["error"]


def test_a_quote_left_open_costs_its_row(categorizer, photos):
    write_table("t.csv", 'image,note\nphotos/Grey.png,"' + "x" * (2 << 20) + "\nphotos/Red/Dark.png,\n")
    outcome = run(categorizer, ["t.csv"], "out.parquet")
    assert (outcome.rows, outcome.failed) == (2, 1)
    bad, good = pq.read_table("out.parquet").to_pylist()
    assert "quote left open" in bad["error"]
    assert good["path"] == "Red > Dark"


def test_columns_of_one_name_and_of_taken_names(categorizer, photos):
    write_table("t.csv", "path,title,title,,image,truth,input_path\nA > B,x,y,z,photos/Grey.png,t,i\n")
    run(categorizer, ["t.csv"], "out.parquet")
    (row,) = pq.read_table("out.parquet").to_pylist()
    assert row["path"] == "Grey"
    assert row["truth"] is None
    own = list(row.items())[len(ANSWER_SCHEMA) + len(EVIDENCE_SCHEMA) :]
    assert own == [
        ("input_path", "A > B"),
        ("title", "x"),
        ("title_2", "y"),
        ("column_4", "z"),
        ("image", "photos/Grey.png"),
        ("input_truth", "t"),
        ("input_input_path", "i"),
    ]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (NamedColumns(), "no column that looks like pictures.*a, b.*--image-column"),
        (NamedColumns(image="c"), "no column 'c'.*a, b.*--image-column"),
        (NamedColumns(image="a", product_id="c"), "no column 'c'.*a, b.*--id-column"),
    ],
)
@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_a_wrong_column_lists_those_there_are(photos, columns, message, form):
    if form == "parquet":
        pq.write_table(pa.table({"a": ["x"], "b": ["y"]}), "t.parquet")
    else:
        write_table(f"t.{form}", "a,b\nx,y\n" if form == "csv" else '{"a": "x", "b": "y"}\n')
    with pytest.raises(DataError, match=message):
        find_inputs([f"t.{form}"], columns)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "is empty"),
        ("t.csv", b"\n \n", "blank lines"),
        ("t.jsonl", b"\n[1]\nnope\n", "no line with a JSON object"),
        ("t.parquet", b"PAR1 or so", "not Parquet"),
    ],
)
def test_tables_without_a_table_in_them(photos, name, content, message):
    with pytest.raises(DataError, match=message):
        find_inputs([write_table(name, content)])


def test_a_header_alone_is_no_input(categorizer, photos):
    with pytest.raises(NothingDoneError, match="no picture was found"):
        run(categorizer, [write_table("t.csv", "image,title\n")], "out.csv")


def test_json_lines_keep_their_values(categorizer, photos):
    good = {"id": 7, "image": "photos/Grey.png", "tags": ["a", {"b": 1}], "price": 3, "odd": "x", "deep": {"k": None}}
    other = {"id": 8, "image": "photos/Red/Dark.png", "price": 2.5, "odd": 5, "late": True, "big": 2**70}
    lines = [json.dumps(good), "{broken", "", "[1, 2]", json.dumps(other), '{"image": 3}', '{"image": "a\\ud800"}']
    write_table("t.jsonl", b"\xef\xbb\xbf" + "\n".join(lines).encode() + b'\n{"image": "\xff"}')
    outcome = run(categorizer, ["t.jsonl"], "out.jsonl")
    assert (outcome.rows, outcome.failed) == (7, 5)
    rows = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert (rows[0]["product_id"], rows[0]["path"], rows[0]["price"], rows[0]["odd"]) == ("7", "Grey", 3, "x")
    assert json.loads(rows[0]["tags"]) == good["tags"]
    assert "line 2 is not JSON" in rows[1]["error"]
    assert "not an object" in rows[2]["error"]
    assert (rows[3]["path"], rows[3]["price"], rows[3]["odd"], rows[3]["late"]) == ("Red > Dark", 2.5, "5", True)
    assert rows[3]["big"] == str(2**70)
    assert "not JSON" in rows[6]["error"]


def test_parquet_keeps_types_and_takes_pictures_in_every_form(categorizer, photos):
    image = pa.array(
        [{"bytes": encoded(picture(("Grey",))), "path": "g.png"}, {"bytes": None, "path": "photos/Red/Dark.png"}, None],
        pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
    )
    when = pa.array([1, 2, 3], pa.timestamp("ns", "UTC"))
    table = pa.table(
        {
            "product_id": [1, 2, None],
            "image": image,
            "when": when,
            "kinds": pa.array(["a", "b", "a"]).dictionary_encode(),
        }
    )
    pq.write_table(table, "t.parquet", row_group_size=2)
    outcome = run(categorizer, ["t.parquet"], "out.parquet")
    assert (outcome.rows, outcome.failed) == (3, 1)
    out = pq.read_table("out.parquet")
    assert out["path"].to_pylist() == ["Grey", "Red > Dark", None]
    assert out["product_id"].to_pylist() == ["1", "2", "row 3"]
    assert out["image"].to_pylist() == ["g.png", "photos/Red/Dark.png", None]
    assert out["when"].combine_chunks() == when
    assert "input_product_id" not in out.column_names
    run(categorizer, ["t.parquet"], "out.csv")
    assert read_csv("out.csv")[0]["kinds"] == "a"


def test_bytes_alone_do_not_come_back(categorizer, photos):
    pq.write_table(pa.table({"image": [encoded(picture(("Grey",)))]}), "t.parquet")
    run(categorizer, ["t.parquet"], "out.parquet")
    (row,) = pq.read_table("out.parquet").to_pylist()
    assert (row["product_id"], row["path"]) == ("row 1", "Grey")
    assert "image" not in row


def test_a_damaged_row_group_costs_its_rows(categorizer, photos):
    pq.write_table(pa.table({"image": [encoded(picture(("Grey",)))] * 6}), "t.parquet", row_group_size=2)
    column = pq.ParquetFile("t.parquet").metadata.row_group(1).column(0)
    data = bytearray(Path("t.parquet").read_bytes())
    start = column.dictionary_page_offset
    data[start : start + column.total_compressed_size] = bytes(column.total_compressed_size)
    Path("t.parquet").write_bytes(data)
    outcome = run(categorizer, ["t.parquet"], "out.parquet")
    assert (outcome.rows, outcome.failed) == (6, 2)
    errors = pq.read_table("out.parquet")["error"].to_pylist()
    assert [error and error[:19] for error in errors] == [None, None, *["damaged row group 1"] * 2, None, None]


def test_inputs_of_several_kinds_go_into_one_output(categorizer, photos):
    write_table("a.csv", "image,title\nphotos/Grey.png,one\n")
    write_table("b.jsonl", '{"image": "photos/Red/Dark.png", "price": 3}')
    outcome = run(categorizer, ["a.csv", "photos/Grey.png", "b.jsonl"], "out.parquet")
    assert outcome == stage.Outcome(3, 0)
    rows = pq.read_table("out.parquet").select(["path", "image", "title", "file", "price"]).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        ("Grey", "photos/Grey.png", "one", None, None),
        ("Grey", None, None, "photos/Grey.png", None),
        ("Red > Dark", "photos/Red/Dark.png", None, None, 3),
    ]
    write_table("c.jsonl", '{"image": "photos/Red/Dark.png", "title": {"x": 3}}')
    with pytest.raises(UsageError, match="one by one"):
        find_inputs(["a.csv", "c.jsonl"])


# -- outputs -----------------------------------------------------------------------------------------------------------


def test_outputs_that_cannot_be_are_refused_before_any_work(categorizer, photos):
    Path("there.csv").write_text("precious")
    Path("folder.csv").mkdir()
    for name, message in (
        ("out.xls", ".csv, .jsonl, .parquet"),
        ("there.csv", "--overwrite"),
        ("folder.csv", "folder"),
    ):
        with pytest.raises(UsageError, match=message):
            run(categorizer, ["photos"], name)
    assert Path("there.csv").read_text() == "precious"
    stage.predict_to_file(categorizer, find_inputs(["photos"]), Path("there.csv"), overwrite=True)
    assert len(read_csv("there.csv")) == 5


def test_an_interrupted_run_leaves_the_old_file_and_nothing_else(categorizer, photos):
    Path("out.csv").write_text("old")

    def interrupt(pixels):
        raise KeyboardInterrupt

    categorizer._scorer.score_pixels = interrupt
    for name in ("out.csv", "new.parquet"):
        with pytest.raises(KeyboardInterrupt):
            stage.predict_to_file(categorizer, find_inputs(["photos"]), Path(name), overwrite=True)
    assert Path("out.csv").read_text() == "old"
    assert sorted(file.name for file in Path().iterdir()) == ["out.csv", "photos"]


def test_columns_and_metadata_of_a_parquet_file(categorizer, photos):
    run(categorizer, ["photos"], "out.parquet")
    table = pq.read_table("out.parquet")
    assert table.column_names == [*ANSWER_SCHEMA.names, *EVIDENCE_SCHEMA.names, "file"]
    for field in (*ANSWER_SCHEMA, *EVIDENCE_SCHEMA):
        assert table.schema.field(field.name).type == field.type
    metadata = table.schema.metadata
    assert parse_taxonomy(metadata[b"atlas.taxonomy"].decode()) == TREE
    assert (metadata[b"atlas.predictions"], metadata[b"atlas.split"]) == (b"1", b"")
    for row in table.to_pylist():
        assert sum(entry["mass"] for entry in row["masses"]) + row["mass_left"] == pytest.approx(1)
        assert row["answered_depth"] == len(row["level_probabilities"])
        assert (row["model_id"], row["taxonomy_id"]) == ("fake-model", TREE.digest)


def test_text_forms_say_lists_as_text(categorizer, photos):
    run(categorizer, ["photos/Red/Dark.png"], "out.csv")
    (row,) = read_csv("out.csv")
    assert list(row) == [*ANSWER_SCHEMA.names, "file"]
    first, second = map(float, row["level_probabilities"].split(" "))
    assert 1 >= first >= second == float(row["probability"])
    assert row["alternatives"].count(";") == 2
    assert " (0." in row["alternatives"]


# -- data sets ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def dataset(tmp_path) -> Path:
    rows = [{"path": list(path), "image": encoded(picture(path)), "title": f"T{at}"} for at, path in enumerate(COLOURS)]
    rows.append({"path": ["Red", "Pink"], "image": encoded(picture(("Grey",))), "near_train": True})
    rows.append({"path": ["Red"], "image": b"damaged"})
    return write_dataset(tmp_path / "data", rows, "test")


def test_a_split_comes_with_its_truths(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "load", lambda folder, engine: Categorizer(FakeScorer(folder)))
    file = tmp_path / "p.parquet"
    assert stage.predict_dataset(tmp_path / "m", dataset, "test", file).failed == 1
    table = pq.read_table(file)
    assert table.schema.metadata[b"atlas.split"] == b"test"
    rows = table.to_pylist()
    assert [row["path"] for row in rows[:5]] == [row["truth"] for row in rows[:5]]
    assert [row["truth"] for row in rows[5:]] == ["Red > Pink", "Red"]
    assert [row["near_train"] for row in rows] == [False] * 5 + [True, False]
    assert rows[0]["title"] == "T0"
    assert rows[0]["input_path"] == ["Red", "Dark"]
    assert (rows[0]["product_id"], rows[0]["view"]) == ("p0", 0)
    assert "image" not in table.column_names
    with pytest.raises(UsageError, match="exists already"):
        stage.predict_dataset(tmp_path / "m", dataset, "test", file)


def test_evaluation_reads_what_prediction_writes(dataset, tmp_path, monkeypatch):
    from atlas.evaluate.predictions import read_predictions

    monkeypatch.setattr(stage, "load", lambda folder, engine: Categorizer(FakeScorer(folder)))
    stage.predict_dataset(tmp_path / "m", dataset, "test", tmp_path / "p.parquet")
    read = read_predictions(tmp_path / "p.parquet")
    assert read.taxonomy == TREE
    assert len(read.rows) == 7
    assert int(read.rows.failed.sum()) == 1
    assert (read.rows.rank[:5] == 1).all()


def test_evidence_is_a_grid_for_each_level_in_parquet(categorizer, dataset, tmp_path):
    from atlas.evaluate.predictions import read_predictions

    file = tmp_path / "p.parquet"
    stage.predict_to_file(categorizer, find_inputs([str(dataset)], split="test"), file, evidence=True)
    rows = pq.read_table(file).to_pylist()
    (expected,) = categorizer.predict([picture(("Red", "Dark"))], evidence=True)
    assert np.array(rows[0]["evidence"]).shape == (2, 8, 8)
    assert np.allclose(rows[0]["evidence"], expected.evidence)
    assert [len(row["evidence"] or ()) for row in rows] == [2, 2, 2, 2, 1, 1, 0]
    assert rows[-1]["evidence"] is None
    assert len(read_predictions(file).rows) == 7


def test_evidence_that_was_not_asked_for_is_null(categorizer, photos):
    run(categorizer, ["photos"], "out.parquet")
    assert pq.read_table("out.parquet")["evidence"].to_pylist() == [None] * 5


def test_a_data_set_needs_a_split_and_a_split_a_data_set(dataset, photos):
    with pytest.raises(UsageError, match="--split"):
        find_inputs([str(dataset)])
    with pytest.raises(DataError, match=r"'dev'.*test"):
        find_inputs([str(dataset)], split="dev")
    with pytest.raises(UsageError, match="one data set folder"):
        find_inputs(["photos", str(dataset)], split="test")


# -- which model -------------------------------------------------------------------------------------------------------


def test_the_model_is_found_or_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ATLAS_MODEL", raising=False)
    with pytest.raises(BundleError, match="-m"):
        stage.find_model()
    Path("model/one").mkdir(parents=True)
    Path("model/one/config.json").touch()
    assert stage.find_model() == Path("model/one")
    Path("model/two").mkdir()
    Path("model/two/config.json").touch()
    with pytest.raises(BundleError, match="holds 2"):
        stage.find_model()
    Path("model/config.json").touch()
    assert stage.find_model() == Path("model")
    monkeypatch.setenv("ATLAS_MODEL", "elsewhere")
    assert stage.find_model() == Path("elsewhere")
    assert stage.find_model(Path("given")) == Path("given")
