"""Labels audited by a model's features: what is found, what it costs again, and the files that come of it."""

import csv
import shutil
import sqlite3

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from atlas.dataset.schema import SCHEMA, open_dataset
from atlas.errors import MissingExtraError, NothingDoneError, UsageError
from atlas.runtime import TorchScorer
from atlas.stages.audit import audit
from atlas.stages.audit_page import PAGE, SUGGESTIONS, suggestions, write_audit
from atlas.stages.build import BuildOptions, build
from atlas.storage import read_json, write_json
from atlas.taxonomy.patch_file import read_patch
from tests.striped import LEAVES, striped, write_pictures

WRONG = {"Men/Tops/Shirts/3.png": "Men/Jeans", "Women/Dresses/5.png": "Men/Tops/Vests"}


@pytest.fixture(scope="module")
def wrong_source(tmp_path_factory):
    """A folder of striped pictures, 30 of each leaf, two of which lie in another leaf's folder."""
    folder = write_pictures(tmp_path_factory.mktemp("audit") / "pictures", 30)
    for right, wrong in WRONG.items():
        shutil.move(folder / right, folder / wrong / f"moved-{right.split('/')[-1]}")
    return folder


@pytest.fixture(scope="module")
def wrong_dataset(wrong_source):
    build(wrong_source, wrong_source.parent / "dataset", BuildOptions(splits="70/10/20"))
    return wrong_source.parent / "dataset"


@pytest.fixture(scope="module")
def found(wrong_dataset, small_model):
    return audit(wrong_dataset, small_model)


def test_moved_pictures_come_first(found):
    first = {
        (finding.product_id.split("/")[-1], finding.path[-1], finding.suggested[-1]) for finding in found.findings[:2]
    }
    assert first == {("moved-3.png", "Jeans", "Shirts"), ("moved-5.png", "Vests", "Dresses")}
    assert found.judged == 150
    assert found.failed == 0
    assert sum(found.pictures.values()) == 150
    assert all(finding.why.startswith("looks like ") for finding in found.findings)


def test_findings_say_where_they_stand(found, wrong_dataset):
    data = open_dataset(wrong_dataset)
    for finding in found.findings[:5]:
        row = data.table(finding.split, ["product_id", "path"]).slice(finding.place, 1).to_pylist()[0]
        assert (row["product_id"], tuple(row["path"])) == (finding.product_id, finding.path)


def test_the_worst_are_listed_and_splits_can_be_chosen(wrong_dataset, small_model):
    found = audit(wrong_dataset, small_model, splits=["train"], limit=7)
    assert len(found.findings) == 7
    assert set(found.pictures) == {"train"}
    scores = [finding.score for finding in found.findings]
    assert scores == sorted(scores)


def test_what_was_seen_is_not_looked_at_again(wrong_dataset, small_model, tmp_path, monkeypatch, found):
    looked = []
    features = TorchScorer.features
    monkeypatch.setattr(
        TorchScorer, "features", lambda self, pixels: looked.append(len(pixels)) or features(self, pixels)
    )
    audit(wrong_dataset, small_model, splits=["train"], cache=tmp_path / "cache")
    train = sum(looked)
    again = audit(wrong_dataset, small_model, cache=tmp_path / "cache")
    assert sum(looked) == 150
    assert 0 < train < 150
    kept = [finding[:3] for finding in again.findings[:2]]
    assert sorted(kept) == sorted(finding[:3] for finding in found.findings[:2])
    audit(wrong_dataset, small_model, cache=tmp_path / "cache")
    assert sum(looked) == 150


def test_what_was_seen_before_a_stop_is_kept(wrong_dataset, small_model, tmp_path, monkeypatch):
    from atlas.stages import audit as stage

    looked = []
    features = TorchScorer.features

    def failing(self, pixels):
        looked.append(len(pixels))
        if sum(looked) > 100:
            raise KeyboardInterrupt
        return features(self, pixels)

    monkeypatch.setattr(stage, "KEPT_ROWS", 16)
    monkeypatch.setattr(TorchScorer, "features", failing)
    with pytest.raises(KeyboardInterrupt):
        audit(wrong_dataset, small_model, cache=tmp_path / "cache", batch_size=16)
    looked.clear()
    monkeypatch.setattr(
        TorchScorer, "features", lambda self, pixels: looked.append(len(pixels)) or features(self, pixels)
    )
    audit(wrong_dataset, small_model, cache=tmp_path / "cache", batch_size=16)
    assert sum(looked) == 150 - 96


