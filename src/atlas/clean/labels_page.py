"""A page to decide about suspect labels: pictures, labels and suggestions, verdicts to tick, and the patch to download.

One file that needs no network and no server: the rows stand in it as JSON, and its own script draws them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any


def render(record: Mapping[str, Any]) -> str:
    """The page of a record: `id`, `lead`, `about`, `confused`, `unlearned`, `paths`, `rows`.

    `id` tells this list from others where the browser keeps its ticks. A row has `split, place, product_id, store,
    title, path, suggested, given, probability` and `picture`, a data url or "".
    """
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    parts = {
        "/*STYLE*/": _part("css"),
        "/*SCRIPT*/": _part("js"),
        "/*DATA*/": text.replace("<", "\\u003c"),  # no cell can end the script
    }
    page = _part("html")
    for mark in parts:
        before, after = page.split(mark)
        page = before + parts[mark] + after
    return page


def _part(ending: str) -> str:
    return FilePath(__file__).with_name(f"labels_page.{ending}").read_text(encoding="utf-8")
