import pytest

from atlas.collect.extract import extract
from atlas.collect.page import Page
from atlas.collect.reading.document import read_document, text_of
from atlas.collect.reading.links import continues, next_urls, product_urls
from atlas.collect.reading.prices import Market
from atlas.collect.reading.selectors import check_selectors, matches, selected_facts
from atlas.collect.store_file import Browser, Links, Select, Start, StoreFile
from atlas.errors import RecipeError

PAGE = read_document(
    """
    <h1> Blue <b>Jeans</b> <script>var x = 1;</script></h1>
    <p class=price><del>£50.00</del> <ins>£30.00</ins></p><p class=price>£9</p>
    <p class=old><s>£50.00</s></p>
    <meta itemprop=cur content=GBP>
    <nav><a>Home</a><a>Men</a><a>Jeans</a></nav><p class=way>Home / Men / Jeans</p>
    <div class=gallery data-first="/a.jpg"><img src="/a.jpg"><img src="/b.jpg"></div>
    <a class=card href="/p/1#top">1</a><div class=card><a href="/p/2">2</a></div><a href="/p/3"><i class=card>3</i></a>
    <a class=card href="mailto:x">no</a><a class=card href="/here">self</a><a rel="NEXT nofollow" href="?page=2">on</a>
    """,
    "https://s.test/here",
)


def facts(**select):
    return selected_facts(PAGE, Select(**select), Market(), "store")


@pytest.mark.parametrize(
    ("css", "title"),
    [("h1", "Blue Jeans"), ("h1::text", "Blue"), ("h1 b::text", "Jeans"), ("h2, h1", "Blue Jeans"), ("h2", "")],
)
def test_a_title_is_the_first_match_that_says_something(css, title):
    assert facts(title=css).title == title


def test_of_a_price_what_is_crossed_out_does_not_count():
    assert (facts(price=".price").price, facts(price=".price").currency) == (30.0, "GBP")
    assert facts(price=".price del::text").price == 50.0
    assert facts(price=".old").price == 50.0  # there is nothing else
    assert facts(price="h1, .price").price == 30.0


def test_a_meta_tag_says_its_content():
    assert facts(currency="[itemprop=cur]").currency == "GBP"


@pytest.mark.parametrize("css", ["nav a", "nav a::text", ".way"])
def test_a_breadcrumb_is_a_list_or_one_text(css):
    assert facts(breadcrumb=css).breadcrumb == ("Men", "Jeans")


@pytest.mark.parametrize("css", [".gallery", ".gallery img", ".gallery img::attr(src)"])
def test_pictures_are_elements_or_addresses(css):
    assert [link.url for link in facts(images=css).images] == ["https://s.test/a.jpg", "https://s.test/b.jpg"]


def test_links_are_elements_their_attributes_or_a_pattern():
    expected = ("https://s.test/p/1", "https://s.test/p/2", "https://s.test/p/3")
    assert product_urls(PAGE, Links(product=".card"), [], is_product=False) == expected
    assert product_urls(PAGE, Links(product="a::attr(href)"), [], is_product=False)[:3] == expected
    assert product_urls(PAGE, Links(product=r"regex:/p/\d+$"), [], is_product=True) == expected
    assert product_urls(PAGE, Links(), [], is_product=False) == ()


def test_the_next_page_is_marked_or_selected():
    assert next_urls(PAGE, Links()) == ("https://s.test/here?page=2",)
    assert next_urls(PAGE, Links(next="a.none")) == ()


@pytest.mark.parametrize(
    ("url", "start", "expected"),
    [
        ("https://s.test/men", "https://s.test/men/", True),
        ("https://www.s.test/men?page=2", "https://s.test/men", True),
        ("https://s.test/men?sort=new&page=2", "https://s.test/men?sort=new", True),
        ("https://s.test/men/page/2/", "https://s.test/men", True),
        ("https://s.test/men-p2.html", "https://s.test/men", True),
        ("https://s.test/men/2", "https://s.test/men/", True),
        ("https://s.test/men/jeans-501", "https://s.test/men", False),
        ("https://s.test/men/1045", "https://s.test/men", False),
        ("https://s.test/index.php?route=product&id=2", "https://s.test/index.php?route=category&path=20", False),
        ("https://s.test/jeans", "https://s.test/", False),
        ("https://t.test/men", "https://s.test/men", False),
    ],
)
def test_later_pages_of_a_list_are_known_by_their_address(url, start, expected):
    assert continues(url, start) is expected


def test_the_last_page_of_a_list_is_no_product():
    html = b"<h1>Men</h1><p class=price>5 EUR</p>"
    store = StoreFile("s", start=(Start("https://s.test/men"),), select=Select(title="h1", price=".price"))
    assert extract(Page("https://s.test/men?page=9", html), store).listing is None
    assert extract(Page("https://s.test/men/blue-jeans", html), store).listing is not None


@pytest.mark.parametrize(
    ("store", "reason"),
    [
        (StoreFile("s", select=Select(title="h1::")), r"select\.title is 'h1::', which is no CSS selector"),
        (StoreFile("s", select=Select(price="p[")), r"select\.price"),
        (StoreFile("s", links=Links(product="a:nonsense")), r"links\.product"),
        (StoreFile("s", browser=Browser(load_more="..")), r"browser\.load_more"),
    ],
)
def test_a_selector_that_is_none_is_named(store, reason):
    with pytest.raises(RecipeError, match=reason):
        check_selectors(store)


def test_good_selectors_and_patterns_pass():
    check_selectors(
        StoreFile("s", select=Select(title="h1::text", product_page="regex:/p/"), links=Links(next="regex:page="))
    )


def test_the_text_of_an_element_is_one_line_without_scripts():
    assert text_of(matches(PAGE, "h1")[0]) == "Blue Jeans"
    blocks = read_document("<div>a<p>b</p>c<br>d<b>e</b><style>x</style> f</div>", "https://s.test/")
    assert text_of(matches(blocks, "div")[0]) == "a b c de f"
