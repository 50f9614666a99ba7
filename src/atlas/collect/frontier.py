"""Which address is asked next: the ledger's waiting ones, each host at its own pace, few at a time in memory."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping

from atlas.collect.guard import origin_of
from atlas.collect.jobs import Job
from atlas.collect.ledger import Ledger
from atlas.collect.pause import PATIENCE_S
from atlas.collect.polite import Host
from atlas.collect.reach import Fault
from atlas.collect.robots import RULES_S, Rules
from atlas.collect.store_file import StoreFile
from atlas.collect.tally import count_spent

#: Requests that may be under way at all.
MOST_UNDER_WAY = 16
#: Addresses of one host that are held in memory.
CLAIM = 64


class Frontier:
    """Hands out jobs politely. One event loop, no locks. `has_enough` says which stores' pages are no longer wanted."""

    def __init__(
        self, ledger: Ledger, stores: Mapping[str, StoreFile], has_enough: Callable[[str], bool] = lambda _: False
    ) -> None:
        self.hosts: dict[str, Host] = {}
        self.refused: Counter[str] = Counter()  # by robots.txt in this run, for each store
        self.given_up = 0  # addresses of hosts that are gone
        self._ledger = ledger
        self._stores = stores
        self._has_enough = has_enough
        self._queues: dict[str, deque[Job]] = {}
        self._line: list[tuple[float, int, str]] = []  # hosts by the time at which they may be asked
        self._in_line: set[str] = set()
        self._number = itertools.count()
        self._under_way = 0
        self._stopped = False
        self._news = asyncio.Event()
        self._spent = count_spent(ledger)

    async def jobs(self) -> AsyncIterator[tuple[Host, Job | None]]:
        """Every address that may be asked, when it may; None instead of a job asks for the host's robots.txt.

        Whoever takes one calls `answered`, then `done`. Ends when nothing is under way and nothing more can be asked.
        """
        self.tell(self._ledger.hosts())
        while not self._stopped:
            self._news.clear()
            taken = self._next() if self._under_way < MOST_UNDER_WAY else None
            if taken:
                self._under_way += 1
                yield taken
            elif self._under_way or self._line:
                await self._wait()
            else:
                break
        for queue in self._queues.values():
            self._ledger.put_back(queue)

    def tell(self, hosts: Iterable[str]) -> None:
        """These hosts may have something new waiting."""
        for name in hosts:
            host = self.hosts.get(name) or self._meet(name)
            if host:
                self._stand_in_line(host)
        self._news.set()

    def learn(self, host: Host, rules: Rules) -> None:
        """What a host's robots.txt says. A host whose rules cannot be read, or ask for more patience than there is, is
        left alone for this run.
        """
        host.rules, host.rules_end = rules, time.monotonic() + RULES_S
        host.gone = rules.gone
        if rules.source == "unreachable" and not host.gone:
            host.rest = rules.detail
        elif rules.delay_s > PATIENCE_S:
            host.rest = f"robots.txt asks for {rules.delay_s:,.0f} s between two requests"

    def answered(self, host: Host, received_bytes: int) -> None:
        """A request has left the host: another one may come to it while the answer is looked at."""
        host.end(received_bytes)
        self.tell([host.name])

    def done(self, host: Host) -> None:
        """All is done with a job that was handed out, after `answered`."""
        self._under_way -= 1
        self.tell([host.name])

    def stop(self) -> None:
        """Hand out nothing more."""
        self._stopped = True
        self._news.set()

    # -- the line ----------------------------------------------------------------------------------------------------

    def _meet(self, name: str) -> Host | None:
        """The state of a host that has something waiting."""
        queue = self._queues[name] = deque(self._ledger.claim(name, CLAIM))
        if not queue:
            return None
        store = self._stores[queue[0].store]
        pages, received_bytes = self._spent.get(name, (0, 0))
        host = Host(
            name, origin_of(queue[0].url), store.name, store.polite.delay_s, store.budget, pages, received_bytes
        )
        self.hosts[name] = host
        return host

    def _stand_in_line(self, host: Host) -> None:
        if host.name not in self._in_line:
            self._in_line.add(host.name)
            heapq.heappush(self._line, (host.not_before, next(self._number), host.name))

    def _next(self) -> tuple[Host, Job | None] | None:
        """The next request that may leave now. A host without room comes back when a request of it is done."""
        now = time.monotonic()
        while self._line and self._line[0][0] <= now:
            _, _, name = heapq.heappop(self._line)
            self._in_line.discard(name)
            host = self.hosts[name]
            host.rest = host.rest or host.spent(now)
            host.rules = host.rules if now < host.rules_end else None
            if host.gone:
                self._give_up(host)
            elif not host.rest and host.room and host.not_before > now:
                self._stand_in_line(host)
            elif not host.rest and host.room and (found := self._next_of(host)):
                (job,) = found
                host.begin(now)
                host.pages += job is not None and job.kind == "page"
                self._stand_in_line(host)
                return host, job
        return None

    def _next_of(self, host: Host) -> tuple[Job | None] | None:
        """The next address of a host that may be asked, (None,) for its robots.txt first, None for nothing."""
        queue = self._queues[host.name]
        while queue or self._refill(host, queue):
            job = queue.popleft()
            polite = self._stores[job.store].polite
            host.delay_s = max(host.delay_s, polite.delay_s)
            if job.kind == "page" and not self._wants_pages(host, job.store):
                self._ledger.put_back([job])
            elif not polite.obey_robots or (host.rules and host.rules.allows(job.url)):
                return (job,)
            elif host.rules is None:
                queue.appendleft(job)
                host.store = job.store
                return None if host.under_way else (None,)
            else:
                self.refused[job.store] += 1
                self._ledger.record_fault(job, Fault("refused", "robots.txt"))
        return None

    def _refill(self, host: Host, queue: deque[Job]) -> bool:
        closed = [store for store in self._stores if not self._wants_pages(host, store)]
        queue.extend(self._ledger.claim(host.name, CLAIM, closed))
        return bool(queue)

    def _wants_pages(self, host: Host, store: str) -> bool:
        return host.has_pages_left and not self._has_enough(store)

    def _give_up(self, host: Host) -> None:
        """Nothing will come from a host any more."""
        self._ledger.put_back(self._queues[host.name])
        self._queues[host.name].clear()
        self.given_up += self._ledger.give_up(host.name, Fault("failed", host.gone, "the host does not answer"))

    async def _wait(self) -> None:
        """Until something is new, or a host may be asked."""
        pause_s = max(0.0, self._line[0][0] - time.monotonic()) if self._line else None
        if self._under_way >= MOST_UNDER_WAY:
            pause_s = None
        try:
            async with asyncio.timeout(pause_s):
                await self._news.wait()
        except TimeoutError:
            pass
