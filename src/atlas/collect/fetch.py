"""The one downloader: pages, pictures, robots.txt and what a browser asks for all come through here, within bounds.

One request is one answer: redirects are told, not followed, so that each hop is judged like any other address. Where a
connection goes is checked when it is made, after resolution, so neither a redirect nor a name that changes its address
leads to a private machine. Proxies of the environment and cookies are not used; certificates are verified.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, TypeAlias
from urllib.parse import urljoin

import aiohttp
import yarl
from aiohttp.abc import ResolveResult
from aiohttp.resolver import ThreadedResolver

from atlas.collect.content import HEAD_BYTES, Kind, type_fault
from atlas.collect.guard import Exceptions, RefusedError, check_address, check_literal

#: Answers that are no success are not read; one that is short enough keeps its connection.
_SHORT_BYTES = 16_384
_ACCEPT = {
    "page": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.5",
    "picture": "image/jpeg,image/png,image/webp,image/*;q=0.8",
    "rules": "text/plain,*/*;q=0.5",
    "part": "*/*",
}


class FailedError(Exception):
    """Something that was asked for and did not come: `reason` is one of few words that a summary counts by."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: a clean url, what is expected there, who asks, and the most that it may cost."""

    url: str
    kind: Kind
    agent: str
    limit_bytes: int  # of the body, after its content encoding is undone
    limit_s: float  # for the whole answer
    exceptions: Exceptions = field(default_factory=Exceptions)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came: `headers` by lower-case name, `body` with its content encoding undone; empty unless status is 200."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def target(self) -> str:
        """Where a redirect leads, as an absolute address; empty where this is none."""
        if self.status not in (301, 302, 303, 307, 308) or "location" not in self.headers:
            return ""
        return urljoin(self.url, self.headers["location"])


#: Something that fetches: the downloader itself, or Scrapy's engine before it.
Fetch: TypeAlias = Callable[[Ask], Awaitable[Answer]]


def agent_name(contact: str) -> str:
    """The honest agent: what this is, and how to reach who runs it."""
    return f"Atlas/{version('atlas-categorizer')}" + (f" (+{contact})" if contact else "")


class Downloader:
    """Fetches within bounds. Create, use and close it inside one running event loop."""

    def __init__(self, connections: int = 64) -> None:
        self._connections = connections
        self._sessions: dict[Exceptions, aiohttp.ClientSession] = {}

    async def get(self, ask: Ask) -> Answer:
        """The answer to one request.

        Raises RefusedError for a private address, FailedError for everything that keeps the answer from coming whole.
        """
        check_literal(ask.url, ask.exceptions)
        headers = {"User-Agent": ask.agent, "Accept": _ACCEPT[ask.kind], **ask.headers}
        try:
            async with self._session(ask.exceptions).get(
                yarl.URL(ask.url, encoded=True),
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=ask.limit_s),
                allow_redirects=False,
            ) as response:
                body = await _read(response, ask)
                return Answer(ask.url, response.status, _told(response), body)
        except (OSError, aiohttp.ClientError, ValueError) as error:
            raise _explained(error, ask) from error

    async def close(self) -> None:
        """Close all connections."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    def _session(self, exceptions: Exceptions) -> aiohttp.ClientSession:
        """Connections are shared only among those who may go to the same places."""
        if exceptions not in self._sessions:
            resolver = _Resolver(exceptions)
            connector = aiohttp.TCPConnector(
                limit=self._connections, resolver=resolver, ttl_dns_cache=60, socket_factory=resolver.open_socket
            )
            self._sessions[exceptions] = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, requote_redirect_url=False
            )
        return self._sessions[exceptions]


class _PrivateAddressError(OSError):
    """A connection that was about to be made to a machine that is nobody's business."""


class _Resolver(ThreadedResolver):
    """Resolves names, and opens sockets to public addresses only."""

    def __init__(self, exceptions: Exceptions) -> None:
        super().__init__()
        self._exceptions = exceptions
        self._named: set[tuple[str, int]] = set()  # addresses of hosts that the store file names

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """What the system's resolver says."""
        found = await super().resolve(host, port, family)
        if self._exceptions.name(host, port):
            self._named.update((result["host"], port) for result in found)
        return found

    def open_socket(self, info: tuple[Any, Any, int, str, tuple[Any, ...]]) -> socket.socket:
        """A socket for one resolved address, the last moment before a connection is made."""
        family, kind, protocol, _, (host, port, *_) = info
        if (host, port) not in self._named:
            try:
                check_address(str(host), port, self._exceptions)
            except RefusedError as error:
                raise _PrivateAddressError(error.detail) from error
        return socket.socket(family, kind, protocol)


async def _read(response: aiohttp.ClientResponse, ask: Ask) -> bytes:
    """The body within its bounds; the first bytes already tell whether it is worth its transfer."""
    if response.status != 200:
        if (response.content_length or _SHORT_BYTES) < _SHORT_BYTES:
            await response.read()
        return b""
    body = bytearray()
    judged = False
    async for chunk in response.content.iter_any():
        body += chunk
        if not judged and len(body) >= HEAD_BYTES:
            judged = _judge(ask, body)
        if len(body) > ask.limit_bytes:
            if ask.kind == "rules":
                break  # what stands in the first part holds (RFC 9309, section 2.5)
            raise FailedError("too large", f"more than {ask.limit_bytes:,} bytes")
    if not judged:
        _judge(ask, body)
    return bytes(body[: ask.limit_bytes])


def _told(response: aiohttp.ClientResponse) -> dict[str, str]:
    """The headers by lower-case name; one that stands there twice is joined, by line where each speaks for itself."""
    told = {name.lower(): response.headers.getall(name) for name in response.headers}
    return {name: ("\n" if name == "x-robots-tag" else ", ").join(values) for name, values in told.items()}


def _judge(ask: Ask, body: bytearray) -> bool:
    fault = type_fault(ask.kind, bytes(body[:HEAD_BYTES]))
    if fault:
        raise FailedError("wrong type", fault)
    return True


def _explained(error: Exception, ask: Ask) -> RefusedError | FailedError:
    """What the libraries' errors come to."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, _PrivateAddressError):
            return RefusedError("private address", str(cause))
        cause = getattr(cause, "os_error", None) or cause.__cause__
    if isinstance(error, TimeoutError):
        return FailedError("timeout", f"no whole answer in {ask.limit_s:g} s")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return FailedError("no such host", error.host)
    if isinstance(error, aiohttp.ClientSSLError):
        return FailedError("certificate", _short(error))
    if isinstance(error, aiohttp.ClientConnectorError):
        return FailedError("no connection", _short(error))
    if isinstance(error, aiohttp.ClientPayloadError):
        return FailedError("broken answer", _short(error))
    return FailedError("no answer", _short(error))


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]
