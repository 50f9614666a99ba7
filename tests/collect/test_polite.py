from datetime import UTC, datetime

import pytest

from atlas.collect.fetch import Answer
from atlas.collect.pause import PATIENCE_S, retry_after_s
from atlas.collect.polite import MISSES_TO_LEAVE, PARALLEL, Host
from atlas.collect.robots import NO_RULES, read_rules
from atlas.collect.store_file import Budget


def host(delay_s=1.0, **budget):
    return Host("shop.test", "http://shop.test", "shop", delay_s, Budget(**budget))


def test_a_delay_lies_between_two_starts_and_lets_one_request_be_under_way():
    one = host(2.0)
    one.begin(10.0)
    assert one.not_before == 12.0
    assert not one.room
    one.end(100)
    assert one.room


def test_without_a_delay_several_requests_may_be_under_way():
    one = host(0.0)
    for count in range(PARALLEL):
        assert one.room, count
        one.begin(1.0)
    assert not one.room
    assert one.not_before == 1.0


def test_the_longer_of_both_delays_holds():
    one = host(1.0)
    one.rules = read_rules(Answer("x", 200, {}, b"User-agent: *\nCrawl-delay: 7"))
    assert one.pause_s == 7.0
    one.delay_s = 9.0
    assert one.pause_s == 9.0
    one.rules = NO_RULES
    assert one.pause_s == 9.0


def test_a_struggling_host_gets_longer_and_longer_pauses_until_it_is_well():
    one = host(1.0)
    pauses = []
    for _ in range(3):
        one.not_before = 0.0
        one.struggled(0.0, "http 500")
        pauses.append(one.not_before)
    assert pauses == [1.0, 2.0, 4.0]
    one.served()
    one.not_before = 0.0
    one.struggled(0.0, "http 500")
    assert one.not_before == 1.0


def test_a_host_that_never_answers_is_gone():
    one = host()
    for _ in range(MISSES_TO_LEAVE):
        assert not one.gone
        one.struggled(0.0, "timeout")
    assert one.gone == "timeout"


def test_a_name_that_does_not_resolve_is_gone_sooner():
    one = host()
    one.struggled(0.0, "no such host")
    one.struggled(0.0, "no such host")
    assert one.gone == "no such host"


def test_a_wish_is_kept_to_and_too_long_a_one_ends_the_run_for_the_host():
    one = host(1.0)
    one.struggled(100.0, "http 429", 30.0)
    assert one.not_before == 130.0
    assert not one.rest
    for _ in range(2 * MISSES_TO_LEAVE):
        one.struggled(100.0, "http 429", 1.0)
    assert not one.gone
    one.struggled(100.0, "http 503", PATIENCE_S + 1)
    assert "601 s" in one.rest


def test_budgets_end():
    one = host(0.0, pages=2, megabytes=0.001, minutes=1.0)
    assert one.spent(0.0) == ""
    one.begin(50.0)
    one.end(999)
    assert one.spent(109.0) == ""
    assert one.spent(110.0) == "budget of 1 minutes"
    one.received_bytes += 1
    assert one.spent(51.0) == "budget of 0.001 megabytes"
    one.pages = 1
    assert one.has_pages_left
    one.pages = 2
    assert not one.has_pages_left


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0.0),
        ("Sat, 01 Jan 2000 00:01:00 GMT", 60.0),
        ("Sat, 01 Jan 2000 01:01:00 +0100", 60.0),
        ("soon", None),
        ("-5", None),
        ("", None),
        ("9" * 400, 999999999999.0),
        ("Sat, 99 Jan 2000 00:01:00 GMT", None),
    ],
)
def test_retry_after(header, seconds):
    assert retry_after_s(header, datetime(2000, 1, 1, tzinfo=UTC)) == seconds
