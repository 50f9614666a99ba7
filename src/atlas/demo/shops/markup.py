"""Markup of the shops: files with `$names` in them, filled in with escaped text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from functools import cache
from importlib import resources
from string import Template


class Html(str):
    """Text that is markup already; all other text is escaped when it is put on a page."""


@cache
def shop_file(store: str, file: str) -> str:
    """One of the files that a shop is made of."""
    return (resources.files("atlas.demo.shops") / store / file).read_text(encoding="utf-8")


@cache
def pieces(store: str) -> dict[str, Template]:
    """The pieces of a shop's pages: `pieces.html` cut at its lines `<!-- name -->`."""
    _, *cut = re.split(r"<!-- (\w+) -->\n", shop_file(store, "pieces.html"))
    return {name: Template(text) for name, text in zip(cut[::2], cut[1::2], strict=True)}


def fill(store: str, piece: str, **values: object) -> Html:
    """A piece with its `$names` filled in; what is no markup is escaped."""
    ready = {name: value if isinstance(value, Html) else html.escape(str(value)) for name, value in values.items()}
    return Html(pieces(store)[piece].substitute(ready))


def together(parts: Iterable[Html]) -> Html:
    """Parts of a page, one after the other."""
    return Html("".join(parts))


def slug(text: str) -> str:
    """The text as it stands in an address: `Tops & Tees` is `tops-tees`."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower().replace("'", "")).strip("-")
