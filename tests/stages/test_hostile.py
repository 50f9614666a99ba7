"""Stores that mean harm: each costs at most a minute and 512 MB, is named in the report, and loses no good product."""

import gzip
import json
import subprocess
import sys
import threading
import time
from contextlib import suppress

import psutil
import pytest

from tests.collect.site import Site, list_page, moved, picture, product_page, store_file

pytestmark = pytest.mark.slow
LIMIT_S = 60.0
LIMIT_BYTES = 512 * 2**20
#: What every store sells beside its traps, and how it may be asked.
GOOD = {
    "/robots.txt": b"",
    "/": list_page(["/p/good", "/trap"]),
    "/p/good": product_page(1, ["/good.jpg"]),
    "/good.jpg": picture(),
}
BUDGET = "[budget]\npages = 400\npage_s = 8.0\n"


def watched(words):
    """Run a program; gives exit code, output, seconds and the most memory that it and its children had together."""
    start, most = time.monotonic(), 0
    program = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    here = psutil.Process(program.pid)
    output = []
    reader = threading.Thread(target=lambda: output.append(program.communicate()))
    reader.start()
    while reader.is_alive():
        with suppress(psutil.Error):
            family = [here, *here.children(recursive=True)]
            most = max(most, sum(member.memory_info().rss for member in family))
        reader.join(0.05)
    return program.returncode, *output[0], time.monotonic() - start, most


def crawl(folder, site, more=BUDGET, **wishes):
    file = store_file(folder, site, more=more, **wishes)
    words = [sys.executable, "-m", "atlas", "collect", str(file), "-o", str(folder / "crawl"), "--json"]
    return watched(words)


@pytest.fixture(scope="module")
def baseline(tmp_path_factory):
    """Memory of a crawl of a harmless store."""
    with Site({**GOOD, "/trap": product_page(2)}) as site:
        code, _, error, _, most = crawl(tmp_path_factory.mktemp("harmless"), site)
    assert code == 0, error
    return most


@pytest.fixture
def survive(tmp_path, baseline, record_property):
    """Crawl a hostile store within bounds; gives what the report says of it."""

    def run(answers, default=None, **wishes):
        with Site({**GOOD, **answers}, default) as site:
            code, output, error, seconds, most = crawl(tmp_path, site, **wishes)
        record_property("seconds", round(seconds, 1))
        record_property("megabytes over the baseline", round((most - baseline) / 1e6))
        assert code in (0, 1), error
        assert seconds < LIMIT_S
        assert most - baseline < LIMIT_BYTES
        rows = (tmp_path / "crawl" / "listings.jsonl").read_text("utf-8").splitlines()
        good = [row for row in map(json.loads, rows) if row["product_id"] == "N1"]
        assert len(good) == 1 and good[0]["images"][0]["error"] is None
        return json.loads(output) | {"rows": rows}

    return run


def test_redirect_loops(survive):
    answers = {"/": list_page(["/p/good", "/self", "/a", "/chain/0"])}
    answers |= {"/self": moved("/self"), "/a": moved("/b"), "/b": moved("/a")}
    answers |= {f"/chain/{hop}": moved(f"/chain/{hop + 1}") for hop in range(100)}
    told = survive(answers)
    assert told["failed"] == {"redirect loop": 2, "too many redirects": 1}


def test_an_endless_calendar_of_next_pages(survive):
    def day(visit):
        number = int(visit.path.rpartition("=")[2])
        return list_page([], [f"/day?n={number + 1}", f"/day?n={number + 2}"])

    told = survive({"/": list_page(["/p/good"], ["/day?n=0"])}, default=day)
    assert told["refused"] == {"endless list": 2}


def test_a_calendar_whose_days_are_sold_as_products(survive):
    def day(visit):
        number = int(visit.path.rpartition("=")[2])
        return list_page([f"/sold?n={number}"], [f"/day?n={number + 1}"])

    told = survive({"/": list_page(["/p/good"], ["/day?n=0"])}, default=day)
    (left,) = told["left"].values()
    assert (left["why"], told["stores"]["shop"]["pages"]) == ("budget of 400 pages", 400)


def test_links_that_make_themselves_longer(survive):
    def deeper(visit):
        return list_page([f"{visit.path}/p"], [f"{visit.path}/men/shirts"])

    told = survive({"/": list_page(["/p/good"], ["/shop"])}, default=deeper)
    assert "endless address" in told["refused"]


def test_a_maze_of_links(survive):
    def maze(visit):
        here = visit.path.rpartition("=")[2]
        return list_page(
            [f"/p?n={here}{place}" for place in range(60)], [f"/maze?n={here}{place}" for place in range(60)]
        )

    told = survive({"/": list_page(["/p/good"], ["/maze?n=1"])}, default=maze)
    (left,) = told["left"].values()
    assert left["why"] == "budget of 400 pages"


def test_a_page_of_200_megabytes(survive):
    def huge(visit):
        visit.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html><body>")
        with suppress(OSError):
            for _ in range(200):
                visit.wfile.write(b"<p>" + b"x" * 999_997)

    told = survive({"/trap": huge})
    assert told["failed"] == {"too large": 1}


