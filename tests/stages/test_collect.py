"""Whole crawls of small sites on this machine, by Scrapy in this process."""

import asyncio
import errno
import json
import os
import signal
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from atlas.collect import crawl as crawl_room
from atlas.collect import polite, reread, robots, visit
from atlas.collect.extract import extract
from atlas.collect.fetch import Ask
from atlas.collect.ledger import Ledger
from atlas.errors import NothingDoneError, RecipeError, UsageError
from atlas.stages import collect as stage
from atlas.stages import crawl_display
from atlas.stages.collect import CollectOptions, collect
from tests.collect.site import Site, list_page, moved, picture, product_page, small_shop, store_file, tagged


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    """A host in trouble is asked again soon."""
    monkeypatch.setattr(polite, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(robots, "FIRST_PAUSE_S", 0.05)
    # A listener hears of every visit, so that one can stop a crawl at a chosen one, however fast the machine is.
    monkeypatch.setattr(crawl_display, "STATUS_S", 0.0)


@pytest.fixture(autouse=True)
def _read_here(monkeypatch, request):
    """Pages are read in this process, which starts no other one for each crawl."""
    if "real_readers" not in request.fixturenames:
        monkeypatch.setattr(crawl_room, "Readers", Here)
        monkeypatch.setattr(reread, "Readers", Here)


class Here:
    """Extraction in the crawl's own process."""

    def __init__(self, stores):
        self.stores = stores

    async def start(self): ...

    async def read(self, store, page, limit_s):
        return extract(page, self.stores[store])

    async def close(self): ...


@pytest.fixture
def real_readers():
    """Pages are read in processes of their own, as outside of tests."""


@pytest.fixture
def site():
    with Site() as site:
        yield site


@pytest.fixture
def crawl(tmp_path, site):
    """Crawls the site; gives the summary's record. Keywords go to `collect`, or into the store file."""

    def run(more="", start=("/",), settings=(), limit=None, delay=0.0, **wishes):
        file = store_file(tmp_path, site, start, delay, more=more)
        options = CollectOptions(settings=tuple(settings), limit=limit)
        return collect([file], tmp_path / "crawl", options, **wishes).record

    return run


def listings(tmp_path):
    lines = (tmp_path / "crawl" / "listings.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def rows(tmp_path, columns="*", where="1"):
    db = sqlite3.connect(tmp_path / "crawl" / "crawl.sqlite")
    found = db.execute(f"SELECT {columns} FROM address WHERE {where} ORDER BY id").fetchall()
    db.close()
    return found


def test_a_shop_becomes_listings_and_pictures(crawl, site, tmp_path, real_readers):
    small_shop(site)
    record = crawl()
    assert record["listings"] == 6
    assert record["stores"]["shop"] == {
        "pages": 8, "listings": 6, "pictures": 7, "refused": 0, "failed": 0, "left": 0,
    }  # fmt: skip
    found = listings(tmp_path)
    assert [listing["url"] for listing in found] == [site.url(f"/p/{number}") for number in range(6)]
    first = found[0]
    assert list(first) == [
        "store", "url", "product_id", "title", "price", "currency", "breadcrumb", "path", "split", "images",
    ]  # fmt: skip
    assert (first["store"], first["product_id"], first["title"], first["price"]) == ("shop", "N0", "Thing 0", 0.5)
    assert first["split"] is None
    for image in first["images"]:
        assert list(image) == ["url", "sha256", "file", "error"]
        file = tmp_path / "crawl" / image["file"]
        assert image["file"] == f"images/{image['sha256'][:2]}/{image['sha256']}"
        assert file.read_bytes() == site.answers[image["url"].removeprefix(site.url(""))][2]
    assert len(list((tmp_path / "crawl" / "images").rglob("*"))) == 7 + len(
        {image["sha256"][:2] for listing in found for image in listing["images"]}
    )
    assert all(count == 1 for count in site.asked.values()), site.asked


def test_a_second_crawl_fetches_only_what_changed(crawl, site, tmp_path):
    small_shop(site)
    crawl()
    before = (tmp_path / "crawl" / "listings.jsonl").read_bytes()
    site.asked.clear()
    crawl()
    assert (tmp_path / "crawl" / "listings.jsonl").read_bytes() == before
    assert not any(path.endswith(".jpg") for path in site.asked)
    assert site.asked["/p/3"] == 1
    assert set(rows(tmp_path, "http", "kind = 'page'")) == {(304,)}
    site.answers["/p/3"] = tagged(product_page(3, ["/i/new.jpg"], "Another title"))
    site.answers["/i/new.jpg"] = picture(30)
    site.asked.clear()
    crawl()
    changed = [
        new for new, old in zip(listings(tmp_path), map(json.loads, before.splitlines()), strict=True) if new != old
    ]
    assert [listing["title"] for listing in changed] == ["Another title"]
    assert changed[0]["images"][0]["error"] is None
    assert [path for path in site.asked if path.endswith(".jpg")] == ["/i/new.jpg"]


def test_a_picture_whose_file_is_gone_is_asked_again(crawl, site, tmp_path):
    small_shop(site)
    crawl()
    lost, other = (listing["images"][0] for listing in listings(tmp_path)[:2])
    (tmp_path / "crawl" / lost["file"]).unlink()
    site.asked.clear()
    assert crawl()["failed"] == {}
    assert site.asked[lost["url"].removeprefix(site.url(""))] == 1
    assert site.asked[other["url"].removeprefix(site.url(""))] == 0
    assert (tmp_path / "crawl" / lost["file"]).is_file()


def test_a_stopped_crawl_asks_again_for_a_picture_that_is_gone(crawl, site, tmp_path):
    small_shop(site, 30, 10)
    crawl(limit=3)
    lost = listings(tmp_path)[0]["images"][0]
    (tmp_path / "crawl" / lost["file"]).unlink()
    crawl(resume=True)
    assert all((tmp_path / "crawl" / image["file"]).is_file() for one in listings(tmp_path) for image in one["images"])


def test_another_selector_reads_all_pages_again(crawl, site, tmp_path):
    small_shop(site)
    crawl()
    crawl(more='[select]\ntitle = "title::text"')
    assert set(rows(tmp_path, "http", "kind = 'page'")) == {(200,)}


def test_the_path_of_a_start_is_that_of_its_listings(tmp_path, site):
    small_shop(site)
    site.answers["/jeans"] = list_page(["/p/1", "/p/2"])
    file = tmp_path / "shop.toml"
    text = store_file(tmp_path, site).read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("start")]
    starts = f'[[start]]\nurl = "{site.url("/")}"\n[[start]]\nurl = "{site.url("/jeans")}"\npath = "Men > Jeans"\n'
    file.write_text("\n".join(lines) + "\n" + starts, "utf-8")
    collect([file], tmp_path / "crawl")
    paths = {listing["product_id"]: listing["path"] for listing in listings(tmp_path)}
    assert paths == {**{key: [] for key in ["N0", "N3", "N4", "N5"]}, **{key: ["Men", "Jeans"] for key in ["N1", "N2"]}}


def test_robots_are_obeyed_and_recorded(crawl, site, tmp_path):
    small_shop(site)
    site.answers["/robots.txt"] = b"User-agent: *\nDisallow: /p/1\nDisallow: /i/2"
    record = crawl()
    assert record["refused"] == {"robots.txt": 2}
    assert site.asked["/p/1"] == site.asked["/i/2.jpg"] == 0
    assert record["listings"] == 5
    images = {image["url"]: image for listing in listings(tmp_path) for image in listing["images"]}
    assert images[site.url("/i/2.jpg")]["error"] == "robots.txt"
    assert set(rows(tmp_path, "robots", "status = 'done'")) == {("rules",)}
    assert site.asked["/robots.txt"] == 1


def test_what_is_turned_off_is_shown_and_recorded(crawl, site, tmp_path):
    small_shop(site)
    site.answers["/robots.txt"] = b"User-agent: *\nDisallow: /"
    site.answers["/p/1"] = product_page(1, ["/i/1.jpg"], extra='<meta name="robots" content="noai">')
    record = crawl(settings=["polite.obey_robots=false", "polite.obey_noai=false"])
    assert site.asked["/robots.txt"] == 0
    assert record["listings"] == 6
    assert "robots.txt is not obeyed" in record["off"]["shop"]
    assert "noai and noimageai are not obeyed" in record["off"]["shop"]
    assert "no delay between requests" in record["off"]["shop"]
    assert f"private addresses allowed: {site.host}" in record["off"]["shop"]
    assert set(rows(tmp_path, "robots", "status = 'done'")) == {("off",)}
    db = sqlite3.connect(tmp_path / "crawl" / "crawl.sqlite")
    assert json.loads(db.execute("SELECT off FROM store").fetchone()[0]) == record["off"]["shop"]
    db.close()


@pytest.mark.parametrize("wish", ["noai", "noimageai"])
def test_pictures_of_a_page_that_forbids_it_are_not_fetched(crawl, site, tmp_path, wish):
    small_shop(site)
    site.answers["/p/1"] = product_page(1, ["/i/1.jpg"], extra=f'<meta name="robots" content="{wish}">')
    site.answers["/p/2"] = (200, {"X-Robots-Tag": wish}, product_page(2, ["/i/2.jpg"]))
    site.answers["/i/3.jpg"] = (200, {"X-Robots-Tag": wish, "Content-Type": "image/jpeg"}, picture(30)[2])
    record = crawl()
    assert site.asked["/i/1.jpg"] == site.asked["/i/2.jpg"] == 0
    assert record["refused"] == {wish: 3}
    found = {listing["product_id"]: listing["images"][0] for listing in listings(tmp_path)}
    assert [found[name]["error"] for name in ("N1", "N2", "N3", "N4")] == [wish, wish, wish, None]
    crawl()
    assert {listing["product_id"]: listing["images"][0] for listing in listings(tmp_path)} == found


def test_dead_links_are_counted_by_category(crawl, site, tmp_path):
    small_shop(site)
    del site.answers["/i/1.jpg"], site.answers["/p/5"]
    site.answers["/i/2.jpg"] = (200, {"Content-Type": "image/jpeg"}, b"<html>sold out</html>")
    record = crawl()
    assert record["failed"] == {"http 404": 2, "wrong type": 1}
    assert record["dead"] == {"": {"pictures": 10, "dead": 2}}
    errors = [image["error"] for listing in listings(tmp_path) for image in listing["images"]]
    assert sorted(filter(None, errors)) == ["http 404", "wrong type"]


def test_redirects_are_followed_hop_by_hop(crawl, site, tmp_path):
    small_shop(site)
    site.answers["/p/1"] = moved("/moved/p/1", 301)
    site.answers["/moved/p/1"] = product_page(1, ["/i/old.jpg"])
    site.answers["/i/old.jpg"] = moved("/i/1.jpg")
    site.answers["/p/2"] = moved("http://another.test/p/2")
    site.answers["/p/3"] = moved("/p/3")
    site.answers["/p/4"] = moved("file:///etc/passwd")
    record = crawl()
    found = {listing["product_id"]: listing for listing in listings(tmp_path)}
    assert set(found) == {"N0", "N1", "N5"}
    assert found["N1"]["url"] == site.url("/moved/p/1")
    assert found["N1"]["images"][0]["sha256"]
    assert record["refused"] == {"another site": 1, "no web address": 1}
    assert record["failed"] == {"redirect loop": 1}


def test_a_redirect_to_a_private_address_is_refused(tmp_path):
    with Site({"/": list_page(["/p/1"]), "/secret": product_page(9)}) as inner, Site() as outer:
        small_shop(outer, 2)
        outer.answers["/i/0.jpg"] = moved(inner.url("/secret"))
        outer.answers["/p/1"] = product_page(1, [inner.url("/secret.jpg")])
        record = collect([store_file(tmp_path, outer)], tmp_path / "crawl").record
        assert inner.visits == []
    assert record["refused"] == {"private address": 2}


def test_a_busy_host_is_asked_again_after_the_pause_it_wishes(crawl, site):
    small_shop(site, 2)
    times = []

    def busy(visit):
        times.append(time.monotonic())
        return (429, {"Retry-After": "1"}, b"") if len(times) < 3 else product_page(1)

    site.answers["/p/1"] = busy
    assert crawl()["listings"] == 2
    assert times[1] - times[0] >= 1.0
    assert times[2] - times[1] >= 1.0


def test_a_host_that_wishes_a_long_pause_is_left_for_another_run(crawl, site):
    small_shop(site, 2)
    good = site.answers["/p/1"]
    site.answers["/p/1"] = (503, {"Retry-After": "86400"}, b"")
    record = crawl()
    assert record["left"][site.host]["why"] == "asks for a pause of 86,400 s"
    assert not record["left"][site.host]["wished"]
    site.answers["/p/1"] = good
    assert crawl(resume=True)["listings"] == 2


def test_a_page_that_never_comes_costs_itself(crawl, site):
    small_shop(site, 3)

    def cut(visit):
        visit.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")

    site.answers["/p/1"] = cut
    site.answers["/p/2"] = (500, {}, b"")
    record = crawl()
    assert record["failed"] == {"broken answer": 1, "http 500": 1}
    assert site.asked["/p/1"] == site.asked["/p/2"] == 3
    assert record["listings"] == 1


def test_a_robots_txt_that_fails_allows_nothing_for_now(crawl, site, tmp_path):
    small_shop(site)
    site.answers["/robots.txt"] = (503, {}, b"")
    with pytest.raises(NothingDoneError, match=r"robots\.txt: http 503"):
        crawl()
    assert set(site.asked) == {"/robots.txt"}
    site.answers["/robots.txt"] = (404, {}, b"")
    assert crawl(resume=True)["listings"] == 6


def test_a_host_that_is_not_there_ends_the_crawl_at_once(tmp_path):
    with Site() as gone:
        file = store_file(tmp_path, gone)
    with pytest.raises(NothingDoneError, match="no connection"):
        collect([file], tmp_path / "crawl")


def test_a_trial_ends_after_so_many_products(crawl, site, tmp_path):
    small_shop(site, 30, 10)
    record = crawl(limit=3)
    assert record["listings"] == 3
    assert record["left"][site.host] == {
        "addresses": record["left"][site.host]["addresses"],
        "why": "limit",
        "wished": True,
    }
    assert crawl(resume=True)["listings"] == 30


def test_the_page_budget_ends_a_crawl_by_wish(crawl, site):
    small_shop(site, 30, 10)
    record = crawl(settings=["budget.pages=7"])
    assert record["stores"]["shop"]["pages"] == 7
    assert record["left"][site.host]["why"] == "budget of 7 pages"
    assert record["left"][site.host]["wished"]


def test_two_stores_are_crawled_side_by_side(tmp_path):
    with Site() as one, Site() as two:
        small_shop(one, 3)
        small_shop(two, 4)
        files = [store_file(tmp_path, one, name="one"), store_file(tmp_path, two, name="two")]
        record = collect(files, tmp_path / "crawl").record
    assert {name: row["listings"] for name, row in record["stores"].items()} == {"one": 3, "two": 4}
    assert [listing["store"] for listing in listings(tmp_path)] == ["one"] * 3 + ["two"] * 4


def test_pages_with_one_canonical_address_are_one_product(crawl, site, tmp_path):
    small_shop(site, 2)
    canonical = f'<link rel="canonical" href="{site.url("/p/0")}">'
    site.answers["/p/0"] = product_page(0, ["/i/0.jpg"], extra=canonical)
    site.answers["/p/1"] = product_page(0, ["/i/1.jpg"], "A variant", extra=canonical)
    assert crawl()["listings"] == 1
    assert listings(tmp_path)[0]["title"] == "Thing 0"


def test_kept_pages_are_read_again_without_a_network(crawl, site, tmp_path):
    small_shop(site)
    crawl(more="[keep]\npages = true")
    pages = list((tmp_path / "crawl" / "pages").rglob("*.gz"))
    assert len(pages) == 8
    file = store_file(tmp_path, site, more='[select]\nproduct_id = "h1::text"')
    asked = dict(site.asked)
    record = stage.extract_again(tmp_path / "crawl", [file]).record
    assert dict(site.asked) == asked
    assert record["listings"] == 6
    assert listings(tmp_path)[0]["product_id"] == "Thing 0"
    assert listings(tmp_path)[0]["images"][0]["error"] is None


def test_a_kept_page_that_is_damaged_is_named_and_the_others_are_read(crawl, site, tmp_path):
    small_shop(site)
    crawl("[keep]\npages = true")
    kept = sorted((tmp_path / "crawl" / "pages").rglob("*.gz"))
    kept[0].write_bytes(b"\x1f\x8bcut off")
    told = Told()
    stage.extract_again(tmp_path / "crawl", [tmp_path / "shop.toml"], told)
    assert [line.endswith("its kept page is gone or damaged; what was known of it stays") for line in told.lines] == [
        True
    ]
    assert len(listings(tmp_path)) == 6


class Told:
    """A listener that keeps what it is told."""

    def __init__(self):
        self.lines = []

    def begin(self, task, total=None): ...

    def advance(self, count=1, status=""): ...

    def say(self, line):
        self.lines.append(line)


def test_without_kept_pages_there_is_nothing_to_read_again(crawl, site, tmp_path):
    small_shop(site, 1)
    crawl()
    with pytest.raises(UsageError, match=r"keep\.pages"):
        stage.extract_again(tmp_path / "crawl", [store_file(tmp_path, site)])


def test_control_characters_do_not_reach_the_listings(crawl, site, tmp_path):
    small_shop(site, 2)
    site.answers["/p/0"] = product_page(0, title="Bad\\u0000\\u001b[31m\\u202ename\\nline")
    site.answers["/p/1"] = product_page(1, title="Bad\x1b[2J\x00\x08name")
    crawl()
    text = (tmp_path / "crawl" / "listings.jsonl").read_text("utf-8")
    assert all(sign >= " " or sign == "\n" for sign in text)
    assert "\\u00" not in text and "\u202e" not in text
    assert len(text.splitlines()) == 2


# -- stopping and going on -------------------------------------------------------------------------------------------


def test_an_interrupted_crawl_is_taken_up_and_ends_alike(crawl, site, tmp_path, real_readers):
    small_shop(site, 12, 4)
    whole = tmp_path / "whole"
    file = store_file(tmp_path, site)
    collect([file], whole)
    stops = Stops(5)
    with pytest.raises(KeyboardInterrupt):
        crawl(progress=stops)
    part = listings(tmp_path)
    assert len(part) < 12
    crawl(resume=True)
    assert (tmp_path / "crawl" / "listings.jsonl").read_bytes() == (whole / "listings.jsonl").read_bytes()


def test_nothing_leaves_after_ctrl_c(tmp_path):
    ledger = Ledger(tmp_path, create=True)
    crawl = crawl_room.Crawl(tmp_path, ledger, {})
    sent = []

    async def send(request):
        sent.append(request.url)
        request.meta["answer"] = None

    crawl._send = send
    ask = Ask("http://shop.test/", "page", "Atlas", 1000, 1.0)
    asyncio.run(crawl.fetch(ask))
    crawl.interrupted = True
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(crawl.fetch(ask))
    assert sent == ["http://shop.test/"]
    ledger.close()


class Stops:
    """Presses Ctrl-C after so many steps."""

    def __init__(self, after):
        self.left = after

    def begin(self, task, total=None): ...

    def say(self, line): ...

    def advance(self, count=1, status=""):
        self.left -= count
        if self.left <= 0:
            self.left = 10**9
            os.kill(os.getpid(), signal.SIGINT)


def test_resuming_needs_the_same_stores(crawl, site, tmp_path):
    small_shop(site, 12, 4)
    with pytest.raises(KeyboardInterrupt):
        crawl(progress=Stops(3))
    with pytest.raises(UsageError, match="other stores"):
        crawl(more='[select]\ntitle = "h1::text"', resume=True)
    assert crawl(settings=["budget.pages=100"], resume=True)["listings"] == 12


def test_a_finished_crawl_has_nothing_to_resume(crawl, site):
    small_shop(site, 1)
    crawl(resume=True)
    with pytest.raises(UsageError, match="nothing to resume"):
        crawl(resume=True)


def test_overwrite_begins_anew_and_spares_what_is_no_crawl(crawl, site, tmp_path):
    small_shop(site, 2)
    crawl()
    crawl(overwrite=True)
    assert rows(tmp_path, "MAX(round)") == [(1,)]
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("years of work")
    for overwrite in (False, True):
        with pytest.raises(UsageError, match="is no crawl"):
            collect([store_file(tmp_path, site)], other, overwrite=overwrite)
    assert (other / "thesis.txt").exists()


def test_two_crawls_do_not_work_in_one_folder(crawl, site, tmp_path):
    small_shop(site, 2)
    inside = threading.Event()
    site.answers["/"] = lambda visit: inside.wait(20) and list_page(["/p/0"])
    running = threading.Thread(target=crawl)
    running.start()
    try:
        while not site.asked["/"]:
            time.sleep(0.02)
        with pytest.raises(UsageError, match="another crawl works"):
            crawl()
    finally:
        inside.set()
        running.join()
    assert len(listings(tmp_path)) == 1


def test_one_picture_under_many_addresses_lies_there_once(crawl, site, tmp_path):
    small_shop(site, 12)
    for number in range(12):
        site.answers[f"/i/{number}.jpg"] = site.answers["/i/shared.jpg"]
    assert crawl()["listings"] == 12
    assert sum(file.is_file() for file in (tmp_path / "crawl" / "images").rglob("*")) == 1


def test_a_full_disk_ends_the_crawl_in_one_line(crawl, site, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    small_shop(site)
    monkeypatch.setattr(visit, "keep_picture", full)
    with pytest.raises(OSError, match="No space left"):
        crawl()
    monkeypatch.undo()
    assert crawl(resume=True)["listings"] == 6


def test_wrong_use_says_what_is_right(tmp_path, site):
    file = store_file(tmp_path, site)
    with pytest.raises(UsageError, match=r"pages\.html does not exist"):
        collect([tmp_path / "pages.html"], tmp_path / "out")
    with pytest.raises(UsageError, match="neither a store file"):
        collect([tmp_path], tmp_path / "out")
    with pytest.raises(UsageError, match="no store file"):
        collect([tmp_path / "none.toml"], tmp_path / "out")
    with pytest.raises(UsageError, match="two sources are called 'shop'"):
        collect([file, file], tmp_path / "out")
    with pytest.raises(RecipeError, match="did you mean 'delay_s'"):
        collect([file], tmp_path / "out", CollectOptions(("delay=3",)))
    with pytest.raises(RecipeError, match="allow_addresses"):
        collect([file], tmp_path / "out", CollectOptions(('polite.allow_addresses=["10.0.0.0/99"]',)))
    (tmp_path / "empty.toml").write_text('name = "empty"')
    with pytest.raises(RecipeError, match="has no start"):
        collect([tmp_path / "empty.toml"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_scrapys_log_goes_to_the_folder(crawl, site, tmp_path, capfd):
    small_shop(site, 2)
    del site.answers["/i/1.jpg"]
    crawl()
    assert capfd.readouterr() == ("", "")
    log = (tmp_path / "crawl" / "crawl.log").read_text("utf-8")
    assert f"failed http 404: {site.url('/i/1.jpg')}" in log


def test_scrapy_has_no_other_way_to_the_net():
    from scrapy.crawler import AsyncCrawlerRunner

    from atlas.collect.crawl import GuardedHandler, StoreSpider, scrapy_settings

    crawler = AsyncCrawlerRunner(scrapy_settings()).create_crawler(StoreSpider)
    crawler._apply_reactorless_default_settings()
    handlers = crawler.settings.getwithbase("DOWNLOAD_HANDLERS")
    assert {scheme: handler for scheme, handler in handlers.items() if handler is not None} == {
        "http": GuardedHandler,
        "https": GuardedHandler,
    }
    assert not crawler.settings.getbool("TELNETCONSOLE_ENABLED")
    assert not crawler.settings.getbool("REMOTE_CONTROL_ENABLED")


def test_progress_tells_pages_products_pictures_and_refusals(crawl, site):
    small_shop(site)
    site.answers["/robots.txt"] = b"User-agent: *\nDisallow: /p/1"
    del site.answers["/p/5"]
    told = []

    class Listener(Stops):
        def advance(self, count=1, status=""):
            told.append((count, status))

    crawl(progress=Listener(0))
    assert sum(count for count, _ in told) == 6 + 5 + 1 + 1
    assert told[-1][1] == "6 pages, 4 products, 5 pictures; refused 1 robots.txt; failed 1 http 404"


@pytest.mark.parametrize("name", ["crawl.lock", "crawl.log", "crawl.sqlite", "listings.jsonl", "images"])
def test_what_a_crawl_folder_holds(crawl, site, tmp_path, name):
    small_shop(site, 1)
    crawl()
    held = {file.name for file in Path(tmp_path / "crawl").iterdir()}
    assert name in held
    assert held <= {
        "crawl.lock",
        "crawl.log",
        "crawl.sqlite",
        "crawl.sqlite-wal",
        "crawl.sqlite-shm",
        "listings.jsonl",
        "images",
    }
