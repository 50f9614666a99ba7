"""The downloader against real sockets on this machine: what it lets through, and where it stops."""

import asyncio
import gzip
import socket
import threading
import time
import zlib
from contextlib import suppress

import brotli
import pytest

from atlas.collect import fetch
from atlas.collect.fetch import Answer, Ask, Downloader, FailedError, agent_name
from atlas.collect.guard import RefusedError, read_exceptions
from tests.collect.site import Site, jpeg, moved

PAGE = b"<html><body>hello</body></html>"


@pytest.fixture
def site():
    with Site({"/": PAGE}) as site:
        yield site


def ask(site, path="/", kind="page", limit_bytes=100_000, limit_s=20.0, allow=None, **headers):
    return Ask(
        site.url(path) if path.startswith("/") else path,
        kind,
        "Atlas/test",
        limit_bytes,
        limit_s,
        read_exceptions([site.host] if allow is None else allow),
        headers,
    )


def get(*asks):
    """The last answer, all of them by one downloader."""

    async def run():
        downloader = Downloader()
        try:
            return [await downloader.get(one) for one in asks][-1]
        finally:
            await downloader.close()

    return asyncio.run(run())


def failure(one):
    with pytest.raises((FailedError, RefusedError)) as failed:
        get(one)
    return failed.value


def test_a_page_comes_with_its_headers_and_an_honest_agent(site):
    site.answers["/"] = (200, {"ETag": '"a"', "X-Robots-Tag": "noai"}, PAGE)
    answer = get(ask(site))
    assert (answer.status, answer.body) == (200, PAGE)
    assert answer.headers["etag"] == '"a"'
    assert answer.headers["x-robots-tag"] == "noai"
    assert site.visits[0][2]["User-Agent"] == "Atlas/test"
    assert "Cookie" not in site.visits[0][2]


def test_the_agent_says_who_it_is_and_how_to_reach_its_owner():
    assert agent_name("https://me.test/bot").startswith("Atlas/0.")
    assert agent_name("https://me.test/bot").endswith(" (+https://me.test/bot)")
    assert "+" not in agent_name("")


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("br", brotli.compress)]
)
def test_content_encodings_are_undone(site, encoding, pack):
    site.answers["/"] = (200, {"Content-Encoding": encoding}, pack(PAGE * 100))
    assert get(ask(site)).body == PAGE * 100


def test_an_encoding_that_is_none_is_a_broken_answer(site):
    site.answers["/"] = (200, {"Content-Encoding": "gzip"}, PAGE)
    assert failure(ask(site)).reason == "broken answer"


@pytest.mark.parametrize("encoding", ["gzip", "br"])
def test_a_bomb_ends_at_the_limit(site, encoding):
    large = b"<html>" + b"a" * 40_000_000
    bomb = gzip.compress(large, 1) if encoding == "gzip" else brotli.compress(large, quality=1)
    assert len(bomb) < 400_000
    site.answers["/"] = (200, {"Content-Encoding": encoding}, bomb)
    assert failure(ask(site, limit_bytes=1_000_000)).reason == "too large"


def test_a_large_page_ends_at_the_limit(site):
    sent = []

    def endless(visit):
        visit.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>")
        with suppress(OSError):
            for _ in range(10_000):
                visit.wfile.write(b"x" * 20_000)
                sent.append(1)

    site.answers["/"] = endless
    assert failure(ask(site, limit_bytes=50_000)).reason == "too large"
    assert len(sent) < 5_000


def test_too_large_by_its_own_word_is_left_at_once(site):
    def promises(visit):
        visit.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n" + b"<html>" + b" " * 60_000)

    site.answers["/"] = promises
    assert failure(ask(site, limit_bytes=50_000)).reason == "too large"


def test_a_byte_now_and_then_ends_in_time(site):
    def drip(visit):
        visit.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
        while not site.ended.wait(0.2):
            visit.wfile.write(b"x")

    site.answers["/"] = drip
    start = time.monotonic()
    assert failure(ask(site, limit_s=1.5)).reason == "timeout"
    assert time.monotonic() - start < 10


def test_endless_headers_end(site):
    def headers(visit):
        visit.wfile.write(b"HTTP/1.1 200 OK\r\n")
        with suppress(OSError):
            while not site.ended.is_set():
                visit.wfile.write(b"X-More: " + b"y" * 1000 + b"\r\n")

    site.answers["/"] = headers
    assert failure(ask(site, limit_s=20)).reason == "no answer"


