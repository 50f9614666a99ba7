"""The ledger alone: what it hands out, what it keeps, and that no order of asking and no kill changes the end."""

import json
import random
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.collect.jobs import Reading, Visit
from atlas.collect.ledger import LEDGER_FILE, Ledger
from atlas.collect.links import Target, names_of
from atlas.collect.reach import LIST, MAX_BARREN, NO_START, PRODUCT, Fault
from atlas.collect.tally import count_spent
from atlas.errors import DataError
from atlas.records import Listing

BASE = "http://shop.test"


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(tmp_path, create=True)
    yield ledger
    ledger.close()


def begin(ledger, *starts):
    ledger.begin(resume=False)
    ledger.set_starts("shop", [(BASE + url, path) for url, path in starts or [("/", ())]])


def listing(url, images=()):
    return Listing("shop", BASE + url, url, f"title {url}", 1.0, "EUR", (), tuple(images))


def links(*products, next=(), pictures=()):
    found = [Target("product", BASE + url) for url in products]
    return [*found, *(Target("next", BASE + url) for url in next), *(Target("picture", BASE + url) for url in pictures)]


def claim(ledger, **wishes):
    return {job.url.removeprefix(BASE): job for job in ledger.claim("shop.test", 100, **wishes)}


def row(ledger, url, *columns):
    found = ledger.db.execute(f"SELECT {', '.join(columns)} FROM address WHERE url = ?", (BASE + url,)).fetchone()
    return found if len(columns) > 1 else found[0]


def test_a_page_leads_to_products_next_pages_and_pictures(ledger):
    begin(ledger)
    assert ledger.hosts() == ["shop.test"]
    start = claim(ledger)["/"]
    assert claim(ledger) == {}
    ledger.record_page(start, Visit(http=200), Reading(None, links("/p1", next=["/2"])))
    jobs = claim(ledger)
    assert set(jobs) == {"/p1", "/2"}
    ledger.record_page(jobs["/p1"], Visit(), Reading(listing("/p1"), links("/p9", next=["/9"], pictures=["/a.jpg"])))
    assert set(claim(ledger)) == {"/a.jpg"}, "a product page leads to its pictures only"


def test_what_was_under_way_waits_again_after_a_kill(tmp_path):
    ledger = Ledger(tmp_path, create=True)
    begin(ledger)
    assert set(claim(ledger)) == {"/"}
    ledger.db.close()  # as a kill leaves it
    ledger = Ledger(tmp_path)
    assert ledger.unfinished
    ledger.begin(resume=True)
    assert ledger.round == 1
    assert set(claim(ledger)) == {"/"}
    ledger.close()


def test_a_transaction_is_whole_or_nothing(ledger):
    begin(ledger)
    start = claim(ledger)["/"]
    broken = Reading(listing("/"), [*links("/p1"), Target("product", None)])
    with pytest.raises((TypeError, AttributeError, sqlite3.Error)):
        ledger.record_page(start, Visit(http=200, sha256="x"), broken)
    assert row(ledger, "/", "status", "listing", "sha256") == ("asked", None, None)
    assert ledger.db.execute("SELECT COUNT(*) FROM address").fetchone() == (1,)
    assert ledger.db.execute("SELECT COUNT(*) FROM link").fetchone() == (0,)


def test_the_round_is_closed_when_nothing_waits(ledger):
    begin(ledger)
    assert not ledger.finish()
    ledger.record_fault(claim(ledger)["/"], Fault("failed", "http 404"))
    assert ledger.finish()
    assert not ledger.unfinished


def test_retries_are_counted_and_keep_waiting(ledger):
    begin(ledger)
    ledger.record_retry(claim(ledger)["/"])
    assert claim(ledger)["/"].tries == 1


def test_closed_stores_give_pictures_only(ledger):
    begin(ledger)
    ledger.record_page(claim(ledger)["/"], Visit(), Reading(listing("/"), links("/p1", pictures=["/a.jpg"])))
    assert set(claim(ledger, closed=["shop"])) == {"/a.jpg"}
    assert set(claim(ledger, closed=["other"])) == {"/p1"}


