import asyncio

import pytest

from atlas.collect import robots
from atlas.collect.fetch import Answer, FailedError
from atlas.collect.guard import RefusedError
from atlas.collect.robots import RULES_OFF, find_rules, no_rules, read_rules
from atlas.collect.shop import shop_of
from atlas.collect.store_file import Start, StoreFile

SHOP = shop_of(StoreFile("shop", (Start("http://shop.test/"),)))
TEXT = b"""
User-agent: *
Disallow: /private
Crawl-delay: 3

User-agent: atlas
Disallow: /not-for-atlas
Request-rate: 1/20
"""


def rules(text, status=200):
    return read_rules(Answer("http://shop.test/robots.txt", status, {}, text))


def test_the_group_of_this_crawler_holds_before_that_of_all():
    found = rules(TEXT)
    assert not found.allows("http://shop.test/not-for-atlas/x")
    assert found.allows("http://shop.test/private")
    assert found.delay_s == 20.0


def test_without_an_own_group_that_of_all_holds():
    found = rules(TEXT.replace(b"atlas", b"otherbot"))
    assert not found.allows("http://shop.test/private/x.jpg")
    assert found.allows("http://shop.test/x")
    assert found.delay_s == 3.0


@pytest.mark.parametrize("text", [b"", b"<html>no such page</html>", b"\xff\xfe\0\0", b"Disallow: /\n" * 3, b"\0" * 99])
def test_what_says_nothing_forbids_nothing(text):
    assert rules(text).allows("http://shop.test/x")


@pytest.mark.parametrize(
    ("status", "allowed"), [(404, True), (403, True), (410, True), (429, False), (500, False), (503, False)]
)
def test_no_file_forbids_nothing_and_a_failing_host_forbids_all(status, allowed):
    found = rules(b"", status)
    assert found.allows("http://shop.test/x") is allowed
    assert found.source == ("none" if allowed else "unreachable")


def test_a_host_that_does_not_come_forbids_all():
    assert not no_rules(FailedError("timeout")).allows("http://shop.test/x")
    assert not no_rules(FailedError("timeout")).gone
    assert no_rules(FailedError("no such host")).gone == "no such host"
    assert RULES_OFF.allows("http://shop.test/x")


@pytest.fixture
def found(monkeypatch):
    """What is found when robots.txt is answered so, one after the other; also the addresses that were asked."""
    monkeypatch.setattr(robots, "FIRST_PAUSE_S", 0.0)

    def find(*answers):
        asked, left = [], list(answers)

        async def fetch(ask):
            asked.append(ask.url)
            answer = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(answer, Exception):
                raise answer
            return Answer(ask.url, *answer)

        return asyncio.run(find_rules(fetch, "http://shop.test", SHOP)), asked

    return find


def test_a_redirect_to_the_rules_is_followed(found):
    result, asked = found((301, {"location": "/r.txt"}), (200, {}, b"User-agent: *\nDisallow: /"))
    assert asked == ["http://shop.test/robots.txt", "http://shop.test/r.txt"]
    assert not result.allows("http://shop.test/x")


def test_endless_redirects_are_no_rules(found):
    result, asked = found((302, {"location": "/robots.txt"}))
    assert len(asked) == 6
    assert result.allows("http://shop.test/x")


def test_a_failing_host_is_asked_again_before_it_is_believed(found):
    result, asked = found((500, {}), FailedError("timeout"), (200, {}, b""))
    assert len(asked) == 3
    assert result.allows("http://shop.test/x")
    result, asked = found((500, {}))
    assert len(asked) == 3
    assert result.source == "unreachable"


def test_a_host_that_wishes_a_pause_gets_it_before_it_is_asked_for_its_rules_again(found, monkeypatch):
    slept = []

    async def sleep(pause_s):
        slept.append(pause_s)

    monkeypatch.setattr(robots.asyncio, "sleep", sleep)
    result, asked = found((429, {"retry-after": "4"}), (503, {"retry-after": "7"}), (200, {}, b""))
    assert (len(asked), slept) == (3, [4.0, 7.0])
    assert result.allows("http://shop.test/x")
    result, asked = found((503, {"retry-after": "3600"}))
    assert (len(asked), slept) == (1, [4.0, 7.0]), "it wishes longer than anybody would wait for a robots.txt"
    assert result.detail == "robots.txt: http 503, asks for a pause of 3,600 s"
    assert not result.allows("http://shop.test/x")


def test_a_host_that_is_not_there_is_asked_once(found):
    result, asked = found(FailedError("no such host"))
    assert len(asked) == 1
    assert result.gone == "no such host"


def test_where_rules_are_refused_the_addresses_themselves_say_why(found):
    assert found(RefusedError("private address"))[0].source == "none"
