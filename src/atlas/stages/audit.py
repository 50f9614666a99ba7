"""`audit`: labels of a data set that are probably wrong, by what a model sees of its pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from atlas.clean.labels import FOLDS, SUSPECT_BELOW, LabelCheck, check_labels
from atlas.dataset.schema import DatasetFolder, open_dataset
from atlas.errors import ImageError, NothingDoneError
from atlas.progress import Progress, Silent
from atlas.records import Path
from atlas.stages.categorizer import BATCH_SIZE, Categorizer, load
from atlas.stages.feature_cache import FeatureCache, rounded
from atlas.taxonomy.tree import format_path

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atlas.records import Picture
    from atlas.runtime import Engine

#: Findings that are given at most, the worst, and the score above which nothing is worth a look.
LIMIT, DOUBTFUL_BELOW = 1000, 0.95
#: Paths that are confused most, as they are told.
CONFUSIONS = 20
#: Pictures whose features are kept at a time.
KEPT_ROWS = 1024


class LabelFinding(NamedTuple):
    """A row whose label is probably wrong, and where it stands."""

    split: str
    place: int  # row of the split
    product_id: str
    store: str  # "" where none is named
    title: str
    path: Path  # the label
    suggested: Path
    score: float  # 0 is surely wrong, 1 surely right
    given_probability: float  # that the label is right
    probability: float  # that the suggestion is
    why: str


class Confused(NamedTuple):
    """How many rows of one label look like those of another."""

    path: Path
    likely: Path
    rows: int


@dataclass(frozen=True)
class Audit:
    """What a model's features say of the labels of a data set."""

    model_id: str
    pictures: dict[str, int]  # of each split
    judged: int
    failed: int  # pictures that could not be read
    suspect: int  # judged rows with a score below `below`
    below: float
    estimate: int  # labels that are wrong, by the confident joint
    agreement: float  # share of judged rows whose label is the probe's first choice
    findings: tuple[LabelFinding, ...]  # the lowest score first, at most as many as asked for
    confused: tuple[Confused, ...]  # most rows first
    unlearned: tuple[Path, ...]  # labels that the probe does not find again
    paths: tuple[Path, ...]  # all labels

    @property
    def figures(self) -> dict[str, Any]:
        """All but the findings, as JSON takes it."""
        return {
            "model_id": self.model_id,
            "pictures": self.pictures,
            "judged": self.judged,
            "failed": self.failed,
            "suspect": self.suspect,
            "below": self.below,
            "estimate": self.estimate,
            "agreement": self.agreement,
            "listed": len(self.findings),
            "confused": [[format_path(path), format_path(likely), rows] for path, likely, rows in self.confused],
            "unlearned": [format_path(path) for path in self.unlearned],
        }


def audit(
    dataset: FilePath,
    model: FilePath,
    *,
    splits: Sequence[str] = (),
    limit: int = LIMIT,
    folds: int = FOLDS,
    seed: int = 0,
    cache: FilePath | None = None,
    engine: Engine = "auto",
    batch_size: int = BATCH_SIZE,
    progress: Progress | None = None,
) -> Audit:
    """The labels of a data set's splits (all unless named) judged by a linear probe on one model's features.

    All splits are judged together: a probe learns from products of the others too, and never from near copies. With
    `cache`, a folder, features of pictures that the model saw before are not calculated again, also after a stop.
    A picture that cannot be read, or a label that the model does not know, costs itself alone. Raises DataError for a
    data set of links or a damaged one, MissingExtraError without the extras `clean` and `train`, NothingDoneError when
    there are too few labels to tell apart.
    """
    progress = progress or Silent()
    data = open_dataset(dataset)
    data.check_pictures()
    rows = _Rows(data, tuple(splits) or tuple(data.splits))
    categorizer = load(model, engine)
    features = _features(rows, categorizer, cache, batch_size, progress)
    good = np.flatnonzero(~np.isnan(features[:, 0])) if features.size else np.zeros(0, np.int64)
    if not len(good):
        raise NothingDoneError(f"{dataset} has no picture that can be read: there is nothing to judge")
    found = check_labels(
        features[good], rows.label[good], rows.group[good], rows.paths,
        products=rows.product[good], folds=folds, seed=seed, progress=progress,
    )  # fmt: skip
    return _audit(rows, good, found, categorizer, limit)