def test_a_large_page_within_the_bounds(survive):
    body = list_page([f"/p/{number}" for number in range(3)]) + b"<div><p>text</p></div>" * 340_000
    told = survive({"/trap": body})
    assert told["listings"] == 1


def test_a_gzip_bomb(survive):
    bomb = gzip.compress(b"<html>" + b" " * 1_000_000_000, 1)
    told = survive({"/trap": (200, {"Content-Encoding": "gzip"}, bomb)})
    assert told["failed"] == {"too large": 1}


def test_a_byte_every_ten_seconds(survive):
    def drip(visit):
        visit.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>")
        with suppress(OSError):
            while not visit.server.ended.wait(10):
                visit.wfile.write(b"x")

    told = survive({"/trap": drip})
    assert told["failed"] == {"timeout": 1}


def test_wrong_types(survive):
    answers = {
        "/": list_page(["/p/good", "/a.pdf", "/b.zip", "/c.mp4", "/d.jpg", "/e.bin"]),
        "/a.pdf": b"%PDF-1.7 " + b"x" * 9000,
        "/b.zip": b"PK\x03\x04" + b"\0" * 9000,
        "/c.mp4": b"\0\0\0\x20ftypisom" + b"\0" * 9000,
        "/d.jpg": picture(50),
        "/e.bin": bytes(range(256)) * 40,
    }
    assert survive(answers)["failed"] == {"wrong type": 5}


def test_pictures_that_are_html_and_pictures_that_are_giants(survive):
    giant = bytearray(picture(20)[2])
    place = giant.index(b"\xff\xc0") + 5
    giant[place : place + 4] = b"\xff\xdc\xff\xdc"  # 65,500 x 65,500 pixels, says its header
    answers = {
        "/trap": product_page(2, ["/html.jpg", "/giant.jpg", "/svg.jpg", "/huge.jpg"]),
        "/html.jpg": (200, {"Content-Type": "image/jpeg"}, b"<html>sold out</html>" * 99),
        "/giant.jpg": bytes(giant),
        "/svg.jpg": b"<svg xmlns='http://www.w3.org/2000/svg'></svg>",
        "/huge.jpg": picture(8)[2] + b"\0" * 25_000_000,
    }
    told = survive(answers)
    assert told["failed"] == {"wrong type": 3, "too large": 1}
    assert told["dead"] == {"": {"pictures": 5, "dead": 4}}


def test_private_addresses(survive):
    with Site({"/secret": product_page(9, title="secret"), "/secret.jpg": picture()}) as inner:
        port = inner.server_address[1]
        pictures = [
            inner.url("/secret.jpg"), f"http://localhost:{port}/secret.jpg", f"http://[::1]:{port}/secret.jpg",
            "http://169.254.169.254/latest/meta-data", "http://10.0.0.1/x.jpg", f"http://2130706433:{port}/x.jpg",
            f"http://0x7f.1:{port}/x.jpg", f"http://[::ffff:127.0.0.1]:{port}/secret.jpg", "/hop.jpg",
        ]  # fmt: skip
        answers = {
            "/": list_page(["/p/good", "/trap", "/hop", inner.url("/secret")]),
            "/trap": product_page(2, pictures),
            "/hop": moved(inner.url("/secret")),
            "/hop.jpg": moved(inner.url("/secret.jpg")),
        }
        told = survive(answers)
        assert inner.visits == []
    assert told["refused"]["another site"] == 1
    assert told["refused"]["private address"] >= 7
    assert not any("secret" in json.loads(row)["title"] for row in told["rows"])


def test_file_and_data_urls(survive):
    pictures = ["file:///etc/passwd", "data:image/png;base64,AAAA", "ftp://x.test/a.jpg", "javascript:alert(1)"]
    answers = {
        "/": list_page(["/p/good", "/trap", "/hop", "/data", "file:///etc/passwd", "data:text/html,x"]),
        "/trap": product_page(2, pictures),
        "/hop": moved("file:///etc/passwd"),
        "/data": moved("data:text/html,<h1>x"),
    }
    told = survive(answers)
    assert told["refused"]["no web address"] >= 2
    assert not any("passwd" in row and '"file": "images' in row for row in told["rows"])
    assert all(json.loads(row)["title"] != "root" for row in told["rows"])


def test_control_characters_in_titles(survive):
    titles = ["\\u0000nul", "\\u001b[2Jescape", "\\u202eturned", "line\\nbreak", "\\ud800half", "x" * 100_000]
    answers = {f"/t/{place}": product_page(100 + place, title=title) for place, title in enumerate(titles)}
    answers["/t/raw"] = product_page(200, title="\x00\x1b[31m\x9b\x08raw")
    told = survive({"/": list_page(["/p/good", *answers]), **answers})
    assert told["listings"] >= len(titles)
    for row in told["rows"]:
        assert row.isprintable()
        assert all(sign.isprintable() for sign in json.loads(row)["title"] or "")
        assert len(json.loads(row)["title"] or "") < 2_000
