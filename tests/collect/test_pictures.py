import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.collect.reading.picture_sizes import ImageLink, distinct_pictures
from atlas.collect.reading.pictures import element_pictures, picture_in_text, picture_link

BASE = "https://s.test/p/1"


def shown(markup, selector=".//img"):
    tree = lxml.html.fromstring(f"<div>{markup}</div>")
    return [link.url for element in tree.iterfind(selector) for link in element_pictures(element, BASE)]


@pytest.mark.parametrize(
    ("markup", "url"),
    [
        ('<img src="a.jpg">', "https://s.test/p/a.jpg"),
        ('<img src="//cdn.test/a.jpg#x">', "https://cdn.test/a.jpg"),
        ('<img src="data:image/gif;base64,R0" data-src="/a.jpg">', "https://s.test/a.jpg"),
        ('<img src="/t.gif" data-original="/a.jpg">', "https://s.test/a.jpg"),
        ('<img data-srcset="/a-1.jpg 1w, /a-9.jpg 9w, /a-5.jpg 5w">', "https://s.test/a-9.jpg"),
        ('<img srcset="/a.jpg, /b.jpg 2x">', "https://s.test/b.jpg"),
        ('<img srcset="/c_fill,w_3/a.jpg 300w, /c_fill,w_9/a.jpg 900w">', "https://s.test/c_fill,w_9/a.jpg"),
        ('<img srcset="/a.jpg 300w" data-zoom-image="/zoom.jpg">', "https://s.test/zoom.jpg"),
        ('<img data-zoom="true" src="/a.jpg">', "https://s.test/a.jpg"),
        ('<a href="/full.jpg"><img src="/a.jpg"></a>', "https://s.test/full.jpg"),
        ('<a href="/product/2"><img src="/a.jpg"></a>', "https://s.test/a.jpg"),
        (
            '<picture><source srcset="/w.webp 9w"><source srcset="/n.webp 5w"><img src="/a.jpg"></picture>',
            "https://s.test/w.webp",
        ),
        ('<img src="/blank.gif"><noscript><img src="/a.jpg"></noscript>', "https://s.test/a.jpg"),
        (
            """<img data-a-dynamic-image='{"/s.jpg": [90, 90], "/l.jpg": [900, 900]}' src="/s.jpg">""",
            "https://s.test/l.jpg",
        ),
        ('<img data-src="/a_{width}x.jpg" data-widths="[180, 720, 360]">', "https://s.test/a_720x.jpg"),
    ],
)
def test_the_largest_form_that_the_markup_names(markup, url):
    assert shown(markup)[0] == url


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("/a.jpg", "https://s.test/a.jpg"),
        ("/a b 3w.jpg", "https://s.test/a%20b%203w.jpg"),
        ("/a-1.jpg 300w, /a-9.jpg 900w, /a-5.jpg 500w", "https://s.test/a-9.jpg"),
        ("/c_fill,w_3/a.jpg 1.5x", "https://s.test/c_fill,w_3/a.jpg"),
    ],
)
def test_an_attribute_holds_an_address_or_a_set_of_them(value, url):
    assert picture_in_text(BASE, value).url == url


def test_a_set_without_an_address_is_no_picture():
    assert picture_in_text(BASE, "data:image/gif;base64,R0 300w, /pixel.svg 600w") is None


@pytest.mark.parametrize("selector", [".", ".//figure", ".//a"])
def test_an_element_around_pictures_shows_those_inside(selector):
    assert shown('<figure><a href="/p/2"><img src="/a.jpg"></a></figure>', selector) == ["https://s.test/a.jpg"]


def test_a_background_is_a_picture():
    assert shown("<p style=\"color: red; background: #fff url( '/b.jpg' )\"></p>", ".//p") == ["https://s.test/b.jpg"]


@pytest.mark.parametrize(
    "address",
    [
        "data:image/png;base64,AA",
        "blob:https://s.test/1",
        "javascript:x()",
        "/icons/heart.svg",
        "/spacer.gif",
        "/theme/placeholder.png",
        "/woocommerce-placeholder-600x600.png",
        "/img/no-image.jpg",
        "/1x1.png",
        "https://www.facebook.com/tr?id=1",
        "https://stats.g.doubleclick.net/x.jpg",
        "",
        "http://[",
        "x" * 5000,
        None,
        7,
    ],
)
def test_what_is_no_photo_is_left_out(address):
    assert picture_link(BASE, address) is None


def test_photos_with_such_words_stay():
    for name in ("transparent-blouse.jpg", "pixel-print-shirt.jpg", "blank-canvas-tote.png", "loading-bay-jacket.webp"):
        assert picture_link(BASE, f"/{name}")


def test_a_tracking_pixel_is_no_picture():
    assert shown('<img src="/count.png" width="1" height="1"><img src="/a.jpg" width="1">') == ["https://s.test/a.jpg"]


@pytest.mark.parametrize(
    ("small", "large"),
    [
        ("/up/2024/11/shirt-300x300.jpg", "/up/2024/11/shirt.jpg"),
        ("/p/a_small.jpg?v=1", "/p/a_1024x1024.jpg?v=2"),
        ("/p/a.jpg?v=1&width=400", "/p/a.jpg?v=1&width=1200"),
        ("/media/cache/0123456789abcdef0123456789abcdef/a/b/ab.jpg", "/media/a/b/ab.jpg"),
        ("/image/128/128/jean/a.jpeg?q=70", "/image/832/832/jean/a.jpeg?q=90"),
        ("/h_72,q_90,w_54/v1/assets/1/a.jpg", "/h_720,q_90,w_540/v1/assets/1/a.jpg"),
        ("/I/71abc._AC_UL320_.jpg", "/I/71abc._AC_SL1500_.jpg"),
        ("/12-home_default/name.jpg", "/12-large_default/name.jpg"),
        ("/stencil/100x100/products/1/2/a.jpg?c=2", "/stencil/1280x1280/products/1/2/a.jpg?c=2"),
        ("/img?id=3&w=200", "/img?id=3&w=800"),
    ],
)
def test_one_picture_in_two_sizes_is_kept_once_and_large(small, large):
    links = [ImageLink("https://s.test" + url) for url in (small, large)]
    assert distinct_pictures(links) == distinct_pictures(links[::-1]) == (links[1].url,)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/up/2024/11/shirt.jpg", "/up/2024/12/shirt.jpg"),
        ("/img?id=3", "/img?id=4"),
        ("/p/shirt-1.jpg", "/p/shirt-2.jpg"),
        ("/31-large_default/robe.jpg", "/32-large_default/robe.jpg"),
        ("/a/front.jpg", "/b/front.jpg"),
    ],
)
def test_two_pictures_stay_two(one, other):
    links = [ImageLink("https://s.test" + url) for url in (one, other)]
    assert distinct_pictures(links) == tuple(link.url for link in links)


def test_what_markup_says_of_the_width_counts_more_than_the_address():
    links = [ImageLink("https://s.test/a.jpg?w=400"), ImageLink("https://s.test/a.jpg?w=200", 1600.0)]
    assert distinct_pictures(links) == (links[1].url,)


@given(st.lists(st.integers(0, 9), max_size=20))
def test_pictures_keep_the_order_of_the_page(numbers):
    links = [ImageLink(f"https://s.test/n{number}.jpg") for number in numbers]
    assert distinct_pictures(links) == tuple(f"https://s.test/n{number}.jpg" for number in dict.fromkeys(numbers))
