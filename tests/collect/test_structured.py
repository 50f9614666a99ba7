"""Products in structured data: which one a page is about, and what it costs, in all shapes."""

import json
import warnings

import pytest

from atlas.collect.reading.document import read_document
from atlas.collect.reading.graph import Graph, kinds, read_jsonld
from atlas.collect.reading.microdata import MICRODATA, RDFA, read_items
from atlas.collect.reading.offers import offered_price
from atlas.collect.reading.prices import Market, Price
from atlas.collect.reading.structured import listed_urls, main_products, product_facts
from tests.collect.saved import NAMES, load


def document(html="<h1>Shirt</h1>", url="https://s.test/p/shirt"):
    return read_document(html, url)


def price_of(product, market=Market()):  # noqa: B008
    graph = Graph.of([product])
    return offered_price(graph, graph.roots[0], market)


def offer(price, currency="EUR", **more):
    return {"@type": "Offer", "price": price, "priceCurrency": currency} | more


@pytest.mark.parametrize(
    "offers",
    [
        offer(30),
        offer("30.00"),
        offer("30,00 €", None),
        [offer(35), offer(30)],
        [[offer(35)], offer(30), "broken", None],
        {"@type": "AggregateOffer", "lowPrice": "30", "highPrice": 50, "priceCurrency": "EUR"},
        {"@type": "AggregateOffer", "priceCurrency": "EUR", "offers": [{"price": 35}, {"price": 30}]},
        {"@type": "http://schema.org/AggregateOffer", "offers": [offer(30), offer(35)]},
        {"priceSpecification": {"price": 30, "priceCurrency": "EUR"}},
        {"priceCurrency": "EUR", "priceSpecification": [{"minPrice": "30", "maxPrice": "40"}]},
        {
            "priceSpecification": [{"price": 50, "priceType": "https://schema.org/ListPrice"}, {"price": 30}],
            "priceCurrency": "EUR",
        },
        {
            "priceSpecification": [{"price": 3, "referenceQuantity": {"value": 1}}, {"price": 30}],
            "priceCurrency": "EUR",
        },
        {
            "priceSpecification": [{"price": 25, "validForMemberTier": {"name": "gold"}}, {"price": 30}],
            "priceCurrency": "EUR",
        },
        [offer(0), offer(30)],
        {"schema:price": {"@value": "30"}, "http://schema.org/priceCurrency": "EUR"},
    ],
)
def test_an_offer_in_every_shape(offers):
    assert price_of({"@type": "Product", "offers": offers}) == Price(30.0, "EUR")


def test_a_product_without_an_offer_may_state_its_price_itself():
    assert price_of({"@type": "Product", "price": "30", "priceCurrency": "EUR"}) == Price(30.0, "EUR")
    assert price_of({"@type": "Product", "offers": {"price": "on request"}, "price": "30"}) == Price(30.0, None)
    assert price_of({"@type": "Product", "name": "x"}) is None


def test_the_price_of_a_group_is_that_of_its_cheapest_variant():
    variants = [{"@type": "Product", "offers": offer(price)} for price in (40, 30)]
    assert price_of({"@type": "ProductGroup", "hasVariant": variants}) == Price(30.0, "EUR")
    assert price_of({"@type": "ProductGroup", "offers": offer(50), "hasVariant": variants}) == Price(50.0, "EUR")


def test_of_several_currencies_the_store_file_chooses():
    offers = [offer(40, "USD"), offer(30, "EUR"), offer(35, "USD")]
    assert price_of({"@type": "Product", "offers": offers}) == Price(35.0, "USD")
    assert price_of({"@type": "Product", "offers": offers}, Market("EUR")) == Price(30.0, "EUR")


@pytest.mark.parametrize(
    "kind", ["Product", "http://schema.org/Product", "schema:Product", ["Thing", "https://schema.org/Product"]]
)
def test_types_are_known_in_every_spelling(kind):
    assert "Product" in kinds({"@type": kind})


def product(name, **more):
    return {"@type": "Product", "name": name} | more


@pytest.mark.parametrize(
    ("nodes", "page", "names"),
    [
        ([product("Shirt")], document(), ["Shirt"]),
        (
            [product("Hat", url="/p/hat"), product("Shirt", url="/p/shirt?variant=1")],
            document("<h1>Any</h1>"),
            ["Shirt"],
        ),
        ([product("Hat"), product("SHIRT")], document(), ["SHIRT"]),
        ([product("Hat"), product("Coat")], document(), []),
        ([product("Hat"), product("Coat")], document('<meta property="og:type" content="product">'), ["Hat"]),
        ([product("Shirt", sku=1), product("Shirt", image="/a.jpg")], document(), ["Shirt", "Shirt"]),
        ([product("Hat", url="/hat"), {"@type": "ItemList"}], document("<h1>Hats</h1>", "https://s.test/hats"), []),
        ([{"@type": "ItemPage", "mainEntity": product("Shirt")}], document(), ["Shirt"]),
        ([{"@type": "Product", "offers": offer(3)}], document(), [""]),
        ([product("Hat", isRelatedTo=product("Coat"))], document(), ["Hat"]),
        ([{"@type": "Offer", "itemOffered": product("Shirt")}], document(), ["Shirt"]),
        ([product("A", url="/?id=1"), product("B", url="/?id=2")], document("", "https://s.test/?cat=3"), []),
    ],
)
def test_which_product_a_page_is_about(nodes, page, names):
    graph = Graph.of(nodes)
    assert [graph.text(node, "name") for node in main_products(graph, page)] == names


