"""The paper's LinearSVM for zoomed pictures (sections 3.3 and 5.1.1): gradients and contours in, a score out."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from atlas.errors import MissingExtraError
from atlas.images import decode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atlas.records import Picture

#: Pictures are looked at in grey at this size; the paper gives none.
SIDE_PX = 96
#: Histograms of oriented gradients: nine directions, cells of 12 px, blocks of 2x2 cells (Dalal and Triggs 2005).
ORIENTATIONS, CELL_PX, BLOCK_CELLS = 9, 12, 2
#: Contours shorter than this are noise.
SHORTEST_PX = 8
#: The paper's grid search found 0.0001; the grid itself is not told.
GRID = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
FOLDS = 3


@dataclass(frozen=True)
class ZoomSvm:
    """A fitted LinearSVM: a plane between normal and zoomed pictures in standardised features of length D."""

    mean: NDArray[np.float64]  # (D,)
    deviation: NDArray[np.float64]  # (D,)
    weight: NDArray[np.float64]  # (D,)
    bias: float
    c: float  # chosen by the grid search

    def score(self, picture: Picture) -> float:
        """From 0 (zoomed) to 1 (normal); .5 lies on the plane. A measure of distance, not a probability."""
        return float(self.scores(zoom_features(picture)[None])[0])

    def scores(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """The scores (B,) of features (B, D)."""
        distance = ((features - self.mean) / self.deviation) @ self.weight + self.bias  # above 0 is zoomed
        return np.asarray(1 / (1 + np.exp(np.clip(distance, -50, 50))))


def fit_zoom_svm(
    pictures: Iterable[Picture], zoomed: Sequence[bool], *, grid: Sequence[float] = GRID, seed: int = 0
) -> ZoomSvm:
    """The paper's LinearSVM: hinge loss, balanced classes, C by a grid search over three folds for the F of zoomed.

    Raises MissingExtraError without the extra `clean`, and ImageError for a picture that cannot be read.
    """
    return fit_features(np.stack([zoom_features(picture) for picture in pictures]), zoomed, grid=grid, seed=seed)


def fit_features(
    features: NDArray[np.float32], zoomed: Sequence[bool], *, grid: Sequence[float] = GRID, seed: int = 0
) -> ZoomSvm:
    """`fit_zoom_svm` for features (B, D) that are at hand."""
    try:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.model_selection import GridSearchCV, StratifiedKFold
        from sklearn.svm import LinearSVC
    except ImportError as error:
        raise MissingExtraError("clean", "fitting the LinearSVM") from error
    mean, deviation = features.mean(0, np.float64), np.maximum(features.std(0, np.float64), 1e-6)
    search = GridSearchCV(
        LinearSVC(loss="hinge", class_weight="balanced", dual=True, random_state=seed),
        {"C": list(grid)},
        scoring="f1",
        cv=StratifiedKFold(FOLDS, shuffle=True, random_state=seed),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # large C, which the search then does not choose
        search.fit((features - mean) / deviation, np.asarray(zoomed, dtype=np.int64))
    best = search.best_estimator_
    return ZoomSvm(mean, deviation, best.coef_[0].copy(), float(best.intercept_[0]), float(search.best_params_["C"]))


def zoom_features(picture: Picture) -> NDArray[np.float32]:
    """Histograms of oriented gradients and seven numbers about contours of a picture, float32 (D,).

    Contours run around what is brighter than the mean: how many there are, their length together, the longest one, the
    largest box around one, how many are cut by the border, how much of the border is bright, and the share of bright
    pixels; lengths and areas are shares of the picture's. The paper names contours and says no more.
    """
    try:
        from skimage.feature import hog
        from skimage.measure import find_contours
    except ImportError as error:
        raise MissingExtraError("clean", "histograms of gradients") from error
    small = decode(picture, (SIDE_PX, SIDE_PX)).convert("L").resize((SIDE_PX, SIDE_PX), Image.Resampling.BILINEAR)
    grey = np.asarray(small, dtype=np.float32) / 255
    gradients = hog(grey, ORIENTATIONS, (CELL_PX, CELL_PX), (BLOCK_CELLS, BLOCK_CELLS), feature_vector=True)
    bright = grey > grey.mean()
    lines = find_contours(grey, float(grey.mean()))  # type: ignore[no-untyped-call]
    contours = [line for line in lines if len(line) >= SHORTEST_PX]
    return np.concatenate([gradients, _contour_numbers(contours, bright)]).astype(np.float32)


def _contour_numbers(contours: Sequence[NDArray[np.float64]], bright: NDArray[np.bool_]) -> NDArray[np.float64]:
    lengths = [np.hypot(*np.diff(line, axis=0).T).sum() / SIDE_PX for line in contours]
    boxes = [np.ptp(line, axis=0).prod() / SIDE_PX**2 for line in contours]
    border = np.concatenate([bright[0], bright[-1], bright[:, 0], bright[:, -1]])
    cut = sum(not np.array_equal(line[0], line[-1]) for line in contours)
    return np.array(
        [len(contours), sum(lengths), max(lengths, default=0), max(boxes, default=0), cut, border.mean(), bright.mean()]
    )
