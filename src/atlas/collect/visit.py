"""What becomes of one address: asked, judged, read or kept, and settled in the ledger. One visit, one transaction."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath

from atlas.collect.browser import BrowserError, Renderer
from atlas.collect.browser_parts import Viewer
from atlas.collect.content import Kind, forbids_training, picture_fault
from atlas.collect.fetch import Answer, Ask, FailedError, Fetch
from atlas.collect.guard import RefusedError
from atlas.collect.jobs import Job, Visit
from atlas.collect.keep import keep_page, keep_picture, sha256_of
from atlas.collect.ledger import Ledger
from atlas.collect.page import Found, Page
from atlas.collect.pause import retry_after_s
from atlas.collect.polite import Host
from atlas.collect.reach import Fault
from atlas.collect.reader import Readers, UnreadableError
from atlas.collect.shop import Shop, target_of, what_stays

#: Tries of one address, by why it did not come; all other reasons are final.
TRIES = {"timeout": 2, "no such host": 2, "no connection": 3, "broken answer": 3, "no answer": 3}
BUSY = (429, 503)
BUSY_TRIES = 6
SERVER_TRIES = 3

logger = logging.getLogger(__name__)


@dataclass
class Tally:
    """What a run has done so far."""

    pages: int = 0
    unchanged: int = 0
    listings: Counter[str] = field(default_factory=Counter)  # by store
    pictures: int = 0
    refused: Counter[str] = field(default_factory=Counter)  # by reason
    failed: Counter[str] = field(default_factory=Counter)


class Visitor:
    """Visits addresses of one crawl."""

    def __init__(
        self,
        folder: FilePath,
        ledger: Ledger,
        shops: Mapping[str, Shop],
        fetch: Fetch,
        readers: Readers,
        renderer: Renderer,
        tally: Tally,
    ) -> None:
        self.tally = tally
        self._folder = folder
        self._ledger = ledger
        self._shops = shops
        self._fetch = fetch
        self._readers = readers
        self._renderer = renderer

    async def visit(self, host: Host, job: Job, answered: Callable[[int], None]) -> set[str]:
        """Ask an address and settle it. `answered` is called with the received bytes once the host is free again.

        Gives the hosts that may have something new to ask.
        """
        try:
            answer = await self._fetch(self._ask(job))
        except RefusedError as error:
            answered(0)
            return self._leave(job, Fault("refused", error.reason, error.detail))
        except FailedError as error:
            _note(host, error.reason if error.reason in TRIES else "")
            answered(0)
            return self._missed(host, job, Fault("failed", error.reason, error.detail), TRIES.get(error.reason, 1))
        tries = _tries_after(answer)
        _note(host, f"http {answer.status}" if tries > 1 else "", answer.headers.get("retry-after", ""))
        answered(len(answer.body))
        visit = self._seen(host, job, answer)
        if answer.status == 200:
            return await self._take(job, answer, visit)
        if answer.status == 304 and (job.etag or job.modified):
            self.tally.unchanged += 1
            return self._ledger.record_unchanged(job, visit)
        if answer.target:
            target = target_of(self._shops[job.store], "moved", answer.target, job.kind)
            return self._ledger.record_move(job, visit, target)
        return self._missed(host, job, Fault("failed", f"http {answer.status}"), tries, visit)

    def _ask(self, job: Job) -> Ask:
        """The request, within the store's bounds. A page read by the same rules is asked whether it changed."""
        shop = self._shops[job.store]
        budget, is_page = shop.file.budget, job.kind == "page"
        limit_bytes = int(1e6 * (budget.page_megabytes if is_page else budget.picture_megabytes))
        known = {"If-None-Match": job.etag, "If-Modified-Since": job.modified} if job.rules == shop.rules else {}
        headers = {name: value for name, value in known.items() if value}
        kind: Kind = "page" if is_page else "picture"
        return Ask(job.url, kind, shop.agent, limit_bytes, budget.page_s, shop.exceptions, headers)

    def _seen(self, host: Host, job: Job, answer: Answer) -> Visit:
        obeyed = self._shops[job.store].file.polite.obey_robots
        return Visit(
            http=answer.status,
            etag=answer.headers.get("etag"),
            modified=answer.headers.get("last-modified"),
            content_type=answer.headers.get("content-type"),
            robots_tag=answer.headers.get("x-robots-tag"),
            bytes=len(answer.body),
            robots=host.rules.source if obeyed and host.rules else "off",
            rules=self._shops[job.store].rules,
        )

    # -- what came ---------------------------------------------------------------------------------------------------

    async def _take(self, job: Job, answer: Answer, visit: Visit) -> set[str]:
        if job.kind == "picture":
            return await self._take_picture(job, answer, visit)
        visit = replace(visit, sha256=sha256_of(answer.body))
        if visit.sha256 == job.sha256 and visit.rules == job.rules:
            self.tally.unchanged += 1
            return self._ledger.record_unchanged(job, visit)
        page = Page(job.url, answer.body, visit.content_type or "", visit.robots_tag or "")
        try:
            page, found = await self._read(job, page, answer)
        except UnreadableError as error:
            return self._leave(job, Fault("failed", "unreadable page", str(error)), visit)
        except BrowserError as error:
            return self._leave(job, Fault(error.status, error.reason, error.detail), visit)
        if self._shops[job.store].file.keep.pages:
            await asyncio.to_thread(keep_page, self._folder, page.body)
        read = replace(
            visit, sha256=sha256_of(page.body), rendered=page.rendered, content_type=page.content_type or None
        )
        return self._record(job, found, read)

    async def _read(self, job: Job, page: Page, answer: Answer) -> tuple[Page, Found]:
        """What a page gives, after a browser ran its scripts where that is needed."""
        shop = self._shops[job.store]
        limit_s = shop.file.budget.page_s
        found = await self._readers.read(job.store, page, limit_s)
        if not found.needs_browser:
            return page, found
        body = await self._renderer.render(Viewer(shop.file, shop.agent, shop.exceptions), answer)
        page = replace(page, body=body, content_type="text/html; charset=utf-8", rendered=True)
        return page, await self._readers.read(job.store, page, limit_s)

    def _record(self, job: Job, found: Found, visit: Visit) -> set[str]:
        reading = what_stays(self._shops[job.store], found)
        self.tally.pages += 1
        if reading.note:
            self.tally.refused[reading.note] += 1
        if reading.listing:
            self.tally.listings[job.store] += 1
        return self._ledger.record_page(job, visit, reading)

    async def _take_picture(self, job: Job, answer: Answer, visit: Visit) -> set[str]:
        shop = self._shops[job.store].file
        wish = forbids_training(visit.robots_tag or "")
        if wish and shop.polite.obey_noai:
            return self._leave(job, Fault("refused", wish), visit)
        fault = await asyncio.to_thread(picture_fault, answer.body, shop.budget.picture_pixels)
        if fault:
            return self._leave(job, Fault("failed", "wrong type", fault), visit)
        sha256 = await asyncio.to_thread(keep_picture, self._folder, answer.body)
        self._ledger.record_picture(job, replace(visit, sha256=sha256))
        self.tally.pictures += 1
        return set()

    # -- what did not come -------------------------------------------------------------------------------------------

    def _missed(self, host: Host, job: Job, fault: Fault, tries: int, visit: Visit | None = None) -> set[str]:
        """Try again later, or settle it as failed. While a host is left alone its addresses wait for another run."""
        if host.rest or (job.tries + 1 < tries and not host.gone):
            self._ledger.record_retry(job)
            return set()
        return self._leave(job, fault, visit)

    def _leave(self, job: Job, fault: Fault, visit: Visit | None = None) -> set[str]:
        counts = self.tally.refused if fault.status == "refused" else self.tally.failed
        counts[fault.reason] += 1
        logger.info("%s %s: %s %s", fault.status, fault.reason, job.url, fault.detail)
        self._ledger.record_fault(job, fault, visit)
        return set()


def _note(host: Host, trouble: str, wish: str = "") -> None:
    """What an answer, or its lack, says of its host."""
    if trouble:
        host.struggled(time.monotonic(), trouble, retry_after_s(wish) if wish else None)
    else:
        host.served()


def _tries_after(answer: Answer) -> int:
    """How often an address is asked in all when such answers come."""
    if answer.status in BUSY:
        return BUSY_TRIES
    return SERVER_TRIES if answer.status >= 500 or answer.status == 408 else 1
