"""How a running crawl looks: what came, how each host is, and what was left out."""

from __future__ import annotations

import time

from atlas.collect.crawl import Crawl
from atlas.collect.polite import Host
from atlas.progress import Progress

#: How often the figures of a running crawl are renewed.
STATUS_S = 0.25
#: Hosts that are named beside them.
HOSTS_SHOWN = 3


class Display:
    """Tells a listener how a crawl goes."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._told = 0
        self._next = 0.0

    def __call__(self, crawl: Crawl, last: bool = False) -> None:
        """Tell what is new, from time to time; with `last` at once."""
        now = time.monotonic()
        if now < self._next and not last:
            return
        self._next = now + STATUS_S
        tally, frontier = crawl.tally, crawl.frontier
        done = tally.pages + tally.unchanged + tally.pictures + tally.refused.total() + tally.failed.total()
        done += frontier.refused.total() + frontier.given_up
        self._progress.advance(done - self._told, _status(crawl, now))
        self._told = done


def _status(crawl: Crawl, now: float) -> str:
    tally = crawl.tally
    parts = [
        f"{tally.pages + tally.unchanged:,} pages, {tally.listings.total():,} products, {tally.pictures:,} pictures"
    ]
    refused = {**tally.refused, **({"robots.txt": crawl.frontier.refused.total()} if crawl.frontier.refused else {})}
    for word, counts in (("refused", refused), ("failed", dict(tally.failed))):
        if counts:
            parts.append(f"{word} {', '.join(f'{count:,} {reason}' for reason, count in counts.items())}")
    hosts = [words for host in crawl.frontier.hosts.values() if (words := _of_host(host, now))]
    if hosts:
        parts.append(
            ", ".join(hosts[:HOSTS_SHOWN]) + (f" and {len(hosts) - HOSTS_SHOWN} more" * (len(hosts) > HOSTS_SHOWN))
        )
    return "; ".join(parts)


def _of_host(host: Host, now: float) -> str:
    """The state of a host that is not simply being asked."""
    if host.gone or host.rest:
        return f"{host.name}: {host.gone or host.rest}"
    pause_s = host.not_before - now
    return f"{host.name} waits {pause_s:.0f} s" if pause_s > 2 * max(host.pause_s, 1.0) else ""
