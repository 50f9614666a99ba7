"""Products in what shop systems leave for their scripts: which object is meant, and its values in all shapes."""

import json

import pytest

from atlas.collect.reading.document import read_document
from atlas.collect.reading.page_state import state_facts
from atlas.collect.reading.prices import Market

URL = "https://s.test/p/blue-shirt"


def facts(value, kind="application/json"):
    data = value if isinstance(value, str) else json.dumps(value)
    return state_facts(read_document(f'<script type="{kind}">{data}</script>', URL), Market())


def product(**more):
    return {"name": "Blue Shirt", "price": 30, "images": ["/a.jpg"]} | more


@pytest.mark.parametrize(
    ("state", "title"),
    [
        ({"props": {"pageProps": {"product": product()}}}, "Blue Shirt"),
        ({"pdpData": product()}, "Blue Shirt"),
        ({"a": {"initialProductDetails": product()}}, "Blue Shirt"),
        ({"items": [product(slug="red-shirt", name="Red"), product(slug="blue-shirt")]}, "Blue Shirt"),
        ({"related": [{"product": product(name="Red")}], "product": product(handle="blue-shirt")}, "Blue Shirt"),
        ({"list": [{"product": product(name="Red")}, {"product": product(name="Green")}]}, None),
        ({"list": [{"product": product()}, {"product": product()}]}, "Blue Shirt"),
        ({"items": [product()]}, None),
        ({"product": {"name": "a word alone"}}, None),
        ({"product": {"price": 5, "images": []}}, None),
        ("{broken", None),
        ("", None),
    ],
)
def test_which_object_is_the_product(state, title):
    assert [found.title for found in facts(state)] == ([title] if title else [])


@pytest.mark.parametrize(
    ("more", "price", "currency"),
    [
        ({"price": 30, "currency": "EUR"}, 30, "EUR"),
        ({"price": "30,00 €"}, 30, "EUR"),
        ({"price": {"value": 30, "currency": "EUR"}}, 30, "EUR"),
        ({"price": {"current": {"amount": "30.0", "currencyCode": "EUR"}, "mrp": {"amount": 50}}}, 30, "EUR"),
        ({"priceRange": {"minVariantPrice": {"amount": "30.0", "currencyCode": "EUR"}}, "price": None}, 30, "EUR"),
        ({"price": 50, "salePrice": 30}, 30, None),
        ({"price": {"mrp": 50, "discounted": 30}}, 30, None),
        ({"price": None, "variants": [{"price": 40}, {"price": "30.00"}]}, 30, None),
        ({"price": 3000, "handle": "x", "variants": [{"price": 3500}]}, 30, None),  # hundredths
        ({"price": None, "handle": "x", "variants": [{"price": "30.00"}]}, 30, None),
        (
            {"price": None, "variants": {"edges": [{"node": {"price": {"amount": "30", "currencyCode": "EUR"}}}]}},
            30,
            "EUR",
        ),
        ({"price": "on request"}, None, None),
        ({"price": {"value": {"value": {"value": {"value": 30}}}}}, None, None),
    ],
)
def test_a_price_in_every_shape(more, price, currency):
    (found,) = facts({"product": product(**more)})
    assert (found.price, found.currency) == (price, currency)


@pytest.mark.parametrize(
    "images",
    [
        ["/a.jpg", "/b.jpg"],
        [{"src": "/a.jpg"}, {"url": "/b.jpg"}],
        [{"thumb": "/t.jpg", "large": "/a.jpg"}, {"full": "/b.jpg", "src": "/s.jpg"}],
        {"nodes": [{"url": "/a.jpg"}, {"url": "/b.jpg"}]},
        {"edges": [{"node": {"originalSrc": "/a.jpg"}}, {"node": {"src": "/b.jpg"}}]},
        [{"bySize": {"s": {"url": "/s.jpg", "width": 9}, "l": {"url": "/a.jpg", "width": 90}}}, "/b.jpg", None, 7, {}],
    ],
)
def test_pictures_in_every_shape(images):
    (found,) = facts({"product": product(images=images)})
    assert [link.url for link in found.images] == ["https://s.test/a.jpg", "https://s.test/b.jpg"]


def test_one_picture_alone_is_a_picture():
    (found,) = facts({"product": product(images=None, image={"url": "/a.jpg"})})
    assert [link.url for link in found.images] == ["https://s.test/a.jpg"]


def test_scripts_assign_what_they_are_given():
    (found,) = facts(
        "var x = 1; window['__STATE__'] = {product: {name: 'Blue Shirt', price: 30}}; go();", "text/javascript"
    )
    assert (found.title, found.price) == ("Blue Shirt", 30)


def test_a_gallery_counts_without_a_product():
    (found,) = facts(
        {"x": {"mage/gallery/gallery": {"data": [{"full": "/f.jpg", "thumb": "/t.jpg"}, None]}}}, "text/x-magento-init"
    )
    assert (found.source, [link.url for link in found.images]) == ("gallery data", ["https://s.test/f.jpg"])


@pytest.mark.parametrize("value", [None, 3, [], {"mage/gallery/gallery": 3}, {"mage/gallery/gallery": {"data": {}}}])
def test_what_is_no_product_gives_nothing(value):
    assert facts({"product": value}) == []
