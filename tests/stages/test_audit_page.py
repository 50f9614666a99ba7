"""The page of suspect labels in a real browser: ticks, keys, memory, and the patch that it lets one download."""

from pathlib import Path

import pytest

from atlas.clean.labels_page import render
from atlas.collect.browser import find_chromium
from atlas.taxonomy.patch_file import PatchRow, parse_patch

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def row(number, store="", **more):
    return {
        "split": "train", "place": number, "product_id": f"p{number}", "store": store, "title": f"Thing <{number}>",
        "path": "Men > Shirts", "suggested": "Men > Shorts", "given": 0.02, "probability": 0.97, "picture": "", **more,
    }  # fmt: skip


RECORD = {
    "id": "abc",
    "lead": "About 3 of 100 labels are probably wrong.",
    "about": "Judged by <b>nobody</b>.",
    "confused": [["Men > Shirts", "Men > Shorts", 12]],
    "unlearned": ["Men > Rare"],
    "paths": ["Men > Shirts", "Men > Shorts", "Men > Rare"],
    "rows": [row(number) for number in range(130)],
}


@pytest.fixture(scope="module")
def chromium():
    sync = pytest.importorskip("playwright.sync_api")
    with sync.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(find_chromium()), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, tmp_path):
    contexts, errors = [], []

    def opened(record=RECORD, width=1280):
        (tmp_path / "labels.html").write_text(render(record), encoding="utf-8")
        context = chromium.new_context(viewport={"width": width, "height": 800}, accept_downloads=True)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto((tmp_path / "labels.html").as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert errors == []


def patch_of(page):
    with page.expect_download() as download:
        page.locator("#download").click()
    assert download.value.suggested_filename == "patch.csv"
    return parse_patch(Path(download.value.path()).read_bytes())


def test_ticks_become_a_patch(open_page):
    page = open_page()
    assert page.locator("#download").is_disabled()
    items = page.locator(".item")
    items.nth(0).get_by_text("Take suggestion").click()
    items.nth(1).get_by_text("Keep label").click()
    items.nth(2).get_by_text("Take out").click()
    other = items.nth(3).locator("input")
    other.fill("Men>Rare ")
    other.press("Enter")
    assert not items.nth(3).locator(".new").is_visible()
    other = items.nth(4).locator("input")
    other.fill("Men > New")
    other.press("Enter")
    assert items.nth(4).locator(".new").is_visible()
    items.nth(5).get_by_text("Take out").click()
    items.nth(5).get_by_text("Take out").click()  # undone
    page.locator("#by").fill("ann, of the desk")
    assert page.locator("#tally").inner_text() == "5 of 130 products decided, 4 changed"
    rows = patch_of(page)
    assert [line.at[:2] for line in rows] == ["20"] * 5
    assert [line._replace(at="") for line in rows] == [
        PatchRow("p0", ("Men", "Shorts"), "ann, of the desk", "", "was Men > Shirts"),
        PatchRow("p1", ("Men", "Shirts"), "ann, of the desk", "", "label confirmed"),
        PatchRow("p2", (), "ann, of the desk", "", "taken out"),
        PatchRow("p3", ("Men", "Rare"), "ann, of the desk", "", "was Men > Shirts"),
        PatchRow("p4", ("Men", "New"), "ann, of the desk", "", "was Men > Shirts"),
    ]


def test_a_product_is_decided_once_and_its_store_is_named(open_page):
    rows = [
        row(0, "north"),
        row(1, "north", product_id="p0"),
        row(2, "south", product_id="p0"),
        row(3, product_id="=1"),
    ]
    page = open_page({**RECORD, "rows": rows})
    page.locator(".item").nth(0).get_by_text("Take suggestion").click()
    pressed = [page.locator(".item").nth(at).locator(".take").get_attribute("aria-pressed") for at in range(4)]
    assert pressed == ["true", "true", "false", "false"]
    page.locator(".item").nth(3).get_by_text("Take suggestion").click()
    assert [(line.product_id, line.store) for line in patch_of(page)] == [("p0", "north"), ("=1", "")]


def test_keys_decide_and_go_on(open_page):
    page = open_page()
    page.keyboard.press("j")
    page.keyboard.press("1")
    page.keyboard.press("2")
    page.keyboard.press("3")
    page.keyboard.press("k")
    page.keyboard.press("0")
    assert [(line.product_id, line.path) for line in patch_of(page)] == [
        ("p0", ("Men", "Shorts")),
        ("p1", ("Men", "Shirts")),
    ]


def test_ticks_outlive_the_page_and_can_be_looked_through(open_page):
    page = open_page()
    assert page.locator(".item").count() == 60
    page.locator("#more").click()
    page.locator("#more").click()
    assert page.locator(".item").count() == 130
    assert not page.locator("#more").is_visible()
    page.locator(".item").nth(100).get_by_text("Take suggestion").click()
    assert page.locator("#tally").inner_text().startswith("1 of 130")
    page.reload()
    assert page.locator("#tally").inner_text().startswith("1 of 130")
    page.locator("#show").select_option("done")
    assert page.locator(".item .title").all_inner_texts() == ["Thing <100>"]
    page.locator("#show").select_option("all")
    page.locator("#find").fill("thing <12>")
    assert page.locator(".item .title").all_inner_texts() == ["Thing <12>"]
    page.locator("#find").fill("nothing like it")
    assert page.locator("#none").is_visible()


def test_data_is_text_and_a_phone_needs_no_sideways_scrolling(open_page):
    page = open_page(width=360)
    assert page.locator("#about").inner_text() == "Judged by <b>nobody</b>."
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator("#confused summary").click()
    assert page.locator("#confused td").all_inner_texts() == ["Men > Shirts", "Men > Shorts", "12"]
    assert "Men > Rare" in page.locator("#unlearned").inner_text()
