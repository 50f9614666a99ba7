import json

import pytest

from atlas.dataset.columns import read_columns
from atlas.dataset.listings import LISTING_COLUMNS, fetched_pictures, is_listings, listing_rows, record_rows
from atlas.dataset.sources import open_source
from atlas.errors import UsageError

from .crawls import listing, write_crawl
from .pictures import picture


@pytest.fixture
def crawl(tmp_path):
    listed = [listing("acme", 1, "Men > Jeans", [picture(1), "404", picture(2)]), listing("acme", 2, "Men")]
    listed[1]["images"] = []
    return write_crawl(tmp_path / "crawl", listed)


def test_a_listing_is_a_row_for_each_picture(crawl):
    rows = list(listing_rows(crawl / "listings.jsonl"))
    assert [(number, place) for number, place, _, _ in rows] == [(0, "1:1"), (1, "1:2"), (2, "1:3"), (3, "2")]
    cells = [row[2] for row in rows]
    assert [set(cell) for cell in cells] == [set(LISTING_COLUMNS)] * 4
    assert [cell["view"] for cell in cells] == [0, 1, 2, None]
    assert [cell["image_error"] for cell in cells] == [None, "404", None, "the page names no picture"]
    assert cells[0]["image"].startswith("images/")
    assert cells[0]["breadcrumb"] == ["Men", "Jeans"]
    assert [row[0] for row in listing_rows(crawl / "listings.jsonl", 2)] == [2, 3]


def test_a_listing_without_an_id_is_named_by_its_url(tmp_path):
    crawl = write_crawl(tmp_path / "crawl", [listing("acme", 1, "Men", product_id="")])
    ((_, _, cells, _),) = listing_rows(crawl / "listings.jsonl")
    assert cells["product_id"] == "https://acme.test/p/1"


def test_listings_are_known_by_what_is_in_them(crawl, tmp_path):
    assert is_listings(crawl / "listings.jsonl")
    for text in ("", "{", '{"images": 3, "store": "a"}', '{"image": "a.png", "path": "X"}', "[]"):
        (tmp_path / "t.jsonl").write_text(text)
        assert not is_listings(tmp_path / "t.jsonl")
    (crawl / "listings.jsonl").rename(crawl / "mine.jsonl")
    assert open_source(crawl / "mine.jsonl").files[0].kind == "listings"
    with pytest.raises(UsageError, match=r"is a crawl without listings\.jsonl"):
        open_source(crawl)


def test_a_crawl_is_read_from_its_listings_alone(crawl):
    (crawl / "pages").mkdir()
    (crawl / "pages" / "table.csv").write_text("path,image\n")
    source = open_source(crawl)
    assert [entry.name for entry in source.files] == ["listings.jsonl"]
    (columns,) = source.check_columns(read_columns(()))
    assert columns.names["image_url"] == ("image_url",)
    assert [row.place for row in source.rows(columns.needed(), (0, 3))] == ["listings.jsonl:2"]


def test_addresses_lead_to_files(crawl):
    found = dict(fetched_pictures(crawl / "listings.jsonl"))
    assert [(bool(here.file), here.error) for here in found.values()] == [(True, ""), (False, "404"), (True, "")]
    assert list(found)[1] == "https://acme.test/p/1/1.png"


def test_records_are_read_one_by_one_past_other_keys(tmp_path):
    file = tmp_path / "x.json"
    value = {"info": {"images": [9]}, "images": [{"filename": 7, "sentences": [{"tokens": ["A"]}]}, {"path": "B"}, 5]}
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(value, indent=2).encode())
    rows = list(record_rows(file))
    assert [(number, place, cells.get("path"), cells.get("image")) for number, place, cells, _ in rows] == [
        (0, "1", ["A"], "7"),
        (1, "2", "B", None),
        (2, "3", None, None),
    ]
    assert [broken for *_, broken in rows] == [None, None, "record 3 is no object"]
    assert [row[0] for row in record_rows(file, 2)] == [2]