def test_refused_links_stay_with_their_reason(ledger):
    begin(ledger)
    refused = Target("product", "http://evil.test/", Fault("refused", "another site", "evil.test"))
    ledger.record_page(claim(ledger)["/"], Visit(), Reading(None, [refused]))
    assert ledger.db.execute("SELECT url, reason FROM address WHERE status = 'refused'").fetchall() == [
        ("http://evil.test/", "another site")
    ]
    assert ledger.finish()


def test_a_host_that_is_gone_takes_what_waits_with_it(ledger):
    begin(ledger, ("/", ()), ("/2", ()))
    assert ledger.give_up("shop.test", Fault("failed", "no such host")) == 2
    assert ledger.hosts() == []


# -- redirects -------------------------------------------------------------------------------------------------------


def move(ledger, url, target):
    job = claim(ledger)[url]
    return ledger.record_move(job, Visit(http=302), Target("moved", BASE + target))


def test_a_redirect_is_one_more_address_with_the_same_reach(ledger):
    begin(ledger, ("/old", ("A",)))
    move(ledger, "/old", "/new")
    job = claim(ledger)["/new"]
    assert row(ledger, "/new", "role", "start", "hops") == (LIST, 0, 1)
    ledger.record_page(job, Visit(), Reading(None, links("/p1")))
    assert row(ledger, "/p1", "role", "start", "hops") == (PRODUCT, 0, 0)


def test_a_redirect_to_itself_and_a_ring_of_them_end(ledger):
    begin(ledger, ("/self", ()))
    move(ledger, "/self", "/self")
    assert row(ledger, "/self", "status", "reason") == ("failed", "redirect loop")
    ledger.set_starts("shop", [(f"{BASE}/a", ())])
    move(ledger, "/a", "/b")
    move(ledger, "/b", "/a")
    assert row(ledger, "/b", "reason") == "redirect loop"
    assert ledger.finish()


def test_too_many_redirects_end(ledger):
    begin(ledger, ("/0", ()))
    for hop in range(20):
        if f"/{hop}" not in (jobs := claim(ledger)):
            break
        ledger.record_move(jobs[f"/{hop}"], Visit(), Target("moved", f"{BASE}/{hop + 1}"))
    assert hop == 6
    assert row(ledger, "/6", "reason") == "too many redirects"


# -- rounds ----------------------------------------------------------------------------------------------------------


def crawl(ledger, site):
    """Ask everything of a site until nothing waits; `site` holds Readings by path."""
    while jobs := claim(ledger):
        for url, job in jobs.items():
            if isinstance(site[url], Reading):
                ledger.record_page(job, Visit(http=200, etag=f"e{url}", sha256=f"s{url}", rules="r"), site[url])
            else:
                ledger.record_picture(job, Visit(http=200, sha256=site[url]))
    assert ledger.finish()


SITE = {
    "/": Reading(None, links("/p1", "/p2", next=["/2"])),
    "/2": Reading(None, links("/p3")),
    "/p1": Reading(listing("/p1", [f"{BASE}/1.jpg"]), links(pictures=["/1.jpg"])),
    "/p2": Reading(listing("/p2"), []),
    "/p3": Reading(listing("/p3"), []),
    "/1.jpg": "hash",
}


def test_a_second_round_asks_pages_whether_they_changed_and_no_picture(ledger):
    begin(ledger)
    crawl(ledger, SITE)
    begin(ledger)
    asked = []
    while jobs := claim(ledger):
        for url, job in jobs.items():
            asked.append(url)
            assert (job.etag, job.sha256, job.rules) == (f"e{url}", f"s{url}", "r")
            ledger.record_unchanged(job, Visit(http=304))
    assert sorted(asked) == ["/", "/2", "/p1", "/p2", "/p3"]
    assert ledger.finish()
    assert row(ledger, "/p1", "sha256", "etag", "http", "round") == ("s/p1", "e/p1", 304, 2)
    assert row(ledger, "/1.jpg", "status", "round", "asked_round") == ("done", 2, 1)
    assert json.loads(row(ledger, "/p1", "listing"))["title"] == "title /p1"


