"""One crawl as a Scrapy spider: Scrapy's engine sends every request, through the one guarded downloader and no other.

Scrapy runs on a plain asyncio loop here, without a Twisted reactor, so a process may crawl more than once. What it asks
next is the ledger's business (`frontier.py`), what becomes of an answer that of a visit (`visit.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path as FilePath
from typing import Any, TypeAlias

from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerRunner, Crawler
from scrapy.http import Response

from atlas.collect.browser import Renderer
from atlas.collect.browser_parts import Viewer
from atlas.collect.crawl_log import LOG_FILE, log_to
from atlas.collect.fetch import Answer, Ask, Downloader
from atlas.collect.frontier import Frontier
from atlas.collect.guard import origin_of
from atlas.collect.jobs import Job
from atlas.collect.ledger import Ledger
from atlas.collect.polite import Host
from atlas.collect.reader import Readers
from atlas.collect.robots import RULES_S, Rules, find_rules
from atlas.collect.shop import Shop, shop_of
from atlas.collect.store_file import StoreFile
from atlas.collect.tally import count_found
from atlas.collect.visit import Tally, Visitor

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

Send: TypeAlias = Callable[[Request], Awaitable[Any]]


class Crawl:
    """All parts of one run, between an open ledger and its end. `seen` is called after every visit."""

    def __init__(
        self,
        folder: FilePath,
        ledger: Ledger,
        stores: Mapping[str, StoreFile],
        *,
        limit: int | None = None,
        seen: Callable[[Crawl], None] = lambda _: None,
    ) -> None:
        self.tally = Tally()
        self.interrupted = False
        self.error: BaseException | None = None
        self.frontier = Frontier(ledger, stores, self._has_enough)
        self.shops = {name: shop_of(store) for name, store in stores.items()}
        self._folder, self._ledger, self._limit, self._seen = folder, ledger, limit, seen
        self._known = count_found(ledger) if limit else {}
        self._under_way: Counter[str] = Counter()  # pages, by store
        self._rules: dict[str, tuple[float, asyncio.Task[Rules]]] = {}
        self._ended = asyncio.Event()

    async def run(self, send: Send) -> None:
        """Ask until nothing more can be asked. `send` is Scrapy's way to send one request."""
        self._send = send
        readers = Readers({name: shop.file for name, shop in self.shops.items()})
        renderer = Renderer(self.fetch, self._allows)
        visitor = Visitor(self._folder, self._ledger, self.shops, self.fetch, readers, renderer, self.tally)
        try:
            await readers.start()
            async with asyncio.TaskGroup() as visits:
                async for host, job in self.frontier.jobs():
                    self._under_way[job.store if job else ""] += job is not None and job.kind == "page"
                    visits.create_task(self._visit(visitor, host, job))
        finally:
            await asyncio.gather(readers.close(), renderer.close(), return_exceptions=True)
            self._ended.set()

    async def ended(self) -> None:
        """Wait until the parts of a run that was broken off are closed, too."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(30):
                await self._ended.wait()

    async def fetch(self, ask: Ask) -> Answer:
        """The answer to one request, sent by Scrapy's engine. Raises RefusedError and FailedError.

        After Ctrl-C nothing leaves any more: an engine that is closing breaks on a request that comes late.
        """
        if self.interrupted:
            raise asyncio.CancelledError
        request = Request(ask.url, meta={"ask": ask}, dont_filter=True)
        await self._send(request)
        answer: Answer = request.meta["answer"]
        return answer

    async def _visit(self, visitor: Visitor, host: Host, job: Job | None) -> None:
        if job is None:
            self.frontier.learn(host, await self._rules_of(host.origin, self.shops[host.store]))
            self.frontier.answered(host, 0)
        else:
            self.frontier.tell(await visitor.visit(host, job, partial(self.frontier.answered, host)))
            self._under_way[job.store] -= job.kind == "page"
        self.frontier.done(host)
        self._seen(self)

    def _has_enough(self, store: str) -> bool:
        """Whether a trial has found, or is about to find, as many listings as were asked for."""
        found = self._known.get(store, 0) + self.tally.listings[store] + self._under_way[store]
        return self._limit is not None and found >= self._limit

    async def _allows(self, url: str, viewer: Viewer) -> bool:
        """Whether a host lets its scripts and data be asked by a page's browser."""
        if not viewer.store.polite.obey_robots:
            return True
        return (await self._rules_of(origin_of(url), self.shops[viewer.store.name])).allows(url)

    async def _rules_of(self, origin: str, shop: Shop) -> Rules:
        """A host's robots.txt, asked once a day (RFC 9309, section 2.4)."""
        now = asyncio.get_running_loop().time()
        asked, task = self._rules.get(origin, (-RULES_S, None))
        if task is None or now - asked >= RULES_S:
            task = asyncio.create_task(find_rules(self.fetch, origin, shop))
            self._rules[origin] = now, task
        return await asyncio.shield(task)