def test_a_damaged_cache_is_named(wrong_dataset, small_model, tmp_path):
    audit(wrong_dataset, small_model, cache=tmp_path)
    (file,) = tmp_path.glob("features-*.sqlite")
    file.write_bytes(b"no base at all, whatever its name says" * 20)
    with pytest.raises(UsageError, match=r"features-.*delete it"):
        audit(wrong_dataset, small_model, cache=tmp_path)
    file.unlink()
    sqlite3.connect(file).close()
    assert audit(wrong_dataset, small_model, cache=tmp_path).judged == 150


def test_a_picture_that_cannot_be_read_costs_itself(wrong_dataset, small_model, tmp_path):
    folder = shutil.copytree(wrong_dataset, tmp_path / "dataset")
    (file,) = (folder / "data").glob("dev-*.parquet")
    table = pq.read_table(file)
    images = table["image"].to_pylist()
    images[0]["bytes"] = b"torn"
    place = table.schema.get_field_index("image")
    table = table.set_column(place, SCHEMA.field("image"), pa.array(images, SCHEMA.field("image").type))
    digests = table["sha256"].to_pylist()
    table = table.set_column(
        table.schema.get_field_index("sha256"), SCHEMA.field("sha256"), pa.array(["0" * 64, *digests[1:]])
    )
    pq.write_table(table.cast(SCHEMA), file)
    record = read_json(folder / "build.json")
    record["files"][f"data/{file.name}"]["bytes"] = file.stat().st_size
    write_json(folder / "build.json", record)
    found = audit(folder, small_model, cache=tmp_path / "cache")
    assert (found.failed, found.judged) == (1, 149)
    assert audit(folder, small_model, cache=tmp_path / "cache").findings == found.findings


def test_without_torch_the_extra_is_named(wrong_dataset, small_model, tmp_path):
    from atlas.stages.export import export_onnx

    folder = shutil.copytree(small_model, tmp_path / "model")
    export_onnx(folder)
    with pytest.raises(MissingExtraError, match=r"features.*atlas-categorizer\[train\]"):
        audit(wrong_dataset, folder, engine="onnx")


def test_one_leaf_cannot_be_audited(small_model, tmp_path):
    (tmp_path / "pictures" / "Men").mkdir(parents=True)
    for seed in range(12):
        striped(0, seed).save(tmp_path / "pictures" / "Men" / f"{seed}.png")
    build(tmp_path / "pictures", tmp_path / "dataset", BuildOptions())
    with pytest.raises(NothingDoneError, match="nothing to tell apart"):
        audit(tmp_path / "dataset", small_model)


def test_suggestions_wait_in_a_patch_that_build_takes(found, wrong_source, wrong_dataset, tmp_path):
    write_audit(found, wrong_dataset, tmp_path / "report")
    lines = read_patch(tmp_path / "report" / SUGGESTIONS).rows
    assert lines and all(line.is_suggested for line in lines)
    assert list(lines) == suggestions(found)
    assert len(lines) == found.suspect
    options = BuildOptions(splits="70/10/20", patch=(tmp_path / "report" / SUGGESTIONS,))
    waiting = build(wrong_source, tmp_path / "waiting", options, dry_run=True).record["patch"]
    assert (waiting["products"], waiting["waiting"]) == (0, len(lines))
    told = BuildOptions(splits="70/10/20", patch=options.patch, use_suggested=True)
    assert build(wrong_source, tmp_path / "told", told).record["patch"]["products"] == len(lines)
    data = open_dataset(tmp_path / "told")
    rows = [row for split in data.splits for row in data.table(split, ["product_id", "path"]).to_pylist()]
    assert [row["path"] for row in rows if "moved-3.png" in row["product_id"]] == [["Men", "Tops", "Shirts"]]


def test_the_page_holds_everything_and_nothing_ends_its_script(found, wrong_dataset, tmp_path):
    nasty = found.findings[0]._replace(title="</script><script>alert(1)</script>", product_id='=1+"1"')
    from dataclasses import replace

    write_audit(replace(found, findings=(nasty, *found.findings[1:])), wrong_dataset, tmp_path)
    page = (tmp_path / PAGE).read_text()
    assert page.count("</script>") == 2
    assert page.count("data:image/jpeg;base64,") == len(found.findings)
    assert "http://" not in page and "https://" not in page
    with (tmp_path / SUGGESTIONS).open() as stream:
        assert next(csv.DictReader(stream))["product_id"] == '\'=1+"1"'


def test_leaves_are_those_of_the_pictures(found):
    assert {"/".join(path) for path in found.paths} == set(LEAVES)
    assert np.isfinite([finding.score for finding in found.findings]).all()
