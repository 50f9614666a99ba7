"""Extraction in processes of its own: a page that breaks the parser, or never ends in it, costs only itself.

`python -m atlas.collect.reader` reads pages from its standard input until that ends, and writes what it found.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import struct
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, BinaryIO

from atlas.collect.page import Found, Page
from atlas.collect.store_file import StoreFile
from atlas.records import Listing

#: Memory that a reader may take; the largest page that is fetched needs a small part of it.
MEMORY_BYTES = 1_500_000_000
#: How long a process may take to end.
CLOSE_S = 10.0
_LENGTHS = struct.Struct(">II")


class UnreadableError(Exception):
    """A page on which extraction died or did not come to an end."""


class Readers:
    """Extraction for one crawl, by `most` processes; one that died is replaced when the next page comes."""

    def __init__(self, stores: Mapping[str, StoreFile], most: int | None = None) -> None:
        setup = json.dumps({name: asdict(store) for name, store in stores.items()}).encode()
        self._all = [_Reader(setup) for _ in range(most or min(4, os.cpu_count() or 1))]
        self._free: asyncio.LifoQueue[_Reader] = asyncio.LifoQueue()
        for reader in self._all:
            self._free.put_nowait(reader)

    async def start(self) -> None:
        """Start all processes, so that they are ready when the first page comes."""
        await asyncio.gather(*(reader.start() for reader in self._all))

    async def read(self, store: str, page: Page, limit_s: float) -> Found:
        """What a page of a store gives. Raises UnreadableError when it breaks its reader or takes too long."""
        reader = await self._free.get()
        try:
            async with asyncio.timeout(limit_s):
                return await reader.read(store, page)
        except TimeoutError:
            reader.kill()
            raise UnreadableError(f"not read in {limit_s:g} s") from None
        except asyncio.IncompleteReadError:
            reader.kill()  # or the next page might be given to it before its end is noticed
            raise UnreadableError("the page broke its reader") from None
        except BaseException:
            reader.kill()  # half of a page may be in the pipe
            raise
        finally:
            self._free.put_nowait(reader)

    async def close(self) -> None:
        """End all processes."""
        for reader in self._all:
            await reader.close()


class _Reader:
    """One process, started at its first page and again after it died."""

    def __init__(self, setup: bytes) -> None:
        self._setup = setup
        self._process: asyncio.subprocess.Process | None = None
        self._killed: list[asyncio.subprocess.Process] = []

    async def read(self, store: str, page: Page) -> Found:
        process = await self.start()
        assert process.stdin is not None and process.stdout is not None
        head = asdict(page) | {"body": None, "store": store}
        process.stdin.write(_frame(json.dumps(head).encode(), page.body))
        with contextlib.suppress(ConnectionError):  # then the answer will lack, too
            await process.stdin.drain()
        length, _ = _LENGTHS.unpack(await process.stdout.readexactly(_LENGTHS.size))
        return found_from(json.loads(await process.stdout.readexactly(length)))

    def kill(self) -> None:
        """End the process at once; another one starts at the next page."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            self._killed.append(process)

    async def close(self) -> None:
        """Let the process end, and wait for all that were killed."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        ending = [*self._killed, *([self._process] if self._process else [])]
        self._process = None
        try:
            async with asyncio.timeout(CLOSE_S):
                await asyncio.gather(*(process.wait() for process in ending))
        except TimeoutError:
            for process in ending:
                process.kill()
                await process.wait()

    async def start(self) -> asyncio.subprocess.Process:
        """The running process."""
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "atlas.collect.reader",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True,
            )  # fmt: skip
            assert self._process.stdin is not None
            self._process.stdin.write(_frame(self._setup, b""))
        return self._process


def found_from(told: dict[str, Any]) -> Found:
    """A `Found` from its JSON."""
    listing = told.pop("listing")
    return Found(listing=listing_from(listing) if listing else None, **_tuples(told))


def listing_from(told: Mapping[str, Any]) -> Listing:
    """A `Listing` from its JSON."""
    return Listing(**_tuples(told))


def _tuples(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}


def serve(pages: BinaryIO, answers: BinaryIO) -> None:
    """Read pages until there are no more; the first message holds the stores."""
    from atlas.collect.extract import extract
    from atlas.recipe import from_mapping

    head, _ = _next(pages) or (b"{}", b"")
    stores = {name: from_mapping(StoreFile, told, "store file") for name, told in json.loads(head).items()}
    while (message := _next(pages)) is not None:
        told = json.loads(message[0])
        store = stores[told.pop("store")]
        found = extract(Page(**told | {"body": message[1]}), store)
        answers.write(_frame(json.dumps(asdict(found), ensure_ascii=False).encode("utf-8", "replace"), b""))
        answers.flush()


def _next(pages: BinaryIO) -> tuple[bytes, bytes] | None:
    lengths = pages.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    head, body = _LENGTHS.unpack(lengths)
    return pages.read(head), pages.read(body)


def _frame(head: bytes, body: bytes) -> bytes:
    return _LENGTHS.pack(len(head), len(body)) + head + body


def _limit_memory() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


if __name__ == "__main__":
    _limit_memory()
    serve(sys.stdin.buffer, sys.stdout.buffer)
