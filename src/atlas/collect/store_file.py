"""A store is a short TOML file: where to start, which links to follow, where on a page things stand, how to behave."""

from __future__ import annotations

import csv
import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any, Literal
from urllib.parse import urlsplit

from atlas.errors import AtlasError, DataError, RecipeError, UsageError
from atlas.recipe import from_mapping
from atlas.records import Path
from atlas.taxonomy.tree import clean_path, parse_path

#: How a link says that it is a pattern over urls and no CSS selector.
PATTERN_SIGN = "regex:"
#: Column of a start table that holds taxonomy paths (the paper's crawl input).
TAXONOMY_COLUMN = "taxonomy"


@dataclass(frozen=True)
class Start:
    """A page where the crawl begins, and the taxonomy path of all products that are reached from it, if there is one.

    In the file `path` is text such as `"Men > Western Wear > Jeans"`.
    """

    url: str
    path: Path = ()


@dataclass(frozen=True)
class Links:
    """Which links of a page are followed: a CSS selector, or `regex:` and a pattern that is searched in the url.

    `product` finds product pages, `next` the following page of a list. Left out, both are taken from the page's own
    structured data (`ItemList`, `rel=next`).
    """

    product: str = ""
    next: str = ""


@dataclass(frozen=True)
class Select:
    """CSS selectors for what a product page says, with `::text` or `::attr(name)` at the end; they win over all else.

    Left out, or where it finds nothing, a value is taken from the page's structured data. `title`, `price`,
    `currency` and `product_id` take the first match that says something, `breadcrumb` and `images` all matches in the
    page's order. `product_page` tells product pages from all others where their structured data does not: a selector
    that finds something on product pages only, or `regex:` and a pattern over their urls.
    """

    product_page: str = ""
    title: str = ""
    price: str = ""
    currency: str = ""
    breadcrumb: str = ""
    images: str = ""
    product_id: str = ""


@dataclass(frozen=True)
class Polite:
    """How the store is asked.

    `agent_contact` is a page or mail address in the agent's name, so that the owner can reach who crawls. `delay_s`
    lies between two requests to one host. `obey_robots` keeps to robots.txt, `obey_noai` leaves out what pages mark
    `noai` or `noimageai`. `allow_addresses` names hosts or networks that may be private, such as `127.0.0.1`. What is
    turned off here is recorded with the crawl.
    """

    agent_contact: str = ""
    delay_s: float = 1.0
    obey_robots: bool = True
    obey_noai: bool = True
    allow_addresses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Budget:
    """Where a crawl ends: per host `pages`, `megabytes` and `minutes`, and the most that one page or picture may cost.

    `page_s` is the longest that one answer may take, `picture_pixels` the largest width times height.
    """

    pages: int = 100_000
    megabytes: float = 50_000.0
    minutes: float = 1_440.0
    page_megabytes: float = 8.0
    picture_megabytes: float = 20.0
    page_s: float = 30.0
    picture_pixels: int = 50_000_000


@dataclass(frozen=True)
class Keep:
    """What stays in the crawl folder: with `pages` every page, compressed, so that extraction can run again."""

    pages: bool = False


@dataclass(frozen=True)
class Browser:
    """How pages are rendered that show their products only by JavaScript.

    `always` is a pattern over urls of pages that are rendered without asking; `wait_for` a CSS selector that must
    appear first. `scroll` goes to the end of the page so many times, `load_more` presses the button of that CSS
    selector, at most `scroll` times.
    """

    always: str = ""
    wait_for: str = ""
    scroll: int = 0
    load_more: str = ""


