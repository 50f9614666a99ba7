"""Measures to scores, one formula for each check: 0 to 1, low is bad; a score below its threshold is a finding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from atlas.clean.thresholds import Thresholds

Scores = NDArray[np.float32]

#: One picture's measures as a row of numbers; names that are not numbers are kept beside.
MEASURED = np.dtype(
    [
        ("readable", np.bool_),
        ("format", "U8"),
        ("frames", np.int32),
        ("width_px", np.int32),
        ("height_px", np.int32),
        ("size_bytes", np.int64),
        ("detail", np.float32),
        ("letters", np.float32),
        ("lines", np.int32),
        ("letter_share", np.float32),
        ("unevenness", np.float32),
        ("pixel_hash", np.uint64),
    ]
)


class Facts(NamedTuple):
    """What the checks know of R rows: measures, and what only the whole set says."""

    measured: NDArray[np.void]  # (R,) of MEASURED
    name_fits: NDArray[np.bool_]  # (R,) whether the file's name agrees with its content
    products: NDArray[np.int64]  # (R,) products that show this very picture
    paths: NDArray[np.int64]  # (R,) category paths among these
    faults: Mapping[int, str]  # row -> why its picture cannot be read


class Check(NamedTuple):
    """One check of single pictures: how it scores, and how it tells of a finding."""

    name: str
    title: str
    what: str  # one sentence for people who see it the first time
    score: Callable[[Facts, Thresholds], Scores]
    why: Callable[[Facts, int], str]


def findings(check: Check, scores: Scores, thresholds: Thresholds) -> NDArray[np.int64]:
    """The rows whose score is below the check's threshold, the lowest first."""
    low = np.flatnonzero(scores < getattr(thresholds, check.name).below)
    return low[np.argsort(scores[low], kind="stable")]


def _unreadable(facts: Facts, _: Thresholds) -> Scores:
    return facts.measured["readable"].astype(np.float32)


def _small(facts: Facts, thresholds: Thresholds) -> Scores:
    """Shorter side over an ample one."""
    shorter = np.minimum(facts.measured["width_px"], facts.measured["height_px"])
    return _of_readable(facts, np.minimum(shorter / thresholds.small.ample_px, 1))


def _shape(facts: Facts, _: Thresholds) -> Scores:
    """Shorter side over longer side."""
    sides = np.stack([facts.measured["width_px"], facts.measured["height_px"]])
    return _of_readable(facts, sides.min(0) / np.maximum(sides.max(0), 1))


def _blank(facts: Facts, thresholds: Thresholds) -> Scores:
    """Share of pixels at edges over an ample one."""
    ample = max(thresholds.blank.ample_detail, 1e-6)
    return _of_readable(facts, np.minimum(facts.measured["detail"] / ample, 1))


def _placeholder(facts: Facts, _: Thresholds) -> Scores:
    """One over the products that show the picture."""
    return _of_readable(facts, 1 / np.maximum(facts.products, 1))


def _text(facts: Facts, thresholds: Thresholds) -> Scores:
    """1 - logistic(weighted lettering); a picture without lettering scores 1."""
    rule, measured = thresholds.text, facts.measured
    weight = (
        rule.letters * np.log1p(measured["letters"])
        + rule.share * measured["letter_share"]
        + rule.unevenness * measured["unevenness"]
        + rule.bias
    )
    score = 1 / (1 + np.exp(np.clip(weight, -50, 50)))
    return _of_readable(facts, np.where(measured["letters"] > 0, score, 1))


def _type(facts: Facts, thresholds: Thresholds) -> Scores:
    """1 for a still picture of a known kind; .75 under another kind's name; 0 for what moves and for other kinds."""
    known = np.isin(facts.measured["format"], list(thresholds.type.formats)) & (facts.measured["frames"] <= 1)
    return _of_readable(facts, np.where(known, np.where(facts.name_fits, 1, 0.75), 0))


def _of_readable(facts: Facts, scores: NDArray[np.floating]) -> Scores:
    """A picture that cannot be read is a finding of one check only."""
    return np.where(facts.measured["readable"], scores, 1).astype(np.float32)


def _sides(facts: Facts, row: int) -> str:
    return f"{facts.measured['width_px'][row]} x {facts.measured['height_px'][row]} px"


def _why_shared(facts: Facts, row: int) -> str:
    paths = int(facts.paths[row])
    return f"{facts.products[row]:,} products" + (f" in {paths:,} categories" if paths > 1 else "")


def _why_text(facts: Facts, row: int) -> str:
    measured = facts.measured[row]
    return f"{measured['letters']:.0f} letters, {measured['letter_share']:.0%} of the edges"


def _why_type(facts: Facts, row: int) -> str:
    measured = facts.measured[row]
    if measured["frames"] > 1:
        return f"{measured['format']} of {measured['frames']} pictures"
    return f"{measured['format'] or 'unknown'}" + ("" if facts.name_fits[row] else ", but its name says otherwise")


#: All checks of single pictures, the gravest first.
CHECKS = (
    Check(
        "unreadable",
        "Unreadable",
        "The file is damaged or no picture; whoever opens the data set stumbles over it.",
        _unreadable,
        lambda facts, row: facts.faults.get(row, "cannot be decoded"),
    ),
    Check(
        "placeholder",
        "Placeholders",
        "One and the same picture stands for many products, such as “picture coming soon”.",
        _placeholder,
        _why_shared,
    ),
    Check(
        "blank",
        "Blank",
        "There is hardly an edge in the picture: nothing to see, nothing to learn.",
        _blank,
        lambda facts, row: f"{facts.measured['detail'][row]:.2%} of the pixels lie at an edge",
    ),
    Check(
        "text",
        "Size charts and packaging",
        "Mostly lettering: size charts, care labels, packaging. They look alike in every category.",
        _text,
        _why_text,
    ),
    Check(
        "small",
        "Too small",
        "Too few pixels to tell similar categories apart.",
        _small,
        _sides,
    ),
    Check(
        "shape",
        "Extreme shape",
        "Much longer than wide, or the reverse: banners, strips, bad crops.",
        _shape,
        _sides,
    ),
    Check(
        "type",
        "Wrong type",
        "Moving or many-paged pictures, and kinds of files that product pictures do not come in.",
        _type,
        _why_type,
    ),
)
