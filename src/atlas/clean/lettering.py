"""How much of a picture is lettering, found without reading it: letters are alike in height and stand in lines.

A letter is a blot that differs clearly from an even ground around it. Cloth, jewellery and watches have blots too, but
seldom so many on an even ground, of one height, in lines, and unlike each other in width.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from atlas.errors import MissingExtraError

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]

#: More letters are not compared with each other: the largest are.
MOST_LETTERS = 1200
#: A slope of gradient below this (of 255 a pixel) is no edge.
_EDGE = 8
#: A letter differs from its ground by so many of 255, and the ground's own spread is a smaller part of that.
_CONTRAST, _UNEVEN = 25, 0.2
#: Letters of a line: they overlap in height by this part of the smaller one, which is at most so many times smaller,
#: and the gap between them is at most so wide in heights.
_OVERLAP, _TALLER, _GAP = 0.55, 2.0, 1.0
#: A line climbs no more than this.
_SLOPE = 0.25


class Lettering(NamedTuple):
    """What was found; all 0 where there is none."""

    letters: float  # letters in lines; a word whose letters run together counts for its length
    lines: int  # words and lines: what stands together
    share: float  # of all edges in the picture, those of letters: 0 to 1
    unevenness: float  # spread of the letters' heights over their mean


NONE = Lettering(0.0, 0, 0.0, 0.0)


def lettering(grey: Floats) -> Lettering:
    """The lettering of a picture in grey (H, W), 0 to 255, dark on light or light on dark, whichever is more.

    Letters are seen from 4 pixels in height on. Raises MissingExtraError without scipy, which comes with `clean`.
    """
    ndimage = _ndimage()
    down, across = np.gradient(grey)
    edges = np.hypot(across, down)
    edges[edges < _EDGE] = 0
    window = max(9, int(max(grey.shape) * 0.06) | 1)
    mean = ndimage.uniform_filter(grey, window, mode="nearest")
    spread = np.sqrt(np.maximum(ndimage.uniform_filter(grey * grey, window, mode="nearest") - mean * mean, 0))
    step = np.maximum(10, 0.35 * spread)
    found = [_of_one_kind(grey, grey < mean - step, 1, edges, window)]
    found.append(_of_one_kind(grey, grey > mean + step, -1, edges, window))
    return max(found)


def _of_one_kind(grey: Floats, ink: Flags, sign: int, edges: Floats, window: int) -> Lettering:
    """The lettering among dark blots (sign 1) or light ones (-1)."""
    boxes = _letters(grey, ink, sign, window)
    inside = np.zeros(grey.shape, bool)
    letters, heights, lines = 0.0, [], 0
    for line in _lines(boxes):
        letters += _count(line)
        heights.append(float(np.median(line[:, 2] - line[:, 0])))
        lines += 1
        for top, left, bottom, right in line:
            inside[max(0, top - 2) : bottom + 2, max(0, left - 2) : right + 2] = True
    if not lines:
        return NONE
    share = float(edges[inside].sum() / (edges.sum() + 1e-6))
    return Lettering(letters, lines, share, float(np.std(heights) / np.mean(heights)))


def _letters(grey: Floats, ink: Flags, sign: int, window: int) -> NDArray[np.int64]:
    """Boxes (L, 4) of top, left, bottom, right of blots that may be letters, from left to right."""
    ndimage = _ndimage()
    label, count = ndimage.label(ink, np.ones((3, 3)))
    if count < 4:
        return np.zeros((0, 4), np.int64)
    slices = ndimage.find_objects(label)
    box = np.array([(rows.start, columns.start, rows.stop, columns.stop) for rows, columns in slices])
    area = np.bincount(label.ravel(), minlength=count + 1)[1:]
    tone = np.bincount(label.ravel(), grey.ravel(), count + 1)[1:] / area
    height, width = box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]
    filled = area / (height * width)
    middle = (box[:, 0] + box[:, 2]) // 2, (box[:, 1] + box[:, 3]) // 2
    ground, uneven, known = (plane[middle] for plane in _ground(grey, ink, window))
    contrast = sign * (ground - tone)
    good = (contrast >= _CONTRAST) & (uneven < _UNEVEN * contrast) & (known > 0.15)
    good &= (height >= 4) & (height <= 0.2 * grey.shape[0]) & (width <= 9 * height) & (width <= 0.6 * grey.shape[1])
    good &= (filled > 0.12) & (filled < 0.98) & (area >= 5) & ((width < 2.5 * height) | (filled < 0.72))
    order = np.flatnonzero(good)
    order = order[np.argsort(-area[order], kind="stable")[:MOST_LETTERS]]
    return np.asarray(box[order[np.argsort(box[order, 1], kind="stable")]])


def _ground(grey: Floats, ink: Flags, window: int) -> tuple[Floats, Floats, Floats]:
    """Mean and spread of what is no ink around each pixel, and how much of the window that is; each (H, W)."""
    ndimage = _ndimage()
    free = (~ndimage.binary_dilation(ink, np.ones((3, 3)))).astype(np.float32)
    known = ndimage.uniform_filter(free, window, mode="nearest")
    share = np.maximum(known, 1e-3)
    mean = ndimage.uniform_filter(free * grey, window, mode="nearest") / share
    square = ndimage.uniform_filter(free * grey * grey, window, mode="nearest") / share
    return mean, np.sqrt(np.maximum(square - mean * mean, 0)), known


def _lines(box: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """The boxes of each word or line, from left to right; what stands alone or in a regular pattern is left out."""
    if len(box) < 4:
        return
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    group = connected_components(csr_matrix(_linked(box.astype(np.float32))), directed=False)[1]
    order = np.argsort(group, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        line = box[members]
        if _is_writing(line):
            yield line


def _linked(box: Floats) -> Flags:
    """Which letters (L, L) stand side by side in one line."""
    top, left, bottom, right = (box[:, side] for side in range(4))
    height = bottom - top
    smaller, larger = np.minimum(height[:, None], height), np.maximum(height[:, None], height)
    overlap = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
    gap = np.maximum(left[:, None], left) - np.minimum(right[:, None], right)
    beside = (overlap >= _OVERLAP * smaller) & (larger <= _TALLER * smaller) & (gap <= _GAP * larger)
    beside &= gap > -0.3 * larger
    slack = 0.22 * larger + 1
    even = (np.abs(bottom[:, None] - bottom) <= slack) | (np.abs(top[:, None] - top) <= slack)
    return np.asarray(beside & even)


def _is_writing(line: NDArray[np.int64]) -> bool:
    """Whether boxes in a row are a word: long enough, on one straight line, and not all of a kind as in a pattern."""
    height = float(np.median(line[:, 2] - line[:, 0]))
    width = line[:, 3] - line[:, 1]
    length = line[:, 3].max() - line[:, 1].min()
    if length < (2.2 if len(line) == 1 else 1.1) * height:
        return False
    if len(line) < 4:
        return True
    place = (line[:, 1] + line[:, 3]) / 2
    steps = np.diff(place)
    if width.std() < 0.15 * width.mean() and steps.std() < 0.2 * steps.mean():
        return False
    slope, start = np.polyfit(place, line[:, 2], 1)
    return bool(abs(slope) <= _SLOPE and np.median(np.abs(slope * place + start - line[:, 2])) <= 0.25 * height + 0.5)


def _count(line: NDArray[np.int64]) -> float:
    if len(line) > 1:
        return float(len(line))
    top, left, bottom, right = line[0]
    return float(min((right - left) / (bottom - top), 6))


def _ndimage() -> Any:
    try:
        from scipy import ndimage
    except ModuleNotFoundError as error:
        raise MissingExtraError("clean", "looking for lettering in pictures") from error
    return ndimage
