"""Extraction in processes of its own: they answer, die and hang without harm to the crawl."""

import asyncio
import io
import json

import pytest

from atlas.collect import reader
from atlas.collect.extract import extract
from atlas.collect.page import Found, Page
from atlas.collect.reader import Readers, UnreadableError, found_from, listing_from, serve
from atlas.collect.store_file import Start, StoreFile
from atlas.records import Listing
from tests.collect.site import list_page, product_page

STORE = StoreFile("shop", (Start("http://shop.test/", ("Men", "Jeans")),))
PAGE = Page("http://shop.test/p/1", product_page(1, ["http://shop.test/1.jpg"], "Größe – ✓"))


def read(*pages, limit_s=60.0, most=1):
    """What each page gives, or the error, read side by side."""

    async def go():
        readers = Readers({"shop": STORE}, most)
        try:
            return await asyncio.gather(
                *(readers.read("shop", page, limit_s) for page in pages), return_exceptions=True
            )
        finally:
            await readers.close()

    return asyncio.run(go())


def test_a_process_finds_what_the_function_finds():
    lists = Page("http://shop.test/", list_page(["/p/1"], ["/2"]))
    assert read(PAGE, lists, PAGE, most=2) == [extract(PAGE, STORE), extract(lists, STORE), extract(PAGE, STORE)]


def test_everything_survives_the_way_through_json():
    listing = Listing("shop", "http://x", "1", "t", 1.5, "EUR", ("A", "B"), ("i", "j"))
    found = Found(listing, ("p",), ("n",), True, False, True, {"title": "h1"}, ("note",))
    from dataclasses import asdict

    assert found_from(json.loads(json.dumps(asdict(found)))) == found
    assert listing_from(json.loads(json.dumps(asdict(listing)))) == listing
    assert found_from(json.loads(json.dumps(asdict(Found())))) == Found()


@pytest.fixture
def fake_reader(monkeypatch, tmp_path):
    """Readers run this program instead of extraction."""

    def use(text):
        program = tmp_path / "fake.py"
        program.write_text(text, "utf-8")

        async def start(*words, **options):
            return await real(words[0], str(program), **options)

        real = asyncio.create_subprocess_exec
        monkeypatch.setattr(reader.asyncio, "create_subprocess_exec", start)

    return use


def test_a_page_that_kills_its_reader_costs_itself_only(fake_reader):
    fake_reader(
        "import os, sys\nfrom atlas.collect import extract, reader\nreal = extract.extract\n"
        "def deadly(page, store):\n"
        "    os.kill(os.getpid(), 9) if b'deadly' in page.body else None\n    return real(page, store)\n"
        "extract.extract = deadly\nreader.serve(sys.stdin.buffer, sys.stdout.buffer)\n"
    )
    deadly = Page("http://shop.test/x", b"<html>deadly")
    good, bad, after = read(PAGE, deadly, PAGE)
    assert isinstance(bad, UnreadableError)
    assert good == after == extract(PAGE, STORE)


def test_a_page_that_never_ends_costs_its_time_only(fake_reader):
    fake_reader(
        "import sys, time\nfrom atlas.collect import extract, reader\nreal = extract.extract\n"
        "def slow(page, store):\n"
        "    time.sleep(600) if b'slow' in page.body else None\n    return real(page, store)\n"
        "extract.extract = slow\nreader.serve(sys.stdin.buffer, sys.stdout.buffer)\n"
    )

    async def go():
        readers = Readers({"shop": STORE}, 1)
        try:
            await readers.read("shop", PAGE, 60.0)  # it runs already, so that its start costs no time
            with pytest.raises(UnreadableError, match="not read in"):
                await readers.read("shop", Page("http://shop.test/x", b"<html>slow"), 1.0)
            return await readers.read("shop", PAGE, 60.0)
        finally:
            await readers.close()

    assert asyncio.run(go()) == extract(PAGE, STORE)


def test_a_reader_ends_with_its_input():
    answers = io.BytesIO()
    serve(io.BytesIO(), answers)
    serve(io.BytesIO(b"\0\0\0\2\0\0\0\0{}\0\0"), answers)
    assert answers.getvalue() == b""
