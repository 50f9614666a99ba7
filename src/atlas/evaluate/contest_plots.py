"""Charts of a benchmark, made from the values of benchmark.json."""

from __future__ import annotations

import math
import re
from typing import Any

from atlas.evaluate.contest import headline_name
from atlas.evaluate.plots import COLOURS, for_page, plotting, styled, support_axis, support_scale

Json = dict[str, Any]

#: One colour and one shape for each recipe, told apart without colour too; a page replaces them by its own.
SERIES = {"accent": COLOURS["accent"], "second": COLOURS["second"]} | {
    "third": "#1f8a5b", "fourth": "#8a4fbf", "fifth": "#c2385a", "sixth": "#2a7f9e"
}  # fmt: skip
SHAPES = ("circle", "diamond", "square", "triangle-up", "cross", "triangle-down")
#: Leaves from which on a smoothed line says more than the points alone.
TREND_LEAVES = 12
#: How far apart recipes of one share are drawn, as a factor of the share.
APART = 1.025


def support_figure(summary: Json, width_px: int = 720, height_px: int = 340) -> Any:
    """The chart of F against support (log x) of all recipes on the most data: the paper's figure 5. None without any.

    Each point is a leaf, its F the mean over seeds; lines are local regressions (Cleveland 1979).
    """
    alt, _ = plotting()
    shown = _largest_share(summary)
    leaves = [leaf for leaf in summary["leaves"] if leaf["support"]]
    points = [_leaf_point(leaf, place, label) for leaf in leaves for place, label in shown]
    if not points:
        return None
    x = alt.X("support:Q", title="pictures of the leaf", axis=support_axis(leaves), scale=support_scale(alt, leaves))
    floor = min(0.5, math.floor(10 * min(point["f1"] for point in points)) / 10)
    y = alt.Y("f1:Q", title="F", scale=alt.Scale(domain=[floor, 1]), axis=alt.Axis(format=".0%", tickCount=5))
    base = alt.Chart(alt.InlineData(values=points))
    colour, shape = _told_apart(alt, summary)
    marks = base.mark_point(filled=True, size=44, opacity=0.6, strokeWidth=0)
    chart = marks.encode(x=x, y=y, color=colour, shape=shape, description="label:N")
    if len(leaves) >= TREND_LEAVES:
        trend = (
            base.transform_calculate(place="log(datum.support)")
            .transform_loess("place", "f1", groupby=["recipe"], bandwidth=0.6)
            .transform_calculate(support="exp(datum.place)")
            .mark_line(strokeWidth=2, opacity=0.9, clip=True)
        )
        chart = alt.layer(chart, trend.encode(x=x, y=y, color=colour))
    return styled(chart.properties(width=width_px, height=height_px))


def share_figure(summary: Json, width_px: int = 720, height_px: int = 300) -> Any:
    """The chart of whole paths right against the share of the training products (log x); None for a single share."""
    alt, _ = plotting()
    shares = sorted({entry["share"] for entry in summary["entries"] if entry["scores"]})
    if len(shares) < 2:
        return None
    points = _share_points(summary)
    ends = [end for point in points for end in (point["low"], point["high"])]
    x = alt.X(
        "share:Q",
        title="training products learned from",
        scale=alt.Scale(type="log", domain=[shares[0] / 1.15, shares[-1] * 1.15], nice=False),
        axis=alt.Axis(values=shares, format="~%", grid=False),
    )
    scale = alt.Scale(domain=[math.floor(50 * min(ends)) / 50, min(1, math.ceil(50 * max(ends)) / 50)], nice=False)
    title = headline_name(summary)
    y = alt.Y("mean:Q", title=title, scale=scale, axis=alt.Axis(format=".0%", tickCount=6))
    colour, shape = _told_apart(alt, summary)
    base = alt.Chart(alt.InlineData(values=points)).encode(x=x, color=colour)
    chart = alt.layer(
        base.mark_line(strokeWidth=1.5, opacity=0.7).encode(y=y),
        base.mark_rule(strokeWidth=2, opacity=0.55).encode(y=alt.Y("low:Q", title=title), y2="high:Q"),
        base.mark_point(filled=True, size=70, opacity=1).encode(y=y, shape=shape, description="label:N"),
    )
    return styled(chart.properties(width=width_px, height=height_px))


def for_contest_page(text: str) -> str:
    """`plots.for_page`, with the colours of all series as variables of the page."""
    text = for_page(text)
    for name, colour in SERIES.items():
        text = re.sub(rf'\b(fill|stroke)="{colour}"', rf'\1="var(--{name})"', text)
    return text


def series_of(summary: Json) -> dict[str, str]:
    """The name of each recipe's colour, by label."""
    names = list(SERIES)
    return {label: names[place % len(names)] for place, label in enumerate(_labels(summary))}


def _labels(summary: Json) -> list[str]:
    return list(dict.fromkeys(entry["label"] for entry in summary["entries"]))


def _told_apart(alt: Any, summary: Json) -> tuple[Any, Any]:
    """Colour and shape by recipe, with one legend."""
    measured = {entry["label"] for entry in summary["entries"] if entry["scores"]}
    labels = [label for label in _labels(summary) if label in measured]
    colours = [SERIES[series_of(summary)[label]] for label in labels]
    shapes = [SHAPES[_labels(summary).index(label) % len(SHAPES)] for label in labels]
    legend = alt.Legend(title=None, orient="top", symbolOpacity=0.9, labelLimit=240)
    colour = alt.Color("recipe:N", scale=alt.Scale(domain=labels, range=colours), legend=legend)
    return colour, alt.Shape("recipe:N", scale=alt.Scale(domain=labels, range=shapes), legend=legend)


def _largest_share(summary: Json) -> list[tuple[int, str]]:
    """Place and label of the measured entries that learned from most."""
    measured = [(place, entry) for place, entry in enumerate(summary["entries"]) if entry["scores"]]
    most = max((entry["share"] for _, entry in measured), default=1)
    return [(place, entry["label"]) for place, entry in measured if entry["share"] == most]


def _leaf_point(leaf: Json, place: int, recipe: str) -> Json:
    f1 = leaf["entries"][place]["f1"]
    label = f"{leaf['path']}: F {f1:.1%} ({recipe}), {leaf['support']:,} pictures, {leaf['products']:,} products"
    return {"support": leaf["support"], "f1": f1, "recipe": recipe, "label": label}


def _share_points(summary: Json) -> list[Json]:
    """One point for each measured entry, a little apart so that the intervals of one share are all seen."""
    name = summary["headline"]
    labels = _labels(summary)
    found = []
    for entry in summary["entries"]:
        if entry["scores"]:
            score, place = entry["scores"][name], labels.index(entry["label"])
            low, high = score["interval"]
            label = (
                f"{entry['label']}, {entry['share']:.4g} of the products: {score['mean']:.1%} ({low:.1%} to {high:.1%})"
            )
            apart = APART ** (place - (len(labels) - 1) / 2)
            point = {"share": entry["share"] * apart, "mean": score["mean"], "low": low, "high": high}
            found.append(point | {"recipe": entry["label"], "label": label})
    return found
