import io
import json

import numpy as np
import pytest
from PIL import Image

from atlas.bundle import Bundle
from atlas.dataset import reading
from atlas.dataset.schema import open_dataset
from atlas.errors import BundleError, NothingDoneError, UsageError
from atlas.images import ImageConfig
from atlas.records import IMPOSSIBLE
from atlas.stages import build as building
from atlas.stages import zoom
from atlas.stages.build import BuildOptions, build
from atlas.stages.categorizer import Categorizer
from atlas.taxonomy.tree import Taxonomy
from tests.dataset.pictures import folder_bytes, picture, write_parquet
from tests.stages.fake_model import FakeScorer

TREE = Taxonomy([("normal",), ("zoomed",)])


class Brightness:
    """Says that dark pictures are close-ups: the mean of all pixels is the probability of a normal one."""

    engine = "fake"

    def __init__(self, folder):
        self.bundle = Bundle(folder, TREE, {}, {}, ImageConfig(16, 16), "dark-is-zoomed")

    def score_pixels(self, pixels):
        light = np.clip(pixels.mean(axis=(1, 2, 3)) / 255, 1e-6, 1 - 1e-6)
        log_mass = np.full((len(pixels), len(TREE)), IMPOSSIBLE, np.float32)
        log_mass[:, TREE.find(("normal",))] = np.log(light)
        log_mass[:, TREE.find(("zoomed",))] = np.log(1 - light)
        return log_mass


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.setattr(zoom, "load", lambda folder, engine: Categorizer(Brightness(folder)))
    return tmp_path / "model"


def shaded(shade: int, number: int = 0) -> bytes:
    """A picture of about this shade, of its own for each number."""
    noise = np.random.default_rng((shade, number)).integers(-30, 31, (8, 9, 3))
    out = io.BytesIO()
    Image.fromarray((shade + noise).clip(0, 255).astype(np.uint8)).resize((32, 32)).save(out, "PNG")
    return out.getvalue()


def shop(tmp_path, count=40):
    """Every fourth picture is dark; the last one is damaged."""
    rows = [
        {
            "product_id": f"p{number}",
            "path": ["Men > Shirts", "Men > Shoes"][number % 2],
            "image": {"bytes": shaded(40 if number % 4 == 0 else 200, number), "path": f"{number}.png"},
        }
        for number in range(count)
    ]
    rows.append({"product_id": "bad", "path": "Men > Shoes", "image": {"bytes": b"nothing", "path": "bad.png"}})
    return write_parquet(tmp_path / "shop" / "t.parquet", rows)


def rows_of(folder):
    data = open_dataset(folder)
    return [row for split in data.splits for row in data.table(split).to_pylist()]


# -- scores ----------------------------------------------------------------------------------------------------------


def test_scores_come_in_order_and_are_low_for_close_ups(model):
    scores = list(zoom.open_zoom_model(model).scores([shaded(200), b"nothing", shaded(40), *[shaded(120)] * 40]))
    assert scores[:3] == [pytest.approx(200 / 255, abs=0.05), None, pytest.approx(40 / 255, abs=0.05)]
    assert len(scores) == 43


def test_a_model_of_another_tree_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(zoom, "load", lambda folder, engine: Categorizer(FakeScorer(folder)))
    with pytest.raises(BundleError, match="no model for close-ups: its 5 leaves are not 'normal' and 'zoomed'"):
        zoom.open_zoom_model(tmp_path)


def test_a_data_set_is_looked_over_and_left_as_it_is(tmp_path, model):
    build(shop(tmp_path), tmp_path / "data")
    before = folder_bytes(tmp_path / "data")
    found = zoom.zoom_scores(tmp_path / "data", model)
    assert folder_bytes(tmp_path / "data") == before
    assert sum(found.pictures.values()) == 40
    assert sum(found.zoomed.values()) == len(found.findings) == 10
    assert [one.score for one in found.findings] == sorted(one.score for one in found.findings)
    data = open_dataset(tmp_path / "data")
    for one in found.findings:
        row = data.table(one.split).slice(one.place, 1).to_pylist()[0]
        assert (row["product_id"], tuple(row["path"])) == (one.product_id, one.path)
        assert int(row["product_id"][1:]) % 4 == 0
        assert one.why.endswith("below 0.5")
    assert not zoom.zoom_scores(tmp_path / "data", model, threshold=0.0).findings


def test_pictures_that_were_scored_before_are_not_scored_again(tmp_path, model, monkeypatch):
    build(shop(tmp_path), tmp_path / "data")
    looked = []
    scores = zoom.ZoomModel.scores
    monkeypatch.setattr(zoom.ZoomModel, "scores", lambda judge, pictures: scores(judge, counted(looked, pictures)))
    first = zoom.zoom_scores(tmp_path / "data", model, cache=tmp_path / "cache")
    assert 10 < len(looked) <= 40
    before = len(looked)
    assert zoom.zoom_scores(tmp_path / "data", model, cache=tmp_path / "cache") == first
    assert len(looked) == before
    assert zoom.zoom_scores(tmp_path / "data", model) == first


