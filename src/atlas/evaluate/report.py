"""report.html: the figures of metrics.json as one page that needs no network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import Any

from atlas import page as pages
from atlas.evaluate import plots
from atlas.evaluate.metrics import BINS
from atlas.storage import atomic_file, write_text

#: Rows that the page shows of a long table; metrics.json has all.
LEAVES, CHANGES, CONFUSIONS = 2000, 12, 12
#: Width of the wide and of the narrow drawing of a chart; the page shows the one that fits.
WIDE_PX, NARROW_PX = 940, 270

Json = dict[str, Any]


def write_report(metrics: Json, folder: FilePath) -> FilePath:
    """Write report.html and the figure of F against support (PNG, SVG) into the folder; returns the page.

    Raises MissingExtraError, before anything is written, where the libraries of the extra `report` are not installed.
    """
    page = render(metrics)
    figure = plots.support_chart(metrics["leaves"], old=_compared(metrics))
    if figure is not None:
        write_text(folder / "f1_by_support.svg", plots.svg(figure))
        with atomic_file(folder / "f1_by_support.png") as part:
            part.write_bytes(plots.png(figure))
    write_text(folder / "report.html", page)
    return folder / "report.html"


def render(metrics: Json) -> str:
    """The page as text. Everything that comes from data is escaped."""
    return str(
        environment()
        .get_template("report.html.j2")
        .render(
            m=metrics,
            charts=_charts(metrics),
            limits={"leaves": LEAVES, "changes": CHANGES, "confusions": CONFUSIONS, "bins": BINS},
        )
    )


def environment() -> Any:
    """What turns a template of this folder into a page (see `atlas.page`), with filters for figures of this room."""
    here = pages.environment(FilePath(__file__).parent, "report.html")
    here.filters |= {"points": points, "interval": interval, "p_value": p_value}
    return here


def _charts(metrics: Json) -> Json:
    """SVG texts that may stand in the page as they are: our own drawing, in which the libraries escape all text."""
    old = _compared(metrics)
    sizes = {"wide": (WIDE_PX, 380), "narrow": (NARROW_PX, 250)}
    support = {
        name: plots.support_chart(metrics["leaves"], width, height, old) for name, (width, height) in sizes.items()
    }
    reliability = {level["level"]: plots.reliability_chart(level) for level in metrics["levels"]}
    return {"support": inline(support), "reliability": inline(reliability)}


def inline(charts: Json) -> Json:
    """Charts by name as SVG that stands in a page; a chart that is None is left out."""
    from markupsafe import Markup

    return {key: Markup(plots.for_page(plots.svg(chart))) for key, chart in charts.items() if chart is not None}


def _compared(metrics: Json) -> list[Json] | None:
    against = metrics.get("against")
    return against["leaves"] if against else None


def interval(ends: Sequence[float | None] | None) -> str:
    """`"88.2 – 90.1 %"`, or nothing where there is none."""
    if not ends or ends[0] is None:
        return ""
    low, high = map(pages.percent, ends)
    return f"{low[:-2]} – {high}"


def points(difference: float | None) -> str:
    """A difference of two shares in percentage points, with its sign: `"+1.3"`."""
    return "–" if difference is None else f"{round(difference * 100, 1) + 0:+.1f}".replace("-", "−")


def p_value(p: float) -> str:
    """A p value to two digits."""
    return "< 0.0001" if p < 1e-4 else f"{p:.2g}"
