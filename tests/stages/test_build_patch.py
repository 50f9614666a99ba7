"""`build --patch`: what a patch decides reaches the data set, and what it cannot decide is told."""

import csv
import json

import pytest
from PIL import Image

from atlas.dataset.schema import open_dataset
from atlas.errors import DataError, UsageError
from atlas.stages.build import BuildOptions, build

HEAD = "product_id,path,by,at,reason"


@pytest.fixture
def source(tmp_path):
    """40 products with two pictures each; p0 stands in two stores."""
    folder = tmp_path / "source"
    folder.mkdir()
    with (folder / "t.csv").open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["product_id", "store", "path", "image"])
        for number in range(80):
            colour = ((number * 37) % 255, (number * 91) % 255, (number * 53) % 255)
            Image.new("RGB", (24, 24), colour).save(folder / f"{number}.png")
            store = "south" if number == 1 else "north"
            out.writerow([f"p{number // 2}", store, f"Top > {'XY'[number // 2 % 2]}", f"{number}.png"])
    return folder / "t.csv"


def patch(tmp_path, *lines, head=HEAD, name="patch.csv"):
    (tmp_path / name).write_text("\n".join([head, *lines]) + "\n")
    return tmp_path / name


def labels(folder):
    """The path of each product's pictures, by store and product."""
    data = open_dataset(folder)
    rows = [row for split in data.splits for row in data.table(split, ["product_id", "store", "path"]).to_pylist()]
    return {(row["store"], row["product_id"]): row["path"][-1] for row in rows}


def run(source, tmp_path, *patches, output="out", **options):
    summary = build(source, tmp_path / output, BuildOptions(patch=patches, **options))
    return summary, labels(tmp_path / output)


def test_a_patch_changes_every_picture_of_a_product_and_nothing_else(source, tmp_path):
    _, before = run(source, tmp_path, output="before")
    summary, after = run(source, tmp_path, patch(tmp_path, "p4,Top > Y,ann,2026,looks so"))
    assert after == {**before, ("north", "p4"): "Y"}
    told = summary.record["patch"]
    assert (told["products"], told["rows"], told["taken_out"]) == (1, 2, 0)
    assert not told["unmatched"] and not told["new_paths"] and not told["in_several_stores"]
    written = json.loads((tmp_path / "out" / "build.json").read_text())
    assert written["patch"] == told
    assert written["options"]["patch"] == [told["files"][0]["id"]]


def test_a_dash_takes_a_product_out_and_that_is_no_failure(source, tmp_path):
    summary, after = run(source, tmp_path, patch(tmp_path, "p4,-,ann,,broken"))
    assert ("north", "p4") not in after
    assert len(after) == 40
    assert summary.record["rejected"] == {"taken out by a patch": 2}
    assert summary.record["patch"]["taken_out"] == 1
    assert summary.failed == 0
    gone = (tmp_path / "out" / "rejected.jsonl").read_text().splitlines()
    assert [json.loads(line)["product_id"] for line in gone] == ["p4", "p4"]


def test_what_fits_no_product_is_listed(source, tmp_path):
    lines = patch(tmp_path, "p4,Top > Y,ann,,,", "q1,Top > X,ann,,,", "p5,Top > X,ann,,,south", head=HEAD + ",store")
    summary, after = run(source, tmp_path, lines)
    assert summary.record["patch"]["unmatched"] == ["q1", "p5 of south"]
    assert (after["north", "p4"], after["north", "p5"]) == ("Y", "Y")  # p5 as it was


def test_a_line_without_store_decides_nothing_where_ids_repeat(source, tmp_path):
    summary, after = run(source, tmp_path, patch(tmp_path, "p0,Top > Y,ann,,", "p4,Top > Y,ann,,"))
    assert (after["north", "p0"], after["south", "p0"]) == ("X", "X")
    assert summary.record["patch"]["in_several_stores"] == ["p0"]
    _, after = run(source, tmp_path, patch(tmp_path, "p0,Top > Y,ann,,,south", head=HEAD + ",store"), output="second")
    assert (after["north", "p0"], after["south", "p0"]) == ("X", "Y")


