"""An audit as files: the page to look at, and the suggestions as a patch that waits for somebody."""

from __future__ import annotations

import hashlib
from pathlib import Path as FilePath
from typing import Any

import numpy as np

from atlas.clean.labels_page import render
from atlas.dataset.schema import open_dataset
from atlas.progress import Progress, Silent
from atlas.stages.audit import Audit
from atlas.storage import write_text
from atlas.taxonomy.patch_file import SUGGESTED, PatchRow, format_patch
from atlas.taxonomy.tree import format_path

PAGE, SUGGESTIONS = "labels.html", "labels-suggested.csv"


def write_audit(audit: Audit, dataset: FilePath, folder: FilePath, *, progress: Progress | None = None) -> None:
    """Write `labels.html` and `labels-suggested.csv` into a folder.

    The patch marks every line as suggested: `atlas build --patch` applies none of them without `--use-suggested`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pictures = _pictures(audit, dataset, progress or Silent())
    write_text(folder / PAGE, render(_record(audit, pictures)))
    write_text(folder / SUGGESTIONS, format_patch(suggestions(audit)))


def suggestions(audit: Audit) -> list[PatchRow]:
    """The findings with the verdict "suspect" as lines of a patch, one for each product, the worst first.

    A product of several pictures is suggested as the worst of them is; whether the others agree, the page shows.
    """
    rows: dict[tuple[str, str], PatchRow] = {}
    for found in audit.findings:
        if found.score < audit.below:
            line = PatchRow(found.product_id, found.suggested, SUGGESTED, "", found.why, found.store)
            rows.setdefault((found.store, found.product_id), line)
    return list(rows.values())


def _record(audit: Audit, pictures: dict[tuple[str, int], str]) -> dict[str, Any]:
    rows = [
        {
            "split": found.split,
            "place": found.place,
            "product_id": found.product_id,
            "store": found.store,
            "title": found.title,
            "path": format_path(found.path),
            "suggested": format_path(found.suggested),
            "given": round(found.given_probability, 4),
            "probability": round(found.probability, 4),
            "picture": pictures.get((found.split, found.place), ""),
        }
        for found in audit.findings
    ]
    figures = audit.figures
    identity = hashlib.sha256(f"{audit.model_id} {audit.pictures} {[found[:3] for found in audit.findings]}".encode())
    return {
        "id": identity.hexdigest()[:12],
        "lead": f"About {audit.estimate:,} of {audit.judged:,} labels are probably wrong. The {len(rows):,} most "
        f"doubtful pictures follow, the worst first; for {audit.suspect:,} of all the suggestion is likelier than the "
        "label.",
        "about": f"Judged by what model {audit.model_id} sees of the pictures, through probes that saw neither the "
        f"product nor its near copies. They agree with {audit.agreement:.1%} of the labels. What you tick becomes a "
        "patch: atlas build SOURCE --patch patch.csv applies it.",
        "confused": figures["confused"],
        "unlearned": figures["unlearned"],
        "paths": [format_path(path) for path in audit.paths],
        "rows": rows,
    }


def _pictures(audit: Audit, dataset: FilePath, progress: Progress) -> dict[tuple[str, int], str]:
    """Thumbnails of the findings as data urls; those that cannot be read are left out."""
    from atlas.stages.check_pictures import wanted_pictures
    from atlas.stages.check_report import thumbnail

    data = open_dataset(dataset)
    progress.begin("draw pictures", len(audit.findings))
    found: dict[tuple[str, int], str] = {}
    for split, count in audit.pictures.items():
        wanted = np.zeros(count, dtype=np.bool_)
        wanted[[finding.place for finding in audit.findings if finding.split == split]] = True
        for place, encoded in wanted_pictures(data, split, wanted):
            small = thumbnail(encoded)
            if small:
                found[split, place] = small
            progress.advance()
    return found
