"""What may be asked at all: addresses in one form, public machines only, nothing endless. Decisions, no network."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from w3lib.url import safe_url_string

from atlas.collect.text import MAX_URL_CHARS, split_url
from atlas.errors import RecipeError

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

#: A folder that stands so often in one address is a link that grows by itself: `/a/b/a/b/a/b/`.
MAX_REPEATS = 3
MAX_FOLDERS = 24
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")
#: How a host ends that is no name but an address, perhaps in a form of its own such as `127.1` or `0x7f000001`.
_FIGURES = re.compile(r"\d+|0x[0-9a-f]*")
#: IPv6 ranges whose addresses carry an IPv4 address in their last 32 bits; by the last one, networks without IPv4 reach
#: the public net (RFC 6052).
_CARRIERS = [ipaddress.IPv6Network(net) for net in ("::/96", "::ffff:0:0/96", "64:ff9b:1::/48", "64:ff9b::/96")]


class RefusedError(Exception):
    """Something that Atlas itself does not ask for: `reason` is one of few words that a summary counts by."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Exceptions:
    """What a store file lets through although it is not public: `host`, `host:port`, an address or a network."""

    names: frozenset[tuple[str, int | None]] = frozenset()
    networks: tuple[tuple[Network, int | None], ...] = ()
    written: tuple[str, ...] = field(default=(), compare=False)

    def name(self, host: str, port: int) -> bool:
        """Whether this host was named itself, whatever address it has."""
        return (host, None) in self.names or (host, port) in self.names

    def address(self, address: Address, port: int) -> bool:
        """Whether this address lies in what was named."""
        return any(address in network and wanted in (None, port) for network, wanted in self.networks)


def read_exceptions(written: Iterable[str]) -> Exceptions:
    """The exceptions that `polite.allow_addresses` names. Raises RecipeError for what is neither host nor network."""
    names: set[tuple[str, int | None]] = set()
    networks: list[tuple[Network, int | None]] = []
    for text in written:
        host, port = _host_and_port(text.strip())
        try:
            networks.append((ipaddress.ip_network(host, strict=False), port))
        except ValueError:
            if not re.fullmatch(r"[a-z0-9_.-]*[a-z][a-z0-9_.-]*", host):
                raise RecipeError(
                    f"polite.allow_addresses has '{text}': write a host, an address or a network, "
                    f"such as shop.local, 127.0.0.1:8080 or 10.0.0.0/8"
                ) from None
            names.add((host, port))
    return Exceptions(frozenset(names), tuple(networks), tuple(written))


def clean_url(url: str) -> str:
    """The one form in which an address is asked and remembered: quoted, lower-case host, no default port or fragment.

    Raises RefusedError for another scheme than http and https, for a name and password in it, and for no host.
    """
    scheme = url.partition(":")[0].strip().lower() if ":" in url[:32] else ""
    if scheme not in _DEFAULT_PORTS:
        raise RefusedError("no web address", f"{scheme or 'no scheme'}: is neither http nor https")
    try:
        parts = split_url(safe_url_string(url.strip()))
        host = (parts.hostname or "").encode("idna").decode("ascii") if parts else ""
    except (ValueError, UnicodeError):
        parts, host = None, ""
    if parts is None or not _HOST.fullmatch(host) or len(url) > MAX_URL_CHARS:
        raise RefusedError("no web address", "malformed or too long")
    if parts.username is not None or parts.password is not None:
        raise RefusedError("no web address", "it carries a user name")
    shown = f"[{host}]" if ":" in host else host.rstrip(".")
    port = f":{parts.port}" if parts.port not in (None, _DEFAULT_PORTS[parts.scheme]) else ""
    return parts._replace(netloc=shown + port, path=parts.path or "/", fragment="").geturl()


def clean_or_raw(url: str) -> str:
    """The one form of an address, or the text itself where it is none."""
    try:
        return clean_url(url)
    except RefusedError:
        return url


def host_of(url: str) -> str:
    """Host and port of a clean url, as politeness counts by it: `shop.test`, `127.0.0.1:8080`."""
    parts = split_url(url)
    return parts.netloc if parts else ""


def origin_of(url: str) -> str:
    """Scheme and host of a clean url, where its robots.txt lies."""
    parts = split_url(url)
    return f"{parts.scheme}://{parts.netloc}" if parts else ""


def is_same_site(host: str, homes: Iterable[str]) -> bool:
    """Whether a host belongs to one of a store's own: the same, `www.` aside, or one below it."""
    host = host.removeprefix("www.")
    return any(host == home or host.endswith(f".{home}") for home in (home.removeprefix("www.") for home in homes))


def check_shape(url: str) -> None:
    """Nothing for an ordinary address. Raises RefusedError for one that links to itself made longer and longer."""
    parts = split_url(url)
    folders = [folder for folder in (parts.path if parts else "").split("/") if folder]
    most = Counter(folders).most_common(1)
    if len(folders) > MAX_FOLDERS or (most and most[0][1] >= MAX_REPEATS):
        raise RefusedError("endless address", f"{len(folders)} folders, one of them {most[0][1]} times")


def check_literal(url: str, exceptions: Exceptions) -> None:
    """Nothing for a host that is a name or a public address. Raises RefusedError for a private one."""
    parts = split_url(url)
    host = (parts.hostname or "") if parts else ""
    if parts and (":" in host or _FIGURES.fullmatch(host.rpartition(".")[2])):
        check_address(host, parts.port or _DEFAULT_PORTS.get(parts.scheme, 0), exceptions)
    # a name: what it stands for is checked when the connection is made


def check_address(host: str, port: int, exceptions: Exceptions) -> None:
    """Nothing for an address on the public net or one that the store file names.

    `host` is what a connection is about to be made to, after resolution. Raises RefusedError for private, loopback,
    link-local, multicast and reserved addresses, IPv4 inside IPv6 included, and for what is no plain address.
    """
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        raise RefusedError("private address", f"{host} is no plain address") from None
    if exceptions.address(address, port):
        return
    inside = _inside(address)
    for part in inside if address in _CARRIERS[-1] else (address, *inside):
        if not part.is_global or part.is_multicast or part.is_reserved or part.is_unspecified:
            raise RefusedError("private address", str(address))


def _inside(address: Address) -> list[Address]:
    """IPv4 addresses that an IPv6 one is another way to write, or a tunnel to."""
    if not isinstance(address, ipaddress.IPv6Address):
        return []
    found: list[Address] = [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)] if _carries(address) else []
    found += [address.sixtofour] if address.sixtofour else []
    return found + list(address.teredo or ())


def _carries(address: ipaddress.IPv6Address) -> bool:
    return any(address in network for network in _CARRIERS)


def _host_and_port(text: str) -> tuple[str, int | None]:
    found = re.fullmatch(r"(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})", text)
    if found:
        return (found[1] or found[2]).lower(), int(found[3])
    return text.strip("[]").lower(), None
