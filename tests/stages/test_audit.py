"""Labels audited by a model's features: what is found, what it costs again, and the files that come of it."""

import csv
import shutil
import sqlite3
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from atlas.dataset.schema import SCHEMA, open_dataset
from atlas.errors import MissingExtraError, NothingDoneError, UsageError
from atlas.stages import audit as stage
from atlas.stages.audit import audit
from atlas.stages.audit_page import PAGE, SUGGESTIONS, suggestions, write_audit
from atlas.stages.build import BuildOptions, build
from atlas.stages.categorizer import Categorizer
from atlas.storage import read_json, write_json
from atlas.taxonomy.patch_file import read_patch

from .fake_model import COLOURS, FakeScorer

#: Products whose label is another than their colour says, with that other one.
WRONG = {"3": ("Blue", "Dark"), "70": ("Red", "Dark"), "130": ("Red", "Bright"), "190": ("Grey",)}
PER_PATH = 60
COUNT = PER_PATH * len(COLOURS)


class Looking(FakeScorer):
    """A scorer whose features are the mean colours of 2 x 2 cells; it counts the pictures that it looks at."""

    def __init__(self, folder, stop_after=10**9):
        super().__init__(folder)
        self.looked, self.stop_after = 0, stop_after

    def features(self, pixels):
        self.looked += len(pixels)
        if self.looked > self.stop_after:
            raise KeyboardInterrupt
        return (pixels.reshape(len(pixels), 3, 2, 8, 2, 8).mean(axis=(3, 5)) / 255).reshape(len(pixels), 12)