def test_suggestions_wait_until_told(source, tmp_path):
    lines = patch(tmp_path, "p4,Top > Y,suggested,,", "p6,Top > Y,suggested,,", "p6,Top > X,ann,,", "p8,Top > Y,ann,,")
    summary, after = run(source, tmp_path, lines)
    assert (after["north", "p4"], after["north", "p6"], after["north", "p8"]) == ("X", "X", "Y")
    assert summary.record["patch"]["waiting"] == 2
    summary, after = run(source, tmp_path, lines, output="told", use_suggested=True)
    assert (after["north", "p4"], after["north", "p6"]) == ("Y", "X")  # a decision overrules a suggestion
    assert summary.record["patch"]["waiting"] == 0


def test_later_patches_overrule_earlier_ones(source, tmp_path):
    first = patch(tmp_path, "p4,Top > Y,ann,,", "p6,Top > Y,ann,,", name="first.csv")
    second = patch(tmp_path, "p4,Top > Z,bob,,", name="second.csv")
    summary, after = run(source, tmp_path, first, second)
    assert (after["north", "p4"], after["north", "p6"]) == ("Z", "Y")
    assert summary.record["patch"]["new_paths"] == ["Top > Z"]


def test_a_broken_patch_is_refused_before_any_work(source, tmp_path):
    with pytest.raises(DataError, match=r"patch.csv, line 2: path is empty"):
        run(source, tmp_path, patch(tmp_path, "p4,,ann,,"))
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.part").exists()


def test_the_patch_of_another_data_set_is_refused(source, tmp_path):
    with pytest.raises(UsageError, match=r"none of the 1 products of patch.csv \(the first is 'q7'\)"):
        run(source, tmp_path, patch(tmp_path, "q7,Top > X,ann,,"))
    with pytest.raises(UsageError, match="stand in several stores each: add a column 'store'"):
        run(source, tmp_path, patch(tmp_path, "p0,Top > X,ann,,"))
    assert not (tmp_path / "out.part").exists()


def test_use_suggested_needs_something_to_read(source, tmp_path):
    with pytest.raises(UsageError, match="--mapping or --patch"):
        run(source, tmp_path, use_suggested=True)


def test_paths_must_be_in_the_tree_that_is_given(source, tmp_path):
    (tmp_path / "tree.txt").write_text("Top > X\nTop > Y\n")
    with pytest.raises(DataError, match="line 2: 'Top > Z' is not in the tree"):
        run(source, tmp_path, patch(tmp_path, "p4,Top > Z,ann,,"), taxonomy=str(tmp_path / "tree.txt"))


def test_a_patch_gives_a_label_to_a_row_that_has_none(source, tmp_path):
    text = source.read_text().replace("p4,north,Top > X,", "p4,north,,")
    source.write_text(text)
    summary, after = run(source, tmp_path, patch(tmp_path, "p4,Top > Y,ann,,"))
    assert after["north", "p4"] == "Y"
    assert summary.record["rejected"] == {}


def test_the_same_patch_gives_the_same_bytes_and_another_one_cannot_take_over(source, tmp_path, monkeypatch):
    from atlas.stages import build as stage

    lines = patch(tmp_path, "p4,Top > Y,ann,,", "p6,-,ann,,")
    run(source, tmp_path, lines)
    monkeypatch.setattr(stage, "_write", lambda *parts: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(source, tmp_path, lines, output="killed")
    monkeypatch.undo()
    other = patch(tmp_path, "p4,Top > X,ann,,", name="other.csv")
    with pytest.raises(UsageError, match="begun with another patch"):
        build(source, tmp_path / "killed", BuildOptions(patch=(other,)), resume=True)
    build(source, tmp_path / "killed", BuildOptions(patch=(lines,)), resume=True)
    files = sorted(file.relative_to(tmp_path / "out") for file in (tmp_path / "out").rglob("*") if file.is_file())
    for file in files:
        assert (tmp_path / "killed" / file).read_bytes() == (tmp_path / "out" / file).read_bytes()


def test_a_dry_run_tells_of_the_patch_too(source, tmp_path):
    options = BuildOptions(patch=(patch(tmp_path, "p4,Top > Z,ann,,"),))
    told = build(source, tmp_path / "out", options, dry_run=True).record["patch"]
    assert (told["products"], told["new_paths"]) == (1, ["Top > Z"])
    assert not (tmp_path / "out").exists()