def test_a_picture_that_failed_is_asked_again_in_the_next_round(ledger):
    begin(ledger)
    ledger.record_page(claim(ledger)["/"], Visit(), Reading(listing("/"), links(pictures=["/1.jpg"])))
    ledger.record_fault(claim(ledger)["/1.jpg"], Fault("failed", "timeout"))
    begin(ledger)
    ledger.record_unchanged(claim(ledger)["/"], Visit())
    assert set(claim(ledger)) == {"/1.jpg"}


def test_a_product_that_is_gone_keeps_its_listing(ledger):
    begin(ledger)
    crawl(ledger, SITE)
    begin(ledger)
    ledger.record_page(claim(ledger)["/"], Visit(), Reading(None, links("/p1")))
    ledger.record_fault(claim(ledger)["/p1"], Fault("failed", "http 404"))
    assert row(ledger, "/p1", "status", "reason") == ("failed", "http 404")
    assert row(ledger, "/p1", "listing") and row(ledger, "/p3", "listing")


def test_a_page_that_says_by_script_what_it_shows_must_come_whole(ledger):
    begin(ledger)
    visit = Visit(etag="e", sha256="s", rules="r", rendered=True)
    ledger.record_page(claim(ledger)["/"], visit, Reading(None, links("/p1")))
    begin(ledger)
    job = claim(ledger)["/"]
    assert (job.etag, job.sha256) == (None, None)


def test_a_product_page_that_turns_out_to_be_a_list_is_asked_again(ledger):
    begin(ledger, ("/", ()), ("/3", ()))
    jobs = claim(ledger)
    ledger.record_page(jobs["/"], Visit(), Reading(None, links("/both")))
    both = claim(ledger)["/both"]
    ledger.record_page(both, Visit(etag="e", sha256="s"), Reading(None, links("/p1")))
    assert claim(ledger) == {}
    ledger.record_page(jobs["/3"], Visit(), Reading(None, links(next=["/both"])))
    both = claim(ledger)["/both"]
    assert (both.etag, both.sha256) == (None, None)
    ledger.record_page(both, Visit(), Reading(None, links("/p1")))
    assert set(claim(ledger)) == {"/p1"}


# -- order -----------------------------------------------------------------------------------------------------------

PATHS = [f"/{number}" for number in range(8)]
sites = st.fixed_dictionaries(
    {
        path: st.tuples(
            st.lists(st.sampled_from(PATHS), max_size=3, unique=True),
            st.lists(st.sampled_from(PATHS), max_size=3, unique=True),
            st.sampled_from(["page", "moved", "page", "page"]),
        )
        for path in PATHS
    }
)


def end_of(folder, site, seed, killed=0.0):
    """What a crawl in random order comes to, killed and opened again now and then."""
    folder.mkdir()
    dice = random.Random(seed)
    ledger = Ledger(folder, create=True)
    begin(ledger, ("/0", ("A", "B")), ("/1", ("A",)), ("/2", ()))
    waiting = {}
    while True:
        waiting |= claim(ledger)
        if not waiting:
            break
        url = dice.choice(sorted(waiting))
        job = waiting.pop(url)
        products, following, kind = site[url]
        if kind == "moved":
            ledger.record_move(job, Visit(), Target("moved", BASE + (products + following + PATHS)[0]))
        else:
            ledger.record_page(job, Visit(), Reading(listing(url), links(*products, next=following)))
        if dice.random() < killed:
            ledger.db.close()
            ledger, waiting = Ledger(folder), {}
            ledger.begin(resume=True)
    assert ledger.finish()
    kept = "url, role, turns, barren, start, hops, IIF(status = 'failed', 'moved', status), listing"
    end = ledger.db.execute(f"SELECT {kept} FROM address ORDER BY url").fetchall()
    ways = ledger.db.execute(
        "SELECT a.url, b.url, kind FROM link JOIN (SELECT id, url FROM address) a ON a.id = source "
        "JOIN (SELECT id, url FROM address) b ON b.id = target ORDER BY 1, 2, 3"
    ).fetchall()
    ledger.close()
    return end, ways


