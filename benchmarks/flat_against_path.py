"""One figure of several benchmarks: the flat model beside the path decoder, on trees of different size.

    atlas benchmark DATA -r flat=fast -r path=fast-path --seeds 3 --share 1 --share 0.3:1 --share 0.1:1 -o report-50
    python benchmarks/flat_against_path.py report-50 report-128 -o benchmarks/flat_against_path.svg

Each argument is a report of `atlas benchmark` with the flat recipe first and the path decoder second; more recipes are
left out. Above stands how many whole paths were right, below the paired difference in points, both with 95 % intervals
over products, against the share of the training products. Prints the same as a table.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

Json = dict[str, Any]
SIZE = {"width": 300, "height": 220}
DIFFERENCE_HEIGHT = 120
APART = 1.04  # between points of one share


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", type=Path, nargs="+", help="folders made by `atlas benchmark`")
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_suffix(".svg"))
    asked = parser.parse_args()
    summaries = [json.loads((folder / "benchmark.json").read_text("utf-8")) for folder in asked.reports]
    for summary in summaries:
        print("\n".join(table(summary)), end="\n\n")
    asked.output.write_text(drawing(summaries), encoding="utf-8")


def labels_of(summary: Json) -> list[str]:
    """The flat recipe and the path decoder."""
    return list(dict.fromkeys(entry["label"] for entry in summary["entries"]))[:2]


def scores(summary: Json) -> list[Json]:
    """Whole paths right, one record for each recipe and share."""
    rows = []
    for entry in summary["entries"]:
        if entry["scores"] and entry["label"] in labels_of(summary):
            score = entry["scores"][summary["headline"]]
            low, high = score["interval"]
            rows.append(
                {"recipe": entry["label"], "share": entry["share"], "mean": score["mean"], "low": low, "high": high}
            )
    return rows


def differences(summary: Json) -> list[Json]:
    """The path decoder's score minus the flat one's, in points, one record for each share."""
    rows = []
    for pair in (pair for pair in summary["comparisons"] if pair["label"] == labels_of(summary)[1]):
        found = pair["differences"][summary["headline"]]
        low, high = found["interval"]
        row = {"share": pair["share"], "mean": 100 * found["difference"], "low": 100 * low, "high": 100 * high}
        rows.append(row | {"seeds": len(pair["seeds"])})
    return rows


def table(summary: Json) -> list[str]:
    """The figures of one benchmark as a Markdown table."""
    labels = labels_of(summary)
    by_share = {(row["recipe"], row["share"]): row for row in scores(summary)}
    lines = [
        f"{summary['dataset']['name']}, {summary['dataset']['answers']} paths",
        "",
        f"| training products | seeds | {' | '.join(labels)} | difference in points, 95 % interval |",
        "|---" * (len(labels) + 3) + "|",
    ]
    for row in differences(summary):
        both = " | ".join(f"{by_share[label, row['share']]['mean']:.2%}" for label in labels)
        change = f"{row['mean']:+.2f} ({row['low']:+.2f} to {row['high']:+.2f})"
        lines.append(f"| {row['share']:.0%} | {row['seeds']} | {both} | {change} |")
    return lines


def drawing(summaries: list[Json]) -> str:
    """SVG text: a column for each benchmark, on common axes."""
    import altair as alt

    from atlas.evaluate.plots import styled, svg

    every = [row for summary in summaries for row in scores(summary)]
    change = [row for summary in summaries for row in differences(summary)]
    upper, lower = limits(every, 0.02), limits(change, 1.0)
    columns = [
        alt.vconcat(score_chart(summary, upper), difference_chart(summary, lower), spacing=14) for summary in summaries
    ]
    return svg(styled(alt.hconcat(*columns, spacing=36)))


def limits(rows: list[Json], step: float) -> list[float]:
    """The ends of an axis that shows all intervals, rounded outwards; 0 is on an axis of differences."""
    low, high = min(row["low"] for row in rows), max(row["high"] for row in rows)
    if step == 1.0:
        low, high = min(low, 0.0), max(high, 0.0)
    return [step * (low // step), step * (-(-high // step))]


def score_chart(summary: Json, domain: list[float]) -> Any:
    import altair as alt

    from atlas.evaluate.plots import COLOURS

    rows, labels = scores(summary), labels_of(summary)
    for row in rows:
        row["at"] = row["share"] * APART ** (labels.index(row["recipe"]) * 2 - 1)
    title = f"{summary['dataset']['answers']} paths, {summary['levels']} levels"
    x, y = (
        share_axis(rows, titled=False),
        alt.Y("mean:Q", title="whole paths right", scale=scale(domain), axis=percent()),
    )
    legend = alt.Legend(title=None, orient="top", symbolOpacity=1)
    colours = [COLOURS["accent"], COLOURS["second"]]
    colour = alt.Color("recipe:N", scale=alt.Scale(domain=labels, range=colours), legend=legend)
    shapes = alt.Scale(domain=labels, range=["circle", "diamond"])
    base = alt.Chart(alt.InlineData(values=rows), title=alt.Title(title, anchor="start", fontSize=12)).encode(x, colour)
    return alt.layer(
        base.mark_line(strokeWidth=1.5, opacity=0.7).encode(y),
        base.mark_rule(strokeWidth=2, opacity=0.55).encode(alt.Y("low:Q"), alt.Y2("high:Q")),
        base.mark_point(filled=True, size=60, opacity=1).encode(y, alt.Shape("recipe:N", scale=shapes, legend=legend)),
    ).properties(**SIZE)


def difference_chart(summary: Json, domain: list[float]) -> Any:
    import altair as alt

    from atlas.evaluate.plots import COLOURS

    rows = [row | {"at": row["share"]} for row in differences(summary)]
    y = alt.Y("mean:Q", title="path - flat, points", scale=scale(domain), axis=alt.Axis(format="+.0f", tickCount=5))
    base = alt.Chart(alt.InlineData(values=rows)).encode(share_axis(rows, titled=True))
    zero = alt.Chart(alt.InlineData(values=[{"zero": 0}])).encode(alt.Y("zero:Q"))
    return alt.layer(
        zero.mark_rule(color=COLOURS["muted"], strokeDash=[4, 4]),
        base.mark_rule(strokeWidth=2, color=COLOURS["ink"], opacity=0.55).encode(alt.Y("low:Q"), alt.Y2("high:Q")),
        base.mark_point(filled=True, size=60, opacity=1, color=COLOURS["ink"]).encode(y),
    ).properties(width=SIZE["width"], height=DIFFERENCE_HEIGHT)


def share_axis(rows: list[Json], *, titled: bool) -> Any:
    import altair as alt

    shares = sorted({row["share"] for row in rows})
    wide = alt.Scale(type="log", domain=[shares[0] / 1.25, shares[-1] * 1.25], nice=False)
    axis = alt.Axis(values=shares, format="~%", grid=False)
    return alt.X("at:Q", title="training products learned from" if titled else None, scale=wide, axis=axis)


def scale(domain: list[float]) -> Any:
    import altair as alt

    return alt.Scale(domain=domain, nice=False, zero=False)


def percent() -> Any:
    import altair as alt

    return alt.Axis(format=".0%", tickCount=6)


if __name__ == "__main__":
    main()
