"""When a host may be asked again: its pause, how it is spared while it struggles, and where its budget ends."""

from __future__ import annotations

import math
from dataclasses import dataclass

from atlas.collect.pause import FIRST_PAUSE_S, PATIENCE_S
from atlas.collect.robots import Rules
from atlas.collect.store_file import Budget

#: Requests that may be under way to one host at a time when its delay is 0; with a delay it is one.
PARALLEL = 8
#: Failures in a row after which a host counts as gone: of any kind, and of names that do not resolve.
MISSES_TO_LEAVE = 6
UNKNOWN_TO_LEAVE = 2


@dataclass
class Host:
    """One host during one run. Times are seconds of a clock that only goes forward."""

    name: str
    origin: str  # scheme and name, where robots.txt lies
    store: str  # in whose name it is asked for its robots.txt
    delay_s: float
    budget: Budget
    pages: int = 0  # asked in this round, earlier runs included
    received_bytes: int = 0
    rules: Rules | None = None
    rules_end: float = math.inf
    under_way: int = 0
    misses: int = 0
    unknown: int = 0
    not_before: float = 0.0
    first_asked: float = math.inf
    rest: str = ""  # why it is left alone for the rest of this run
    gone: str = ""  # why nothing will come from it

    @property
    def room(self) -> bool:
        """Whether another request may be under way."""
        return self.under_way < (1 if self.pause_s else PARALLEL)

    @property
    def pause_s(self) -> float:
        """What lies between the starts of two requests: the store file's delay or the host's own wish, the longer."""
        return max(self.delay_s, self.rules.delay_s if self.rules else 0.0)

    def spent(self, now: float) -> str:
        """Which budget is used up, in words; empty while there is some left."""
        if self.received_bytes >= self.budget.megabytes * 1e6:
            return f"budget of {self.budget.megabytes:g} megabytes"
        if now - self.first_asked >= self.budget.minutes * 60:
            return f"budget of {self.budget.minutes:g} minutes"
        return ""

    @property
    def has_pages_left(self) -> bool:
        """Whether the budget of pages has room for one more; pictures do not count."""
        return self.pages < self.budget.pages

    def begin(self, now: float) -> None:
        """A request leaves."""
        self.under_way += 1
        self.first_asked = min(self.first_asked, now)
        self.not_before = max(self.not_before, now + self.pause_s)

    def end(self, received_bytes: int = 0) -> None:
        """A request is over, well or badly."""
        self.under_way -= 1
        self.received_bytes += received_bytes

    def served(self) -> None:
        """An answer came: the host is well."""
        self.misses = self.unknown = 0

    def struggled(self, now: float, reason: str, wish_s: float | None = None) -> None:
        """No good answer came; `wish_s` is the pause that the host asked for itself (`Retry-After`)."""
        if wish_s is not None and wish_s > PATIENCE_S:
            self.rest = f"asks for a pause of {wish_s:,.0f} s"
            return
        self.misses += 1
        self.unknown += reason == "no such host"
        if wish_s is None and (self.misses >= MISSES_TO_LEAVE or self.unknown >= UNKNOWN_TO_LEAVE):
            self.gone = reason
            return
        pause_s = max(self.pause_s, FIRST_PAUSE_S) * 2 ** (self.misses - 1) if wish_s is None else wish_s
        self.not_before = max(self.not_before, now + min(pause_s, PATIENCE_S))
