"""Pages saved in the conventions of real shops give what a person reads on them."""

from dataclasses import asdict

import pytest

from atlas.collect.extract import extract
from atlas.collect.page import Page
from atlas.collect.store_file import StoreFile
from tests.collect.saved import NAMES, load


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_page_gives_what_it_says(name):
    page, saved = load(name)
    found = extract(page, saved.store, ("Taxonomy", "Path"))
    expected = asdict(saved.found)
    got = asdict(found)
    if got["listing"]:
        assert got["listing"].pop("store") == saved.store.name
        assert got["listing"].pop("path") == ("Taxonomy", "Path")
        got["listing"] = {
            key: list(value) if isinstance(value, tuple) else value for key, value in got["listing"].items()
        }
    assert got == expected


@pytest.mark.parametrize(
    ("head", "header", "noai", "noimageai"),
    [
        ("", "", False, False),
        ('<meta name="robots" content="NoAI, noindex">', "", True, False),
        ('<meta name="atlas" content="noimageai">', "", False, True),
        ('<meta name="otherbot" content="noai">', "", False, False),
        ("", "max-image-preview:large, noai", True, False),
        ("", "otherbot: noai", False, False),
        ("", "otherbot: noindex\nnoimageai", False, True),
    ],
)
def test_wishes_count_that_are_meant_for_all_or_for_this_crawler(head, header, noai, noimageai):
    body = f"<!doctype html><html><head>{head}<title>x</title></head><body>x</body></html>".encode()
    found = extract(Page("https://shop.test/", body, "text/html", header), StoreFile("shop"))
    assert (found.noai, found.noimageai) == (noai, noimageai)