@pytest.fixture(scope="module")
def wrong_source(tmp_path_factory):
    """A table of coloured noise, each colour a path, four of them called by another one's."""
    folder = tmp_path_factory.mktemp("audit") / "source"
    folder.mkdir()
    random = np.random.default_rng(0)
    with (folder / "t.csv").open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["product_id", "title", "path", "image"])
        for number in range(COUNT):
            path, colour = list(COLOURS.items())[number // PER_PATH]
            pixels = np.clip(np.array(colour) + random.normal(scale=60, size=(16, 16, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
            given = WRONG.get(str(number), path)
            out.writerow([number, f"Thing {number}", " > ".join(given), f"{number}.png"])
    return folder / "t.csv"


@pytest.fixture(scope="module")
def wrong_dataset(wrong_source):
    build(wrong_source, wrong_source.parent.parent / "dataset", BuildOptions(splits="70/10/20"))
    return wrong_source.parent.parent / "dataset"


@pytest.fixture
def scorer(tmp_path, monkeypatch):
    scorer = Looking(tmp_path)
    monkeypatch.setattr(stage, "load", lambda folder, engine: Categorizer(scorer))
    return scorer


@pytest.fixture(scope="module")
def found(wrong_dataset, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "load", lambda folder, engine: Categorizer(Looking(tmp_path_factory.mktemp("model"))))
        return audit(wrong_dataset, wrong_dataset)


def test_wrong_labels_come_first_with_the_truth_beside(found):
    first = {finding.product_id: finding for finding in found.findings[: len(WRONG)]}
    assert set(first) == set(WRONG)
    for product_id, finding in first.items():
        assert finding.path == WRONG[product_id]
        assert finding.suggested == list(COLOURS)[int(product_id) // PER_PATH]
        assert finding.title == f"Thing {product_id}"
        assert finding.why.startswith(f"looks like {' > '.join(finding.suggested)} (")
    assert (found.judged, found.failed) == (COUNT, 0)
    assert 0 < found.suspect <= len(WRONG) + 2
    assert sum(found.pictures.values()) == COUNT
    assert found.figures["estimate"] == found.estimate
    assert set(found.paths) == set(COLOURS)


def test_findings_say_where_they_stand(found, wrong_dataset):
    data = open_dataset(wrong_dataset)
    for finding in found.findings[:5]:
        row = data.table(finding.split, ["product_id", "path"]).slice(finding.place, 1).to_pylist()[0]
        assert (row["product_id"], tuple(row["path"])) == (finding.product_id, finding.path)


def test_the_worst_are_listed_and_splits_can_be_chosen(wrong_dataset, scorer):
    found = audit(wrong_dataset, wrong_dataset, splits=["train"])
    assert set(found.pictures) == {"train"}
    scores = [finding.score for finding in found.findings]
    assert scores == sorted(scores)
    assert scores[-1] < stage.DOUBTFUL_BELOW
    assert audit(wrong_dataset, wrong_dataset, splits=["train"], limit=2).findings == found.findings[:2]


def test_what_was_seen_is_not_looked_at_again(wrong_dataset, scorer, tmp_path, found):
    audit(wrong_dataset, wrong_dataset, splits=["train"], cache=tmp_path / "cache")
    assert scorer.looked == found.pictures["train"] < COUNT
    again = audit(wrong_dataset, wrong_dataset, cache=tmp_path / "cache")
    assert scorer.looked == COUNT
    count = len(WRONG)
    assert {one.product_id for one in again.findings[:count]} == {one.product_id for one in found.findings[:count]}
    assert audit(wrong_dataset, wrong_dataset, cache=tmp_path / "cache") == again
    assert scorer.looked == COUNT


def test_what_was_seen_before_a_stop_is_kept(wrong_dataset, scorer, tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "KEPT_ROWS", 16)
    scorer.stop_after = 100
    with pytest.raises(KeyboardInterrupt):
        audit(wrong_dataset, wrong_dataset, cache=tmp_path / "cache", batch_size=16)
    scorer.looked, scorer.stop_after = 0, 10**9
    audit(wrong_dataset, wrong_dataset, cache=tmp_path / "cache", batch_size=16)
    assert scorer.looked == COUNT - 96


def test_a_damaged_cache_is_named(wrong_dataset, scorer, tmp_path):
    audit(wrong_dataset, wrong_dataset, cache=tmp_path)
    (file,) = tmp_path.glob("features-*.sqlite")
    file.write_bytes(b"no base at all, whatever its name says" * 20)
    with pytest.raises(UsageError, match=r"features-.*delete it"):
        audit(wrong_dataset, wrong_dataset, cache=tmp_path)
    file.unlink()
    sqlite3.connect(file).close()
    assert audit(wrong_dataset, wrong_dataset, cache=tmp_path).judged == COUNT


def test_a_picture_that_cannot_be_read_costs_itself(wrong_dataset, scorer, tmp_path):
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
    found = audit(folder, folder)
    assert (found.failed, found.judged) == (1, COUNT - 1)
    assert scorer.looked == COUNT - 1


def test_without_torch_the_extra_is_named(wrong_dataset, small_model, tmp_path):
    from atlas.stages.export import export_onnx

    folder = shutil.copytree(small_model, tmp_path / "model")
    export_onnx(folder)
    with pytest.raises(MissingExtraError, match=r"features.*atlas-categorizer\[train\]"):
        audit(wrong_dataset, folder, engine="onnx")


def test_one_leaf_cannot_be_audited(scorer, wrong_source, tmp_path):
    build(wrong_source, tmp_path / "dataset", BuildOptions(where=("path=Grey",)))
    with pytest.raises(NothingDoneError, match="nothing to tell apart"):
        audit(tmp_path / "dataset", tmp_path)


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
    now = {row["product_id"]: tuple(row["path"]) for row in rows}
    assert all(now[line.product_id] == line.path for line in lines)


def test_the_page_holds_everything_and_nothing_ends_its_script(found, wrong_dataset, tmp_path):
    nasty = found.findings[0]._replace(score=0.1, title="</script><script>alert(1)</script>", product_id='=1+"1"')
    write_audit(replace(found, findings=(nasty, *found.findings[1:])), wrong_dataset, tmp_path)
    page = (tmp_path / PAGE).read_text()
    assert page.count("</script>") == 2
    assert page.count("data:image/jpeg;base64,") == len(found.findings)
    assert "http://" not in page and "https://" not in page
    with (tmp_path / SUGGESTIONS).open() as stream:
        assert next(csv.DictReader(stream))["product_id"] == '\'=1+"1"'
