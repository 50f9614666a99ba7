import builtins
import re

import pytest

from atlas import page as page_room
from atlas.errors import MissingExtraError
from atlas.evaluate import plots, report
from atlas.evaluate.comparison import compare
from atlas.evaluate.predictions import read_predictions
from atlas.evaluate.summary import summarize, summarize_comparison
from atlas.taxonomy.tree import Taxonomy

from .synthetic import row, tree_of, write, write_drawn

ATTACK = '<script>alert("x")</script>'
#: No name of a tree may hold a ">", and browsers do not wait for one.
TAG = "<img src=x onerror=alert(1)"


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    new, old = (
        read_predictions(write_drawn(folder / f"{noise}.parquet", tree_of(30), 600, skill=3.5, noise=noise))
        for noise in (1, 2)
    )
    return summarize(new, draws=40) | {"against": summarize_comparison(compare(new, old, draws=40))}


@pytest.fixture(scope="module")
def page(measured):
    return report.render(measured)


def test_the_folder_holds_page_and_figure(measured, tmp_path):
    assert report.write_report(measured, tmp_path) == tmp_path / "report.html"
    assert (tmp_path / "f1_by_support.png").read_bytes().startswith(b"\x89PNG")
    assert "pictures of the leaf" in (tmp_path / "f1_by_support.svg").read_text()
    assert (tmp_path / "report.html").stat().st_size < 2e6


def test_the_page_loads_nothing_from_anywhere(page):
    assert not re.search(r"<(link|img|iframe|object)\b|@import|<script[^>]+src|url\(\s*['\"]?(?!#)", page)
    addresses = set(re.findall(r"https?://[^\s\"'<>]+", page))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_the_page_shows_scores_with_intervals(page, measured):
    assert page_room.percent(measured["level_accuracy"][2]) in page
    assert report.interval(measured["intervals"]["macro"]["f1"]) in page
    assert "Against the other model" in page
    assert "No leaf fell beyond chance." in page
    assert page.count("<figcaption>") == 3
    assert page.count('id="leaves"') == 1


def test_every_text_from_data_is_escaped(tmp_path):
    tree = Taxonomy([(TAG, "a"), (TAG, "b & 'c'"), ('x" onload=alert(1) y="', "d")])
    paths = [" > ".join(tree.paths[node]) for node in tree.answers]
    rows = [row(ATTACK + path, path, paths[0], tree) for path in paths]
    rows.append(row(ATTACK, paths[0], paths[0], tree, error=ATTACK))
    predictions = read_predictions(write(tmp_path / "p.parquet", rows, tree, split=ATTACK))
    metrics = summarize(predictions, draws=10)
    metrics["against"] = summarize_comparison(compare(predictions, predictions, draws=10))
    metrics["against"]["fell"] = [paths[0]]
    metrics["model_ids"] = [ATTACK]
    metrics["provenance"] = {"command": ATTACK, "dataset": ATTACK, "predictions": {"file": ATTACK, "sha256": ATTACK}}
    page = report.render(metrics)
    assert "&lt;script&gt;" in page
    assert page.count("<script") == 1  # our own
    assert "<img" not in page
    assert "&lt;img" in page
    assert 'x" onload' not in page


def test_charts_of_a_page_take_its_colours(measured):
    text = plots.for_page(plots.svg(plots.support_chart(measured["leaves"], 300, 200)))
    assert "var(--accent)" in text
    assert not any(colour in text for colour in plots.COLOURS.values())
    assert 'fill="white"' not in text


def test_only_colours_are_replaced_and_no_text():
    assert plots.for_page('<text fill="#1c2331">#1c2331</text>') == '<text fill="var(--ink)">#1c2331</text>'


def test_nothing_to_draw_draws_nothing(measured):
    assert plots.support_chart([]) is None
    assert plots.reliability_chart(measured["levels"][0] | {"reliability": []}) is None


def test_a_file_without_probabilities_and_mistakes_makes_a_page(tmp_path, tree):
    rows = [row("a", "Men > Jeans", "Men > Jeans", tree, near_train=None)]
    metrics = summarize(read_predictions(write(tmp_path / "p.parquet", rows, tree)), draws=10)
    for level in metrics["levels"]:
        level["reliability"] = []
    page = report.render(metrics)
    assert "There is no mistake." in page
    assert "Do the probabilities" not in page


def test_a_missing_extra_is_named_before_anything_is_written(measured, tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.split(".")[0] in ("jinja2", "altair", "vl_convert"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match="'report' extra"):
        report.write_report(measured, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.8924, "89.2"), (1, "100.0"), (0.99998, "99.998"), (0.00004, "0.004"), (0, "0.0"), (None, "–")],
)
def test_percent_never_rounds_to_the_ends(share, text):
    assert page_room.percent(share).removesuffix("\u00a0%") == text


def test_numbers_as_people_read_them():
    assert report.points(-0.013) == "−1.3"
    assert report.points(-0.00001) == "+0.0"
    assert report.points(None) == "–"
    assert report.interval((0.5, 0.75)) == "50.0 – 75.0\u00a0%"
    assert report.interval(None) == report.interval([None, None]) == ""
    assert page_room.count(12345) == "12\u202f345"
    assert page_room.names("A > B > C") == (["A", "B"], "C")
    assert (report.p_value(0.00001), report.p_value(0.0321)) == ("< 0.0001", "0.032")


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
        tab.fill("#filter", "women footwear")
        shown = tab.locator("#leaves tbody tr:visible")
        assert 0 < shown.count() < 30
        assert all("Women" in text and "Footwear" in text for text in shown.all_inner_texts())
        tab.fill("#filter", "")
        tab.click("#leaves th button:text-is('F')")
        values = tab.eval_on_selector_all("#leaves tbody tr", "rows => rows.map(row => row.cells[6].dataset.value)")
        numbers = [float(value) for value in values if value]
        assert numbers == sorted(numbers, reverse=True)
        assert tab.locator(".chart:visible title").count() > 0
        browser.close()
    assert problems == []


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (18, 42, [15, 20, 30, 40, 50]),
        (1, 300, [1, 2, 5, 10, 20, 50, 100, 200]),
        (1, 30000, [1, 10, 100, 1000, 10000]),
        (7, 7, [7]),
    ],
)
def test_the_support_axis_has_a_handful_of_ticks(low, high, ticks):
    assert plots.support_axis([{"support": low}, {"support": high}])["values"] == ticks
