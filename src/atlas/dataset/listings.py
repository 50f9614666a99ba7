"""Listings of crawls and the records of the Atlas paper as rows of pictures, under Atlas's own names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path as FilePath
from typing import Any, NamedTuple, TypeAlias

from atlas.dataset.columns import as_text, is_empty
from atlas.dataset.tables import SAMPLE_ROWS
from atlas.errors import DataError

#: What a crawl leaves for others to read.
LISTINGS_FILE = "listings.jsonl"
#: What a row says of its picture beside the file: where it came from, the hash of its content, why there is none.
ORIGIN = ("image_url", "sha256", "image_error")
_OF_LISTING = ("product_id", "title", "price", "currency", "store", "url", "breadcrumb", "path", "split")
#: Columns of listings, each picture a row.
LISTING_COLUMNS = (*_OF_LISTING, "view", "image", *ORIGIN)

#: Number, place within the file, cells, and why the row is broken.
ListedRow: TypeAlias = tuple[int, str, dict[str, Any], str | None]

_BLANKS = re.compile(r"[\s,]*")


class Fetched(NamedTuple):
    """What became of one address in a crawl: a file, or why there is none."""

    file: str  # relative to the folder of the crawl, empty where there is none
    error: str


def is_listings(file: FilePath) -> bool:
    """Whether a JSON lines file holds listings of a crawl: its first object has a store and a list of pictures."""
    try:
        with file.open("rb") as stream:
            first = next((line for line in stream if line.strip()), b"")
        value = json.loads(first)
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(value, dict) and isinstance(value.get("images"), list) and "store" in value


def listing_rows(file: FilePath, first: int = 0) -> Iterator[ListedRow]:
    """One row for each picture of each listing, one without a picture for a listing that has none, from `first` on."""
    number = 0
    with file.open("rb") as stream:
        for line, text in enumerate(stream, 1):
            if not text.strip():
                continue
            for place, cells, broken in _listing(text, line):
                if number >= first:
                    yield number, place, cells, broken
                number += 1


def fetched_pictures(file: FilePath) -> Iterator[tuple[str, Fetched]]:
    """Each picture's address in a file of listings with what became of it."""
    for _, _, cells, broken in listing_rows(file):
        if broken is None and cells["image_url"]:
            yield cells["image_url"], Fetched(cells["image"] or "", cells["image_error"] or "")


def _listing(text: bytes, line: int) -> Iterator[tuple[str, dict[str, Any], str | None]]:
    try:
        listing = json.loads(text)
    except (ValueError, RecursionError) as error:
        yield f"{line}", {}, f"line {line} is not JSON: {str(error)[:200]}"
        return
    pictures = listing.get("images") if isinstance(listing, dict) else None
    if not isinstance(pictures, list):
        yield f"{line}", {}, f"line {line} is no listing of a crawl: it has no list of images"
        return
    said = {key: listing.get(key) for key in _OF_LISTING}
    said["product_id"] = said["url"] if is_empty(said["product_id"]) else said["product_id"]
    if not pictures:
        nothing: dict[str, Any] = dict.fromkeys(("view", "image", *ORIGIN))
        yield f"{line}", {**said, **nothing, "image_error": "the page names no picture"}, None
    for view, picture in enumerate(pictures):
        if isinstance(picture, dict):
            here = {"image_url": picture.get("url"), "sha256": picture.get("sha256"), "view": view}
            file, why = _file(picture)
            yield f"{line}:{view + 1}", {**said, **here, "image": file, "image_error": why}, None
        else:
            yield f"{line}:{view + 1}", {}, f"line {line}: image {view + 1} is no object"


def _file(picture: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The file of a fetched picture inside its crawl's folder, or why there is none."""
    file = picture.get("file")
    if picture.get("error") or not file:
        return None, as_text(picture.get("error") or "not fetched yet")
    if not isinstance(file, str) or file.startswith(("/", "\\")) or ".." in FilePath(file).parts:
        return None, f"{as_text(file)[:80]} is no file of the crawl"
    return file, None


# -- the paper's records ---------------------------------------------------------------------------------------------


def is_records(file: FilePath) -> bool:
    """Whether a JSON file holds records with pictures."""
    try:
        return {"image", "path"} <= {name for name, value in next(record_rows(file))[2].items() if value is not None}
    except (OSError, StopIteration):
        return False


def record_columns(file: FilePath) -> list[str]:
    """The columns of a file of records: those of its first ones, and `path` and `image`.

    Raises DataError when the file is no such JSON.
    """
    names: dict[str, None] = {}
    why = "it holds no record"
    for _, _, cells, broken in islice(record_rows(file), SAMPLE_ROWS):
        names.update(dict.fromkeys(cells))
        why = broken or why
    if not names:
        raise DataError(f'{file}: {why}; Atlas reads {{"images": [{{"filename": .., "sentences": ..}}, ..]}}')
    return list(names)


def record_rows(file: FilePath, first: int = 0) -> Iterator[ListedRow]:
    """The records of a JSON file, `{"images": [..]}` as the paper publishes them or a bare list, from `first` on.

    A record's `sentences` give its path, its `filename` its picture; all else stays as it is. One record is in memory
    at a time beside the text. Where the JSON breaks off, a broken row says so and ends the file.
    """
    count = 0
    try:
        for record in _records(file.read_text(encoding="utf-8-sig", errors="replace")):
            count += 1
            if count <= first:
                continue
            cells = {**record, **_named(record)} if isinstance(record, dict) else {}
            yield count - 1, f"{count}", cells, None if cells else f"record {count} is no object"
    except (ValueError, RecursionError) as error:
        if count >= first:
            yield count, f"{count + 1}", {}, f"not JSON from here on: {str(error)[:200]}"


def _named(record: Mapping[str, Any]) -> dict[str, Any]:
    """What a record says under Atlas's names."""
    path = record.get("path")
    sentences = record.get("sentences")
    if path is None and isinstance(sentences, list) and sentences and isinstance(sentences[0], dict):
        path = sentences[0].get("tokens")
    image = record.get("image", record.get("filename"))
    return {"path": path, "image": as_text(image) if isinstance(image, int | float) else image}


def _records(text: str) -> Iterator[Any]:
    """The members of the first list: of the whole text, or of the key `images`. Raises ValueError where it breaks."""
    decoder = json.JSONDecoder()
    at = _skip(text, 0)
    if text[at : at + 1] == "{":
        at = _after_key(text, at + 1, decoder)
    if text[at : at + 1] != "[":
        raise ValueError("neither a list nor an object with a list 'images'")
    at = _skip(text, at + 1)
    while text[at : at + 1] != "]":
        value, at = decoder.raw_decode(text, at)
        yield value
        at = _skip(text, at)


def _after_key(text: str, at: int, decoder: json.JSONDecoder) -> int:
    """Where the value of the key `images` begins; the values of other keys are passed over."""
    while True:
        key, at = decoder.raw_decode(text, _skip(text, at))
        at = _skip(text, at)
        if not isinstance(key, str) or text[at : at + 1] != ":":
            raise ValueError("no key 'images'")
        at = _skip(text, at + 1)
        if key == "images":
            return at
        _, at = decoder.raw_decode(text, at)


def _skip(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at