def counted(looked, pictures):
    for one in pictures:
        looked.append(one)
        yield one


# -- in a build ------------------------------------------------------------------------------------------------------


def test_close_ups_are_marked(tmp_path, model):
    summary = build(shop(tmp_path), tmp_path / "out", BuildOptions(zoom_model=model))
    marks = {row["product_id"]: row["marks"] for row in rows_of(tmp_path / "out")}
    assert marks == {f"p{number}": ["zoomed"] if number % 4 == 0 else [] for number in range(40)}
    assert summary.record["marks"] == {"zoomed": 10}
    assert summary.record["options"]["zoom"] == {"model": "dark-is-zoomed", "threshold": 0.5, "zoomed": "mark"}
    assert summary.failed == 1  # the damaged one


def test_close_ups_are_dropped_counted_and_listed(tmp_path, model):
    summary = build(shop(tmp_path), tmp_path / "out", BuildOptions(zoom_model=model, zoomed="drop"))
    assert summary.record["rejected"] == {"close-up": 10, "unreadable picture": 1}
    assert summary.failed == 1  # dropping was asked for
    assert summary.record["marks"] == {}
    assert {int(row["product_id"][1:]) % 4 for row in rows_of(tmp_path / "out")} == {1, 2, 3}
    listed = [json.loads(line) for line in (tmp_path / "out" / "rejected.jsonl").read_text("utf-8").splitlines()]
    dropped = [entry for entry in listed if entry["reason"] == "close-up"]
    assert [entry["product_id"] for entry in dropped] == [f"p{number}" for number in range(0, 40, 4)]
    assert all(entry["detail"].endswith("below 0.5") for entry in dropped)


def test_the_threshold_is_the_users(tmp_path, model):
    options = BuildOptions(zoom_model=model, zoomed="drop", zoom_threshold=0.05)
    assert build(shop(tmp_path), tmp_path / "out", options).record["rejected"] == {"unreadable picture": 1}


def test_a_dry_run_counts_the_same(tmp_path, model):
    options = BuildOptions(zoom_model=model, zoomed="drop")
    dry = build(shop(tmp_path), tmp_path / "out", options, dry_run=True)
    assert dry.record["rejected"]["close-up"] == 10


def test_nothing_is_left_when_all_are_close_ups(tmp_path, model):
    with pytest.raises(NothingDoneError, match="40 close-up"):
        build(shop(tmp_path), tmp_path / "out", BuildOptions(zoom_model=model, zoomed="drop", zoom_threshold=1.0))


def test_a_data_set_keeps_its_marks_when_it_is_built_again(tmp_path, model):
    build(shop(tmp_path), tmp_path / "out", BuildOptions(zoom_model=model))
    build(tmp_path / "out", tmp_path / "again")
    marks = [{row["product_id"]: row["marks"] for row in rows_of(tmp_path / name)} for name in ("out", "again")]
    assert marks[0] == marks[1]


def test_links_are_judged_by_their_pictures(tmp_path, model):
    files = [("a.png", shaded(200, 1)), ("b.png", shaded(40, 2)), ("c.png", shaded(210, 3))]
    for name, data in files:
        (tmp_path / name).write_bytes(data)
    (tmp_path / "t.csv").write_text(
        "product_id,path,image,image_url\n" + "".join(f"{n},Men,{n},https://x.example/{n}\n" for n, _ in files)
    )
    options = BuildOptions(columns=("image_url=image_url",), links_only=True, zoom_model=model)
    build(tmp_path / "t.csv", tmp_path / "data" / "links", options)
    assert {row["product_id"]: row["marks"] for row in rows_of(tmp_path / "data" / "links")}["b.png"] == ["zoomed"]


@pytest.mark.parametrize("zoomed", ["mark", "drop"])
def test_a_killed_build_goes_on_and_ends_with_the_same_bytes(tmp_path, model, monkeypatch, zoomed):
    monkeypatch.setattr(reading, "PART_ROWS", 7)
    source, options = shop(tmp_path), BuildOptions(zoom_model=model, zoomed=zoomed)
    build(source, tmp_path / "whole", options)
    _killed_after(monkeypatch, 3, lambda: build(source, tmp_path / "cut", options))
    assert not (tmp_path / "cut").exists()
    with pytest.raises(UsageError, match="begun with another zoom"):
        build(source, tmp_path / "cut", BuildOptions(zoom_model=model, zoom_threshold=0.4, zoomed=zoomed), resume=True)
    build(source, tmp_path / "cut", options, resume=True)
    assert folder_bytes(tmp_path / "cut") == folder_bytes(tmp_path / "whole")


