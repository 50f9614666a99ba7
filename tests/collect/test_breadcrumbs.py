import pytest

from atlas.collect.reading.breadcrumbs import clean_trail, listed_trail, marked_trail, split_trail
from atlas.collect.reading.document import read_document
from atlas.collect.reading.graph import Graph

EMPTY = read_document("", "https://s.test/p/1")


@pytest.mark.parametrize(
    ("names", "trail"),
    [
        (["Home", "Men", "Jeans"], ("Men", "Jeans")),
        ([" » Home » ", "Men /", "> Jeans"], ("Men", "Jeans")),
        (["Startseite", "Herren", "Blue Jeans"], ("Herren",)),
        (["首页", "女装"], ("女装",)),
        (["Acme", "Men"], ("Men",)),
        (["You are here:", "Home", "Men"], ("Men",)),
        (["Men", "blue JEANS"], ("Men",)),
        (["Men", "Blue Je…"], ("Men",)),
        (["Men", "Blue..."], ("Men",)),
        (["Men", "B..."], ("Men", "B...")),  # too short to be told
        (["Men", "SKU-1"], ("Men",)),
        (["Home & Living", "Bed"], ("Home & Living", "Bed")),
        (["", "  ", "/"], ()),
        (["Men"] * 30, ("Men",) * 20),
    ],
)
def test_front_page_product_and_signs_go(names, trail):
    assert clean_trail(names, "acme", ("Blue Jeans", "SKU-1", "")) == trail


def test_a_path_in_one_text_is_cut_into_levels():
    assert split_trail("Men > Jeans » Slim | Blue / Washed") == ["Men", "Jeans", "Slim", "Blue", "Washed"]
    assert split_trail("Hats/Caps") == ["Hats/Caps"]


def crumbs(*entries, kind="BreadcrumbList"):
    return {"@type": kind, "itemListElement": list(entries)}


@pytest.mark.parametrize(
    "entries",
    [
        [{"position": 1, "name": "Men", "item": "/men"}, {"position": 2, "name": "Jeans"}],
        [{"position": "2", "name": "Jeans"}, {"position": "1", "name": "Men"}],
        [{"name": "Men"}, {"name": "Jeans"}],
        [{"position": 1, "item": {"@id": "/men", "name": "Men"}}, {"position": 2, "item": {"name": "Jeans"}}],
        [{"position": 1, "item": [{"name": "Men"}]}, {"position": [2], "name": ["Jeans"]}],
        ["Men", "Jeans"],
        [
            {"position": 0, "name": "Shop", "item": "https://s.test/"},
            {"position": 1, "name": "Men"},
            {"position": 2, "name": "Jeans"},
        ],
        [{"position": "first", "name": "Men"}, {"position": None, "name": "Jeans"}],
        [{"position": float("inf"), "name": "Men"}, {"position": float("nan"), "name": "Jeans"}],
    ],
)
def test_a_list_in_every_shape(entries):
    assert listed_trail(Graph.of([crumbs(*entries)]), EMPTY, "store") == ("Men", "Jeans")


def test_the_longest_of_several_lists_counts_and_of_equal_ones_the_first():
    first = crumbs({"name": "Men"}, {"name": "Jeans"})
    second = crumbs({"name": "Sale"}, {"name": "Denim"})
    short = crumbs({"name": "Home"}, {"name": "New"})
    assert listed_trail(Graph.of([short, {"breadcrumb": first}, second]), EMPTY, "store") == ("Men", "Jeans")


def test_the_old_vocabulary_is_known():
    graph = Graph.of([{"@type": "Breadcrumb", "title": name} for name in ("Home", "Men", "Jeans")])
    assert listed_trail(graph, EMPTY, "store") == ("Men", "Jeans")


@pytest.mark.parametrize(
    "markup",
    [
        '<nav aria-label="Breadcrumb"><a href="/">S</a><a href="/m">Men</a> / <a href="/m/j">Jeans</a></nav>',
        '<ol class="breadcrumb"><li><a href="/m">Men</a><li><a href="/m/j">Jeans</a><li>Blue Jeans</ol>',
        '<div id="breadcrumbs"></div><div class="c-breadcrumbs"><a>Home</a> <a>Men</a> <a>Jeans</a></div>',
    ],
)
def test_links_that_are_marked_as_breadcrumb_are_one(markup):
    document = read_document(markup, "https://s.test/p/1")
    assert marked_trail(document, "store", ("Blue Jeans",)) == ("Men", "Jeans")
