"""The data set's card: its README.md, in the form that the Hub reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PICTURES_TEXT = ("`image` is the picture as it came.",)
_LINKS_TEXT = (
    "There are no pictures here: `image.path` is the address of each, and `sha256` that of its content, by which what",
    "comes from there can be verified. To fetch them and build the data set with its pictures:",
    "",
    "```",
    "atlas collect FOLDER -o crawl",
    "atlas build FOLDER --pictures crawl -o dataset",
    "```",
    "",
    "which also says how many pictures have changed or gone since.",
    "",
)


def card(record: Mapping[str, Any]) -> str:
    """The data set's README: YAML by which the Hub and `datasets` find the splits, and what a person wants to know."""
    links = record["options"]["links_only"]
    tree, rows = record["taxonomy"], sum(record["rows"].values())
    lines = ["---", "task_categories:", "- image-classification", "size_categories:", f"- {_size(rows)}"]
    lines += ["tags:", "- product-categorization", "- taxonomy", "configs:", "- config_name: default", "  data_files:"]
    for split in record["rows"]:
        lines += [f"  - split: {split}", f"    path: data/{split}-*.parquet"]
    what = "Links to product pictures" if links else "Product pictures"
    lines += ["---", "", f"# {what} with category paths", ""]
    lines += [f"{tree['answers']} categories in {tree['levels']} levels (`taxonomy.txt`), one row per picture.", ""]
    lines += ["| split | pictures | products |", "|---|---|---|"]
    lines += [f"| {split} | {rows:,} | {record['products'][split]:,} |" for split, rows in record["rows"].items()]
    lines += ["", *(_LINKS_TEXT if links else _PICTURES_TEXT)]
    lines += [
        "`path` is the label, `group` the same for products that share a picture, and `near_train` true where the",
        "product, the picture or a near copy of it is also in train. `build.json` says how this was made,",
        "`rejected.jsonl` lists the rows that were left out, with the reason.",
    ]
    if record["options"]["mapping"]:
        lines += ["", "`mapping.csv` says which path of which store became which label."]
    return "\n".join([*lines, "", f"Made by `atlas build` {record['atlas']}."]) + "\n"


def _size(rows: int) -> str:
    """The Hub's word for a number of rows."""
    limits = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
    return next((word for limit, word in limits if rows < limit), "1M<n<10M")
