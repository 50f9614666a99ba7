"""When which address leaves: at each host's own pace, by its rules, within budgets."""

import asyncio
import itertools
import time
from dataclasses import replace

import pytest

from atlas.collect.fetch import Answer
from atlas.collect.frontier import MOST_UNDER_WAY, Frontier
from atlas.collect.jobs import Reading, Visit
from atlas.collect.ledger import Ledger
from atlas.collect.links import Target
from atlas.collect.reach import Fault
from atlas.collect.robots import NO_RULES, Rules, read_rules
from atlas.collect.store_file import Budget, Polite, Start, StoreFile
from atlas.records import Listing


def store(name="shop", delay_s=0.0, obey_robots=True, **budget):
    polite = Polite(delay_s=delay_s, obey_robots=obey_robots)
    return StoreFile(name, (Start("http://a.test/"),), polite=polite, budget=Budget(**budget))


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(tmp_path, create=True)
    ledger.begin(resume=False)
    yield ledger
    ledger.close()


def pictures(ledger, *urls, store="shop"):
    """Let pictures wait."""
    listing = Listing(store, "http://a.test/p", "1", None, None, None, (), tuple(urls))
    ledger.add_entries(store, [(listing, None, [Target("picture", url) for url in urls])])


def run(ledger, *stores, rules=NO_RULES, answer=None, cost_s=0.0, **wishes):
    """Everything a frontier hands out, as (seconds, url); `answer` may change a host or add to the ledger."""
    told = []

    async def go():
        frontier = Frontier(ledger, {one.name: one for one in stores or [store()]}, **wishes)
        start = time.monotonic()

        async def handle(host, job):
            told.append((time.monotonic() - start, job.url if job else f"{host.origin}/robots.txt"))
            await asyncio.sleep(cost_s)
            if job is None:
                frontier.learn(host, rules(host) if callable(rules) else rules)
            elif answer:
                answer(frontier, host, job)
            else:
                ledger.record_picture(job, Visit())
            frontier.answered(host, 10)
            frontier.done(host)

        async with asyncio.TaskGroup() as group:
            async for host, job in frontier.jobs():
                group.create_task(handle(host, job))
        return frontier

    return asyncio.run(go()), told


def test_each_host_is_asked_for_its_rules_first_and_once(ledger):
    pictures(ledger, "http://a.test/1", "http://b.test:81/2", "http://a.test/3")
    _, told = run(ledger)
    urls = [url for _, url in told]
    assert sorted(urls) == [
        "http://a.test/1", "http://a.test/3", "http://a.test/robots.txt", "http://b.test:81/2",
        "http://b.test:81/robots.txt",
    ]  # fmt: skip
    assert urls.index("http://a.test/robots.txt") < urls.index("http://a.test/1")
    assert ledger.finish()


def test_a_delay_lies_between_requests_of_one_host_and_not_between_hosts(ledger):
    pictures(ledger, *(f"http://{host}.test/{number}" for host in "ab" for number in range(3)))
    _, told = run(ledger, store(delay_s=0.2))
    for host in "ab":
        times = [at for at, url in told if url.startswith(f"http://{host}.")]
        assert len(times) == 4
        assert all(later - sooner >= 0.1 for sooner, later in itertools.pairwise(times))
    assert {url for _, url in told[:2]} == {f"http://{host}.test/robots.txt" for host in "ab"}


def test_what_robots_forbids_is_never_handed_out(ledger):
    pictures(ledger, "http://a.test/ok", "http://a.test/no/1", "http://a.test/no/2")
    frontier, told = run(ledger, rules=read_rules(Answer("x", 200, {}, b"User-agent: *\nDisallow: /no")))
    assert [url for _, url in told] == ["http://a.test/robots.txt", "http://a.test/ok"]
    assert frontier.refused == {"shop": 2}
    assert ledger.db.execute("SELECT COUNT(*) FROM address WHERE reason = 'robots.txt'").fetchone() == (2,)


def test_a_store_that_does_not_obey_asks_for_no_rules(ledger):
    pictures(ledger, "http://a.test/no")
    _, told = run(ledger, store(obey_robots=False))
    assert [url for _, url in told] == ["http://a.test/no"]


def test_a_host_without_readable_rules_is_left_for_another_run(ledger):
    pictures(ledger, "http://a.test/1", "http://b.test/2")
    frontier, told = run(
        ledger, rules=lambda host: Rules("unreachable", "http 500") if host.name == "a.test" else NO_RULES
    )
    assert "http://a.test/1" not in [url for _, url in told]
    assert frontier.hosts["a.test"].rest == "http 500"
    assert not ledger.finish()
    assert ledger.hosts() == ["a.test"]