# -- Scrapy ----------------------------------------------------------------------------------------------------------


class GuardedHandler:
    """Scrapy's way to the guarded downloader: all that is sent for http and https passes here."""

    lazy = True  # made at the first request, when the loop runs

    def __init__(self) -> None:
        self._downloader = Downloader()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> GuardedHandler:  # noqa: ARG003
        """A handler for one crawl."""
        return cls()

    async def download_request(self, request: Request) -> Response:
        """Send one request; its answer also lies in the request's meta, as a whole."""
        answer = request.meta["answer"] = await self._downloader.get(request.meta["ask"])
        return Response(answer.url, status=answer.status, request=request)

    async def close(self) -> None:
        """Close all connections."""
        await self._downloader.close()


class StoreSpider(Spider):
    """A spider whose start is the whole crawl."""

    name = "atlas"

    def __init__(self, crawl: Crawl, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.crawl = crawl

    async def start(self) -> AsyncIterator[Any]:
        """Nothing for Scrapy's own scheduler; ends when the crawl does."""
        try:
            await self.crawl.run(self.crawler.engine.download_async)
        except Exception as error:
            self.crawl.error = _first(error)
        return
        yield  # makes this the generator that Scrapy wants


def _first(error: BaseException) -> BaseException:
    """What went wrong first, out of the group in which the visits that it ended have put it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def scrapy_settings() -> dict[str, Any]:
    """Only Scrapy's engine: no way around the guard, no console or remote control, and none of its own politeness.

    That knows neither a ledger nor back-off; how many requests are under way is the frontier's business.
    """
    return {
        "TWISTED_REACTOR_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "DOWNLOAD_HANDLERS": {"http": GuardedHandler, "https": GuardedHandler},
        "DOWNLOAD_HANDLERS_BASE": {},
        "DOWNLOADER_MIDDLEWARES_BASE": {},
        "SPIDER_MIDDLEWARES_BASE": {},
        "EXTENSIONS_BASE": {},
        "CONCURRENT_REQUESTS": 0,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 1_000,
        "STATS_DUMP": False,
    }


def run(crawl: Callable[[], Crawl], folder: FilePath) -> Crawl:
    """Run one crawl to its end, or until Ctrl-C, which ends it cleanly. Scrapy's log goes to `crawl.log`."""
    with log_to(folder / LOG_FILE):
        return asyncio.run(_run(crawl))


async def _run(make: Callable[[], Crawl]) -> Crawl:
    crawl, runner, loop = make(), AsyncCrawlerRunner(scrapy_settings()), asyncio.get_running_loop()

    def stop() -> None:
        crawl.interrupted = True
        for number in _SIGNALS:
            loop.remove_signal_handler(number)  # a second one ends everything at once
        stopping.append(loop.create_task(runner.stop()))

    stopping: list[asyncio.Task[None]] = []
    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # not in the main thread
        for number in _SIGNALS:
            loop.add_signal_handler(number, stop)
    await runner.crawl(StoreSpider, crawl=crawl)
    await asyncio.gather(*stopping)
    await crawl.ended()
    if crawl.error is not None:
        raise crawl.error
    return crawl
