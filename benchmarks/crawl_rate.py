"""Pages a second of `atlas collect` on a store on this machine, politeness off, over a bare Scrapy spider's.

The spider is given the addresses of the same pages and does nothing with them; `atlas collect` finds them itself, reads
each in a process of its own and writes ledger and listings. Both run in turn, each in a fresh process, and are timed
from the first request that the store sees to the last answer it gives. The store is a third process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PER_LIST = 25
WORDS = "soft woven cotton in a straight cut with five pockets and a button that closes under the waistband"


def page_of(path: str, lists: int) -> bytes | None:
    """A list of products, or a product page of about 10 KB with its data as JSON-LD."""
    kind, _, number = path.strip("/").partition("/")
    if kind == "list":
        place = int(number)
        numbers = range(place * PER_LIST, (place + 1) * PER_LIST)
        links = "".join(f'<li><a class="card" href="/product/{number}">Thing {number}</a></li>' for number in numbers)
        onward = f'<a rel="next" class="next" href="/list/{place + 1}">more</a>' if place + 1 < lists else ""
        return f"<!doctype html><title>List {place}</title><ul>{links}</ul>{onward}{words(60)}".encode()
    if kind == "product":
        told = {
            "@context": "https://schema.org", "@type": "Product", "name": f"Thing {number}", "sku": f"T{number}",
            "offers": {"@type": "Offer", "price": f"{int(number) % 90 + 9}.90", "priceCurrency": "EUR"},
        }  # fmt: skip
        data = f'<script type="application/ld+json">{json.dumps(told)}</script>'
        return f"<!doctype html><title>Thing {number}</title>{data}<h1>Thing {number}</h1>{words(80)}".encode()
    return None


def words(paragraphs: int) -> str:
    return "".join(f'<div class="text p{n}"><p>{WORDS}</p></div>' for n in range(paragraphs))


async def serve(lists: int) -> None:
    """The store: says its port, then for each line on its input the time between first request and last answer."""
    pages: dict[str, bytes] = {}
    seen: list[float] = []

    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ", 2)[1].decode()
                if path not in pages:
                    pages[path] = page_of(path, lists) or b""
                body, status = pages[path], "200 OK" if pages[path] else "404 Not Found"
                seen.append(time.perf_counter())
                told = f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(told.encode() + body)
                await writer.drain()
                seen.append(time.perf_counter())
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(visit, "127.0.0.1", 0, limit=2**20)
    print(server.sockets[0].getsockname()[1], flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(len(seen) // 2, seen[-1] - seen[0] if seen else 0.0, flush=True)
        seen.clear()


SPIDER = """
import sys
from scrapy import Spider
from scrapy.crawler import AsyncCrawlerProcess

class Bare(Spider):
    name = "bare"
    start_urls = sys.stdin.read().split()
    def parse(self, response):
        pass

settings = {"LOG_LEVEL": "WARNING", "TELNETCONSOLE_ENABLED": False, "REMOTE_CONTROL_ENABLED": False}
process = AsyncCrawlerProcess(settings)
process.crawl(Bare)
process.start()
"""


def bare(port: int, lists: int) -> None:
    urls = [f"http://127.0.0.1:{port}/list/{place}" for place in range(lists)]
    urls += [f"http://127.0.0.1:{port}/product/{number}" for number in range(lists * PER_LIST)]
    subprocess.run([sys.executable, "-W", "ignore", "-c", SPIDER], input="\n".join(urls), text=True, check=True)


def atlas(port: int, folder: Path) -> None:
    store = folder / "store.toml"
    store.write_text(
        f'name = "local"\nstart = ["http://127.0.0.1:{port}/list/0"]\n[links]\nproduct = "a.card"\nnext = "a.next"\n'
        '[polite]\ndelay_s = 0.0\nobey_robots = false\nallow_addresses = ["127.0.0.1"]\n'
    )
    with tempfile.TemporaryDirectory(dir=folder) as output:
        words = [sys.executable, "-m", "atlas", "collect", str(store), "-o", f"{output}/crawl", "--quiet", "--json"]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def core_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lists", type=int, default=40, help=f"list pages, each with {PER_LIST} products")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.lists))
        return
    server = subprocess.Popen(
        [sys.executable, __file__, "--serve", "--lists", str(options.lists)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stdin is not None and server.stdout is not None
    port = int(server.stdout.readline())
    rates: dict[str, list[float]] = {"bare": [], "atlas": []}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.rounds + 1):  # the first round warms files and caches up
            for name in rates:
                before = core_seconds()
                bare(port, options.lists) if name == "bare" else atlas(port, Path(folder))
                cost_ms = (core_seconds() - before) * 1e3
                server.stdin.write("\n")
                server.stdin.flush()
                pages, seconds = server.stdout.readline().split()
                rates[name].append(int(pages) / float(seconds))
                turn = f"round {number}" if number else "warm-up"
                rate = f"{int(pages):,} pages in {float(seconds):.1f} s, {rates[name][-1]:.0f} pages/s"
                print(f"{turn}, {name}: {rate}, {cost_ms / int(pages):.1f} core-ms a page with its start")
    server.stdin.close()
    server.wait()
    ratios = [one / other for one, other in zip(rates["atlas"][1:], rates["bare"][1:], strict=True)]
    each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    print(f"atlas over bare, median of {len(ratios)} pairs: {statistics.median(ratios):.2f} ({each})")


if __name__ == "__main__":
    main()
