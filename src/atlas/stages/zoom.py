"""Close-ups told from normal pictures by a model of the tree `normal` and `zoomed`, and cut for one to learn from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import numpy as np

from atlas.clean.closeups import NORMAL, ZOOMED, CloseUpConfig, NoCloseUpError, cut_closeups
from atlas.dataset.reasons import Reason, RowError
from atlas.dataset.schema import open_dataset
from atlas.decide.posterior import masses
from atlas.errors import BundleError, ImageError, UsageError
from atlas.progress import Progress, Silent
from atlas.recipe import to_mapping
from atlas.records import Path
from atlas.stages.categorizer import Categorizer, load
from atlas.stages.feature_cache import FeatureCache, rounded

if TYPE_CHECKING:
    from atlas.records import Picture
    from atlas.runtime import Engine

#: A picture whose score is below is a close-up. Scores are probabilities of a normal picture: 0 is low, and bad.
THRESHOLD = 0.5

#: What becomes of close-ups: left out, or kept with the mark `zoomed`.
Zoomed: TypeAlias = Literal["drop", "mark"]


class ZoomModel:
    """A model that tells close-ups from normal pictures. Make one with `open_zoom_model`."""

    def __init__(self, categorizer: Categorizer) -> None:
        """Find the two leaves. Raises BundleError where the model's tree has other ones."""
        tree = categorizer.taxonomy
        places = [tree.find((name,)) for name in (NORMAL, ZOOMED)]
        if None in places or len(tree.leaves) != 2:
            raise BundleError(
                f"{categorizer.bundle.folder} is no model for close-ups: its {len(tree.leaves)} leaves are not "
                f"'{NORMAL}' and '{ZOOMED}'; docs/zoom.md says how to train one"
            )
        self.model_id = categorizer.bundle.model_id
        temperatures = json.dumps(categorizer.bundle.calibration, sort_keys=True)
        #: Changes with all that scores depend on.
        self.scores_id = f"{self.model_id}-closeups-{hashlib.sha256(temperatures.encode()).hexdigest()[:8]}"
        self._categorizer = categorizer
        self._normal, self._zoomed = places

    def scores(self, pictures: Iterable[Picture]) -> Iterator[float | None]:
        """The probability that each picture is normal, in order; None for one that cannot be read."""
        for problems, log_mass in self._categorizer.scores(pictures):
            mass = masses(self._categorizer.calibrated(log_mass))
            found = iter((mass[:, self._normal] / (mass[:, self._normal] + mass[:, self._zoomed])).tolist())
            for problem in problems:
                yield next(found) if problem is None else None


def open_zoom_model(folder: FilePath, engine: Engine = "auto") -> ZoomModel:
    """The model of a folder. Raises BundleError when it is damaged or was made for another question."""
    return ZoomModel(load(folder, engine))


# -- a whole data set ------------------------------------------------------------------------------------------------


class ZoomFinding(NamedTuple):
    """A picture that looks like a close-up, and where it stands."""

    split: str
    place: int  # row of the split
    product_id: str
    path: Path
    score: float
    why: str


@dataclass(frozen=True)
class ZoomScores:
    """What a model for close-ups says of a data set."""

    model_id: str
    threshold: float
    pictures: dict[str, int]  # of each split
    zoomed: dict[str, int]
    findings: tuple[ZoomFinding, ...]  # the lowest score first


def zoom_scores(
    dataset: FilePath,
    model: FilePath,
    *,
    threshold: float = THRESHOLD,
    cache: FilePath | None = None,
    progress: Progress | None = None,
) -> ZoomScores:
    """The close-ups of a data set, by a model folder; changes nothing. Only the findings are held in memory.

    With `cache`, a folder, pictures that the model saw before are not looked at again, also after a stop. Scores have
    the three digits that are kept.
    """
    progress, data, judge = progress or Silent(), open_dataset(dataset), open_zoom_model(model)
    data.check_pictures()
    progress.begin("looking for close-ups", sum(data.splits.values()))
    findings: list[ZoomFinding] = []
    with FeatureCache(cache, judge.scores_id) if cache else nullcontext() as kept:
        for split in data.splits:
            place = 0
            for batch in data.batches(split, ["product_id", "path", "sha256", "image.bytes"]):
                rows = batch.to_pylist()
                known = _batch_scores(rows, judge, kept)
                for row in rows:
                    score = known.get(row["sha256"])
                    if score is not None and score < threshold:
                        why = f"normal with {score:.3f}, below {threshold:g}"
                        findings.append(ZoomFinding(split, place, row["product_id"], tuple(row["path"]), score, why))
                    place += 1
                progress.advance(len(rows), f"{len(findings):,} close-ups")
    findings.sort(key=lambda found: (found.score, found.split, found.place))
    zoomed = {split: sum(found.split == split for found in findings) for split in data.splits}
    return ZoomScores(judge.model_id, threshold, dict(data.splits), zoomed, tuple(findings))


