"""What a host allows: its robots.txt as RFC 9309 reads it, for pages and pictures alike."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from protego import Protego

from atlas.collect.fetch import Answer, Ask, FailedError, Fetch
from atlas.collect.guard import RefusedError, clean_url
from atlas.collect.pause import FIRST_PAUSE_S, retry_after_s
from atlas.collect.shop import Shop

#: The name under which robots.txt knows this crawler.
PRODUCT = "Atlas"
#: What of a robots.txt is read (RFC 9309, section 2.5), and how many redirects lead to it (section 2.3.1.2).
LIMIT_BYTES = 512 * 1024
MAX_REDIRECTS = 5
#: How long rules hold before they are asked again (section 2.4 allows a day).
RULES_S = 23 * 3600.0
#: Tries for a robots.txt that does not come.
TRIES = 3
#: The longest pause that is waited for before a robots.txt is asked again (`Retry-After`).
PATIENCE_RULES_S = 60.0
#: Failures that say there is no such host, rather than one in trouble.
_GONE = ("no such host", "no connection", "certificate")

#: How rules came about: "rules" were read, there are "none", the file was "unreachable", or obeying is turned "off".
Source: TypeAlias = Literal["rules", "none", "unreachable", "off"]


@dataclass(frozen=True)
class Rules:
    """What one host allows: nothing for now if its rules cannot be read.

    `gone` says why it is no host at all, `wish_s` how long it wishes not to be asked (`Retry-After`).
    """

    source: Source
    detail: str = ""
    gone: str = ""
    parsed: Protego | None = None
    wish_s: float | None = None

    def allows(self, url: str) -> bool:
        """Whether the host lets this address be asked."""
        if self.parsed is not None:
            return bool(self.parsed.can_fetch(url, PRODUCT))
        return self.source != "unreachable"

    @property
    def delay_s(self) -> float:
        """The pause between two requests that the host wishes, 0 where it names none."""
        if self.parsed is None:
            return 0.0
        rate = self.parsed.request_rate(PRODUCT)
        by_rate = rate.seconds / rate.requests if rate and rate.requests else 0.0
        return max(float(self.parsed.crawl_delay(PRODUCT) or 0.0), by_rate)


NO_RULES = Rules("none")
RULES_OFF = Rules("off")


def read_rules(answer: Answer) -> Rules:
    """The rules that an answer for robots.txt stands for.

    A file that does not exist (4xx) forbids nothing; a host that fails (5xx) or is too busy (429) forbids all.
    """
    if answer.status == 200:
        try:
            return Rules("rules", parsed=Protego.parse(answer.body.decode("utf-8", "replace")))
        except Exception as error:  # a file that breaks its parser says nothing that could be obeyed
            return Rules("unreachable", f"robots.txt cannot be read: {type(error).__name__}")
    if answer.status == 429 or answer.status >= 500:
        wish_s = retry_after_s(answer.headers.get("retry-after", "")) if answer.status in (429, 503) else None
        return Rules("unreachable", f"robots.txt: http {answer.status}", wish_s=wish_s)
    return NO_RULES


def no_rules(error: FailedError) -> Rules:
    """The rules of a host whose robots.txt did not come at all."""
    return Rules("unreachable", f"robots.txt: {error}", error.reason if error.reason in _GONE else "")


async def find_rules(fetch: Fetch, origin: str, shop: Shop) -> Rules:
    """What the robots.txt of a host says to a store's crawl, after some tries where it does not come.

    The pause between them is the host's own wish where it has one; one that wishes a long pause is not asked again.
    """
    rules = await _ask_for_rules(fetch, f"{origin}/robots.txt", shop)
    for tries in range(1, TRIES):
        if rules.source != "unreachable" or rules.gone:
            break
        pause_s = FIRST_PAUSE_S * (2**tries - 1) if rules.wish_s is None else max(rules.wish_s, FIRST_PAUSE_S)
        if pause_s > PATIENCE_RULES_S:
            return replace(rules, detail=f"{rules.detail}, asks for a pause of {pause_s:,.0f} s")
        await asyncio.sleep(pause_s)
        rules = await _ask_for_rules(fetch, f"{origin}/robots.txt", shop)
    return rules


async def _ask_for_rules(fetch: Fetch, url: str, shop: Shop) -> Rules:
    for _ in range(MAX_REDIRECTS + 1):
        try:
            answer = await fetch(Ask(url, "rules", shop.agent, LIMIT_BYTES, shop.file.budget.page_s, shop.exceptions))
            if not answer.target:
                return read_rules(answer)
            url = clean_url(answer.target)
        except FailedError as error:
            return no_rules(error)
        except RefusedError:
            return NO_RULES  # then its addresses are refused one by one, each with this reason
    return NO_RULES
