import builtins
import re

import pytest

from atlas import page as page_room
from atlas.errors import MissingExtraError
from atlas.evaluate import contest_plots, contest_report, plots, report

from .contests import entries_of, summary_of

ATTACK = '<script>alert("x")</script>'


@pytest.fixture(scope="module")
def summary(tmp_path_factory):
    return summary_of(entries_of(tmp_path_factory.mktemp("report")))


@pytest.fixture(scope="module")
def page(summary):
    return contest_report.render(summary)


def test_the_folder_holds_tables_page_and_figures(summary, tmp_path):
    contest_report.write_figures(summary, tmp_path)
    assert contest_report.write_page(summary, tmp_path) == tmp_path / "report.html"
    names = {"benchmark.json", "table.csv", "table.tex", "report.html"}
    names |= {f"{name}.{ending}" for name in ("f1_by_support", "accuracy_by_share") for ending in ("png", "svg")}
    assert {file.name for file in tmp_path.iterdir()} == names
    assert (tmp_path / "report.html").stat().st_size < 2e6


def test_the_page_loads_nothing_from_anywhere(page):
    assert not re.search(r"<(link|img|iframe|object)\b|@import|<script[^>]+src|url\(\s*['\"]?(?!#)", page)
    addresses = set(re.findall(r"https?://[^\s\"'<>]+", page))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_the_page_shows_what_was_measured_and_marks_what_was_not(page, summary):
    score = summary["entries"][1]["scores"]["level.3.accuracy"]
    assert page_room.percent(score["mean"]) in page
    assert report.interval(score["interval"]) in page
    change = summary["comparisons"][0]["differences"]["level.3.accuracy"]
    assert report.points(change["difference"]) in page
    assert page.count('<span class="mark">published</span>') == 3
    assert "Published: other data, another test part" in page
    assert "failed: the loss is not a number" in page
    assert "12.5 core-minutes" in page
    assert "not applicable" in page
    assert "23<small>of 24</small>" in page
    assert "atlas train shop_1 -o model" in page
    assert 'id="share"' in page
    assert page.count('id="leaves"') == 1


def test_one_share_needs_no_figure_of_shares(summary):
    whole = [place for place, entry in enumerate(summary["entries"]) if entry["share"] == 1]
    alone = summary | {"entries": [summary["entries"][place] for place in whole], "comparisons": []}
    alone["leaves"] = [leaf | {"entries": [leaf["entries"][place] for place in whole]} for leaf in summary["leaves"]]
    assert contest_plots.share_figure(alone) is None
    alone |= {"runs": [run for run in summary["runs"] if run["share"] == 1], "core_minutes": None, "runs_missing": 2}
    page = contest_report.render(alone)
    assert 'id="share"' not in page
    assert 'id="against"' not in page
    assert "each recipe had its own number of epochs" in page
    assert "2 of 7 runs are still to come" in page


def test_every_text_from_data_is_escaped(summary):
    leaf = summary["leaves"][0] | {"path": ATTACK}
    spoilt = summary | {"leaves": [leaf, *summary["leaves"][1:]], "split": ATTACK}
    spoilt["dataset"] = summary["dataset"] | {"name": ATTACK}
    spoilt["provenance"] = summary["provenance"] | {"command": ATTACK}
    page = contest_report.render(spoilt)
    assert "&lt;script&gt;" in page
    assert page.count("<script") == 1  # our own


def test_charts_of_a_page_take_its_colours(summary):
    text = contest_plots.for_contest_page(plots.svg(contest_plots.support_figure(summary, 300, 200)))
    assert "var(--accent)" in text
    assert "var(--second)" in text
    assert not any(colour in text for colour in contest_plots.SERIES.values())


def test_a_recipe_keeps_its_colour_whoever_else_is_there(summary):
    assert contest_plots.series_of(summary) == {"flat": "accent", "path": "second", "wild_50% & more": "third"}
    many = {"entries": [{"label": str(place)} for place in range(8)]}
    assert len(set(contest_plots.series_of(many).values())) == len(contest_plots.SERIES)


def test_a_missing_extra_is_named_before_anything_is_written(summary, tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.split(".")[0] in ("jinja2", "altair", "vl_convert"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match="'report' extra"):
        contest_report.write_page(summary, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_in_a_browser(page, tmp_path, width):
    import shutil

    from playwright.sync_api import sync_playwright

    file = tmp_path / "report.html"
    file.write_text(page, encoding="utf-8")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": width, "height": 900})
        problems = []
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.on("request", lambda request: problems.append(request.url) if not request.url.startswith("file:") else None)
        tab.goto(file.as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= width  # nothing sticks out
        tab.fill("#filter", "women")
        shown = tab.locator("#leaves tbody tr:visible").all_inner_texts()
        assert shown
        assert all("Women" in text for text in shown)
        browser.close()
    assert problems == []


def test_paths_of_unequal_depth_are_told_as_wholes(summary):
    counts = [summary["n"], 120, 7]
    uneven = summary | {"headline": "micro.recall", "pictures_by_level": counts}
    page = contest_report.render(uneven)
    assert "first 3<br><small>of 7</small>" in page
    assert "first 1</th>" in page
    assert "whole paths right, 2 seeds" in page
    assert "<dt>Whole paths</dt>" in page
    assert "at the last level" not in page
    change = summary["comparisons"][0]["differences"]["micro.recall"]
    assert f"{report.points(change['interval'][1])}) of whole paths" in page
    assert "whole paths right" in plots.svg(contest_plots.share_figure(uneven))
    assert "first 3 names right" in plots.svg(contest_plots.share_figure(summary))
