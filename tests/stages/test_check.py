"""`check` from a built data set to its report, with everything that it looks for planted."""

import csv
import io
import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from atlas.clean.thresholds import load_thresholds
from atlas.errors import DataError, UsageError
from atlas.progress import Silent
from atlas.stages import check_pictures
from atlas.stages.build import BuildOptions, build
from atlas.stages.check import check
from tests.clean.drawn import encoded, size_chart
from tests.dataset.pictures import blank, folder_bytes, picture, write_parquet

KINDS = ("Men > Shirts", "Men > Shoes", "Women > Sarees", "Women > sarees")


def row(product, path, data, name="p.png", title="=1+1"):
    return {"product_id": product, "path": path, "title": title, "image": {"bytes": data, "path": name}}


def planted(goods=24):
    """Good products of three kinds, and one or more of each kind of fault."""
    rows = [row(f"good{number}", KINDS[number % 3], picture(number, 200)) for number in range(goods)]
    rows += [row(f"soon{number}", KINDS[number % 3], picture(900, 200)) for number in range(6)]
    rows += [row("blank", KINDS[0], blank(200), "b.png")]
    rows += [row(f"chart{number}", KINDS[number % 3], encoded(size_chart(number), "PNG")) for number in range(3)]
    rows += [row("tiny", KINDS[1], picture(901, 24)), row("strip", KINDS[1], strip(902))]
    rows += [row("moving", KINDS[2], moving(), "m.gif")]
    rows += [row("twin", KINDS[1], picture(0, 200)), row("rare", KINDS[3], picture(903, 200))]
    return rows


def strip(number):
    wide = Image.open(io.BytesIO(picture(number, 200))).resize((600, 60))
    return encoded(wide, "PNG")


