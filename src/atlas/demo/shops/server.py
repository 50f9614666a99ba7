"""Shops behind a door on this machine: plain HTTP with ETags, and a count of what was asked for."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import sys
import threading
from collections import Counter
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from atlas.demo.shops.shop import Shop

HOST = "127.0.0.1"


class Door(ThreadingHTTPServer):
    """Serves one shop from a thread of its own until it is closed. Port 0 takes any free one."""

    daemon_threads = False  # closing waits for the last answer
    request_queue_size = 128
    shop: Shop

    def __init__(self, port: int = 0) -> None:
        super().__init__((HOST, port), _Visit)
        self.answers: Counter[tuple[str, int]] = Counter()  # by address and status
        self._lock = threading.Lock()
        self._visitors: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def base(self) -> str:
        """The shop's address, without a `/` at the end."""
        return f"http://{HOST}:{self.server_address[1]}"

    def asked(self, beginning: str = "/") -> int:
        """How many requests there were for addresses that begin so."""
        with self._lock:
            return sum(count for (url, _), count in self.answers.items() if url.startswith(beginning))

    def note(self, url: str, status: int) -> None:
        """Count one answer."""
        with self._lock:
            self.answers[url, status] += 1

    def open(self, shop: Shop) -> None:
        """Let visitors in."""
        self.shop = shop
        self._thread.start()

    def close(self) -> None:
        """Send all visitors away, and give the port back."""
        if self._thread.is_alive():
            self.shutdown()
        for visitor in self._visitors.copy():  # they would keep their connection for the next request
            with contextlib.suppress(OSError):
                visitor.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember who is inside."""
        self._visitors.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget who has left."""
        self._visitors.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of visitors who run away."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Visit(BaseHTTPRequestHandler):
    """One connection, for as many requests as the visitor likes."""

    server: Door
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body go out in two pieces
    server_version = "DrawnShop"
    sys_version = ""

    def do_GET(self) -> None:
        """The answer, or 304 where the visitor has it already."""
        answer = self.server.shop.answer(self.path)
        tag = f'"{hashlib.sha256(answer.body).hexdigest()[:16]}"'
        known = answer.status == 200 and tag in self.headers.get("If-None-Match", "")
        status = HTTPStatus.NOT_MODIFIED if known else HTTPStatus(answer.status)
        self.server.note(self.path, status)
        self.send_response(status)
        self.send_header("ETag", tag)
        self.send_header("Cache-Control", "no-cache")  # kept, but asked for again
        if not known:
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if not known and self.command != "HEAD":
            self.wfile.write(answer.body)

    def do_HEAD(self) -> None:
        """The head of the same answer."""
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is written down."""
