"""Charts as SVG text, made from the values of metrics.json."""

from __future__ import annotations

import math
import re
from typing import Any

from atlas.errors import MissingExtraError

#: Colours of the files; a page replaces them by its own, so that charts follow its light or dark scheme.
COLOURS = {"ink": "#1c2331", "muted": "#667086", "grid": "#e3e7ee", "accent": "#2f5fd8", "second": "#c9701a"}
#: More points than this say nothing to the eye and would swell the page; the largest leaves are kept.
POINTS = 2000

Json = dict[str, Any]


def support_chart(leaves: list[Json], width_px: int = 720, height_px: int = 340, old: list[Json] | None = None) -> Any:
    """The chart of F against support (log x), a point for each leaf: the paper's figure 5. None without leaves.

    `old` are the leaves of a comparison (`against`): the other model's F is then drawn as a second kind of point.
    """
    alt, _ = plotting()
    shown = [leaf for leaf in leaves if leaf["support"]][:POINTS]
    if not shown:
        return None
    earlier = {change["path"]: change["old_f1"] for change in old or []}
    points = [_point(leaf, leaf["f1"], "this model") for leaf in shown]
    points += [_point(leaf, earlier[leaf["path"]], "the other model") for leaf in shown if leaf["path"] in earlier]
    models = ["this model", "the other model"] if earlier else ["this model"]
    colour = alt.Scale(domain=models, range=[COLOURS["accent"], COLOURS["second"]][: len(models)])
    legend = alt.Legend(title=None, orient="top", symbolOpacity=0.8) if earlier else None
    marks = alt.Chart(alt.InlineData(values=points)).mark_point(filled=True, size=44, opacity=0.7, strokeWidth=0)
    chart = marks.encode(
        x=alt.X("support:Q", title="pictures of the leaf", axis=support_axis(shown), scale=support_scale(alt, shown)),
        y=alt.Y(
            "f1:Q", title="F", scale=alt.Scale(domain=[_floor(points), 1]), axis=alt.Axis(format=".0%", tickCount=5)
        ),
        color=alt.Color("model:N", scale=colour, legend=legend),
        shape=alt.Shape(
            "model:N", scale=alt.Scale(domain=models, range=["circle", "diamond"][: len(models)]), legend=legend
        ),
        description="label:N",
    )
    return styled(chart.properties(width=width_px, height=height_px))


def reliability_chart(level: Json, side_px: int = 210) -> Any:
    """The chart of how often a level came true against its probability; None where the file has no probabilities."""
    alt, _ = plotting()
    bins = [_with_range(entry) for entry in level["reliability"]]
    if not bins:
        return None
    lowest = min(min(entry["confidence"], entry["low"]) for entry in bins)
    domain = [min(0.8, max(0.0, math.floor(lowest * 10) / 10)), 1.0]
    step = 2 if domain[0] < 0.5 else 1
    axis = alt.Axis(
        format=".0%", values=[tick / 10 for tick in range(10, -1, -step)], labelFlush=False, labelOverlap=False
    )
    x = alt.X("confidence:Q", title="probability", scale=alt.Scale(domain=domain), axis=axis)
    y = alt.Y("accuracy:Q", title="came true", scale=alt.Scale(domain=domain), axis=axis)
    base = alt.Chart(alt.InlineData(values=bins))
    line = alt.Chart(alt.InlineData(values=[{"confidence": end, "accuracy": end} for end in domain]))
    chart = alt.layer(
        line.mark_line(color=COLOURS["muted"], strokeDash=[4, 4], strokeWidth=1).encode(x, y),
        base.mark_rule(color=COLOURS["accent"], opacity=0.45, strokeWidth=1.5).encode(
            x, alt.Y("low:Q", title="came true"), alt.Y2("high:Q")
        ),
        base.mark_point(color=COLOURS["accent"], filled=True, size=36, opacity=1).encode(x, y, description="label:N"),
    )
    return styled(chart.properties(width=side_px, height=side_px))


