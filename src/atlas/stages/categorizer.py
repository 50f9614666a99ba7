"""A model ready to predict: pictures in any form, decoded ahead, scored in batches, read off the tree."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np
from PIL.Image import Image

from atlas.bundle import open_bundle
from atlas.decide.calibrate import apply_temperatures
from atlas.decide.posterior import below, best, level_probabilities, masses
from atlas.errors import AtlasError, BundleError, ImageError
from atlas.images import read_pixels
from atlas.records import IMPOSSIBLE, Alternative, Prediction
from atlas.runtime import open_scorer
from atlas.stages.evidence import occlusion
from atlas.stages.rows import grouped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atlas.images import ImageConfig
    from atlas.records import Picture
    from atlas.runtime import Engine, Scorer

#: Pictures that a model scores at once.
BATCH_SIZE = 32
#: Other answers that come with the best one.
ALTERNATIVES = 3
#: Node masses up to this are left out of a predictions file.
MASS_FLOOR = 1e-4
#: More threads than this wait for each other.
MAX_DECODERS = 4


class Answer(NamedTuple):
    """A prediction with its evidence: the nodes whose own mass is above `MASS_FLOOR`, in tree order."""

    prediction: Prediction
    masses: tuple[tuple[int, float], ...] = ()


class Lit(NamedTuple):
    """A picture as the model saw it, the node of its answer, and where the evidence of each level lies."""

    pixels: NDArray[np.uint8]  # (3, H, W)
    node: int
    light: tuple[NDArray[np.float32], ...]  # one grid (h, w) for each level
    by_hiding: bool  # whether the light is occlusion's, for want of the model's own


class Categorizer:
    """A model ready to predict. Make one with `load`."""

    def __init__(self, scorer: Scorer) -> None:
        """Take the scorer's tree, picture size and, where it was calibrated, temperatures."""
        self.bundle = scorer.bundle
        self.taxonomy = scorer.bundle.taxonomy
        self._scorer = scorer
        self._temperatures = _temperatures(scorer)

    @overload
    def predict(  # type: ignore[overload-overlap]  # a str is one file, though it is an Iterable[str] as well
        self,
        pictures: Picture,
        *,
        batch_size: int = BATCH_SIZE,
        alternatives: int = ALTERNATIVES,
        evidence: bool = False,
    ) -> Prediction: ...

    @overload
    def predict(
        self,
        pictures: Iterable[Picture],
        *,
        batch_size: int = BATCH_SIZE,
        alternatives: int = ALTERNATIVES,
        evidence: bool = False,
    ) -> list[Prediction]: ...

    def predict(
        self,
        pictures: Picture | Iterable[Picture],
        *,
        batch_size: int = BATCH_SIZE,
        alternatives: int = ALTERNATIVES,
        evidence: bool = False,
    ) -> Prediction | list[Prediction]:
        """The prediction of one picture, or a list of them for many, in the same order.

        A picture is a file name, encoded bytes, a PIL image, or a uint8 array (H, W, 3); an array (B, H, W, 3) is many.
        What cannot be read costs an `error` in its own prediction and nothing else. `evidence` asks for the part of the
        picture that decided each level: the model's own attention, or else what hiding each cell costs, which takes
        some fifty times as long.
        """
        many: Iterable[Picture] = [pictures] if _is_one(pictures) else pictures  # type: ignore[assignment,list-item]
        found = [answer.prediction for answer in self.answers(many, batch_size, alternatives, evidence)]
        return found[0] if _is_one(pictures) else found

    def answers(
        self,
        pictures: Iterable[Picture | AtlasError],
        batch_size: int = BATCH_SIZE,
        alternatives: int = ALTERNATIVES,
        evidence: bool = False,
    ) -> Iterator[Answer]:
        """Answers in the order of the pictures, while a few threads decode ahead; at most 3 batches are in memory.

        An AtlasError in place of a picture becomes the error of its answer.
        """
        for problems, log_mass, pixels in self._scored(pictures, batch_size):
            answers = self._decide(log_mass, alternatives, pixels if evidence else None)
            for problem in problems:
                yield next(answers) if problem is None else Answer(Prediction((), 0.0, (), error=problem))

    def scores(
        self, pictures: Iterable[Picture | AtlasError], batch_size: int = BATCH_SIZE
    ) -> Iterator[tuple[list[str | None], NDArray[np.float32]]]:
        """For each batch, in order: what is wrong with each picture, and raw log masses (G, N) of the G good ones."""
        for problems, log_mass, _ in self._scored(pictures, batch_size):
            yield problems, log_mass

    def features(
        self, pictures: Iterable[Picture | AtlasError], batch_size: int = BATCH_SIZE
    ) -> Iterator[tuple[list[str | None], NDArray[np.float32]]]:
        """For each batch, in order: what is wrong with each picture, and what the encoder sees (G, C) of the good ones.

        Raises MissingExtraError where only the model's ONNX file can be run here: it gives no features.
        """
        for problems, pixels in self._batches(pictures, batch_size):
            seen = self._scorer.features(pixels) if len(pixels) else np.empty((0, 0), dtype=np.float32)
            sound = np.asarray(np.isfinite(seen).all(axis=1))
            yield _with_unsound(problems, sound), seen[sound]

    def lit(self, pictures: Iterable[Picture | AtlasError], batch_size: int = BATCH_SIZE) -> Iterator[Lit]:
        """Each picture that can be scored, in order, with the evidence of its best answer."""
        for _, log_mass, pixels in self._scored(pictures, batch_size):
            if not len(log_mass):
                continue
            nodes, _ = best(masses(self.calibrated(log_mass)), self.taxonomy.arrays, 1)
            lights, by_hiding = self._evidence(pixels, nodes[:, 0])
            for picture, node, light in zip(pixels, nodes[:, 0], lights, strict=True):
                yield Lit(picture, int(node), light, by_hiding)

    def log_levels(self, pixels: NDArray[np.uint8], node: int) -> NDArray[np.float64]:
        """The log probability (B, D) of each level of one answer for pixels (B, 3, H, W), bounded by that of 1e-12."""
        parts = np.array_split(pixels, -(-len(pixels) // BATCH_SIZE))
        log_mass = np.concatenate([self._scorer.score_pixels(np.ascontiguousarray(part)) for part in parts])
        total = below(masses(self.calibrated(log_mass)), self.taxonomy.arrays)
        return np.log(np.maximum(total[:, np.array(self.taxonomy.ancestors(node))], 1e-12))

    def _scored(
        self, pictures: Iterable[Picture | AtlasError], batch_size: int
    ) -> Iterator[tuple[list[str | None], NDArray[np.float32], NDArray[np.uint8]]]:
        """`scores` with the pixels (G, 3, H, W) of the good ones."""
        for problems, pixels in self._batches(pictures, batch_size):
            if not len(pixels):
                yield problems, np.empty((0, len(self.taxonomy)), dtype=np.float32), pixels
                continue
            log_mass = self._scorer.score_pixels(pixels)
            sound: NDArray[np.bool_] = np.isfinite(log_mass.max(axis=1, initial=-np.inf))  # no NaN, some mass
            log_mass = np.maximum(log_mass[sound], np.float32(IMPOSSIBLE))  # engines say log 0 in their own ways
            yield _with_unsound(problems, sound), log_mass, pixels[sound]

    def _batches(
        self, pictures: Iterable[Picture | AtlasError], batch_size: int
    ) -> Iterator[tuple[list[str | None], NDArray[np.uint8]]]:
        """For each batch, in order: what is wrong with each picture, and the pixels (G, 3, H, W) of the good ones."""
        for batch in grouped(decoded_ahead(pictures, self.bundle.image, 2 * batch_size), batch_size):
            problems = [pixels if isinstance(pixels, str) else None for pixels in batch]
            good = [pixels for pixels in batch if not isinstance(pixels, str)]
            if good:
                yield problems, np.ascontiguousarray(np.stack(good).transpose(0, 3, 1, 2))  # from (G, H, W, 3)
            else:
                yield problems, np.empty(0, dtype=np.uint8)

    def _decide(
        self, log_mass: NDArray[np.float32], alternatives: int, pixels: NDArray[np.uint8] | None
    ) -> Iterator[Answer]:
        """From raw log masses (G, N) to answers, with evidence from pixels (G, 3, H, W) where those are given."""
        if not len(log_mass):
            return
        tree = self.taxonomy.arrays
        mass = masses(self.calibrated(log_mass))
        total = below(mass, tree)
        nodes, probability = best(mass, tree, 1 + alternatives)
        lights = self._evidence(pixels, nodes[:, 0])[0] if pixels is not None else [()] * len(mass)
        for row in range(len(mass)):
            ranked = [(self.taxonomy.paths[n], float(p)) for n, p in zip(nodes[row], probability[row], strict=True)]
            levels = level_probabilities(total[row], int(nodes[row, 0]), tree)
            others = tuple(Alternative(*other) for other in ranked[1:])
            yield Answer(Prediction(*ranked[0], levels, others, evidence=lights[row]), _listed(mass[row]))

    def _evidence(
        self, pixels: NDArray[np.uint8], nodes: NDArray[Any]
    ) -> tuple[list[tuple[NDArray[np.float32], ...]], bool]:
        """For each picture one light (h, w) for each level of its answer, and whether it was found by hiding."""
        light = self._scorer.light(pixels, nodes.astype(np.int64))
        if light is not None:
            depths = self.taxonomy.arrays.depth[nodes]
            return [tuple(levels[:depth]) for levels, depth in zip(light, depths, strict=True)], False
        answers = zip(pixels, nodes.tolist(), strict=True)
        return [tuple(occlusion(picture, partial(self.log_levels, node=node))) for picture, node in answers], True

    def calibrated(self, log_mass: NDArray[Any]) -> NDArray[np.float64]:
        """Log masses (B, N) after the model's temperatures, as they came where it has none."""
        if self._temperatures is None:
            return np.asarray(log_mass, dtype=np.float64)
        return apply_temperatures(log_mass, self._temperatures, self.taxonomy.arrays)


def load(folder: str | os.PathLike[str], engine: Engine = "auto", *, bf16: bool = False) -> Categorizer:
    """The model of a folder, ready to predict.

    "auto" takes torch where it is installed and ONNX Runtime elsewhere; `bf16` calculates with fewer digits, which
    torch does faster on some machines. Raises BundleError when the folder is damaged, and MissingExtraError when
    nothing here can calculate it.
    """
    return Categorizer(open_scorer(open_bundle(FilePath(folder)), engine, bf16=bf16))


def decoded_ahead(
    pictures: Iterable[Picture | AtlasError], config: ImageConfig, ahead: int
) -> Iterator[NDArray[np.uint8] | str]:
    """Pixels (H, W, 3) of each picture in order, or the reason why there are none; at most `ahead` wait decoded."""
    pool = ThreadPoolExecutor(min(MAX_DECODERS, os.cpu_count() or 1), "atlas-decode")
    waiting: deque[Future[NDArray[np.uint8] | str]] = deque()
    try:
        for picture in pictures:
            waiting.append(pool.submit(_pixels, picture, config))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _pixels(picture: Picture | AtlasError, config: ImageConfig) -> NDArray[np.uint8] | str:
    if isinstance(picture, AtlasError):
        return str(picture)
    try:
        if isinstance(picture, str | os.PathLike) and os.path.exists(picture) and not os.path.isfile(picture):  # noqa: PTH110, PTH113
            return f"not a file: {os.fspath(picture)!r}"  # a pipe would keep us waiting for ever
        return read_pixels(picture, config)
    except ImageError as error:
        return str(error)
    except Exception as error:  # decoders meet hostile files with errors of every kind, and one picture stops nothing
        return f"not a picture ({type(error).__name__}: {error})"[:200]


def _with_unsound(problems: list[str | None], sound: NDArray[np.bool_]) -> list[str | None]:
    """The problems of a batch with those of the good pictures (G,) for which the model gave nonsense."""
    told = iter(sound.tolist())
    return [
        "the model gave no number for this picture" if problem is None and not next(told) else problem
        for problem in problems
    ]


def _is_one(pictures: Any) -> bool:
    if isinstance(pictures, np.ndarray):
        return pictures.ndim != 4
    return isinstance(pictures, str | os.PathLike | bytes | Image) or not isinstance(pictures, Iterable)


def _listed(mass: NDArray[np.float64]) -> tuple[tuple[int, float], ...]:
    nodes = np.flatnonzero(mass > MASS_FLOOR)
    return tuple(zip(nodes.tolist(), mass[nodes].tolist(), strict=True))


def _temperatures(scorer: Scorer) -> tuple[float, ...] | None:
    """One temperature per level, None where the model is not calibrated. Raises BundleError when they do not fit."""
    calibration = scorer.bundle.calibration
    if not calibration or "image" not in calibration:
        return None
    try:
        temperatures = tuple(float(value) for value in calibration["image"]["temperatures"])
    except (TypeError, ValueError, KeyError) as error:
        raise BundleError(
            f"{scorer.bundle.folder}: calibration.json is damaged: remove it, then run `atlas calibrate` again"
        ) from error
    if len(temperatures) != scorer.bundle.taxonomy.levels or not all(0 < value < np.inf for value in temperatures):
        raise BundleError(
            f"{scorer.bundle.folder}: calibration.json has temperatures {temperatures}, the tree "
            f"{scorer.bundle.taxonomy.levels} levels: remove it, then run `atlas calibrate` again"
        )
    return temperatures
