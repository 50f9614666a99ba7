"""Small crawl folders, as `atlas collect` leaves them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any

from .pictures import picture


def write_crawl(folder: FilePath, listings: Iterable[Mapping[str, Any]]) -> FilePath:
    """A crawl of these listings; their `images` are bytes, or the error that stands in the place of a picture."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        {**listing, "images": [_picture(folder, listing, *entry) for entry in enumerate(listing["images"])]}
        for listing in listings
    ]
    lines.sort(key=lambda line: (line["store"], line["url"]))
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (folder / "listings.jsonl").write_text(text, encoding="utf-8")
    (folder / "crawl.sqlite").write_bytes(b"the ledger")
    return folder


def listing(store: str, number: int, breadcrumb: str, pictures: Sequence[Any] = (), **more: Any) -> dict[str, Any]:
    """One product of a store, with one drawn picture unless others are given."""
    return {
        "store": store,
        "url": f"https://{store}.test/p/{number}",
        "product_id": f"{store}-{number}",
        "title": f"{breadcrumb.split(' > ')[-1]} no. {number}",
        "price": 10.0 + number,
        "currency": "EUR",
        "breadcrumb": breadcrumb.split(" > ") if breadcrumb else [],
        "path": [],
        "split": None,
        "images": list(pictures) or [picture(number)],
        **more,
    }


def _picture(folder: FilePath, listing: Mapping[str, Any], view: int, content: bytes | str) -> dict[str, Any]:
    url = f"{listing['url']}/{view}.png"
    if isinstance(content, str):
        return {"url": url, "sha256": None, "file": None, "error": content}
    sha256 = hashlib.sha256(content).hexdigest()
    file = f"images/{sha256[:2]}/{sha256}"
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).write_bytes(content)
    return {"url": url, "sha256": sha256, "file": file, "error": None}
