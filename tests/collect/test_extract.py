"""Pages saved in the conventions of real shops give what a person reads on them."""

from dataclasses import asdict

import pytest

from atlas.collect.extract import extract
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
