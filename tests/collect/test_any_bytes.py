"""Whatever a server sends, extraction answers, in time that grows with the page, and gives only what can be kept."""

import json
import math
import time
import unicodedata
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.collect.extract import extract
from atlas.collect.page import Page
from atlas.collect.store_file import Links, Select, StoreFile
from atlas.collect.text import host_of
from tests.collect.saved import NAMES, load

PAGES = [load(name) for name in NAMES]
EVERYTHING = StoreFile(
    "store",
    select=Select(title="h1", price=".price", breadcrumb="nav a", images="img, .gallery", product_id="[id]::attr(id)"),
    links=Links(product="a", next="regex:page"),
)
HOSTILE = [
    b"<",
    b"</script>",
    b'"',
    b"'",
    b"\0",
    b"\xff\xfe",
    b"]]>",
    b"<!--",
    b"{",
    b"[" * 70,
    b"&#x110000;",
    b"\\ud800",
]


def check(found):
    """Everything that was found can be written down and asked for; no reader gave up."""
    json.dumps(asdict(found)).encode("utf-8")
    assert [note for note in found.notes if "could not be read" in note] == []
    assert all(map(host_of, (*found.products, *found.next_pages)))
    listing = found.listing
    if listing:
        words = [listing.title or "-", listing.product_id, *listing.breadcrumb]
        assert all(word and word == " ".join(word.split()) for word in words)
        assert {unicodedata.category(sign) for word in words for sign in word}.isdisjoint({"Cc", "Cs", "Co", "Cn"})
        "".join([*words, *listing.images]).encode("utf-8")
        assert listing.price is None or (math.isfinite(listing.price) and listing.price > 0)
        assert all(map(host_of, listing.images)) and len(set(listing.images)) == len(listing.images)


@given(
    st.binary(max_size=400),
    st.text(max_size=30),
    st.sampled_from(["", "https://store.test/p/1", "nonsense", "http://["]),
)
def test_any_bytes_give_an_answer(body, content_type, url):
    check(extract(Page(url, body, content_type), EVERYTHING))


@given(st.data())
def test_a_damaged_page_gives_an_answer(data):
    page, saved = data.draw(st.sampled_from(PAGES))
    body = bytearray(page.body)
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(body)))
        kind = data.draw(st.sampled_from(["cut", "put", "flip", "double"]))
        end = min(len(body), place + data.draw(st.integers(1, 60)))
        if kind == "put":
            body[place:place] = data.draw(st.sampled_from(HOSTILE) | st.binary(max_size=8))
        elif kind == "double":
            body[place:place] = body[place:end]
        else:
            body[place:end] = b"" if kind == "cut" else bytes(byte ^ 0x15 for byte in body[place:end])
    store = data.draw(st.sampled_from([saved.store, EVERYTHING]))
    check(extract(Page(page.url, bytes(body), page.content_type), store))


KEYS = [
    *(
        "@type",
        "@id",
        "@graph",
        "@value",
        "@list",
        "name",
        "url",
        "image",
        "offers",
        "price",
        "priceCurrency",
        "lowPrice",
    ),
    *("priceSpecification", "sku", "category", "hasVariant", "isVariantOf", "itemListElement", "item", "position"),
    *("product", "variants", "handle", "images", "media", "mainEntity"),
]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
JSON_VALUES = st.recursive(
    SCALARS | st.sampled_from(["/a.jpg", "Product", "9"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=25,
)


@given(JSON_VALUES, st.sampled_from(["Product", "BreadcrumbList", "ItemList", "Offer"]))
def test_any_json_gives_an_answer(value, kind):
    data = json.dumps([value, {"@type": kind, "name": "x", "itemListElement": value, "offers": value, "image": value}])
    scripts = f'<script type="application/ld+json">{data}</script><script type="application/json">{data}</script>'
    check(extract(Page("https://store.test/p/1", scripts.encode()), EVERYTHING))


def ld(data):
    return f'<script type="application/ld+json">{data}</script>'


#: Pages of about `n` bytes that cost a careless reader squared time, or its stack.
TRAPS = {
    "attributes": lambda n: "<div " + " ".join(f"a{count}=1" for count in range(n // 7)) + ">",
    "depth": lambda n: "<div itemscope itemprop=name>" * (n // 29),
    "brackets": lambda n: ld("[" * n),
    "keys": lambda n: ld('{"a":' * (n // 5)),
    "quotes": lambda n: ld('{"a":' + '"' * n),
    "blanks": lambda n: ld('{"a"' + " " * n + "x"),
    "offers": lambda n: ld(
        '{"@type":"Product","name":"x","offers":[' + ",".join(['{"price":"Rs 1 2 3"}'] * (n // 21)) + "]}"
    ),
    "products": lambda n: ld(
        "[" + ",".join(['{"@type":"Product","name":"x","hasVariant":[{"offers":{}}]}'] * (n // 58)) + "]"
    ),
    "assignments": lambda n: "<script>" + "window.a = {" * (n // 12) + "</script>",
    "sources": lambda n: "<picture>" + "<img src=a.jpg>" * (n // 15) + "</picture>",
    "candidates": lambda n: f"<img srcset='{'a 1w, ' * (n // 6)}'>",
    "references": lambda n: "<div itemscope itemref='x y z'></div>" * (n // 36) + "<p id=x>",
    "open tags": lambda n: "<a b='" * (n // 6),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_time_grows_with_the_page_only(trap):
    def cpu_s(size):
        started = time.process_time()
        found = extract(Page("https://store.test/p/1", TRAPS[trap](size).encode()), EVERYTHING)
        check(found)
        return time.process_time() - started

    small = min(cpu_s(20_000) for _ in range(2))
    large = min(cpu_s(160_000) for _ in range(2))
    assert large < 40 * small + 0.2  # eight times the page; squared time would be 64 times
