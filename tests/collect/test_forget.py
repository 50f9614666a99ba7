"""Forgetting: no byte of an address stays in the folder, and nothing else goes."""

import json

import pytest

from atlas.collect import crawl as crawl_room
from atlas.collect import forget as forget_room
from atlas.errors import DataError, NothingDoneError, UsageError
from atlas.stages.collect import CollectOptions, collect
from atlas.stages.forget import forget_from
from tests.collect.site import Site, list_page, moved, picture, product_page, small_shop, store_file
from tests.stages.test_collect import Here
from tests.stages.test_url_lists import SETTINGS, paper, record


@pytest.fixture(autouse=True)
def _read_here(monkeypatch):
    monkeypatch.setattr(crawl_room, "Readers", Here)


@pytest.fixture
def site():
    with Site() as site:
        small_shop(site)
        site.answers["/p/4"] = moved("/moved/4")
        site.answers["/moved/4"] = product_page(4, ["/i/4.jpg"])
        site.answers["/i/4.jpg"] = moved("/far/4.jpg")
        site.answers["/far/4.jpg"] = picture(33)
        del site.answers["/i/5.jpg"]
        yield site


@pytest.fixture
def folder(tmp_path, site):
    collect([store_file(tmp_path, site, more="[keep]\npages = true")], tmp_path / "crawl")
    return tmp_path / "crawl"


def content(folder):
    """All bytes of all files, kept pages unpacked."""
    import gzip

    files = [file for file in folder.rglob("*") if file.is_file()]
    return b"\n".join(
        gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes() for file in files
    )


def listed(folder):
    return {
        row["product_id"]: row for row in map(json.loads, (folder / "listings.jsonl").read_text("utf-8").splitlines())
    }


def test_a_product_goes_with_all_its_traces(folder, site):
    before = listed(folder)
    url = site.url("/p/1")
    own, shared = before["N1"]["images"]
    found = forget_from(folder, url)
    everything = content(folder)
    # its address still stands in the kept list page that named it: that page is another one's content
    assert everything.count(b"/p/1") == everything.count(b'href="/p/1"')
    assert b"Thing 1" not in everything
    assert own["url"].encode() not in everything.replace(b'"/i/1.jpg"', b"")
    assert not (folder / own["file"]).exists()
    assert (folder / shared["file"]).exists()
    after = listed(folder)
    assert set(before) - set(after) == {"N1"}
    assert all(after[name] == before[name] for name in after)
    assert f"shop, page: {url}" in found.addresses
    assert f"shop, picture: {own['url']}" in found.addresses
    assert own["file"] in found.files
    assert sum(file.startswith("pages/") for file in found.files) == 1
    assert found.listings == 1
    assert f"removed {url}" not in found.lines and found.lines[-1] == "crawl.log: 0 lines"


def test_it_does_not_come_back(folder, site, tmp_path):
    forget_from(folder, site.url("/p/1"))
    site.asked.clear()
    site.answers["/"] = list_page([f"/p/{number}" for number in range(6)])
    site.answers["/p/0"] = product_page(0, ["/i/0.jpg", "/i/1.jpg"])
    collect([tmp_path / "shop.toml"], folder)
    assert site.asked["/"] == 1
    assert site.asked["/p/1"] == 0
    assert "N1" not in listed(folder)
    assert site.url("/p/1").encode() not in content(folder)


def test_a_forgotten_host_does_not_come_back(folder, site, tmp_path):
    forget_from(folder, site.host)
    site.asked.clear()
    with pytest.raises(NothingDoneError):
        collect([tmp_path / "shop.toml"], folder)
    assert not site.asked
    assert f"http://{site.host}".encode() not in content(folder)


def test_what_an_address_had_moved_to_goes_with_it(folder, site):
    forget_from(folder, site.url("/p/4"))
    everything = content(folder)
    assert b"moved/4" not in everything
    assert b"far/4" not in everything
    assert "N4" not in listed(folder)


def test_a_picture_leaves_its_listing_behind(folder, site):
    found = forget_from(folder, site.url("/i/shared.jpg"))
    assert found.listings == 5
    assert {len(row["images"]) for row in listed(folder).values()} == {1}
    assert len(listed(folder)) == 6


def test_failed_addresses_go_from_the_log_too(folder, site):
    assert b"/i/5.jpg" in (folder / "crawl.log").read_bytes()
    found = forget_from(folder, site.url("/i/5.jpg"))
    assert found.log_lines == 1
    assert b"/i/5.jpg" not in (folder / "crawl.log").read_bytes()


def test_a_host_takes_everything_of_it(folder, site):
    found = forget_from(folder, site.host)
    everything = content(folder)
    assert site.host.encode() not in everything
    assert b"Thing" not in everything
    assert listed(folder) == {}
    assert not [file for file in folder.rglob("*") if file.parent.parent.name in ("images", "pages")]
    assert f"shop, start: {site.url('/')}" in found.addresses


