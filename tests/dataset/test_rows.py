import hashlib
import io

import pytest
from PIL import Image

from atlas.dataset.columns import read_columns
from atlas.dataset.reasons import Reason
from atlas.dataset.rows import MAX_PICTURE_BYTES, PictureSource, RowReader
from atlas.dataset.sources import RawRow
from atlas.images import decode, pixel_hash

from .pictures import picture


def read(folder, settings=(), broken=None, reader=None, **cells):
    cells = {"path": "Men > Shirts", **cells}
    reader = reader or RowReader(read_columns(settings), PictureSource(folder))
    return reader.read(RawRow(0, 4, "t.csv:5", cells, broken))


def test_a_good_row_keeps_its_bytes_and_measures_the_picture(tmp_path):
    data = picture(1, side_px=30)
    row = read(tmp_path, image={"bytes": data, "path": "/home/me/1.png"}, title=" a  shirt ")
    assert "reason" not in row
    assert row["image"] == {"bytes": data, "path": "1.png"}
    assert (row["width"], row["height"]) == (30, 30)
    assert row["sha256"] == hashlib.sha256(data).hexdigest()
    assert row["pixel_key"] == pixel_hash(decode(data))
    assert row["descriptor"] is None
    assert row["product_id"] == "t.csv:5"  # none of its own: its place
    assert row["path"] == ("Men", "Shirts")


def test_a_picture_lying_on_its_side_is_measured_upright(tmp_path):
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(out, "JPEG", exif=exif)
    row = read(tmp_path, image=out.getvalue())
    assert (row["width"], row["height"]) == (20, 40)


def test_a_picture_is_found_beside_its_table(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.png").write_bytes(picture(1))
    for cell in ("in/1.png", {"bytes": None, "path": "in/1.png"}):
        assert read(tmp_path, image=cell)["image"] == {"bytes": picture(1), "path": "1.png"}


def bomb():
    out = io.BytesIO()
    Image.new("1", (16_000, 16_000)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (None, Reason.NO_PICTURE),
        ("", Reason.NO_PICTURE),
        (b"", Reason.NO_PICTURE),
        ({"bytes": None, "path": None}, Reason.NO_PICTURE),
        ("https://shop.example/1.jpg", Reason.URL),
        ("//cdn.example/1.jpg", Reason.URL),
        ({"bytes": None, "path": "http://shop.example/1.jpg"}, Reason.URL),
        ("nothing.jpg", Reason.MISSING_FILE),
        (".", Reason.MISSING_FILE),
        ("nul\0byte", Reason.MISSING_FILE),
        ("x" * 5000, Reason.MISSING_FILE),
        (b"no picture at all", Reason.UNREADABLE),
        (picture(1, 60, "JPEG")[:-200], Reason.UNREADABLE),
        (picture(1, 60, "PNG")[:-60], Reason.UNREADABLE),
        (bytes(MAX_PICTURE_BYTES + 1), Reason.TOO_BIG),
        (bomb(), Reason.TOO_BIG),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_bad_picture_costs_its_row(tmp_path, cell, reason):
    row = read(tmp_path, image=cell)
    assert row["reason"] == reason
    assert "image" not in row
    assert 0 < len(row["detail"]) <= 300


def test_a_url_says_where_downloads_happen(tmp_path):
    assert "atlas collect" in read(tmp_path, image="https://shop.example/1.jpg")["detail"]


def test_a_decoder_that_raises_anything_costs_its_row(tmp_path, monkeypatch):
    def explode(picture):
        raise KeyError("deep inside")

    monkeypatch.setattr("atlas.dataset.rows.decode", explode)
    row = read(tmp_path, image=picture(1))
    assert (row["reason"], row["detail"]) == (Reason.UNREADABLE, "KeyError: 'deep inside'")


def test_a_broken_row_and_a_bad_path_are_told(tmp_path):
    assert read(tmp_path, broken="3 cells under 2 headings")["reason"] == Reason.BROKEN_ROW
    assert read(tmp_path, path="", image=picture(1))["reason"] == Reason.EMPTY_PATH


def test_equal_ids_of_two_stores_are_two_products(tmp_path):
    keys = {read(tmp_path, image=picture(1), product_id="7", store=store)["product_key"] for store in ("a", "b", None)}
    assert len(keys) == 3


def test_rows_are_left_out_by_where_and_by_split(tmp_path):
    columns = read_columns(["split=part"])
    where = {"gender": frozenset({"Men", "Boys"}), "year": frozenset({"2012"})}
    reader = RowReader(columns, PictureSource(tmp_path), values={"1": "train", "val": "test"}, where=where)

    def left_out(**cells):
        return reader.left_out(RawRow(0, 0, "t:1", {"gender": "Men", "year": 2012.0, "part": "1", **cells}))

    assert left_out() is None
    assert left_out(gender="Boys") is None
    assert left_out(gender="Women") == "where"
    assert left_out(year=None) == "where"
    assert left_out(part="3") == "splits"
    assert read(tmp_path, reader=reader, part="val", image=picture(1))["split"] == "test"
    assert read(tmp_path, reader=reader, part=None, image=picture(1))["reason"] == Reason.NO_SPLIT
