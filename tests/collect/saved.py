"""The saved pages: every `pages/NAME.html` with what it should give, written by hand, in `pages/NAME.json`."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from atlas.collect.page import Page
from atlas.collect.store_file import StoreFile
from atlas.recipe import from_mapping

FOLDER = Path(__file__).parent / "pages"
NAMES = sorted(file.stem for file in FOLDER.glob("*.json"))


@dataclass(frozen=True)
class Expected:
    """What a page should give. `listing` is without store and path; `sources` are compared where they are given."""

    listing: dict[str, Any] | None = None
    products: tuple[str, ...] = ()
    next_pages: tuple[str, ...] = ()
    noai: bool = False
    noimageai: bool = False
    needs_browser: bool = False
    sources: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Saved:
    """A saved page: which convention it shows, where it came from and how, by which store file it is read."""

    convention: str
    url: str
    found: Expected
    content_type: str = ""
    robots_tag: str = ""
    rendered: bool = False
    store: StoreFile = field(default_factory=lambda: StoreFile("store"))


def load(name: str) -> tuple[Page, Saved]:
    """The page and what is known of it; an unknown key is refused."""
    values = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    store = {"name": "store"} | values.get("store", {})
    store["start"] = [{"url": url} for url in store.get("start", [])]
    saved = from_mapping(Saved, values | {"store": store}, name)
    body = (FOLDER / f"{name}.html").read_bytes()
    return Page(saved.url, body, saved.content_type, saved.robots_tag, saved.rendered), saved
