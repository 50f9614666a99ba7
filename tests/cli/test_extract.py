import gzip
import json

import pytest
from typer.testing import CliRunner

from atlas.cli.main import app
from tests.collect.saved import FOLDER

STORE = """
name = "northgate"
start = "https://northgate.test/men"
[select]
images = ".woocommerce-product-gallery__image img"
"""


@pytest.fixture
def store(tmp_path):
    file = tmp_path / "store.toml"
    file.write_text(STORE, encoding="utf-8")
    return file


def run(*words):
    return CliRunner().invoke(app, ["extract", *map(str, words)])


def test_a_product_is_shown_with_the_source_of_each_value(store):
    result = run(store, FOLDER / "woocommerce.html")
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert result.stdout.startswith("https://northgate.test/product/corduroy-overshirt/: a product page\n")
    assert ["title", "Corduroy", "Overshirt", "JSON-LD"] in lines
    assert ["price", "64.00", "GBP", "JSON-LD"] in lines
    assert ["images", "2", "selectors"] in lines
    assert "    https://northgate.test/wp-content/uploads/2024/12/overshirt-back.jpg" in result.stdout.splitlines()


def test_what_is_missing_is_said(store):
    result = run(store, FOLDER / "gb18030.html")
    assert ["breadcrumb", "not", "found"] in [line.split() for line in result.stdout.splitlines()]
    assert "(currency unknown)" in result.stdout
    assert "--url names it" in result.stdout
    assert "none found" not in result.stdout  # said once


def test_a_list_is_shown_with_its_links(store):
    result = run(store, FOLDER / "list-item-list.html")
    assert result.exit_code == 0
    assert "a list of products" in result.stdout
    assert "https://fjell.test/men/jeans/slim" in result.stdout
    assert ["next", "pages", "1"] in [line.split() for line in result.stdout.splitlines()]


def test_long_lists_are_cut(store, tmp_path):
    links = "".join(f"<a class=p href=/p/{number}>x</a>" for number in range(30))
    store.write_text(STORE + '[links]\nproduct = "a.p"\n', encoding="utf-8")
    (tmp_path / "list.html").write_text(links, encoding="utf-8")
    assert "    ... and 20 more" in run(store, tmp_path / "list.html").stdout.splitlines()


def test_nothing_is_exit_code_3(store):
    result = run(store, FOLDER / "app-shell.html", "--url", "https://zuri.test/")
    assert result.exit_code == 3
    assert "empty shell" in result.stdout
    assert run(store, FOLDER / "about-us.html", "--json").exit_code == 3


def test_json_holds_everything(store):
    result = run(store, FOLDER / "list-selectors.html", "--url", "https://pallu.test/sarees?page=2", "--json")
    found = json.loads(result.stdout)
    assert (found["url"], found["noimageai"], found["listing"]) == ("https://pallu.test/sarees?page=2", True, None)
    product = json.loads(run(store, FOLDER / "woocommerce.html", "--json").stdout)
    assert product["listing"]["store"] == "northgate"
    assert product["listing"]["breadcrumb"] == ["Men", "Shirts & Overshirts"]
    assert product["sources"]["images"] == "selectors"


def test_kept_pages_are_unpacked(store, tmp_path):
    (tmp_path / "page.gz").write_bytes(gzip.compress((FOLDER / "woocommerce.html").read_bytes()))
    assert "Corduroy Overshirt" in run(store, tmp_path / "page.gz").stdout
    (tmp_path / "cut.gz").write_bytes((tmp_path / "page.gz").read_bytes()[:200])
    assert "cannot be read" in run(store, tmp_path / "cut.gz").stderr


def test_an_address_is_fetched_by_the_rules_of_the_store_file(store):
    result = run(store, "http://127.0.0.1:9/p")
    assert result.exit_code == 2
    assert "private address" in result.stderr


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["no.html"], "there is no page no.html: name a saved page, or an address"),
        (["."], ". cannot be read"),
        (["https://s.test/", "--url", "https://t.test/"], "leave one of them out"),
        (["no.html", "--url", "s.test"], "begins with http:// or https://"),
    ],
)
def test_a_wrong_call_is_explained(store, words, reason):
    result = run(store, *words)
    assert result.exit_code == 2
    assert reason in result.stderr


def test_a_wrong_store_file_is_explained(store, tmp_path):
    page = FOLDER / "about-us.html"
    assert "no.toml is no store file" in run(tmp_path / "no.toml", page).stderr
    store.write_text('name = "s"\n[select]\ntitle = "h1::"\n', encoding="utf-8")
    assert "select.title is 'h1::', which is no CSS selector" in run(store, page).stderr
    store.write_text('name = "s"\n[select]\ntitel = "h1"\n', encoding="utf-8")
    assert "did you mean 'title'" in run(store, page).stderr


def test_a_page_too_large_is_refused(store, tmp_path, monkeypatch):
    monkeypatch.setattr("atlas.stages.extract.MAX_PAGE_BYTES", 100)
    assert "name one saved page" in run(store, FOLDER / "woocommerce.html").stderr
