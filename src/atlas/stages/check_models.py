"""What models find in a data set: close-ups and suspect labels; without a model, how to get one."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Any

import numpy as np

from atlas.clean.thresholds import Thresholds
from atlas.dataset.schema import DatasetFolder
from atlas.errors import NothingDoneError
from atlas.progress import Progress
from atlas.stages.check_pictures import Rows
from atlas.stages.check_report import BARS, Section, counted, examples, head

_CLOSEUPS = "A part of a product fills the picture: a collar, a weave, a buckle. They look alike in every category."
_LABELS = "Products that a probe of a model's features, which never saw them, would put elsewhere with good reason."


def closeups(
    data: DatasetFolder, rows: Rows, model: FilePath | None, rules: Thresholds, cache: FilePath, progress: Progress
) -> Section:
    """Pictures that a model for close-ups calls close-ups; a section that was not looked at without one."""
    begin = head("closeup", "Close-ups", _CLOSEUPS, "models", rules.closeup.verdict)
    if model is None:
        return Section(begin | _not_looked("--zoom-model MODEL"))
    from atlas.stages.zoom import zoom_scores

    found = zoom_scores(data.folder, model, threshold=rules.closeup.below, cache=cache, progress=progress)
    low = np.array([rows.row(one.split, one.place) for one in found.findings], np.int64)
    score, why = [one.score for one in found.findings], [one.why for one in found.findings]
    record = {
        **begin,
        **counted(rows, low),
        "below": rules.closeup.below,
        "model_id": found.model_id,
        "histogram": np.histogram(score, BARS, (0, 1))[0].tolist(),
        "examples": examples(rows, low, score, why),
    }
    return Section(record, low, score, why)


def labels(
    data: DatasetFolder, rows: Rows, model: FilePath | None, cache: FilePath, folder: FilePath, progress: Progress
) -> Section:
    """Rows whose label is probably wrong, by a model's features, with the page to decide and a patch in `folder`.

    Without a model a section that was not looked at.
    """
    begin = head("labels", "Suspect labels", _LABELS, "models", "look")
    if model is None:
        return Section(begin | _not_looked("-m MODEL"))
    from atlas.stages.audit import audit
    from atlas.stages.audit_page import PAGE, SUGGESTIONS, write_audit

    try:
        found = audit(data.folder, model, cache=cache, progress=progress)
    except NothingDoneError as error:  # the rest of the report is good without it
        return Section(begin | _not_looked("-m MODEL") | {"why_not": str(error)})
    if not found.judged:
        few = "no label has enough products to be judged: a probe needs several of each"
        return Section(begin | _not_looked("-m MODEL") | {"why_not": few})
    write_audit(found, data.folder, folder, progress=progress)
    suspects = [one for one in found.findings if one.score < found.below]
    low = np.array([rows.row(one.split, one.place) for one in suspects], np.int64)
    score, why = [one.score for one in suspects], [one.why for one in suspects]
    record = {
        **begin,
        **counted(rows, low),
        "count": found.suspect,
        "share": found.suspect / len(rows),
        "listed": len(suspects),
        "judged": found.judged,
        "below": found.below,
        "page": PAGE,
        "suggestions": SUGGESTIONS,
        "figures": found.figures,
        "examples": examples(rows, low, score, why),
    }
    return Section(record, low, score, why)


def _not_looked(option: str) -> dict[str, Any]:
    return {"count": None, "share": None, "products": None, "splits": {}, "option": option}
