import io
import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from atlas.dataset import shards
from atlas.dataset.schema import SCHEMA, open_dataset
from atlas.errors import DataError, TaxonomyError
from atlas.stages.build import BuildOptions, build

from .pictures import listings, write_parquet

ROWS = listings(60)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("built")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "SHARD_BYTES", 20_000)
        patch.setattr(shards, "ROW_GROUP_BYTES", 5_000)
        build(write_parquet(folder / "t.parquet", ROWS), folder / "dataset", BuildOptions(splits="60/20/20"))
    return folder / "dataset"


@pytest.fixture
def copy(built, tmp_path):
    return shutil.copytree(built, tmp_path / "dataset")


def test_the_columns_are_those_of_the_design():
    names = "product_id view title price currency store url breadcrumb path image width height sha256 group marks"
    assert SCHEMA.names == [*names.split(), "near_train"]
    features = json.loads(SCHEMA.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == SCHEMA.names
    assert features["image"] == {"_type": "Image"}
    assert features["path"] == [{"dtype": "string", "_type": "Value"}]
    assert features["price"] == {"dtype": "float64", "_type": "Value"}


def test_a_data_set_is_read_by_table_and_by_batch_in_the_same_order(built):
    dataset = open_dataset(built)
    assert list(dataset.splits) == ["train", "dev", "test"]
    assert sum(dataset.splits.values()) == 60
    assert len(dataset.files("train")) > 1
    table = dataset.table("train")
    assert "image" not in table.column_names
    assert table.num_rows == dataset.splits["train"]
    batches = list(dataset.batches("train", batch_rows=5))
    assert max(batch.num_rows for batch in batches) <= 5
    assert pa.Table.from_batches(batches)["title"].to_pylist() == table["title"].to_pylist()
    only = next(dataset.batches("test", columns=["path", "image"]))
    assert only.schema.names == ["path", "image"]
    assert all(tuple(path) in dataset.taxonomy for path in table["path"].to_pylist())


def test_pictures_come_back_byte_for_byte(built):
    dataset = open_dataset(built)
    pictures = {row["title"]: row["image"] for row in ROWS}
    rows = [row for split in dataset.splits for row in dataset.table(split, ["title", "image"]).to_pylist()]
    assert {row["title"]: row["image"] for row in rows} == pictures


def test_pictures_are_stored_plain_and_row_groups_are_even(built):
    for file in open_dataset(built).files("train"):
        metadata = pq.read_metadata(file)
        sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        assert len(sizes) > 1
        assert max(sizes) - min(sizes) <= 2
        column = metadata.row_group(0).column(SCHEMA.names.index("image"))
        assert column.path_in_schema == "image.bytes"
        assert column.compression == "UNCOMPRESSED"
        assert not column.has_dictionary_page


def test_an_unknown_split_or_column_names_the_known_ones(built):
    dataset = open_dataset(built)
    with pytest.raises(DataError, match="it has train, dev, test"):
        dataset.table("validation")
    with pytest.raises(DataError, match="no column 'label'"):
        dataset.table("train", ["label"])
    with pytest.raises(DataError, match="no column 'label'"):
        next(dataset.batches("train", ["label"]))


def damaged(name, content=None):
    def change(folder):
        file = next(folder.glob(name))
        if content is None:
            file.unlink()
        else:
            file.write_bytes(content(file.read_bytes()))

    return change


def other_columns(folder):
    file = next(folder.glob("data/test-*"))
    pq.write_table(pq.read_table(file).drop_columns(["group"]), file)


def other_rows(folder):
    file = next(folder.glob("data/test-*"))
    pq.write_table(pq.read_table(file).slice(1), file)


def edited(key, value):
    def change(data):
        return json.dumps({**json.loads(data), key: value}).encode()

    return damaged("build.json", change)


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (damaged("data/train-00001*"), "train-00001-of-.* is missing"),
        (damaged("data/train-00001*", lambda data: data[:-100]), "damaged or cut"),
        (damaged("data/train-00001*", lambda data: b""), "damaged or cut"),
        (other_columns, r"other columns than an Atlas data set \(group\)"),
        (other_rows, "it was changed or comes from another build"),
        (damaged("build.json"), r"build\.json is missing"),
        (damaged("build.json", lambda data: data[:50]), "not JSON"),
        (damaged("build.json", lambda data: b"[]"), "not of format 1"),
        (edited("format", 2), "not of format 1"),
        (edited("rows", 3), "is damaged"),
        (edited("rows", {"train": 1}), r"lists data/dev-.*, which is no shard of train"),
        (edited("rows", {"train": 1, "dev": 1, "test": 1}), "but its files hold"),
        (damaged("taxonomy.txt"), r"taxonomy\.txt is missing"),
        (lambda folder: (folder / "data" / "extra.parquet").write_bytes(b""), r"extra\.parquet does not belong"),
    ],
)
def test_a_damaged_data_set_is_refused_by_name(copy, damage, word):
    damage(copy)
    with pytest.raises(DataError, match=word):
        open_dataset(copy)


def test_a_damaged_tree_is_refused_too(copy):
    (copy / "taxonomy.txt").write_text("Men > > Shirts\n")
    with pytest.raises(TaxonomyError, match="empty level"):
        open_dataset(copy)


def test_no_folder_says_how_to_make_one(tmp_path):
    with pytest.raises(DataError, match="atlas build SOURCE"):
        open_dataset(tmp_path / "nothing")
    (tmp_path / "nothing.part").mkdir()
    with pytest.raises(DataError, match="unfinished one"):
        open_dataset(tmp_path / "nothing")


def test_datasets_opens_the_folder_and_decodes_the_pictures(built, tmp_path):
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    loaded = datasets.load_dataset(str(built), cache_dir=str(tmp_path / "cache"))
    assert {name: part.num_rows for name, part in loaded.items()} == open_dataset(built).splits
    row = loaded["test"][0]
    original = next(other for other in ROWS if other["title"] == row["title"])
    assert row["image"].tobytes() == Image.open(io.BytesIO(original["image"]["bytes"])).tobytes()
    assert row["path"] == original["path"].split(" > ")
    files = [str(file) for file in open_dataset(built).files("train")]
    alone = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path / "other"))
    assert alone.features["image"] == datasets.Image()
    assert alone["title"] == open_dataset(built).table("train")["title"].to_pylist()
