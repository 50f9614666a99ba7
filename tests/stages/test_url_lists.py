"""Lists of picture urls: what becomes of each kind of row, and whole downloads of such lists."""

import itertools
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from atlas.collect import crawl as crawl_room
from atlas.errors import DataError, NothingDoneError, UsageError
from atlas.stages.collect import CollectOptions, collect
from atlas.stages.url_lists import is_url_list, read_url_list
from tests.collect.site import Site, picture
from tests.stages.test_collect import Here


def record(name, url, path=("Men", "Inner Wear", "Vests"), split="train", **more):
    """One record of the paper's JSON."""
    sentences = [{"tokens": list(path)}] if path is not None else []
    return {
        "filename": name,
        "title": f"title {name}",
        "sentences": sentences,
        "image_url": url,
        "split": split,
        **more,
    }


def paper(folder, *records):
    file = folder / "atlas.json"
    file.write_text(json.dumps({"images": list(records), "dataset": "atlas"}), "utf-8")
    return file


def csv(folder, *lines, name="urls.csv"):
    file = folder / name
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return file


def test_the_papers_records_become_listings(tmp_path):
    file = paper(
        tmp_path, record("a1.jpg", "http://x.test/1.jpg"), record("a2.jpg", "http://x.test/2.jpg", split="test")
    )
    found = read_url_list(file)
    first, second = found.entries
    assert (first.split, second.split) == ("train", "test")
    assert first.listing.store == "atlas"
    assert first.listing.product_id == "a1"
    assert first.listing.url == "http://x.test/1.jpg"
    assert first.listing.images == ("http://x.test/1.jpg",)
    assert first.listing.path == ("Men", "Inner Wear", "Vests")
    assert first.listing.title == "title a1.jpg"
    assert found.skipped == {}


def test_a_bad_record_costs_itself(tmp_path):
    bad = [
        {},
        "text",
        None,
        record("b", ""),
        record("b", None),
        record("b", 5),
        record("c", "http://x/1", ["Men", "", "X"]),
    ]
    good = record("good.jpg", "http://x.test/1.jpg")
    found = read_url_list(paper(tmp_path, *bad, good, record("nopath", "http://x.test/2.jpg", None)))
    assert [entry.listing.product_id for entry in found.entries] == ["good", "nopath"]
    assert found.entries[1].listing.path == ()
    assert found.skipped == {"no record": 2, "no address": 4, "broken path": 1}


def test_a_plain_json_list_will_do(tmp_path):
    file = tmp_path / "list.json"
    rows = [{"image_url": f"http://x.test/{number}.jpg"} for number in range(3)]
    file.write_text(json.dumps([rows[0] | {"path": ["Men", "Jeans"]}, rows[1] | {"path": "Men > Jeans"}, rows[2]]))
    entries = read_url_list(file).entries
    assert [entry.listing.path for entry in entries] == [("Men", "Jeans"), ("Men", "Jeans"), ()]
    assert len(entries[0].listing.product_id) == 16


@pytest.mark.parametrize("text", ['{"videos": []}', "5", '"x"', "[]", "{}", '{"images": []}', "no json"])
def test_what_is_no_list_says_so(tmp_path, text):
    file = tmp_path / "list.json"
    file.write_text(text)
    with pytest.raises(DataError):
        read_url_list(file)


@pytest.mark.parametrize("column", ["image_url", "Image_URL", "picture", "img", "url", "link"])
def test_the_column_of_addresses_is_guessed_by_its_name(tmp_path, column):
    (entry,) = read_url_list(csv(tmp_path, f"number,{column},title", "1,http://x.test/1.jpg,Shirt")).entries
    assert entry.listing.images == ("http://x.test/1.jpg",)
    assert entry.listing.title == "Shirt"


def test_a_page_address_beside_a_pictures_is_the_listings(tmp_path):
    (entry,) = read_url_list(csv(tmp_path, "url,image_url", "http://x.test/p,http://x.test/1.jpg")).entries
    assert (entry.listing.url, entry.listing.images) == ("http://x.test/p", ("http://x.test/1.jpg",))