def test_a_host_that_asks_for_a_request_a_day_is_left_rather_than_waited_for(ledger):
    pictures(ledger, "http://a.test/1", "http://a.test/2", "http://b.test/2")
    slow = read_rules(Answer("http://a.test/robots.txt", 200, {}, b"User-agent: *\nCrawl-delay: 86400"))
    frontier, told = run(ledger, rules=lambda host: slow if host.name == "a.test" else NO_RULES)
    assert {url for _, url in told} == {"http://a.test/robots.txt", "http://b.test/robots.txt", "http://b.test/2"}
    assert frontier.hosts["a.test"].rest == "robots.txt asks for 86,400 s between two requests"
    assert ledger.hosts() == ["a.test"]


def test_what_waits_for_a_host_that_is_gone_has_failed(ledger):
    pictures(ledger, *(f"http://a.test/{number}" for number in range(100)))

    def answer(frontier, host, job):
        ledger.record_fault(job, Fault("failed", "no connection"))
        host.gone = "no connection"

    frontier, told = run(ledger, answer=answer)
    assert len(told) < 2 + MOST_UNDER_WAY
    assert frontier.given_up == 100 - (len(told) - 1)
    assert ledger.finish()
    assert ledger.db.execute("SELECT COUNT(*) FROM address WHERE status = 'failed'").fetchone() == (100,)


def test_no_more_than_so_many_are_under_way(ledger):
    pictures(ledger, *(f"http://{host}.test/{number}" for host in "abcdef" for number in range(10)))
    here, most = 0, 0

    async def go():
        nonlocal here, most
        frontier = Frontier(ledger, {"shop": store()})

        async def handle(host, job):
            nonlocal here, most
            here += 1
            most = max(most, here)
            await asyncio.sleep(0.01)
            if job:
                ledger.record_picture(job, Visit())
            else:
                frontier.learn(host, NO_RULES)
            here -= 1
            frontier.answered(host, 0)
            frontier.done(host)

        async with asyncio.TaskGroup() as group:
            async for host, job in frontier.jobs():
                group.create_task(handle(host, job))

    asyncio.run(go())
    assert 8 < most <= MOST_UNDER_WAY
    assert ledger.finish()


def pages_that_lead_on(ledger, most=1000):
    """Each page leads to two more; gives what answers for them."""
    ledger.set_starts("shop", [("http://a.test/0", ())])

    def answer(frontier, host, job):
        number = int(job.url.rpartition("/")[2])
        following = [
            Target("next", f"http://a.test/{2 * number + more}") for more in (1, 2) if 2 * number + more < most
        ]
        products = [Target("product", f"http://a.test/p/{number}")] if job.url.count("/") == 3 else []
        frontier.tell(ledger.record_page(job, Visit(), Reading(None, following + products)))

    return answer


def test_new_links_are_asked_until_there_are_none(ledger):
    _, told = run(ledger, answer=pages_that_lead_on(ledger, most=31))
    assert len(told) == 1 + 31 + 31
    assert ledger.finish()


def test_the_budget_of_pages_holds_over_all_runs_of_a_round(ledger):
    answer = pages_that_lead_on(ledger)
    _, told = run(ledger, store(pages=10), answer=answer)
    assert len(told) == 11
    assert not ledger.finish()
    ledger.begin(resume=True)
    _, told = run(ledger, store(pages=12), answer=answer)
    assert len(told) == 3


def test_pictures_do_not_count_as_pages(ledger):
    pictures(ledger, *(f"http://a.test/{number}.jpg" for number in range(20)))
    _, told = run(ledger, store(pages=1))
    assert len(told) == 21


def test_the_budget_of_megabytes_ends_a_host(ledger):
    pictures(ledger, *(f"http://a.test/{number}" for number in range(50)))
    frontier, told = run(ledger, store(megabytes=0.0001))
    assert 10 <= len(told) < 40
    assert frontier.hosts["a.test"].rest.startswith("budget of")


def test_a_store_that_has_enough_gives_no_more_pages(ledger):
    answer = pages_that_lead_on(ledger)
    count = 0

    def counted(frontier, host, job):
        nonlocal count
        count += 1
        answer(frontier, host, job)

    _, told = run(ledger, answer=counted, has_enough=lambda name: count >= 5)
    assert 5 <= len(told) - 1 <= 5 + 8


def test_a_host_shared_by_two_stores_is_asked_at_the_pace_of_the_slower(ledger):
    pictures(ledger, "http://a.test/1", "http://a.test/2")
    pictures(ledger, "http://a.test/3", "http://a.test/4", store="slow")
    _, told = run(ledger, store(), replace(store(delay_s=0.3), name="slow"))
    assert told[-1][0] - told[-2][0] >= 0.15


def test_after_the_end_nothing_is_marked_as_asked(ledger):
    pictures(ledger, *(f"http://a.test/{number}" for number in range(100)))

    def answer(frontier, host, job):
        ledger.record_retry(job)
        host.rest = "asks for a pause"

    run(ledger, answer=answer)
    assert ledger.db.execute("SELECT COUNT(*) FROM address WHERE status = 'asked'").fetchone() == (0,)
