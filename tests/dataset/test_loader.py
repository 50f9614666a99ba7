import numpy as np
import pytest

from atlas.dataset import loader as loader_file
from atlas.dataset.loader import PictureLoader, in_order
from atlas.dataset.schema import open_dataset
from atlas.errors import DataError
from atlas.images import ImageConfig, read_pixels
from atlas.stages.build import BuildOptions, build
from tests.striped import write_pictures

IMAGE = ImageConfig(40, 32)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("loader")
    build(write_pictures(folder / "pictures", 8), folder / "dataset", BuildOptions(splits="60/20/20"))
    return open_dataset(folder / "dataset")


def test_pictures_come_in_the_asked_order_with_their_nodes(dataset):
    pictures = PictureLoader(dataset, "train", IMAGE, threads=2)
    table = dataset.table("train", ["image", "path"])
    rows = pictures.order(seed=0, epoch=0)
    for batch in pictures.batches(np.array_split(rows, 5)):
        assert batch.pixels.shape[1:] == (3, 40, 32)
        for row, pixels in zip(batch.rows.tolist(), batch.pixels, strict=True):
            expected = read_pixels(table["image"][row].as_py()["bytes"], IMAGE)
            assert np.array_equal(pixels.permute(1, 2, 0).numpy(), expected)
            assert dataset.taxonomy.paths[pictures.nodes[row]] == tuple(table["path"][row].as_py())


def test_small_windows_read_the_same_rows(dataset, monkeypatch):
    monkeypatch.setattr(loader_file, "WINDOW_BYTES", 1)
    pictures = PictureLoader(dataset, "train", IMAGE)
    seen = np.concatenate([batch.rows for batch in pictures.batches([pictures.order(1, 2)])])
    assert sorted(seen.tolist()) == list(range(len(pictures)))


def test_in_order_covers_everything_once():
    assert [part.tolist() for part in in_order(5, 2)] == [[0, 1], [2, 3], [4]]


def test_a_damaged_picture_is_named_with_its_split(dataset, monkeypatch):
    pictures = PictureLoader(dataset, "train", IMAGE)
    monkeypatch.setattr(pictures._groups, "take", lambda rows: [b"not a picture"] * len(rows))
    with pytest.raises(DataError, match="split 'train' cannot be read"):
        list(pictures.batches(in_order(4, 2)))


def test_a_share_takes_whole_products_and_lies_within_larger_ones(dataset):
    ids = dataset.table("train", ["product_id"])["product_id"].to_pylist()
    kept = {}
    for share in (0.2, 0.6, 1.0):
        pictures = PictureLoader(dataset, "train", IMAGE, share=share)
        rows = pictures.order(seed=0, epoch=0)
        kept[share] = {ids[row] for row in rows}
        assert len(rows) == len(pictures) == sum(product in kept[share] for product in ids)
        assert pictures.products == len(kept[share])
        assert sorted(rows) == sorted(pictures.order(seed=5, epoch=3))
    assert kept[0.2] < kept[0.6] < kept[1.0] == set(ids)