@dataclass(frozen=True)
class StoreFile:
    """One store.

    `name` consists of letters, digits, `-` and `_`. `start` is a url, a list of urls, or `[[start]]` tables with `url`
    and `path`; `start_table` a CSV beside the store file with a column `Taxonomy` (`Men-> Western Wear-> Jeans`) and
    for each store a column of start urls under its name. `currency` is the ISO 4217 code that is meant where a page
    names none, or only a sign such as `$`; `decimal` is the sign before cents, "auto" tells it by each price.
    `render` says whether pages that show nothing without JavaScript go through a browser: "never", "browser", or
    "auto" where this machine has one.
    """

    name: str
    start: tuple[Start, ...] = ()
    start_table: str = ""
    currency: str = ""
    decimal: Literal["auto", ".", ","] = "auto"
    render: Literal["never", "browser", "auto"] = "never"
    links: Links = field(default_factory=Links)
    select: Select = field(default_factory=Select)
    polite: Polite = field(default_factory=Polite)
    budget: Budget = field(default_factory=Budget)
    keep: Keep = field(default_factory=Keep)
    browser: Browser = field(default_factory=Browser)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_-]+", self.name):
            raise RecipeError(f"name is '{self.name}': use letters, digits, '-' and '_' only")
        if not re.fullmatch(r"([A-Z]{3})?", self.currency):
            raise RecipeError(f"currency is '{self.currency}': use a code of three capitals, such as EUR or INR")
        for start in self.start:
            _check_url(start.url, "start")
        rules = {"links.product": self.links.product, "links.next": self.links.next}
        for key, pattern in (rules | {"select.product_page": self.select.product_page}).items():
            if pattern.startswith(PATTERN_SIGN):
                _check_pattern(pattern.removeprefix(PATTERN_SIGN), key)
        _check_pattern(self.browser.always, "browser.always")
        if not (0 <= self.polite.delay_s < math.inf and self.browser.scroll >= 0):
            raise RecipeError("polite.delay_s and browser.scroll: use 0 or more")
        for name, limit in vars(self.budget).items():
            if not limit > 0:  # also true of nan
                raise RecipeError(f"budget.{name} is {limit}: use a number above 0")


def load_store_file(file: FilePath) -> StoreFile:
    """The store that a TOML file describes, its start table already read into `start`.

    Raises UsageError for a missing file, RecipeError for what is not TOML and for an unknown key or a wrong value, each
    with what is allowed, DataError for a start table that cannot be used.
    """
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8-sig"))  # some editors begin a file with a mark
    except (FileNotFoundError, IsADirectoryError) as error:
        raise UsageError(f"{file} is no store file: name a .toml file (docs/collect.md shows one)") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{file} is not TOML: {error}") from error
    try:
        if "start" in values:
            values["start"] = [_start_table(value) for value in _as_list(values["start"])]
        store = from_mapping(StoreFile, values, "store file")
    except AtlasError as error:
        raise RecipeError(f"{file}: {error}") from error
    if not store.start_table:
        return store
    listed = tuple(table_starts(file.parent / store.start_table, store.name))
    return replace(store, start=store.start + listed)


def table_starts(file: FilePath, store: str) -> Iterator[Start]:
    """Starts of one store from a CSV with a `Taxonomy` column and a column of urls per store, row by row.

    Levels are separated by `->` or `>`; a cell may hold several urls. Rows without a url are passed over. Raises
    DataError for a file that cannot be read, a missing column and a path that is none.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.reader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file} cannot be read as a CSV of start urls: {error}") from error
    heads = [head.strip().lower() for head in rows[0]] if rows else []
    for needed in (TAXONOMY_COLUMN, store.lower()):
        if needed not in heads:
            raise DataError(f"{file} has no column '{needed}': its columns are {', '.join(heads) or 'none'}")
    path_place, url_place = heads.index(TAXONOMY_COLUMN), heads.index(store.lower())
    for line, cells in enumerate(rows[1:], 2):
        cells += [""] * (len(heads) - len(cells))
        for url in cells[url_place].split():
            try:
                _check_url(url, store)
                yield Start(url, clean_path(cells[path_place].replace("->", ">").split(">")))
            except AtlasError as error:
                raise DataError(f"{file}, line {line}: {error}") from error


def _start_table(value: Any) -> Any:
    """One entry of `start` as a table whose path is a list of names."""
    if isinstance(value, str):
        return {"url": value}
    if isinstance(value, Mapping) and isinstance(value.get("path"), str):
        return {**value, "path": parse_path(value["path"].replace("->", ">"))}
    return value


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _check_url(url: str, where: str) -> None:
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        sound = False
    if not sound:
        raise RecipeError(f"{where} url is '{url}': use one that begins with http:// or https://")


def _check_pattern(pattern: str, key: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise RecipeError(f"{key} is '{pattern}', which is no regular expression: {error}") from error