def test_a_wrong_type_is_known_by_its_first_bytes(site):
    site.answers["/x.jpg"] = (200, {"Content-Type": "image/jpeg"}, PAGE)
    assert str(failure(ask(site, "/x.jpg", "picture"))) == "wrong type: a page, no picture"
    site.answers["/x.html"] = (200, {"Content-Type": "text/html"}, jpeg(40))
    assert failure(ask(site, "/x.html")).reason == "wrong type"
    assert get(ask(site, "/x.html", "picture")).body == jpeg(40)


def test_a_cut_body_is_no_answer(site):
    def cut(visit):
        visit.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<html>")

    site.answers["/"] = cut
    assert failure(ask(site)).reason == "broken answer"


def test_a_redirect_is_told_and_not_followed(site):
    site.answers["/old"] = moved("/new?x=1")
    answer = get(ask(site, "/old"))
    assert answer.target == site.url("/new?x=1")
    assert site.asked["/new?x=1"] == 0
    assert Answer("http://a.test/", 302, {}).target == ""
    assert Answer("http://a.test/", 200, {"location": "/x"}).target == ""


def test_conditions_are_sent_and_304_has_no_body(site):
    site.answers["/"] = lambda visit: (304, {"Content-Type": None}, b"") if visit.headers["If-None-Match"] else PAGE
    assert get(ask(site, **{"If-None-Match": '"a"'})).status == 304


def test_errors_cost_no_reading_and_keep_the_connection(site):
    site.answers["/gone"] = (410, {}, b"x" * 500)
    answer = get(ask(site, "/gone"), ask(site, "/gone"), ask(site))
    assert answer.status == 200


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://2130706433:{port}/"]
)
def test_private_addresses_are_never_connected_to(site, address):
    refused = failure(ask(site, address.format(port=site.server_address[1]), allow=[]))
    assert refused.reason == "private address"
    assert site.visits == []


def test_an_exception_holds_for_its_port_only(site):
    with Site({"/": PAGE}) as other:
        assert failure(ask(site, other.url("/"))).reason == "private address"
    assert get(ask(site, allow=["127.0.0.1"])).status == 200


def test_a_name_may_be_let_through_whatever_its_address(site, monkeypatch):
    port = site.server_address[1]

    async def resolve(self, host, port=0, family=socket.AF_INET):
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": socket.AF_INET, "proto": 6, "flags": 0}]

    monkeypatch.setattr(fetch.ThreadedResolver, "resolve", resolve)
    assert get(ask(site, f"http://shop.local:{port}/", allow=["shop.local"])).status == 200
    assert failure(ask(site, f"http://other.local:{port}/", allow=["shop.local"])).reason == "private address"


def test_a_name_that_changes_its_address_is_checked_each_time(site, monkeypatch):
    """DNS rebinding: the name was public when it was looked at, and private when it is connected to."""

    async def resolve(self, host, port=0, family=socket.AF_INET):
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": socket.AF_INET, "proto": 6, "flags": 0}]

    monkeypatch.setattr(fetch.ThreadedResolver, "resolve", resolve)
    refused = failure(ask(site, f"http://public.test:{site.server_address[1]}/", allow=[]))
    assert refused.reason == "private address"
    assert site.visits == []


def test_proxies_of_the_environment_are_not_used(site, monkeypatch):
    with Site() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url("/"))
        assert get(ask(site)).status == 200
        assert proxy.visits == []


def test_a_port_where_nobody_listens(site):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert failure(ask(site, f"http://127.0.0.1:{port}/", allow=["127.0.0.1"])).reason == "no connection"


def test_a_name_that_nobody_knows(site, monkeypatch):
    async def resolve(self, host, port=0, family=socket.AF_INET):
        raise OSError(None, "no such name")

    monkeypatch.setattr(fetch.ThreadedResolver, "resolve", resolve)
    assert failure(ask(site, "http://nowhere.test/")).reason == "no such host"


def test_what_is_not_http_at_all(site):
    def nonsense(visit):
        visit.wfile.write(b"SSH-2.0-OpenSSH\r\n\r\n")

    site.answers["/"] = nonsense
    assert failure(ask(site)).reason == "no answer"


def test_a_certificate_that_nobody_signed_is_refused(tmp_path):
    import ssl

    cert, key = own_certificate(tmp_path)
    server = socket.create_server(("127.0.0.1", 0))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)

    def serve():
        connection, _ = server.accept()
        with connection, suppress(OSError):
            context.wrap_socket(connection, server_side=True).close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    url = f"https://127.0.0.1:{server.getsockname()[1]}/"
    failed = failure(Ask(url, "page", "Atlas/test", 1000, 20.0, read_exceptions(["127.0.0.1"])))
    thread.join(5)
    server.close()
    assert failed.reason == "certificate"


def own_certificate(folder):
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
    (folder / "cert.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"
