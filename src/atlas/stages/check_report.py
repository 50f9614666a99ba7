"""What every part of a check ends as: a section with figures and examples, rows of findings.csv, and thumbnails."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path as FilePath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from atlas.clean.checks import Check
from atlas.clean.thresholds import Rule
from atlas.dataset.schema import DatasetFolder
from atlas.errors import ImageError
from atlas.images import decode
from atlas.progress import Progress
from atlas.stages.check_pictures import Ints, Rows, wanted_pictures
from atlas.storage import atomic_file, write_text
from atlas.taxonomy.csv_lines import format_csv
from atlas.taxonomy.patch_file import SUGGESTED, PatchRow, format_patch
from atlas.taxonomy.tree import format_path

#: Examples that a section shows.
EXAMPLES = 12
#: Longer side of an example's picture in the page, and how hard it is compressed.
THUMBNAIL_PX, THUMBNAIL_QUALITY = 144, 72
#: Bars in the picture of a check's scores.
BARS = 20
#: Rows of findings.csv made at a time.
WRITTEN = 10_000

COLUMNS = (
    *("check", "verdict", "split", "place", "product_id", "store", "path", "file", "sha256", "score", "why"),
)  # fmt: skip


@dataclass(frozen=True)
class Section:
    """One part of the report. `rows` are its findings, the worst first, with `score` and `why` of each."""

    record: dict[str, Any]  # as check.json has it
    rows: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    score: Sequence[float] = ()
    why: Sequence[str] = ()


def section(
    rows: Rows, check: Check, rule: Rule, low: Ints, scores: NDArray[np.float32], why: Sequence[str]
) -> Section:
    """The findings of one check of single pictures."""
    score = scores[low].tolist()
    record = {
        **head(check.name, check.title, check.what, "pictures", rule.verdict),
        **counted(rows, low),
        "below": rule.below,
        "histogram": np.histogram(scores, BARS, (0, 1))[0].tolist(),
        "examples": examples(rows, low, score, why),
    }
    return Section(record, low, score, why)


def head(name: str, title: str, what: str, group: str, verdict: str) -> dict[str, Any]:
    """How every section begins. `verdict` is "drop", "look", or "" where nothing is proposed."""
    return {"name": name, "title": title, "what": what, "group": group, "verdict": verdict, "unit": "pictures"}


def counted(rows: Rows, found: Ints) -> dict[str, Any]:
    """How many rows were found, of how many products and in which splits, and what share of all that is."""
    marked = np.zeros(len(rows), bool)
    marked[found] = True
    return {
        "count": len(found),
        "share": len(found) / len(rows) if len(rows) else 0.0,
        "products": len(np.unique(rows.product[found])),
        "splits": {split: int(marked[rows.in_split(split)].sum()) for split in rows.start},
    }


def examples(
    rows: Rows, found: Iterable[int], score: Sequence[float], why: Sequence[str], count: int = EXAMPLES
) -> list[dict[str, Any]]:
    """The first findings that show different pictures."""
    seen: set[int] = set()
    shown: list[dict[str, Any]] = []
    for place, row in enumerate(map(int, found)):
        if len(shown) == count:
            break
        if int(rows.picture[row]) not in seen:
            seen.add(int(rows.picture[row]))
            shown.append(example(rows, row, score[place], why[place]))
    return shown


def example(rows: Rows, row: int, score: float | None = None, why: str = "") -> dict[str, Any]:
    """One row as the report names it."""
    split, place = rows.place(row)
    return {
        "split": split,
        "place": place,
        "product_id": rows.cell("product_id", row),
        "title": rows.cell("title", row) or "",
        "path": format_path(rows.paths[rows.path[row]]),
        "file": rows.file(row),
        "score": None if score is None else round(float(score), 4),
        "why": why,
    }


# -- lists -----------------------------------------------------------------------------------------------------------


def write_findings(file: FilePath, rows: Rows, sections: Sequence[Section]) -> int:
    """Write one line for each finding of each section; returns how many."""
    lines, count = _lines(rows, sections), 0
    with atomic_file(file) as part, part.open("w", encoding="utf-8", newline="") as stream:
        stream.write(format_csv(COLUMNS, ()))
        while some := list(islice(lines, WRITTEN)):
            stream.write(format_csv(COLUMNS, some).split("\n", 1)[1])
            count += len(some)
    return count


def _lines(rows: Rows, sections: Sequence[Section]) -> Iterator[tuple[str, ...]]:
    for one in sections:
        name, verdict = one.record["name"], one.record["verdict"]
        for row, score, why in zip(one.rows.tolist(), one.score, one.why, strict=True):
            split, place = rows.place(row)
            yield (
                *(name, verdict, split, str(place), rows.cell("product_id", row), rows.cell("store", row) or ""),
                *(format_path(rows.paths[rows.path[row]]), rows.file(row), rows.digests[rows.picture[row]]),
                *(f"{score:.4f}", why),
            )
        for item in one.record.get("items", ()):
            yield (name, verdict, "", "", "", "", item["path"], "", "", "", f"{item['kind']}: {item['reason']}")


def write_take_out(file: FilePath, rows: Rows, sections: Sequence[Section]) -> int:
    """Write a patch that proposes to take out each product of which no good picture is left; returns how many.

    A product with a good picture stays: a patch speaks of products, and its bad pictures are in findings.csv.
    """
    bad = np.zeros(len(rows), bool)
    reason: dict[int, str] = {}
    for one in sections:
        if one.record["verdict"] == "drop":
            bad[one.rows] = True
            for row, why in zip(one.rows.tolist(), one.why, strict=True):
                reason.setdefault(int(rows.product[row]), f"{one.record['title']}: {why}")
    good = np.unique(rows.product[~bad])
    first = np.unique(rows.product, return_index=True)[1]
    gone = np.setdiff1d(np.array(sorted(reason), np.int64), good).tolist()
    lines = (
        PatchRow(
            rows.cell("product_id", first[product]), (), SUGGESTED, "", reason[product],
            rows.cell("store", first[product]) or "",
        )
        for product in gone
    )  # fmt: skip
    write_text(file, format_patch(lines))
    return len(gone)


# -- thumbnails ------------------------------------------------------------------------------------------------------


def thumbnails(data: DatasetFolder, sections: Sequence[Section], progress: Progress) -> dict[str, str]:
    """Small pictures of all rows that the page shows, as data urls by "split/place"; those unreadable are left out."""
    wanted: dict[str, set[int]] = {split: set() for split in data.splits}
    for one in sections:
        for shown in _shown(one.record):
            wanted[shown["split"]].add(shown["place"])
    found: dict[str, str] = {}
    progress.begin("drawing examples", sum(map(len, wanted.values())))
    for split, places in wanted.items():
        mask = np.zeros(data.splits[split], bool)
        mask[list(places)] = True
        for place, encoded in wanted_pictures(data, split, mask):
            small = thumbnail(encoded)
            if small:
                found[f"{split}/{place}"] = small
            progress.advance()
    return found


def _shown(record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from record.get("examples", ())
    for group in record.get("groups", ()):
        yield from group["members"]


def thumbnail(encoded: bytes) -> str:
    """A small picture as a data url; empty for one that cannot be read."""
    try:
        picture = decode(encoded, (THUMBNAIL_PX, THUMBNAIL_PX))
    except ImageError:
        return ""
    picture.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=THUMBNAIL_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()