def _killed_after(monkeypatch, parts, work):
    """Run `work` and stop it when so many parts were kept."""
    add, left = building.Parts.add, [parts]

    def counted(self, rows, state):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        add(self, rows, state)

    monkeypatch.setattr(building.Parts, "add", counted)
    with pytest.raises(KeyboardInterrupt):
        work()
    monkeypatch.setattr(building.Parts, "add", add)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (BuildOptions(zoomed="drop"), "name its folder with --zoom-model"),
        (BuildOptions(zoom_threshold=0.3), "name its folder with --zoom-model"),
        (BuildOptions(closeups="standard", min_support=2), "leave out --min-support"),
        (BuildOptions(closeups="standard", links_only=True), "leave out --links-only"),
    ],
)
def test_options_that_make_no_sense_together_are_refused(tmp_path, options, says):
    with pytest.raises(UsageError, match=says):
        build(shop(tmp_path), tmp_path / "out", options)
    assert not (tmp_path / "out.part").exists()


def test_a_threshold_is_a_probability(tmp_path, model):
    with pytest.raises(UsageError, match="--zoom-threshold 2"):
        build(shop(tmp_path), tmp_path / "out", BuildOptions(zoom_model=model, zoom_threshold=2.0))


# -- data for a model of close-ups -----------------------------------------------------------------------------------


def product(number: int) -> bytes:
    """A product with a pattern of its own on white."""
    image = Image.new("RGB", (120, 160), "white")
    cells = Image.open(io.BytesIO(picture(number, 90))).convert("RGB")
    image.paste(cells.resize((80, 110)), (20, 25))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def normals(tmp_path):
    """Two views of each product, without any category, and a blank picture."""
    rows = [{"product_id": f"p{n // 2}", "image": {"bytes": product(n), "path": f"{n}.png"}} for n in range(30)]
    blank = io.BytesIO()
    Image.new("RGB", (100, 100), "white").save(blank, "PNG")
    rows.append({"product_id": "blank", "image": {"bytes": blank.getvalue(), "path": "blank.png"}})
    return write_parquet(tmp_path / "shop" / "t.parquet", rows)


def test_close_ups_make_a_data_set_of_two_leaves_without_any_label(tmp_path, normals):
    summary = build(normals, tmp_path / "out", BuildOptions(closeups="standard", splits="60/20/20"))
    made = rows_of(tmp_path / "out")
    assert sorted(row["path"] for row in made) == [["normal"]] * 30 + [["zoomed"]] * 30
    assert summary.record["rejected"] == {"no close-up to cut": 1}
    assert summary.failed == 0
    assert open_dataset(tmp_path / "out").taxonomy.paths[1:] == (("normal",), ("zoomed",))
    where = {}
    data = open_dataset(tmp_path / "out")
    for split in data.splits:
        for row in data.table(split, ["product_id"]).to_pylist():
            assert where.setdefault(row["product_id"], split) == split
    views = [row["view"] for row in made if row["product_id"] == "p0"]
    assert sorted(views) == [0, 1, 2, 3]


def test_folders_need_no_labels_either(tmp_path):
    for number in range(6):
        file = tmp_path / "normals" / f"{number}.png"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(product(number))
    build(tmp_path / "normals", tmp_path / "out", BuildOptions(closeups="standard"))
    assert {tuple(row["path"]) for row in rows_of(tmp_path / "out")} == {("normal",), ("zoomed",)}


def test_cutting_goes_on_after_a_kill_with_the_same_bytes(tmp_path, normals, monkeypatch):
    monkeypatch.setattr(reading, "PART_ROWS", 7)
    options = BuildOptions(closeups="standard")
    build(normals, tmp_path / "whole", options)
    _killed_after(monkeypatch, 3, lambda: build(normals, tmp_path / "cut", options))
    build(normals, tmp_path / "cut", options, resume=True)
    assert folder_bytes(tmp_path / "cut") == folder_bytes(tmp_path / "whole")


def test_labelled_folders_are_a_data_set_as_they_are(tmp_path):
    for kind in ("zoomed", "normal"):
        (tmp_path / "labelled" / kind).mkdir(parents=True)
        for number in range(4):
            (tmp_path / "labelled" / kind / f"{number}.png").write_bytes(
                shaded(40 if kind == "zoomed" else 200, number)
            )
    build(tmp_path / "labelled", tmp_path / "out")
    assert sorted(row["path"] for row in rows_of(tmp_path / "out")) == [["normal"]] * 4 + [["zoomed"]] * 4


@pytest.mark.parametrize("wrapped", [True, False])
def test_the_authors_records_are_read(tmp_path, wrapped):
    records = []
    for number in range(6):
        label = "zoomed" if number % 3 == 0 else "normal"
        (tmp_path / f"{number}.png").write_bytes(shaded(40 if label == "zoomed" else 200, number))
        url = f"https://shop.example/{number}.png"
        records.append({"filename": f"{number}.png", "image_url": url, "title": f"t{number}", "label": label})
    file = tmp_path / "zoom.json"
    file.write_text(json.dumps({"images": records} if wrapped else records), encoding="utf-8")
    build(file, tmp_path / "data" / "out", BuildOptions(columns=("atlas-zoom",)))
    made = rows_of(tmp_path / "data" / "out")
    assert sorted((row["title"], row["path"]) for row in made) == sorted((r["title"], [r["label"]]) for r in records)