def test_one_of_two_hosts(tmp_path, site):
    with Site() as other:
        small_shop(other, 3)
        other.answers["/p/1"] = product_page(1, ["/i/1.jpg", site.url("/i/1.jpg")])
        files = [store_file(tmp_path, site, name="one"), store_file(tmp_path, other, name="two", allow="127.0.0.1")]
        collect(files, tmp_path / "crawl")
        before = listed(tmp_path / "crawl")
        assert before["N1"]["images"]
        forget_from(tmp_path / "crawl", site.host)
    assert site.host.encode() not in content(tmp_path / "crawl")
    rows = [json.loads(line) for line in (tmp_path / "crawl" / "listings.jsonl").read_text().splitlines()]
    assert [row["store"] for row in rows] == ["two"] * 3
    assert all(
        image["file"] and (tmp_path / "crawl" / image["file"]).exists() for row in rows for image in row["images"]
    )


def test_older_forms_of_a_page_go_as_well(folder, site, tmp_path):
    site.answers["/p/2"] = product_page(2, ["/i/2.jpg"], "A newer name")
    collect([tmp_path / "shop.toml"], folder)
    forget_from(folder, site.url("/p/2"))
    assert b"Thing 2" not in content(folder)
    assert b"A newer name" not in content(folder)


def test_an_entry_of_a_url_list(tmp_path, site):
    file = paper(tmp_path, record("a0.jpg", site.url("/i/0.jpg")), record("a1.jpg", site.url("/i/1.jpg")))
    collect([file], tmp_path / "crawl", CollectOptions(SETTINGS))
    found = forget_from(tmp_path / "crawl", site.url("/i/0.jpg"))
    assert set(listed(tmp_path / "crawl")) == {"a1"}
    assert b"/i/0.jpg" not in content(tmp_path / "crawl")
    assert any(line == f"atlas, entry: {site.url('/i/0.jpg')}" for line in found.addresses)


def test_what_only_begins_alike_stays(folder, site, tmp_path):
    """Neither the log of `/p/10` nor its row goes with `/p/1`."""
    site.answers["/"] = list_page(["/p/0", "/p/1", "/p/10", "/p/1.html"])
    collect([tmp_path / "shop.toml"], folder)
    forget_from(folder, site.url("/p/1"))
    log = (folder / "crawl.log").read_text("utf-8")
    assert f"{site.url('/p/10')} " in log
    assert f"{site.url('/p/1.html')} " in log


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("http://a.test/p/1", "failed: http://a.test/p/1 ", True),
        ("http://a.test/p/1", "'http://a.test/p/1', then", True),
        ("http://a.test/p/1", "moved to http://a.test/p/1.", True),
        ("http://a.test/p/1", "http://a.test/p/1?colour=2", False),
        ("http://a.test/", "http://a.test/p/1", False),
        ("a.test", "https://www.a.test/x", True),
        ("a.test", "no such host: a.test", True),
        ("a.test", "http://a.test:8080/x", True),
        ("a.test", "http://aa.test/", False),
        ("a.test", "http://a.test.example/", False),
        ("a.test:80", "http://a.test:8080/", False),
        ("engine", "scrapy.core.engine INFO Spider opened", False),
        ("engine", "http://engine/x", True),
    ],
)
def test_when_a_text_says_a_name(name, text, said):
    assert bool(forget_room._saying(name).search(text)) == said


@pytest.mark.parametrize("step", ["_clean_log", "_remove_unused", "write_listings"])
def test_one_that_was_killed_is_brought_to_its_end(folder, site, monkeypatch, step):
    own = listed(folder)["N1"]["images"][0]["file"]

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(forget_room, step, killed)
        with pytest.raises(KeyboardInterrupt):
            forget_from(folder, site.url("/p/1"))
    assert "N1" in listed(folder)
    forget_from(folder, site.url("/p/1"))
    assert "N1" not in listed(folder)
    assert not (folder / own).exists()
    with pytest.raises(NothingDoneError):
        forget_from(folder, site.url("/p/1"))


@pytest.mark.parametrize("what", ["e", "shop", "scrapy", "http://nowhere.test/x", "nowhere.test", "127.0.0.1:1"])
def test_what_is_not_there_is_told(folder, what):
    before = content(folder)
    with pytest.raises(NothingDoneError, match="knows nothing of"):
        forget_from(folder, what)
    assert content(folder) == before


def test_wrong_use(folder, tmp_path):
    with pytest.raises(UsageError, match="neither a url nor a host"):
        forget_from(folder, "ftp://x.test/y")
    with pytest.raises(DataError, match="is no crawl"):
        forget_from(tmp_path, "x.test")
    assert not (tmp_path / "crawl.lock").exists()
