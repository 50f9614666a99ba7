"""Which part of a picture decided each level of an answer: the model's own light, or what hiding a part costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Cells along the longer side when parts are hidden in turn.
CELLS = 8
#: How far a hidden part takes its colours from, as a share of the longer side: half a cell is one standard deviation.
REACH = 1 / (2 * CELLS)


def occlusion(
    pixels: NDArray[np.uint8], log_levels: Callable[[NDArray[np.uint8]], NDArray[np.float64]]
) -> NDArray[np.float32]:
    """The fall of each level's log probability when a cell is hidden: (D, h, w), each level scaled to sum to 1.

    `pixels` is (3, H, W); `log_levels` gives the log probabilities (B, D) of one answer's levels for pixels
    (B, 3, H, W). Hiding that helps counts as nothing; a level that no cell lowers is lit evenly. (Zeiler and Fergus
    2014, section 3.3)
    """
    grid = cells_of(pixels.shape[1:])
    cells = [(row, column) for row in range(grid[0]) for column in range(grid[1])]
    pictures = np.stack([pixels, *(hide(pixels, np.array([cell]), grid) for cell in cells)])
    levels = log_levels(pictures)  # (1 + cells, D)
    falls = np.maximum(levels[0] - levels[1:], 0).T.reshape(-1, *grid)
    total = falls.sum(axis=(1, 2), keepdims=True)
    light = np.where(total > 0, falls / np.where(total > 0, total, 1), 1 / len(cells))
    return light.astype(np.float32)


def cells_of(size: tuple[int, ...]) -> tuple[int, int]:
    """A grid (h, w) of nearly square cells over pixels of this size (H, W), `CELLS` along the longer side."""
    height, width = (max(1, round(CELLS * side / max(size))) for side in size)
    return height, width


def hide(pixels: NDArray[np.uint8], cells: NDArray[Any], grid: tuple[int, ...]) -> NDArray[np.uint8]:
    """The picture (3, H, W) with some cells (K, 2) of a grid (h, w) over it filled from what lies around them.

    A hidden pixel becomes the mean of the visible ones with weights that fall with distance (a Gaussian; normalized
    convolution, Knutsson and Westin 1993). A grey patch would be a thing that no product picture shows: it costs an
    answer more than what it covers, wherever it lies. A picture that is hidden whole becomes its own mean.
    """
    height, width = pixels.shape[1:]
    visible = np.ones((height, width))
    for row, column in cells:
        rows = slice(height * row // grid[0], height * (row + 1) // grid[0])
        columns = slice(width * column // grid[1], width * (column + 1) // grid[1])
        visible[rows, columns] = 0
    if not visible.any():
        return np.broadcast_to(pixels.mean(axis=(1, 2), keepdims=True).round().astype(np.uint8), pixels.shape).copy()
    down, across = (_weights(side, REACH * max(height, width)) for side in (height, width))
    block = np.ix_((visible == 0).any(axis=1), (visible == 0).any(axis=0))  # all else stays, so only this is computed
    down, across = down[block[0][:, 0]], across[:, block[1][0]]
    around = (down @ (pixels * visible) @ across) / (down @ visible @ across)
    covered = pixels.copy()
    covered[:, *block] = np.where(visible[block] > 0, pixels[:, *block], around.round())
    return covered


def _weights(side: int, deviation: float) -> NDArray[np.float64]:
    """(side, side): what each pixel of a line counts for each other one; symmetric."""
    distance = np.subtract.outer(np.arange(side), np.arange(side)) / deviation
    return np.exp(-(distance**2) / 2)
