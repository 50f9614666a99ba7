"""The store's own CSS selectors on a page: they win over everything that a page says of itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

from cssselect import SelectorError
from lxml import etree
from lxml.html import HtmlElement
from parsel.csstranslator import HTMLTranslator

from atlas.collect.reading.breadcrumbs import MAX_CRUMBS, clean_trail, split_trail
from atlas.collect.reading.document import Document, text_of
from atlas.collect.reading.facts import Facts
from atlas.collect.reading.picture_sizes import MAX_PICTURES, ImageLink
from atlas.collect.reading.pictures import element_pictures, picture_in_text
from atlas.collect.reading.prices import Market, read_price
from atlas.collect.store_file import PATTERN_SIGN, Select, StoreFile
from atlas.collect.text import clean_text
from atlas.errors import RecipeError

#: Matches of one selector that are looked at.
MAX_MATCHES = 10_000
#: Elements whose text is a price that is crossed out.
_CROSSED_OUT = frozenset({"del", "s", "strike"})


def check_selectors(store: StoreFile) -> None:
    """Nothing, where all CSS selectors of a store file can be read. Raises RecipeError that names one that cannot."""
    tables = {"links": store.links, "select": store.select}
    told = {f"{table}.{key}": value for table, keys in tables.items() for key, value in vars(keys).items()}
    told |= {"browser.wait_for": store.browser.wait_for, "browser.load_more": store.browser.load_more}
    for key, css in told.items():
        if css and not css.startswith(PATTERN_SIGN):
            try:
                _compiled(css)
            except (SelectorError, etree.XPathError) as error:
                raise RecipeError(f"{key} is '{css}', which is no CSS selector: {error}") from error


def matches(document: Document, css: str) -> list[Any]:
    """The elements, or with `::text` and `::attr(name)` the texts, that a selector finds, in the page's order."""
    found = _compiled(css)(document.root) if css else []
    return list(islice(found, MAX_MATCHES)) if isinstance(found, list) else []


def selected_facts(document: Document, select: Select, market: Market, store: str) -> Facts:
    """What the store's selectors find; a field is empty where there is no selector or it finds nothing."""
    price = next(
        filter(None, (read_price(_price_text(found), market) for found in matches(document, select.price)[:20])), None
    )
    said = [text for text in map(_text, matches(document, select.breadcrumb)[:MAX_CRUMBS]) if text]
    names = split_trail(said[0]) if len(said) == 1 else said
    return Facts(
        "selectors",
        title=_first(document, select.title),
        price=price.amount if price else None,
        currency=market.code(_first(document, select.currency)) or (price.currency if price else None),
        breadcrumb=clean_trail(names, store),
        images=tuple(islice(_pictures(document, select.images), MAX_PICTURES)),
        product_id=_first(document, select.product_id),
    )


def _first(document: Document, css: str) -> str:
    return next(filter(None, map(_text, matches(document, css))), "")


def _text(found: Any) -> str:
    if isinstance(found, HtmlElement):
        return clean_text(found.get("content")) if found.tag == "meta" else text_of(found)
    return clean_text(found)


def _price_text(found: Any) -> str:
    """The text of a price without what is crossed out in it, unless there is nothing else."""
    now = text_of(found, _CROSSED_OUT) if isinstance(found, HtmlElement) and found.tag != "meta" else ""
    return now if re.search(r"\d", now) else _text(found)


def _pictures(document: Document, css: str) -> Iterator[ImageLink]:
    """Of an attribute its address, the largest of a `srcset`; of an element the picture that it shows."""
    for found in matches(document, css):
        if isinstance(found, HtmlElement):
            yield from element_pictures(found, document.base)
        elif link := picture_in_text(document.base, str(found)):
            yield link


@lru_cache(maxsize=512)
def _compiled(css: str) -> etree.XPath:
    return etree.XPath(HTMLTranslator().css_to_xpath(css), smart_strings=False)