def _batch_scores(rows: Sequence[dict[str, Any]], judge: ZoomModel, kept: FeatureCache | None) -> dict[str, float]:
    """The score of each different picture that can be read, by its digest; what is new is kept."""
    pictures = {row["sha256"]: row["image"]["bytes"] for row in rows}
    known = {digest: float(vector[0]) for digest, vector in (kept.read(list(pictures)) if kept else ())}
    new = [digest for digest in pictures if digest not in known]
    scored = zip(new, judge.scores(pictures[digest] for digest in new), strict=True)
    found = {digest: score for digest, score in scored if score is not None}
    vectors = rounded(np.array(list(found.values()), np.float32)[:, None])
    if kept:
        kept.keep(list(found), vectors)
    return known | dict(zip(found, vectors[:, 0].tolist(), strict=True))


# -- while a data set is built ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ZoomFilter:
    """Looks at the rows of a part while a data set is built; leaves close-ups out, or marks them."""

    model: ZoomModel
    threshold: float
    zoomed: Zoomed

    def __call__(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The same rows, close-ups among them rejected or marked. Rows that are rejected already stay as they are."""
        shown = [row.pop("data", b"") for row in rows]
        good = [place for place, row in enumerate(rows) if "reason" not in row]
        judged = list(rows)
        for place, score in zip(good, self.model.scores(shown[place] for place in good), strict=True):
            if score is not None and score < self.threshold:
                judged[place] = self._zoomed(rows[place], score)
        return judged

    def _zoomed(self, row: dict[str, Any], score: float) -> dict[str, Any]:
        if self.zoomed == "mark":
            others = [mark for mark in row["marks"] or () if mark != ZOOMED]
            return row | {"marks": [*others, ZOOMED]}
        detail = f"normal with {score:.3f}, below {self.threshold:g}"
        return row | {"image": None, "weight": 0, "reason": Reason.ZOOMED.value, "detail": detail}

    def description(self) -> dict[str, Any]:
        """What build.json says of it."""
        return {"model": self.model.model_id, "threshold": self.threshold, "zoomed": self.zoomed}


def zoom_filter(model: FilePath | None, zoomed: Zoomed | None, threshold: float | None) -> ZoomFilter | None:
    """The filter that was asked for, if one was. Raises UsageError for options that make no sense together."""
    if model is None:
        if zoomed is not None or threshold is not None:
            raise UsageError("--zoomed and --zoom-threshold say what a model finds: name its folder with --zoom-model")
        return None
    threshold = THRESHOLD if threshold is None else threshold
    if not 0 <= threshold <= 1:
        raise UsageError(f"--zoom-threshold {threshold}: use a probability from 0 to 1")
    return ZoomFilter(open_zoom_model(model), threshold, zoomed or "mark")


@dataclass(frozen=True)
class CloseUpCutter:
    """Makes two kinds of labelled pictures of normal ones, with `normal` and `zoomed` as their paths."""

    config: CloseUpConfig

    def __call__(self, picture: bytes) -> Sequence[tuple[Path, bytes]]:
        """The picture, then its close-ups. Raises RowError where none can be cut."""
        try:
            cuts = cut_closeups(picture, self.config)
        except (NoCloseUpError, ImageError) as error:
            raise RowError(Reason.NO_CLOSEUP, str(error)) from error
        return [((NORMAL,), cuts.normal), *(((ZOOMED,), closeup) for closeup in cuts.closeups)]

    def description(self) -> dict[str, Any]:
        """What build.json says of it: the settings, as JSON gives them back."""
        told = to_mapping(self.config)
        return {key: list(value) if isinstance(value, tuple) else value for key, value in told.items()}
