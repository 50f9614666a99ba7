"""Crawls of the demo's two shops, with Scrapy in a process of its own and a real Chromium."""

import json
import os
import subprocess
import sys
from zlib import crc32

import pytest

from atlas.collect.browser import find_chromium
from atlas.demo.shops.opening import open_shops
from atlas.demo.shops.pictures import Pictures
from tests.collect.site import jpeg

PRODUCTS = 66


@pytest.fixture
def shops(tmp_path, monkeypatch):
    """Both shops; their pictures are plain colours, for drawing takes long."""

    def plain(self, product, view, width_px=0):
        return jpeg(9, tuple(crc32(f"{product.seed}{view}{band}".encode()) % 256 for band in "rgb"))

    monkeypatch.setattr(Pictures, "jpeg", plain)
    with open_shops(tmp_path, PRODUCTS, seed=5) as shops:
        yield shops


def collect(shops, folder, *words, **environment):
    """Exit code, summary and listings of `atlas collect` on both shops."""
    files = [str(shop.store_file) for shop in shops]
    done = subprocess.run(
        [sys.executable, "-m", "atlas", "collect", *files, "-o", str(folder), "--json", *words],
        capture_output=True, text=True, check=False, env={**os.environ, **environment},
    )  # fmt: skip
    assert done.stdout, done.stderr
    rows = [json.loads(line) for line in (folder / "listings.jsonl").read_text("utf-8").splitlines()]
    return done.returncode, json.loads(done.stdout), rows


def said(listing):
    return (
        listing.url,
        listing.product_id,
        listing.title,
        listing.price,
        listing.currency,
        listing.breadcrumb,
        listing.images,
    )


def told(row):
    images = tuple(image["url"] for image in row["images"])
    return (
        *(row[key] for key in ("url", "product_id", "title", "price", "currency")),
        tuple(row["breadcrumb"]),
        images,
    )


@pytest.mark.browser
@pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine")
def test_both_shops_are_collected_whole_and_once(shops, tmp_path):
    code, record, rows = collect(shops, tmp_path / "crawl")
    assert code == 1, "the shops have dead links"
    assert set(record["failed"]) == {"http 404"}
    assert set(record["refused"]) == {"robots.txt"}
    for shop in shops:
        mine = [told(row) for row in rows if row["store"] == shop.shop.name]
        assert mine == [said(listing) for listing in shop.shop.listings]
        assert shop.door.asked(shop.shop.closed) == 0
        assert max(shop.door.answers.values()) == 1
    assert any("/occasion" in url for url, _ in shops.nordlys.door.answers)
    assert shops.nordlys.door.asked("/api/c/occasion/") > 0
    for shop in shops:
        shop.door.answers.clear()
    before = (tmp_path / "crawl" / "listings.jsonl").read_bytes()
    collect(shops, tmp_path / "crawl")
    assert (tmp_path / "crawl" / "listings.jsonl").read_bytes() == before
    for shop in shops:
        whole = {url for url, status in shop.door.answers if status == 200}
        assert {url for url in whole if "occasion" not in url} <= {"/robots.txt", "/style.css"}


def test_without_a_chromium_the_scripted_section_is_skipped_in_plain_sight(shops, tmp_path):
    code, record, rows = collect(shops, tmp_path / "crawl", "--set", "polite.delay_s=0.0", PATH=str(tmp_path))
    assert code == 1
    assert record["failed"]["needs a browser"] >= 1
    shown = {row["url"] for row in rows}
    seen = [item for item in shops.nordlys.shop.items if item.may_be_seen]
    by_script = [item for item in seen if item.shelf[:1] == shops.nordlys.shop.scripted]
    assert by_script
    assert len(shown) == len(seen) + len(shops.haveli.shop.listings) - len(by_script)