class _Rows:
    """The rows of some splits, one after the other, without their pictures."""

    def __init__(self, data: DatasetFolder, splits: Sequence[str]) -> None:
        columns = ["product_id", "store", "title", "path", "sha256", "group"]
        tables = {split: data.table(split, columns) for split in splits}
        self.data = data
        self.splits = {split: table.num_rows for split, table in tables.items()}
        self.words = {
            name: [cell for table in tables.values() for cell in table[name].to_pylist()]
            for name in ("product_id", "store", "title", "sha256")
        }
        labels = [tuple(path) for table in tables.values() for path in table["path"].to_pylist()]
        self.paths: tuple[Path, ...] = tuple(sorted(set(labels)))
        code = {path: place for place, path in enumerate(self.paths)}
        self.label = np.array([code[path] for path in labels], np.int64)
        numbers: dict[tuple[str, str], int] = {}
        names = zip(self.words["store"], self.words["product_id"], strict=True)
        self.product = np.array([numbers.setdefault(name, len(numbers)) for name in names], np.int64)
        self.group = np.concatenate([np.asarray(table["group"]) for table in tables.values()]).astype(np.int64)
        self.start = dict(zip(splits, np.cumsum([0, *self.splits.values()]).tolist(), strict=False))

    def place(self, row: int) -> tuple[str, int]:
        """The split of a row, and its place in there."""
        split = max((split for split, start in self.start.items() if start <= row), key=self.start.__getitem__)
        return split, row - self.start[split]

    def pictures(self, missing: NDArray[np.bool_]) -> Iterator[Picture | ImageError]:
        """The pictures of the missing rows, in order; row groups without any are not read."""
        from atlas.stages.check_pictures import wanted_pictures

        for split, count in self.splits.items():
            wanted = missing[self.start[split] : self.start[split] + count]
            for _, encoded in wanted_pictures(self.data, split, wanted):
                yield encoded or ImageError("no picture: the row's picture is empty")


def _features(
    rows: _Rows, categorizer: Categorizer, cache: FilePath | None, batch_size: int, progress: Progress
) -> NDArray[np.float32]:
    """What the model sees of each row's picture (R, D), of equal ones once; NaN for one that cannot be read."""
    digests = rows.words["sha256"]
    row_of: dict[str, int] = {}
    for row, digest in enumerate(digests):
        row_of.setdefault(digest, row)
    progress.begin("look at pictures", len(row_of))
    seen: dict[str, NDArray[np.float32]] = {}
    if cache is None:
        _look(rows, row_of, categorizer, None, batch_size, seen, progress)
    else:
        with FeatureCache(cache, categorizer.bundle.model_id) as kept:
            seen.update(kept.read(list(row_of)))
            progress.advance(len(seen), "known from before" if seen else "")
            _look(rows, row_of, categorizer, kept, batch_size, seen, progress)
    width = max((len(vector) for vector in seen.values()), default=0)
    nothing = np.full(width, np.nan, dtype=np.float32)
    if not width:
        return np.empty((len(digests), 0), dtype=np.float32)
    return np.stack([seen.get(digest, nothing) for digest in digests])


def _look(
    rows: _Rows,
    row_of: dict[str, int],
    categorizer: Categorizer,
    kept: FeatureCache | None,
    batch_size: int,
    seen: dict[str, NDArray[np.float32]],
    progress: Progress,
) -> None:
    """Add what the model sees of the pictures that are not in `seen`, and keep it as it comes."""
    new = [digest for digest in row_of if digest not in seen]
    missing = np.zeros(len(rows.label), dtype=np.bool_)
    missing[[row_of[digest] for digest in new]] = True
    names = iter(new)  # in the order of their first rows, as pictures come
    waiting: list[str] = []
    for problems, features in categorizer.features(rows.pictures(missing), batch_size):
        good = [name for problem, name in zip(problems, names, strict=False) if problem is None]
        seen.update(zip(good, rounded(features), strict=True))  # as the cache would give them back
        waiting += good
        if kept is not None and len(waiting) >= KEPT_ROWS:
            kept.keep(waiting, np.stack([seen[name] for name in waiting]))
            waiting = []
        progress.advance(len(problems))
    if kept is not None and waiting:
        kept.keep(waiting, np.stack([seen[name] for name in waiting]))


def _audit(rows: _Rows, good: NDArray[np.int64], found: LabelCheck, categorizer: Categorizer, limit: int) -> Audit:
    doubtful = [int(row) for row in found.order[:limit] if found.score[row] < DOUBTFUL_BELOW]
    findings = tuple(_finding(rows, int(good[row]), row, found) for row in doubtful)
    confused = (Confused(rows.paths[y], rows.paths[c], count) for y, c, count in found.confusions[:CONFUSIONS])
    return Audit(
        model_id=categorizer.bundle.model_id,
        pictures=rows.splits,
        judged=int(found.judged.sum()),
        failed=len(rows.label) - len(good),
        suspect=int(found.suspect.sum()),
        below=SUSPECT_BELOW,
        estimate=found.estimate,
        agreement=found.agreement,
        findings=findings,
        confused=tuple(confused),
        unlearned=tuple(rows.paths[label] for label in found.unlearned),
        paths=rows.paths,
    )


def _finding(rows: _Rows, row: int, judged_row: int, found: LabelCheck) -> LabelFinding:
    split, place = rows.place(row)
    suggested = rows.paths[int(found.suggested[judged_row])]
    given, other = float(found.given_probability[judged_row]), float(found.probability[judged_row])
    return LabelFinding(
        split,
        place,
        rows.words["product_id"][row],
        rows.words["store"][row] or "",
        rows.words["title"][row] or "",
        rows.paths[int(rows.label[row])],
        suggested,
        float(found.score[judged_row]),
        given,
        other,
        f"looks like {format_path(suggested)} ({percent(other)}), not like its label ({percent(given)})",
    )


def percent(share: float) -> str:
    """`"97 %"`; what is neither nothing nor all never looks so."""
    return f"{min(max(share * 100, 1), 99):.0f} %"
