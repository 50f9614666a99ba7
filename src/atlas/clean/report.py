"""index.html: what check.json holds as one page that needs no network."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

from atlas.page import count, environment

Json = Mapping[str, Any]

#: How a section is told at a glance.
STATES = {"good": "nothing found", "look": "worth a look", "bad": "to be mended", "unknown": "not looked at"}
#: Findings about the tree that the page lists; check.json has all.
ITEMS = 300
#: What the kinds of findings about a tree mean.
_TREE_KINDS = {
    "unreadable": "cannot be read",
    "empty": "no product to learn from",
    "thin": "few products to learn from",
    "case-twins": "siblings that differ in case alone",
    "look-alikes": "siblings that look alike",
    "spelling": "spelled otherwise elsewhere",
    "single-child": "the only one below its parent",
    "invisible": "invisible characters",
    "mixed-alphabets": "letters of two alphabets",
    "id-like": "a name that begins like an id",
}

#: What a section may have and need not.
_ABSENT: Json = dict.fromkeys(("histogram", "examples", "groups", "table", "items", "kinds"), ())


def render(record: Json, pictures: Mapping[str, str], folder: str) -> str:
    """The page as text; everything that comes from data is escaped. `pictures` are data urls by "split/place".

    Raises MissingExtraError where the extra `report` is not installed.
    """
    sections = [{**_ABSENT, **section, "state": state(section)} for section in record["sections"]]
    template = environment(FilePath(__file__).parent, "index.html").get_template("report.html.j2")
    page = template.render(
        r=record,
        sections=sections,
        pictures=pictures,
        folder=folder,
        states=STATES,
        kinds=_TREE_KINDS,
        items=ITEMS,
        steps=steps(record, folder),
    )
    return str(page)


def steps(record: Json, folder: str) -> list[dict[str, str]]:
    """What to do next, in order: a sentence and the command that does it; several go into one command together."""
    found = {section["name"]: section["count"] or 0 for section in record["sections"]}
    asked = (
        (
            record["take_out"],
            f"Look through {folder}/take-out.csv, which proposes to take out the {count(record['take_out'])} products "
            "that have no good picture, and build again without them:",
            f"atlas build SOURCE --patch {shlex.quote(folder + '/take-out.csv')} --use-suggested -o dataset2",
        ),
        (
            found["conflicts"] or found["labels"],
            "Decide the contradicting and suspect labels in a patch, a CSV of product_id,path (the path - takes a "
            "product out), and build again with it:",
            "atlas build SOURCE --patch patch.csv -o dataset2",
        ),
        (
            found["split"],
            "Believe the score without the rows that leak, which atlas evaluate prints beside the other. Or let Atlas "
            "cut the split, by product and by picture:",
            "atlas build SOURCE --splits 64/6/30 -o dataset2",
        ),
    )
    return [{"text": text, "command": command} for wanted, text, command in asked if wanted]


def state(section: Json) -> str:
    """How a section stands: a key of STATES."""
    if section["count"] is None:
        return "unknown"
    if not section["count"]:
        return "good"
    return "bad" if section["verdict"] == "drop" or section["name"] == "conflicts" else "look"
