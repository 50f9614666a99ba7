"""A benchmark for people: its tables as files, and all of it as one page that needs no network."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Any

from atlas.evaluate import contest_plots
from atlas.evaluate.contest import WHOLE_PATHS, headline_name
from atlas.evaluate.contest_tables import csv_text, latex_text
from atlas.evaluate.plots import png, svg
from atlas.evaluate.report import NARROW_PX, WIDE_PX, environment
from atlas.storage import atomic_file, write_json, write_text

#: Leaves that the page shows; benchmark.json has all.
LEAVES = 2000

Json = dict[str, Any]


def write_figures(summary: Json, folder: FilePath) -> None:
    """Write benchmark.json, table.csv and table.tex, which need no extra."""
    write_json(folder / "benchmark.json", summary)
    write_text(folder / "table.csv", csv_text(summary))
    write_text(folder / "table.tex", latex_text(summary))


def write_page(summary: Json, folder: FilePath) -> FilePath:
    """Write report.html and its figures (PNG, SVG) into the folder; returns the page.

    Raises MissingExtraError, before anything is written, where the libraries of the extra `report` are not installed.
    """
    page = render(summary)
    figures = {
        "f1_by_support": contest_plots.support_figure(summary),
        "accuracy_by_share": contest_plots.share_figure(summary),
    }
    for name, figure in figures.items():
        if figure is not None:
            write_text(folder / f"{name}.svg", svg(figure))
            with atomic_file(folder / f"{name}.png") as part:
                part.write_bytes(png(figure))
    write_text(folder / "report.html", page)
    return folder / "report.html"


def render(summary: Json) -> str:
    """The page as text. Everything that comes from data is escaped."""
    measured = [entry for entry in summary["entries"] if entry["scores"]]
    template = environment().get_template("contest.html.j2")
    return str(
        template.render(
            b=summary,
            last=summary["headline"],
            right=headline_name(summary),
            even=summary["headline"] != WHOLE_PATHS,
            shares=sorted({entry["share"] for entry in summary["entries"]}, reverse=True),
            measured=measured,
            leading=[entry for entry in measured if entry["share"] == max(one["share"] for one in measured)],
            seeds=_seed_scores(summary),
            series=contest_plots.series_of(summary),
            charts=_charts(summary),
            leaves=LEAVES,
            levels=list(range(1, summary["levels"] + 1)),
            run_key=run_key,
            top=_top,
        )
    )


def _seed_scores(summary: Json) -> Json:
    """Each finished run's own level accuracies, by label, share and seed as one text."""
    names = [f"level.{level}.accuracy" for level in range(1, summary["levels"] + 1)]
    return {
        run_key(entry["label"], entry["share"], seed): [entry["scores"][name]["by_seed"][place] for name in names]
        for entry in summary["entries"]
        if entry["scores"]
        for place, seed in enumerate(entry["seeds"])
    }


def run_key(label: str, share: float, seed: int) -> str:
    """What a run is called in the page."""
    return f"{label}\t{share}\t{seed}"


def _top(entries: list[Json], name: str) -> float:
    """The best mean of a score."""
    return max(float(entry["scores"][name]["mean"]) for entry in entries)


def _charts(summary: Json) -> Json:
    """SVG texts that may stand in the page as they are: our own drawing, in which the libraries escape all text."""
    sizes = {"wide": (WIDE_PX, 380), "narrow": (NARROW_PX, 250)}
    return {
        "support": _inline({name: contest_plots.support_figure(summary, *size) for name, size in sizes.items()}),
        "share": _inline({name: contest_plots.share_figure(summary, *size) for name, size in sizes.items()}),
    }


def _inline(charts: Json) -> Json:
    from markupsafe import Markup

    drawn = {name: chart for name, chart in charts.items() if chart is not None}
    return {name: Markup(contest_plots.for_contest_page(svg(chart))) for name, chart in drawn.items()}