def test_all_columns_that_say_something_are_read(tmp_path):
    head = "sku,image_url,category,split,name,price,currency,store,breadcrumb"
    file = csv(tmp_path, head, "7,http://x.test/1.jpg,Men > Jeans,dev,Slim,19.5,EUR,acme,Home > Him")
    (entry,) = read_url_list(file).entries
    listing = entry.listing
    assert (listing.product_id, listing.path, entry.split) == ("7", ("Men", "Jeans"), "dev")
    assert (listing.title, listing.price, listing.currency) == ("Slim", 19.5, "EUR")
    assert (listing.store, listing.breadcrumb) == ("acme", ("Home", "Him"))


def test_columns_may_be_named(tmp_path):
    file = csv(tmp_path, "a,b,c,d", "http://x.test/1.jpg,Men,Jeans,http://x.test/no.jpg")
    (entry,) = read_url_list(file, ["image=a", "path=b > c"]).entries
    assert (entry.listing.images, entry.listing.path) == (("http://x.test/1.jpg",), ("Men", "Jeans"))
    with pytest.raises(UsageError, match="no column of picture addresses"):
        read_url_list(file)
    with pytest.raises(UsageError, match="no column 'x'"):
        read_url_list(file, ["image=x"])


def test_rows_of_one_product_are_views_of_it(tmp_path):
    lines = [
        "1,http://x/a.jpg,Men",
        "2,http://x/b.jpg,Men",
        "1,http://x/c.jpg,Men",
        "1,http://x/d.jpg,Women",
        "1,http://x/a.jpg,Men",
    ]
    found = read_url_list(csv(tmp_path, "product_id,image_url,path", *lines))
    assert [(entry.listing.product_id, entry.listing.images) for entry in found.entries] == [
        ("1", ("http://x/a.jpg", "http://x/c.jpg")),
        ("2", ("http://x/b.jpg",)),
        ("1", ("http://x/d.jpg",)),
    ]


def test_rows_without_an_address_or_with_a_broken_path_are_counted(tmp_path):
    found = read_url_list(csv(tmp_path, "image_url,path", "http://x/a.jpg,Men", ",Men", "http://x/b.jpg,Men > > X"))
    assert len(found.entries) == 1
    assert found.skipped == {"no address": 1, "empty level": 1}


def test_parquet_and_json_lines(tmp_path):
    table = pa.table({"image_url": ["http://x/1.jpg"], "path": [["Men", "Jeans"]]})
    pq.write_table(table, tmp_path / "t.parquet")
    (tmp_path / "t.jsonl").write_text('{"images": [{"url": "http://x/1.jpg"}, "http://x/2.jpg"], "path": ["Men"]}\n')
    assert read_url_list(tmp_path / "t.parquet").entries[0].listing.path == ("Men", "Jeans")
    assert read_url_list(tmp_path / "t.jsonl").entries[0].listing.images == ("http://x/1.jpg", "http://x/2.jpg")


def test_a_missing_file_and_what_can_be_a_list(tmp_path):
    with pytest.raises(UsageError, match="is no file"):
        read_url_list(tmp_path / "none.csv")
    assert all(is_url_list(tmp_path / name) for name in ("a.json", "a.CSV", "a.tsv", "a.jsonl", "a.parquet"))
    assert not is_url_list(tmp_path / "a.txt")


# -- whole downloads -------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _read_here(monkeypatch):
    monkeypatch.setattr(crawl_room, "Readers", Here)


SETTINGS = ("polite.delay_s=0.0", 'polite.allow_addresses=["127.0.0.1"]')


@pytest.fixture
def site():
    with Site({f"/{number}.jpg": picture(8 + number) for number in range(4)}) as site:
        yield site


def download(file, output, settings=SETTINGS, **wishes):
    return collect([file], output, CollectOptions(settings), **wishes).record


def listings(folder):
    return [json.loads(line) for line in (folder / "listings.jsonl").read_text("utf-8").splitlines()]