@settings(max_examples=15)
@given(site=sites, seeds=st.tuples(st.integers(0, 99), st.integers(100, 199)))
def test_neither_order_nor_kills_change_where_a_crawl_ends(tmp_path_factory, site, seeds):
    folder = tmp_path_factory.mktemp("order")
    first = end_of(folder / "a", site, seeds[0])
    assert end_of(folder / "b", site, seeds[1]) == first
    assert end_of(folder / "c", site, seeds[1], killed=0.4) == first


def test_a_calendar_without_end_ends(ledger):
    begin(ledger, ("/day/0", ()))
    day = 0
    while jobs := claim(ledger):
        for job in jobs.values():
            day += 1
            ledger.record_page(job, Visit(), Reading(None, links(next=[f"/day/{day}"])))
    assert day == MAX_BARREN + 1
    assert row(ledger, f"/day/{day}", "reason") == "endless list"


def test_a_nearer_way_opens_a_list_that_was_too_far(ledger):
    begin(ledger, ("/day/0", ()), ("/late", ()))
    jobs = claim(ledger)
    late = jobs.pop("/late")
    day = 0
    while jobs:
        for job in jobs.values():
            day += 1
            ledger.record_page(job, Visit(), Reading(None, links(next=[f"/day/{day}"])))
        jobs = claim(ledger)
    ledger.record_page(late, Visit(), Reading(None, links(next=[f"/day/{day}"])))
    assert set(claim(ledger)) == {f"/day/{day}"}


def test_the_path_is_that_of_the_first_start(ledger):
    begin(ledger, ("/a", ("A", "B")), ("/b", ()))
    jobs = claim(ledger)
    ledger.record_page(jobs["/b"], Visit(), Reading(None, links("/p")))
    assert row(ledger, "/p", "start") == 1
    ledger.record_page(jobs["/a"], Visit(), Reading(None, links("/p")))
    assert row(ledger, "/p", "start") == 0


def test_entries_of_a_list_are_replaced_and_their_pictures_asked(ledger):
    ledger.begin(resume=False)
    one = Listing("list", "http://a.test/1.jpg", "1", None, None, None, (), ("http://a.test/1.jpg",), ("Men",))
    pictures = [Target("picture", "http://a.test/1.jpg")]
    ledger.add_entries("list", [(one, "train", pictures), (one, "test", pictures)])
    assert [job.url for job in ledger.claim("a.test", 9)] == ["http://a.test/1.jpg"]
    assert ledger.db.execute("SELECT COUNT(*), MIN(start) FROM address WHERE kind = 'entry'").fetchone() == (
        2,
        NO_START,
    )
    ledger.begin(resume=False)
    ledger.add_entries("list", [(one, "train", pictures)])
    ledger.drop_old_entries("list")
    assert ledger.db.execute("SELECT split FROM address WHERE kind = 'entry'").fetchall() == [("train",)]


def test_what_is_spent_counts_for_the_round(ledger):
    begin(ledger)
    crawl(ledger, SITE)
    assert count_spent(ledger) == {"shop.test": (5, 0)}
    begin(ledger)
    assert count_spent(ledger) == {}


# -- files -----------------------------------------------------------------------------------------------------------


def test_a_folder_without_a_ledger_is_no_crawl(tmp_path):
    with pytest.raises(DataError, match="is no crawl"):
        Ledger(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no database at all, but long enough to look at" * 50])
def test_a_damaged_ledger_says_what_to_do(tmp_path, content):
    (tmp_path / LEDGER_FILE).write_bytes(content)
    if content:
        with pytest.raises(DataError, match="--overwrite"):
            Ledger(tmp_path)
    else:
        Ledger(tmp_path).close()


def test_a_ledger_of_another_format_is_not_touched(tmp_path):
    db = sqlite3.connect(tmp_path / LEDGER_FILE)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(DataError, match="format 99"):
        Ledger(tmp_path)


def test_under_which_names_an_address_is_known():
    assert names_of("http://m.shop.test:81/x") == [
        "http://m.shop.test:81/x",
        "m.shop.test:81",
        "m.shop.test",
        "shop.test",
    ]
    assert names_of("http://shop.test/") == ["http://shop.test/", "shop.test", "shop.test"]