def test_a_list_gives_addresses_in_every_shape():
    entries = [
        "/p/1",
        {"@type": "ListItem", "url": "/p/2"},
        {"@type": "ListItem", "item": "/p/3"},
        {"@type": "ListItem", "item": {"@id": "/p/4"}},
        {"@type": "ListItem", "item": product("x", url="/p/5")},
        {"@type": "ListItem", "item": product("x", offers={"url": "/p/6"})},
        product("x", url="/p/7"),
        {"@type": "ListItem", "position": 8},
        None,
    ]
    graph = Graph.of([{"@type": "ItemList", "itemListElement": entries}])
    assert listed_urls(graph, document()) == [f"https://s.test/p/{number}" for number in range(1, 8)]


def test_words_that_stand_for_no_number_are_none():
    facts = product_facts(
        Graph.of([product("x", sku="N/A", gtin13="4012345678901")]), "JSON-LD", document(), Market(), "s"
    )
    assert facts[0].product_id == "4012345678901"


def test_references_into_a_circle_come_to_an_end():
    nodes = [
        {"@id": "#a", "@type": "Product", "name": {"@id": "#b"}, "offers": {"@id": "#a"}},
        {"@id": "#b", "name": {"@id": "#a"}},
    ]
    graph = Graph.of(nodes)
    assert product_facts(graph, "JSON-LD", document(), Market(), "s")[0].price is None


def test_a_broken_block_costs_only_itself():
    notes = []
    graph = read_jsonld(
        [("application/ld+json", "{{ nothing }"), (" Application/LD+JSON;charset=utf-8", json.dumps(product("x")))],
        notes,
    )
    assert [graph.text(node, "name") for node in graph.roots if kinds(node)] == ["x"]
    assert len(notes) == 1


ITEM = """
<div {scope}="{product}" {extra}><span {name}="name">Shirt</span>
  <p {name}="offers" {scope}="{offer}"><b {name}="price" content="30">thirty</b><i {name}="priceCurrency">EUR</i></p>
  <img {name}="image" src="/a.jpg"><a {name}="url" href="/p/shirt">more</a>
  <time {name}="releaseDate" datetime="2026">x</time>
</div>
"""


@pytest.mark.parametrize(
    ("markup", "dialect"),
    [
        (
            ITEM.format(
                scope="itemscope itemtype",
                product="http://schema.org/Product",
                extra="",
                offer="http://schema.org/Offer",
                name="itemprop",
            ),
            MICRODATA,
        ),
        (
            ITEM.format(
                scope="typeof", product="Product", extra="vocab='https://schema.org/'", offer="Offer", name="property"
            ),
            RDFA,
        ),
        (
            ITEM.format(
                scope="typeof", product="schema:Product", extra="", offer="schema:Offer", name="property"
            ).replace('"price"', '"schema:price"'),
            RDFA,
        ),
    ],
)
def test_microdata_and_rdfa_say_the_same(markup, dialect):
    page = document(markup)
    graph = read_items(page, dialect)
    facts = product_facts(graph, "it", page, Market(), "s")[0]
    assert (facts.title, facts.price, facts.currency, facts.images[0].url) == (
        "Shirt",
        30.0,
        "EUR",
        "https://s.test/a.jpg",
    )
    assert graph.roots[0]["releaseDate"] == ["2026"]


def flat(value):
    """All names and texts of what another reader found, in order."""
    if isinstance(value, dict):
        return [part for key, item in sorted(value.get("properties", {}).items()) for part in (key, *flat(item))]
    if isinstance(value, list):
        return [part for item in value for part in flat(item)]
    return [" ".join(str(value).split())]


def ours(node):
    """The same of a node."""
    if isinstance(node, dict):
        return [part for key, item in sorted(node.items()) if key[0] != "@" for part in (key, *ours(item))]
    if isinstance(node, list):
        return [part for item in node for part in ours(item)]
    return [" ".join(str(node).split())]


@pytest.mark.parametrize("name", [name for name in NAMES if "microdata" in name or name in ("magento", "bigcommerce")])
def test_microdata_is_what_the_common_library_finds(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        extruct = pytest.importorskip("extruct.w3cmicrodata")
    page, _ = load(name)
    text = page.body.decode().replace(' data-src="img/cap-2.jpg" src="/img/blank.gif"', ' src="img/cap-2.jpg"')
    found = read_items(read_document(text, page.url), MICRODATA)
    expected = extruct.MicrodataExtractor().extract(text, base_url=page.url)
    # addresses are made absolute later here, so that their ends are compared
    assert [_ends(ours(node)) for node in found.roots] == [_ends(flat(item)) for item in expected]


def _ends(parts):
    return [part.rpartition("/")[2] for part in parts]
