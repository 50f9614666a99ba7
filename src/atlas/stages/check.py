"""`check`: everything that is wrong or odd about a data set, in one report. Changes nothing in the data set."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path as FilePath
from typing import Any

import numpy as np

from atlas.bundle import open_bundle
from atlas.clean.checks import CHECKS, findings
from atlas.clean.measures import MEASURES
from atlas.clean.thresholds import Thresholds, load_thresholds
from atlas.dataset.schema import BUILD_FILE, TAXONOMY_FILE, DatasetFolder, open_dataset
from atlas.errors import DataError, MissingExtraError
from atlas.progress import Progress, Silent
from atlas.recipe import to_mapping
from atlas.stages import audit_page
from atlas.stages.check_models import closeups, labels
from atlas.stages.check_pictures import Pictures, Rows, facts, look, read_rows
from atlas.stages.check_report import Section, section, thumbnails, write_findings, write_take_out
from atlas.stages.check_set import check_split, check_tree, duplicate_sections, shows
from atlas.stages.measure_cache import MeasureCache, default_folder
from atlas.storage import claim_output, part_of, publish_folder, write_json, write_text

#: Number of the form of check.json.
FORMAT = 1
RECORD, FINDINGS, PAGE, TAKE_OUT = "check.json", "findings.csv", "index.html", "take-out.csv"
#: What a report may hold.
_OURS = {RECORD, FINDINGS, PAGE, TAKE_OUT, audit_page.PAGE, audit_page.SUGGESTIONS}


@dataclass(frozen=True)
class Checked:
    """A finished report: its folder, what check.json holds, and why index.html is missing when it is."""

    folder: FilePath
    record: dict[str, Any]
    without_page: str = ""

    @property
    def unreadable(self) -> int:
        """Pictures that cannot be read."""
        return int(self.record["sections"][0]["count"])


def check(
    dataset: FilePath,
    folder: FilePath,
    *,
    model: FilePath | None = None,
    zoom_model: FilePath | None = None,
    thresholds: Thresholds | None = None,
    cache: FilePath | None = None,
    overwrite: bool = False,
    command: str = "",
    progress: Progress | None = None,
) -> Checked:
    """Look a data set over and write the report folder: check.json, findings.csv, index.html.

    `model` names suspect labels, `zoom_model` close-ups. Measures of pictures are kept in the folder `cache`
    (`default_folder`), so that a set that has grown, or a call that was stopped, costs only what is new. Raises
    DataError for what is no data set, UsageError when the report exists, MissingExtraError without the extra `clean`.
    """
    progress, rules = progress or Silent(), thresholds or load_thresholds()
    data, kept_in = _open(dataset), cache or default_folder()
    for one in filter(None, (model, zoom_model)):
        open_bundle(one)  # a wrong folder is told before the long work
    _tidy(part_of(folder))
    part = claim_output(folder, overwrite=overwrite, inputs=(dataset, model, zoom_model))
    try:
        rows = read_rows(data)
        with MeasureCache(kept_in) as kept:
            pictures = look(data, rows, kept, progress)
        sections = _sections(data, rows, pictures, rules, progress)
        sections.append(closeups(data, rows, zoom_model, rules, kept_in, progress))
        sections.append(labels(data, rows, model, kept_in, part, progress))
        record = {
            **_header(data, rows, pictures, command),
            "thresholds": to_mapping(rules),
            "summary": _summary(rows, sections),
            "sections": [one.record for one in sections],
            "left_out": dict(data.record.get("rejected", {})),
        }
        return _write(data, rows, sections, record, part, folder, progress)
    except KeyboardInterrupt:
        progress.say("what was measured is kept: the same command goes on from there")
        raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _tidy(part: FilePath) -> None:
    """Take away what a killed check left: its measures are kept elsewhere, the rest is made again."""
    if part.is_dir() and {file.name for file in part.iterdir()} <= _OURS:
        shutil.rmtree(part)


def _open(dataset: FilePath) -> DatasetFolder:
    """The data set. Raises DataError, with the way to one, for anything else."""
    if dataset.exists() and not (dataset / BUILD_FILE).is_file():
        raise DataError(
            f"{dataset} is no data set yet: `atlas build {dataset} -o dataset` makes one of a table, a folder of "
            "pictures or a crawl, and lists the rows that it cannot use; then `atlas check dataset`"
        )
    data = open_dataset(dataset)
    data.check_pictures()
    return data


def _sections(
    data: DatasetFolder, rows: Rows, pictures: Pictures, rules: Thresholds, progress: Progress
) -> list[Section]:
    """What is found without any model."""
    known, found = facts(rows, pictures), []
    progress.begin("scoring", len(CHECKS))
    for one in CHECKS:
        scores = one.score(known, rules)
        low = findings(one, scores, rules)
        why = [one.why(known, row) for row in low.tolist()]
        found.append(section(rows, one, getattr(rules, one.name), low, scores, why))
        progress.advance()
    progress.begin("looking for duplicates")
    twins, groups = duplicate_sections(rows, pictures)
    found += twins
    found.append(check_split(rows, groups, shows(rows, pictures)))
    found.append(check_tree((data.folder / TAXONOMY_FILE).read_bytes(), rows, rules))
    return found


def _header(data: DatasetFolder, rows: Rows, pictures: Pictures, command: str) -> dict[str, Any]:
    tree = data.taxonomy
    return {
        "version": FORMAT,
        "atlas": version("atlas-categorizer"),
        "command": command,
        "dataset": {
            "folder": str(data.folder),
            "digest": data.digest,
            "pictures": len(rows),
            "different_files": len(rows.digests),
            "products": len(np.unique(rows.product)),
            "splits": dict(data.splits),
            "categories": len(tree.answers),
            "levels": tree.levels,
        },
        "measured": {"version": MEASURES, "new": pictures.new, "known": len(rows.digests) - pictures.new},
    }


def _summary(rows: Rows, sections: Sequence[Section]) -> dict[str, int]:
    """How many pictures and products have any finding, and how many are proposed to be dropped."""
    marked, dropped = np.zeros(len(rows), bool), np.zeros(len(rows), bool)
    for one in sections:
        marked[one.rows] = True
        if one.record["verdict"] == "drop":
            dropped[one.rows] = True
    return {
        "pictures": int(marked.sum()),
        "products": len(np.unique(rows.product[marked])),
        "drop": int(dropped.sum()),
    }


def _write(
    data: DatasetFolder,
    rows: Rows,
    sections: Sequence[Section],
    record: dict[str, Any],
    part: FilePath,
    folder: FilePath,
    progress: Progress,
) -> Checked:
    """Figures and lists first: they need no extra, the page does."""
    from atlas.clean.report import render

    record["take_out"] = write_take_out(part / TAKE_OUT, rows, sections)
    record["findings"] = write_findings(part / FINDINGS, rows, sections)
    write_json(part / RECORD, record)
    why = ""
    try:
        write_text(part / PAGE, render(record, thumbnails(data, sections, progress), str(folder)))
    except MissingExtraError as error:
        why = str(error)
    publish_folder(part, folder)
    return Checked(folder, record, why)