def test_the_papers_json_is_downloaded_and_dead_links_counted_by_class(tmp_path, site):
    kurta = ("Men", "Ethnic Wear", "Kurta")
    file = paper(
        tmp_path,
        record("a0.jpg", site.url("/0.jpg")),
        record("a1.jpg", site.url("/1.jpg"), kurta, "val"),
        record("a2.jpg", site.url("/gone.jpg"), kurta, "test"),
        record("a3.jpg", "http://10.0.0.1/x.jpg", kurta),
        record("a4.jpg", "ftp://old.test/x.jpg", kurta),
        record("a5.jpg", site.url("/0.jpg"), kurta),
        record("", ""),
    )
    told = download(file, tmp_path / "crawl")
    assert told["listings"] == 6
    assert told["skipped"] == {"no address": 1}
    assert told["refused"] == {"no web address": 1, "private address": 1}
    assert told["failed"] == {"http 404": 1}
    assert told["dead"] == {"Men > Ethnic Wear > Kurta": {"pictures": 5, "dead": 1}}
    found = {listing["product_id"]: listing for listing in listings(tmp_path / "crawl")}
    assert found["a1"]["split"] == "val"
    assert found["a1"]["path"] == list(kurta)
    assert (tmp_path / "crawl" / found["a1"]["images"][0]["file"]).read_bytes() == site.answers["/1.jpg"][2]
    assert [found[name]["images"][0]["error"] for name in ("a2", "a3", "a4")] == [
        "http 404", "private address", "no web address",
    ]  # fmt: skip
    assert found["a5"]["images"][0]["file"] == found["a0"]["images"][0]["file"]
    assert site.asked["/0.jpg"] == 1
    order = [(listing["store"], listing["url"]) for listing in found.values()]
    assert order == sorted(order)


def test_a_second_download_asks_for_what_failed_and_what_is_new(tmp_path, site):
    file = paper(tmp_path, record("a0.jpg", site.url("/0.jpg")), record("a9.jpg", site.url("/9.jpg")))
    assert download(file, tmp_path / "crawl")["failed"] == {"http 404": 1}
    site.answers["/9.jpg"] = picture(50)
    site.asked.clear()
    paper(tmp_path, record("a9.jpg", site.url("/9.jpg")), record("a1.jpg", site.url("/1.jpg")))
    told = download(file, tmp_path / "crawl")
    assert (told["failed"], told["listings"]) == ({}, 2)
    assert dict(site.asked) == {"/robots.txt": 1, "/9.jpg": 1, "/1.jpg": 1}


def test_robots_and_delays_hold_for_lists_too(tmp_path, site):
    site.answers["/robots.txt"] = b"User-agent: *\nDisallow: /1"
    file = paper(tmp_path, *(record(f"a{number}", site.url(f"/{number}.jpg")) for number in range(4)))
    told = download(file, tmp_path / "crawl", ("polite.delay_s=0.3", SETTINGS[1]))
    assert told["refused"] == {"robots.txt": 1}
    times = [at for at, path, _ in site.visits]
    assert all(later - sooner > 0.1 for sooner, later in itertools.pairwise(times))


def test_without_settings_private_addresses_are_refused(tmp_path, site):
    file = paper(tmp_path, record("a0.jpg", site.url("/0.jpg")))
    with pytest.raises(NothingDoneError, match="1 private address"):
        download(file, tmp_path / "crawl", ("polite.delay_s=0.0",))
    assert site.visits == []


def test_a_list_and_a_limit(tmp_path, site):
    file = paper(tmp_path, *(record(f"a{number}", site.url(f"/{number}.jpg")) for number in range(4)))
    assert collect([file], tmp_path / "crawl", CollectOptions(SETTINGS, limit=2)).record["listings"] == 2


def test_a_data_set_of_links_is_a_list(tmp_path, site):
    from atlas.stages.build import BuildOptions, build

    site.default = picture(9)
    paths = [("Men", "Jeans"), ("Men", "Shirts"), ("Women", "Sarees")]
    rows = [record(f"a{number}", site.url(f"/{number}%20x.jpg"), paths[number % 3]) for number in range(12)]
    for number, row in enumerate(rows):
        site.answers[f"/{number}%20x.jpg"] = picture(20 + number, (number * 20, 99, 50))
        row["image_url"] = row["image_url"].replace("%20", " ")
    download(paper(tmp_path, *rows), tmp_path / "crawl")
    build(tmp_path / "crawl", tmp_path / "links", BuildOptions(links_only=True))
    with pytest.raises(UsageError, match="holds its pictures"):
        build(tmp_path / "crawl", tmp_path / "dataset")
        download(tmp_path / "dataset", tmp_path / "no")
    told = download(tmp_path / "links", tmp_path / "again")
    assert (told["failed"], told["stores"]["links"]["pictures"]) == ({}, 12)
    summary = build(tmp_path / "links", tmp_path / "rebuilt", BuildOptions(pictures=tmp_path / "again"))
    assert sum(summary.record["rows"].values()) == 12
    assert summary.record["rejected"] == {}
