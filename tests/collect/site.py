"""A small web site on this machine for tests of the downloader: any answer at any address, and a record of who came."""

from __future__ import annotations

import io
import threading
import time
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image


class Site(ThreadingHTTPServer):
    """`answers` holds by path: bytes (a page), `(status, headers, body)`, or a function of the request handler."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, answers=(), default=None):
        super().__init__(("127.0.0.1", 0), _Visit)
        self.answers = dict(answers)
        self.default = default
        self.asked = Counter()
        self.visits = []  # time, path, headers
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def host(self):
        return f"127.0.0.1:{self.server_address[1]}"

    def url(self, path="/"):
        return f"http://{self.host}{path}"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self.ended.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        """Visitors who run away are no news."""


class _Visit(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        site = self.server
        path = self.path
        site.asked[path] += 1
        site.visits.append((time.monotonic(), path, dict(self.headers.items())))
        answer = site.answers.get(path, site.default)
        if answer is None:
            answer = (404, {}, b"nothing here")
        if callable(answer):
            answer = answer(self)
        if answer is None:  # it wrote itself
            self.close_connection = True
            return
        status, headers, body = answer if isinstance(answer, tuple) else (200, {}, answer)
        self.send_response(status)
        headers = {"Content-Type": "text/html; charset=utf-8", "Content-Length": str(len(body)), **headers}
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        with suppress(ConnectionError):
            self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *words):
        """Nothing is written down."""


def moved(url, status=302):
    return (status, {"Location": url}, b"")


def jpeg(side=8, colour=(200, 30, 60)):
    stream = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(stream, "JPEG")
    return stream.getvalue()


def picture(side=8, colour=(200, 30, 60)):
    return (200, {"Content-Type": "image/jpeg"}, jpeg(side, colour))


def product_page(number, images=(), title=None, extra=""):
    """A product page with its data as JSON-LD."""
    pictures = ", ".join(f'"{url}"' for url in images)
    name = title or f"Thing {number}"
    return f"""<!doctype html><html><head><title>{name}</title>{extra}
<script type="application/ld+json">{{"@context": "https://schema.org", "@type": "Product", "name": "{name}",
"sku": "N{number}", "image": [{pictures}], "offers": {{"@type": "Offer", "price": "{number}.50",
"priceCurrency": "EUR"}}}}</script></head><body><h1>{name}</h1></body></html>""".encode()


def list_page(products=(), following=(), extra=""):
    """A list with links to products and to next pages."""
    links = "".join(f'<a class="product" href="{url}">one</a>' for url in products)
    links += "".join(f'<a class="next" href="{url}">more</a>' for url in following)
    return f"<!doctype html><html><head><title>List</title>{extra}</head><body>{links}</body></html>".encode()


STORE = """
name = "shop"
start = [{start}]
[links]
product = "a.product"
next = "a.next"
[polite]
agent_contact = "test@localhost"
delay_s = {delay}
allow_addresses = ["{allow}"]
{more}
"""


def store_file(folder, site, start=("/",), delay=0.0, allow=None, more="", name="shop"):
    """A store file for a site; all of its address is allowed, unless `allow` says otherwise."""
    file = folder / f"{name}.toml"
    starts = ", ".join(f'"{site.url(path)}"' for path in start)
    text = STORE.format(start=starts, delay=delay, allow=allow or site.host, more=more)
    file.write_text(text.replace('name = "shop"', f'name = "{name}"'), "utf-8")
    return file


def small_shop(site, products=6, per_page=3):
    """Fill a site with a shop: list pages of `per_page`, products with two pictures of which one is shared."""
    pages = -(-products // per_page)
    for page in range(pages):
        shown = range(page * per_page, min(products, (page + 1) * per_page))
        following = [f"/list?page={page + 1}"] if page + 1 < pages else []
        path = "/list?page=" + str(page) if page else "/"
        site.answers[path] = tagged(list_page([f"/p/{number}" for number in shown], following))
    for number in range(products):
        site.answers[f"/p/{number}"] = tagged(product_page(number, [f"/i/{number}.jpg", "/i/shared.jpg"]))
        site.answers[f"/i/{number}.jpg"] = picture(8 + number, (number * 9 % 255, 80, 40))
    site.answers["/i/shared.jpg"] = picture(40)
    return site


def tagged(body):
    """A page with an ETag: 304 for whoever has it."""
    tag = f'"{abs(hash(body)):x}"'

    def answer(visit):
        if visit.headers.get("If-None-Match") == tag:
            return (304, {"ETag": tag, "Content-Type": None}, b"")
        return (200, {"ETag": tag}, body)

    return answer
