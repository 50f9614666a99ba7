"""How far an address lies from where a crawl began, told in a way that does not depend on the order of asking.

Each link offers its target a `Reach`; a target keeps the least of every part. So two crawls that ask in another order,
or one that was killed between, end with the same.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

#: What a page is followed as: a list leads to products and further lists, a product page leads nowhere.
LIST, PRODUCT = 0, 1
#: Next pages in a row from a start, and of these in a row without one product; more is a calendar without end.
MAX_TURNS = 5_000
MAX_BARREN = 10
#: Redirects from one address to the next.
MAX_HOPS = 5
#: The rank of no start.
NO_START = 2**31

#: How an address leads to another one.
LinkKind: TypeAlias = Literal["product", "next", "picture", "moved"]


class Fault(NamedTuple):
    """Why an address is not asked."""

    status: Literal["refused", "failed"]
    reason: str
    detail: str = ""


class Reach(NamedTuple):
    """The least that lies between the starts and one address.

    `start` is the rank of the start whose path the address inherits, `turns` the next pages from a start, `barren`
    those of them in a row that listed nothing, `hops` the redirects in a row.
    """

    role: int = LIST
    turns: int = 0
    barren: int = 0
    start: int = NO_START
    hops: int = 0

    def behind(self, link: LinkKind, fruitful: bool) -> Reach:
        """What an address gets from a page of this reach that links to it; `fruitful` pages list products."""
        if link == "product":
            return Reach(PRODUCT, start=self.start)
        if link == "next":
            return Reach(LIST, self.turns + 1, 0 if fruitful else self.barren + 1, self.start)
        if link == "moved":
            return self._replace(hops=self.hops + 1)
        return Reach(PRODUCT)

    def least(self, other: Reach) -> Reach:
        """The lesser of both in every part."""
        return Reach(*map(min, self, other))

    @property
    def fault(self) -> Fault | None:
        """Why an address so far away is left alone; None where it is not."""
        if self.hops > MAX_HOPS:
            return Fault("failed", "too many redirects", f"more than {MAX_HOPS} in a row")
        if self.barren > MAX_BARREN:
            return Fault("refused", "endless list", f"{MAX_BARREN} next pages in a row list no product")
        if self.turns > MAX_TURNS:
            return Fault("refused", "endless list", f"more than {MAX_TURNS:,} next pages")
        return None
