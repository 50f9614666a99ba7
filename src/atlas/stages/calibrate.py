"""A model's probabilities fitted on a split of a data set, so that "0.8" is right in 8 of 10 cases."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np

from atlas.bundle import write_calibration
from atlas.decide.calibrate import apply_temperatures, choices_at_levels, fit_choices
from atlas.decide.posterior import below, best, masses, ways
from atlas.errors import AtlasError, NothingDoneError
from atlas.evaluate.metrics import expected_calibration_error, reliability
from atlas.progress import Progress, Silent
from atlas.stages.categorizer import BATCH_SIZE, Categorizer, load
from atlas.stages.inputs import dataset_source
from atlas.taxonomy.tree import parse_path

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atlas.records import Picture, TreeArrays
    from atlas.runtime import Engine
    from atlas.stages.rows import Input

#: Version of calibration.json.
VERSION = 1
#: What the model looked at, by which its temperatures are filed.
MODE = "image"
#: Rows that are held densely at once.
READ_ROWS = 256


class LevelFigures(NamedTuple):
    """How well one level's probabilities fit; 1 is the first level."""

    level: int
    rows: int  # guesses that reach the level, unless the truth is known no deeper than above it
    ece: float  # expected calibration error of the guess's probability, evaluate.metrics
    nll: float  # mean -log probability of the true names down to this level


@dataclass(frozen=True)
class Calibration:
    """Temperatures, one per level, and the figures on the fitting rows before and after."""

    split: str
    rows: int
    failed: int
    temperatures: tuple[float, ...]
    before: tuple[LevelFigures, ...]
    after: tuple[LevelFigures, ...]


def calibrate(
    model_folder: FilePath,
    dataset_folder: FilePath,
    split: str = "dev",
    *,
    progress: Progress | None = None,
    engine: Engine = "auto",
    batch_size: int = BATCH_SIZE,
) -> Calibration:
    """Fit one temperature per level and write them into the model folder, in place of older ones.

    Raises NothingDoneError when no picture of the split could be scored with a truth that the tree has.
    """
    categorizer = load(model_folder, engine)
    fitted = fit(categorizer, dataset_source(dataset_folder, split), split, progress or Silent(), batch_size)
    image = {"temperatures": list(fitted.temperatures), "split": split, "rows": fitted.rows}
    write_calibration(categorizer.bundle, {"version": VERSION, MODE: image})
    return fitted


def fit(categorizer: Categorizer, source: Input, split: str, progress: Progress, batch_size: int) -> Calibration:
    """The temperatures that suit a source's truths, from the model's raw scores. Scores wait on disk, not in memory."""
    tree = categorizer.taxonomy.arrays
    with tempfile.TemporaryFile(prefix="atlas-scores-") as stream:
        truth, failed = _score(categorizer, source, stream, progress, batch_size)
        rows = int((truth > 0).sum())
        if not rows:
            raise NothingDoneError(f"split '{split}' has no picture that can be scored and whose path is in the tree")
        temperatures = fit_choices([choices_at_levels(*part, tree) for part in _parts(stream, truth, tree)])
        unchanged = (1.0,) * len(temperatures)
        before, after = (_figures(_parts(stream, truth, tree), t, tree) for t in (unchanged, temperatures))
    return Calibration(split, rows, failed, temperatures, before, after)


def _score(
    categorizer: Categorizer, source: Input, stream: IO[bytes], progress: Progress, batch_size: int
) -> tuple[NDArray[np.intp], int]:
    """Append each good row's raw log masses to the stream; their true nodes, 0 where unknown, and the failed rows."""
    truths: list[int] = []

    def pictures() -> Iterator[Picture | AtlasError]:
        for chunk in source.chunks():
            paths = chunk.truths or [None] * len(chunk.pictures)
            truths.extend(categorizer.taxonomy.find(parse_path(path)) or 0 if path else 0 for path in paths)
            yield from chunk.pictures

    progress.begin("score", source.rows)
    good: list[bool] = []
    for problems, log_mass in categorizer.scores(pictures(), batch_size):
        stream.write(np.ascontiguousarray(log_mass, dtype=np.float32).tobytes())
        good += [problem is None for problem in problems]
        progress.advance(len(problems))
    return np.array(truths, dtype=np.intp)[good], len(good) - sum(good)


def _parts(
    stream: IO[bytes], truth: NDArray[np.intp], tree: TreeArrays
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.intp]]]:
    """The scores (R, N) with their true nodes (R,), a few rows at a time, from the stream's beginning."""
    stream.seek(0)
    for at in range(0, len(truth), READ_ROWS):
        some = truth[at : at + READ_ROWS]
        data = stream.read(4 * len(some) * len(tree.parent))
        yield np.frombuffer(data, dtype=np.float32).reshape(len(some), -1), some


def _figures(
    parts: Iterator[tuple[NDArray[np.float32], NDArray[np.intp]]], temperatures: Sequence[float], tree: TreeArrays
) -> tuple[LevelFigures, ...]:
    """The figures of each level with these temperatures."""
    columns = [_level_columns(log_mass, truth, temperatures, tree) for log_mass, truth in parts]
    true_p, guess_p, right = (np.concatenate(column) for column in zip(*columns, strict=True))
    return tuple(
        _level_figures(level, true_p[:, level - 1], guess_p[:, level - 1], right[:, level - 1])
        for level in range(1, true_p.shape[1] + 1)
    )


def _level_columns(
    log_mass: NDArray[np.float32], truth: NDArray[np.intp], temperatures: Sequence[float], tree: TreeArrays
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """By level (R, D): probability of the truth, nan where it ends before, and of the guess; are they the same?

    The guess's is also nan where nobody can judge it: where the truth, known no deeper, ended before. One that ended
    before as an answer makes a deeper guess wrong.
    """
    mass = masses(apply_temperatures(log_mass, temperatures, tree))
    total = below(mass, tree)
    guess = best(mass, tree, 1)[0][:, 0]
    true_way, guess_way = ways(truth, tree)[:, 1:], ways(guess, tree)[:, 1:]
    rows = np.arange(len(truth))[:, None]
    true_p = np.where(true_way > 0, total[rows, true_way], np.nan)
    judged = (guess_way > 0) & ((true_way > 0) | tree.is_answer[truth][:, None])
    guess_p = np.where(judged, total[rows, guess_way], np.nan)
    return true_p, guess_p, true_way == guess_way


def _level_figures(
    level: int, true_p: NDArray[np.float64], guess_p: NDArray[np.float64], right: NDArray[np.bool_]
) -> LevelFigures:
    judged, known = ~np.isnan(guess_p), true_p[~np.isnan(true_p)]
    ece = expected_calibration_error(reliability(np.minimum(guess_p[judged], 1.0), right[judged]))
    nll = float(-np.log(np.clip(known, 1e-12, 1.0)).mean()) if len(known) else float("nan")
    return LevelFigures(level, int(judged.sum()), ece, nll)