def moving():
    frames = [Image.open(io.BytesIO(picture(number, 200))) for number in (904, 905)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    return out.getvalue()


def make(folder, rows, splits="60/10/30"):
    write_parquet(folder / "source" / "rows.parquet", rows)
    build(folder / "source", folder / "dataset", BuildOptions(splits=splits))
    return folder / "dataset"


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("check")
    dataset = make(folder, planted())
    before = folder_bytes(dataset)
    found = check(dataset, folder / "report", cache=folder / "cache", command="atlas check dataset")
    assert folder_bytes(dataset) == before
    return found


def section(found, name):
    return next(one for one in found.record["sections"] if one["name"] == name)


def listed(found):
    with (found.folder / "findings.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize(
    ("name", "products"),
    [
        ("unreadable", []),
        ("placeholder", [f"soon{number}" for number in range(6)]),
        ("blank", ["blank"]),
        ("text", ["chart0", "chart1", "chart2"]),
        ("small", ["blank", "tiny"]),
        ("shape", ["strip"]),
        ("type", ["moving"]),
    ],
)
def test_each_check_finds_what_was_planted_and_nothing_else(done, name, products):
    assert sorted(line["product_id"] for line in listed(done) if line["check"] == name) == products
    assert section(done, name)["count"] == len(products)


def test_one_picture_under_two_labels_is_a_conflict(done):
    conflicts = {line["product_id"] for line in listed(done) if line["check"] == "conflicts"}
    assert {"good0", "twin"} | {f"soon{number}" for number in range(6)} <= conflicts
    assert section(done, "conflicts")["groups_count"] >= 2
    assert {"good0", "twin"} <= {line["product_id"] for line in listed(done) if line["check"] == "duplicates"}


def test_the_tree_is_looked_at_too(done):
    kinds = section(done, "tree")["kinds"]
    assert kinds["case-twins"] == 1
    assert kinds["thin"] >= 1
    assert any("Sarees" in line["path"] or "sarees" in line["path"] for line in listed(done) if line["check"] == "tree")


def test_what_was_not_looked_at_says_how_to(done):
    for name, option in (("closeup", "--zoom-model MODEL"), ("labels", "-m MODEL")):
        assert section(done, name)["count"] is None
        assert section(done, name)["option"] == option


def test_labels_that_cannot_be_judged_cost_only_themselves(tmp_path, small_model):
    source = write_parquet(
        tmp_path / "t.parquet", [row(f"p{number}", KINDS[0], picture(number, 64)) for number in range(6)]
    )
    build(source, tmp_path / "data", BuildOptions())
    done = check(tmp_path / "data", tmp_path / "report", model=small_model, cache=tmp_path / "cache")
    assert section(done, "labels")["count"] is None
    assert "tell apart" in section(done, "labels")["why_not"]
    assert "could not be judged" in (tmp_path / "report" / "index.html").read_text("utf-8")


def test_blank_pictures_leak_nothing(tmp_path):
    parts = [
        {**row(f"p{number}", KINDS[number % 2], blank(64)), "part": ("train", "test")[number // 4]}
        for number in range(8)
    ]
    source = write_parquet(tmp_path / "t.parquet", parts)
    build(source, tmp_path / "data", BuildOptions(columns=("split=part",), splits="train=train,test=test"))
    done = check(tmp_path / "data", tmp_path / "report", cache=tmp_path / "cache")
    assert section(done, "split")["count"] == 0


def test_what_a_killed_check_left_is_in_nobodys_way(tmp_path, done):
    (tmp_path / "report.part").mkdir()
    (tmp_path / "report.part" / "check.json").write_text("{")
    check(done.folder.parent / "dataset", tmp_path / "report", cache=tmp_path / "cache")
    (tmp_path / "other.part").mkdir()
    (tmp_path / "other.part" / "state.json").write_text("{")
    with pytest.raises(UsageError, match="unfinished work"):
        check(done.folder.parent / "dataset", tmp_path / "other", cache=tmp_path / "cache")


def test_the_record_counts_and_is_versioned(done):
    record = json.loads((done.folder / "check.json").read_text("utf-8"))
    assert record == json.loads(json.dumps(done.record))
    assert record["version"] == 1
    assert record["dataset"]["pictures"] == len(planted())
    assert record["findings"] == len(listed(done))
    assert record["summary"]["drop"] == 7  # six placeholders, a blank one
    assert sum(section(done, "text")["histogram"]) == len(planted())


def test_what_has_no_good_picture_is_proposed_for_taking_out(done):
    from atlas.taxonomy.patch_file import read_patch

    patch = read_patch(done.folder / "take-out.csv")
    gone = {line.product_id for line in patch.rows}
    assert gone == {"blank"} | {f"soon{number}" for number in range(6)}
    assert all(line.is_suggested and line.path == () for line in patch.rows)
    again = build(
        done.folder.parent / "source",
        done.folder.parent / "mended",
        BuildOptions(patch=(done.folder / "take-out.csv",), use_suggested=True),
    )
    assert sum(again.record["rows"].values()) == len(planted()) - 7


def test_the_page_stands_alone_and_shows_examples(done):
    page = (done.folder / "index.html").read_text("utf-8")
    assert page.count("data:image/jpeg;base64,") > 10
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    assert "6 of" not in page.split("<h1>")[0]
    assert "atlas build SOURCE --patch" in page


def test_names_from_data_are_escaped(tmp_path):
    evil = [row(f"<b>{number}</b>", "Men > <img src=x Shirts", blank(number), "=cmd.png") for number in range(4)]
    found = check(make(tmp_path, evil), tmp_path / "report", cache=tmp_path / "cache")
    page = (found.folder / "index.html").read_text("utf-8")
    assert "<img src=x" not in page
    assert "&lt;img src=x Shirts" in page
    assert all(not line["file"].startswith("=") for line in listed(found))


def test_a_product_with_a_good_picture_stays(tmp_path):
    rows = [
        row(f"p{number // 2}", KINDS[0], picture(number, 200) if number % 2 else blank(number)) for number in range(8)
    ]
    found = check(make(tmp_path, rows), tmp_path / "report", cache=tmp_path / "cache")
    assert section(found, "blank")["count"] == 4
    assert found.record["take_out"] == 0


# -- what is known stays known ---------------------------------------------------------------------------------------


def test_a_grown_set_costs_only_its_new_part(tmp_path, monkeypatch):
    counted = []
    real = check_pictures.measure
    monkeypatch.setattr(check_pictures, "measure", lambda data: counted.append(1) or real(data))
    first = check(make(tmp_path / "a", planted(24)), tmp_path / "r1", cache=tmp_path / "cache")
    different = first.record["dataset"]["different_files"]
    assert len(counted) == first.record["measured"]["new"] == different
    grown = check(make(tmp_path / "b", planted(33)), tmp_path / "r2", cache=tmp_path / "cache")
    assert len(counted) == different + 9
    assert grown.record["measured"] == {"version": first.record["measured"]["version"], "new": 9, "known": different}
    again = check(tmp_path / "b" / "dataset", tmp_path / "r3", cache=tmp_path / "cache")
    assert len(counted) == different + 9
    assert again.record["sections"] == grown.record["sections"]


def test_a_stopped_check_goes_on_where_it_was(tmp_path, monkeypatch):
    dataset = make(tmp_path, planted(60))
    monkeypatch.setattr(check_pictures, "HANDFUL", 4)
    monkeypatch.setattr(check_pictures, "KEPT", 8)

    class Stop(Silent):
        def __init__(self, after):
            self.left = after

        def advance(self, count=1, status=""):
            self.left -= count
            if self.left < 0:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check(dataset, tmp_path / "report", cache=tmp_path / "cache", progress=Stop(30))
    assert not (tmp_path / "report").exists()
    assert not (tmp_path / "report.part").exists()
    found = check(dataset, tmp_path / "report", cache=tmp_path / "cache")
    assert 24 <= found.record["measured"]["known"] < 60
    whole = check(dataset, tmp_path / "whole", cache=tmp_path / "other")
    assert whole.record["sections"] == found.record["sections"]


# -- what is wrong ---------------------------------------------------------------------------------------------------


def test_a_source_is_sent_to_build_first(tmp_path):
    write_parquet(tmp_path / "source" / "rows.parquet", planted())
    for source in (tmp_path / "source", tmp_path / "source" / "rows.parquet"):
        with pytest.raises(DataError, match=r"atlas build .* -o dataset` makes one"):
            check(source, tmp_path / "report", cache=tmp_path / "cache")
    with pytest.raises(DataError, match="is not a data set folder"):
        check(tmp_path / "nowhere", tmp_path / "report", cache=tmp_path / "cache")
    assert not (tmp_path / "report.part").exists()


def test_a_report_is_not_overwritten_unless_asked(done):
    with pytest.raises(UsageError, match="exists already"):
        check(done.folder.parent / "dataset", done.folder, cache=done.folder.parent / "cache")


def test_a_picture_that_has_become_another_or_none_is_unreadable(tmp_path):
    dataset = make(tmp_path, planted())
    shard = next((dataset / "data").glob("train-*.parquet"))
    table = pq.read_table(shard)
    images = table["image"].to_pylist()
    images[0]["bytes"] = b"\x89PNG but damaged"
    images[1]["bytes"] = images[2]["bytes"]
    changed = table.set_column(
        table.schema.get_field_index("image"),
        table.schema.field("image"),
        pa.array(images, table.schema.field("image").type),
    )
    pq.write_table(changed, shard)
    record = json.loads((dataset / "build.json").read_text("utf-8"))
    record["files"][f"data/{shard.name}"]["bytes"] = shard.stat().st_size
    (dataset / "build.json").write_text(json.dumps(record))
    found = check(dataset, tmp_path / "report", cache=tmp_path / "cache")
    assert found.unreadable == 2
    assert {line["why"] for line in listed(found) if line["check"] == "unreadable"} == {
        "the picture's content is not what its sha256 says"
    }
    assert section(found, "unreadable")["examples"]


def test_thresholds_decide_what_is_found(done, tmp_path):
    rules = load_thresholds(settings=["small.below=1.0", "small.ample_px=201", "small.verdict=drop", "text.below=0.0"])
    found = check(
        done.folder.parent / "dataset", tmp_path / "report", thresholds=rules, cache=done.folder.parent / "cache"
    )
    assert section(found, "small")["count"] > 30
    assert section(found, "text")["count"] == 0
    assert found.record["thresholds"]["small"]["ample_px"] == 201


def test_the_shipped_tree_of_the_paper_spells_one_name_in_two_ways(tmp_path):
    rows = [
        row(f"p{n}", p, picture(n, 64))
        for n, p in enumerate(["Men > Inner Wear > Underwear", "Women > Inner Wear > UnderWear"] * 6)
    ]
    write_parquet(tmp_path / "source" / "rows.parquet", rows)
    build(tmp_path / "source", tmp_path / "dataset", BuildOptions(taxonomy="atlas52"))
    tree = section(check(tmp_path / "dataset", tmp_path / "report", cache=tmp_path / "cache"), "tree")
    assert tree["kinds"]["spelling"] == 1
    assert tree["kinds"]["empty"] == 50
    assert tree["kinds"]["thin"] == 2