def svg(chart: Any) -> str:
    """The chart as SVG text."""
    _, convert = plotting()
    text: str = convert.vegalite_to_svg(chart.to_dict())
    return text


def png(chart: Any) -> bytes:
    """The chart as a PNG file with two pixels for each of its own."""
    _, convert = plotting()
    data: bytes = convert.vegalite_to_png(chart.to_dict(), scale=2)
    return data


def for_page(text: str) -> str:
    """SVG text to stand in a page: colours become the page's variables, the background goes, the width is free."""
    for name, colour in COLOURS.items():
        text = re.sub(rf'\b(fill|stroke)="{colour}"', rf'\1="var(--{name})"', text)
    text = re.sub(r'<rect width="\d+" height="\d+" fill="white"/>', "", text, count=1)
    return re.sub(r'<svg ([^>]*?)width="(\d+)" height="\d+"', r'<svg \1style="max-width:\2px"', text, count=1)


def plotting() -> tuple[Any, Any]:
    """The two plotting libraries. Raises MissingExtraError where they are not installed."""
    try:
        import altair
        import vl_convert
    except ImportError as error:
        raise MissingExtraError("report", "drawing charts") from error
    return altair, vl_convert


def _point(leaf: Json, f1: float, model: str) -> Json:
    label = f"{leaf['path']}: F {f1:.1%} ({model}), {leaf['support']:,} pictures, {leaf['products']:,} products"
    return {"support": leaf["support"], "f1": f1, "model": model, "label": label}


def _floor(points: list[Json]) -> float:
    """The lowest F, rounded down to a tenth, but never so high that small differences look large."""
    lowest: float = min(point["f1"] for point in points)
    return min(0.5, math.floor(lowest * 10) / 10)


def support_scale(alt: Any, leaves: list[Json]) -> Any:
    """From just below the smallest leaf to just above the largest one, so that no point lies on the frame."""
    supports = [leaf["support"] for leaf in leaves]
    return alt.Scale(type="log", domain=[min(supports) * 0.8, max(supports) * 1.25], nice=False)


def support_axis(leaves: list[Json]) -> Json:
    """Ticks at 1, 2, 5, 10, ... within the range: fewer where it spans many tens, more where it spans few ones."""
    low, high = (ends(leaf["support"] for leaf in leaves) for ends in (min, max))
    steps: tuple[float, ...] = (1,) if high / low > 2000 else (1, 2, 5) if high / low > 10 else (1, 1.5, 2, 3, 4, 5, 7)
    ticks = {round(step * 10**power) for power in range(10) for step in steps}
    return {"values": sorted(tick for tick in ticks if low * 0.8 <= tick <= high * 1.25), "format": ",d"}


def _with_range(entry: Json) -> Json:
    """A bin with the range that chance allows its share (Wilson 1927, 95 %)."""
    n, share, z = entry["count"], entry["accuracy"], 1.96
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    label = f"said {entry['confidence']:.1%}, came true {share:.1%}, {n:,} pictures"
    return entry | {"low": max(0.0, middle - reach), "high": min(1.0, middle + reach), "label": label}


def styled(chart: Any) -> Any:
    """The chart with the fonts and lines that all of them share."""
    font = "system-ui, -apple-system, Segoe UI, Roboto, DejaVu Sans, sans-serif"
    return (
        chart.configure(font=font, padding=6)
        .configure_view(stroke=None)
        .configure_axis(
            domainColor=COLOURS["grid"], gridColor=COLOURS["grid"], tickColor=COLOURS["grid"],
            labelColor=COLOURS["muted"], titleColor=COLOURS["ink"], titleFontWeight="normal",
            labelFontSize=12, titleFontSize=12, labelPadding=6, titlePadding=10,
        )
        .configure_legend(labelColor=COLOURS["ink"], labelFontSize=12)
    )  # fmt: skip
