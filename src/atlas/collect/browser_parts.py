"""What a page's scripts ask for while a browser shows it: fetched by the one downloader, or not at all."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from atlas.collect.fetch import Answer, Ask, FailedError, Fetch
from atlas.collect.guard import Exceptions, RefusedError, clean_url
from atlas.collect.store_file import StoreFile

if TYPE_CHECKING:
    from playwright.async_api import Route

#: Whether a host lets an address be asked, for a store and in the name of an agent.
Allows: TypeAlias = Callable[[str, "Viewer"], Awaitable[bool]]

#: Requests of one page's scripts, their bytes as a multiple of what a page may have, and redirects of one of them.
MOST_PARTS = 150
PARTS_PER_PAGE = 4
MAX_REDIRECTS = 5
#: Scripts and styles that pages share are fetched once: so many bytes of them are kept.
SHARED_BYTES = 32_000_000
#: How long a page is silent before it counts as done.
QUIET_S = 0.3
_LOADED = frozenset({"script", "stylesheet", "xhr", "fetch", "other"})
_SHARED = frozenset({"script", "stylesheet"})
#: The answer to frames, popups and scripts that go elsewhere: it leaves the page as it is.
_STAY = Answer("", 204, {})
#: Headers that describe a transfer which is over.
_OF_TRANSFER = frozenset({"content-encoding", "content-length", "transfer-encoding", "connection", "set-cookie"})


@dataclass(frozen=True)
class Viewer:
    """In whose name a page is looked at."""

    store: StoreFile
    agent: str
    exceptions: Exceptions


@dataclass
class Shared:
    """Scripts and styles by address, the least used ones forgotten first."""

    answers: OrderedDict[str, Answer] = field(default_factory=OrderedDict)
    size: int = 0

    def get(self, url: str) -> Answer | None:
        """What lies at an address, where it is known."""
        if url in self.answers:
            self.answers.move_to_end(url)
        return self.answers.get(url)

    def put(self, url: str, answer: Answer) -> None:
        """Remember what lies at an address."""
        self.answers[url] = answer
        self.size += len(answer.body)
        while self.size > SHARED_BYTES:
            self.size -= len(self.answers.popitem(last=False)[1].body)


class Parts:
    """What one page asks for while it is shown."""

    def __init__(self, viewer: Viewer, answer: Answer, fetch: Fetch, allows: Allows, shared: Shared) -> None:
        self._viewer = viewer
        self._answer = answer
        self._fetch = fetch
        self._allows = allows
        self._shared = shared
        self._shown = False
        self._count = 0
        self._left_bytes = int(PARTS_PER_PAGE * 1e6 * viewer.store.budget.page_megabytes)
        self._under_way = 0
        self._last = asyncio.get_running_loop().time()

    async def serve(self, route: Route) -> None:
        """Answer one request of the browser, or let it fail."""
        self._under_way += 1
        try:
            answer = await self._answer_to(route)
            if answer is None:
                await route.abort()
            else:
                headers = {name: value for name, value in answer.headers.items() if name not in _OF_TRANSFER}
                await route.fulfill(status=answer.status, headers=headers, body=answer.body)
        except Exception:  # the page may be gone; nothing here may end the crawl
            with contextlib.suppress(Exception):
                await route.abort()
        finally:
            self._under_way -= 1
            self._last = asyncio.get_running_loop().time()

    async def quiet(self, limit_s: float) -> None:
        """Wait until nothing was asked for a moment."""
        loop = asyncio.get_running_loop()
        end = loop.time() + limit_s
        self._last = loop.time()
        while loop.time() < end and (self._under_way or loop.time() - self._last < QUIET_S):
            await asyncio.sleep(0.05)

    async def _answer_to(self, route: Route) -> Answer | None:
        request = route.request
        if request.is_navigation_request():
            first, self._shown = not self._shown, True
            return self._answer if first else _STAY
        if request.method != "GET" or request.resource_type not in _LOADED or self._count >= MOST_PARTS:
            return None
        self._count += 1
        share = request.resource_type in _SHARED
        return await self._get(request.url, share)

    async def _get(self, url: str, share: bool) -> Answer | None:
        known = self._shared.get(url) if share else None
        if known is not None:
            return known
        try:
            answer = await self._follow(clean_url(url))
        except (RefusedError, FailedError):
            return None
        if answer is not None and share and answer.status == 200:
            self._shared.put(url, answer)
        return answer

    async def _follow(self, url: str) -> Answer | None:
        """What lies at an address, redirects followed, as far as hosts and bounds allow."""
        for _ in range(MAX_REDIRECTS + 1):
            limit_bytes = min(self._left_bytes, int(1e6 * self._viewer.store.budget.page_megabytes))
            if limit_bytes <= 0 or not await self._allows(url, self._viewer):
                return None
            answer = await self._fetch(
                Ask(
                    url,
                    "part",
                    self._viewer.agent,
                    limit_bytes,
                    self._viewer.store.budget.page_s,
                    self._viewer.exceptions,
                )
            )
            self._left_bytes -= len(answer.body)
            if not answer.target:
                return answer
            url = clean_url(answer.target)
        return None
