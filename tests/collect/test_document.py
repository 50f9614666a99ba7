import pytest

from atlas.collect.extract import extract, own_address
from atlas.collect.page import Page
from atlas.collect.reading.document import MAX_ATTRIBUTES, read_document
from atlas.collect.store_file import Browser, StoreFile
from atlas.collect.text import absolute_url, clean_text, same_site


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("  Blue\n\t Jeans ", "Blue Jeans"),
        ("Salt &amp; Pepper", "Salt & Pepper"),
        ("Salt &amp;amp; Pepper", "Salt & Pepper"),
        ("<b>Blue</b><br/>Jeans", "Blue Jeans"),
        ("a < b > c", "a < b > c"),
        ("cafe\u0301", "café"),
        ("a\x00b\x1bc\u2028d\ud800e\ue000", "a b c d e"),
        ("\u202eabc\u200b\ufeff", "abc"),
        ("می\u200cخواهم", "می\u200cخواهم"),  # a joiner is part of the word
        (12, "12"),
        (12.0, "12"),
        (12.5, "12.5"),
        (True, ""),
        (None, ""),
        (["a"], ""),
        pytest.param(10**5000, "", id="a long number"),
        ("x" * 5000, "x" * 1000),
    ],
)
def test_text_becomes_one_clean_line(value, text):
    assert clean_text(value) == text


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("/a", "https://s.test/a"),
        ("b?c=1#d", "https://s.test/p/b?c=1"),
        ("//cdn.test/a", "https://cdn.test/a"),
        (" https://s.test/ä b\n", "https://s.test/%C3%A4%20b"),
        ("?a=1&amp;b=2", "https://s.test/p/1?a=1&b=2"),
        ("https://s.test:x/", ""),
        ("http://[", ""),
        ("mailto:a@b.c", ""),
        ("JavaScript:x", ""),
        ("data:,", ""),
        ("file:///etc/passwd", ""),
        ("#top", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_an_address_is_absolute_or_none(value, url):
    assert absolute_url("https://s.test/p/1", value) == url


def test_www_is_the_same_site():
    assert same_site("https://www.s.test/a", "http://s.test/b")
    assert not same_site("https://s.test/a", "https://t.test/a")
    assert not same_site("", "")


@pytest.mark.parametrize(
    ("head", "canonical"),
    [
        ('<link rel="canonical" href="/p/1">', "https://s.test/p/1"),
        ('<link rel="Canonical alternate" href="//www.s.test/p/1">', "https://www.s.test/p/1"),
        ('<meta property="og:url" content="https://s.test/p/1">', "https://s.test/p/1"),
        ('<link rel="canonical" href="https://t.test/p/1">', "https://s.test/x?id=1"),  # another site
        ('<link rel="canonical" href="/">', "https://s.test/x?id=1"),  # the front page
        ('<link rel="canonical" href="">', "https://s.test/x?id=1"),
        ("", "https://s.test/x?id=1"),
    ],
)
def test_a_page_is_known_by_the_address_it_gives_itself(head, canonical):
    document = read_document(f"<html><head>{head}</head><body>x</body></html>", "https://s.test/x?id=1#top")
    assert document.canonical == canonical


def test_links_start_from_the_base_of_the_page():
    document = read_document('<base href="/shop/"><img src=a.jpg>', "https://s.test/p/1")
    assert absolute_url(document.base, "a.jpg") == "https://s.test/shop/a.jpg"


def test_a_page_of_unknown_origin_takes_the_address_it_gives_itself():
    assert own_address(b'<link rel=canonical href="https://s.test/p/1">') == "https://s.test/p/1"
    assert own_address(b"<p>x</p>") == ""
    assert extract(Page("", b"<a href=/x>"), StoreFile("s")).notes == (
        "page: its address is not known, so that relative links lead nowhere",
    )


def test_overlong_tags_are_cut_and_others_stay():
    many = " ".join(f'a{number}=">{number}"' for number in range(MAX_ATTRIBUTES + 5))
    document = read_document(f"<p {many}>first<i title='{'x' * 9000}'>second", "https://s.test/")
    (paragraph,) = document.root.iter("p")
    assert len(paragraph.attrib) == MAX_ATTRIBUTES
    assert len(next(document.root.iter("i")).get("title")) == 9000
    assert len(document.notes) == 1


def test_a_page_nested_too_deeply_is_read_as_far_as_it_goes():
    document = read_document("<h1>Top</h1>" + "<div>" * 5000 + "deep", "https://s.test/")
    assert document.heading() == "Top"
    assert document.notes == ("page: nested too deeply, the rest was not read",)


def shell(html, **options):
    return extract(Page("https://s.test/list", html.encode(), **options), StoreFile("s")).needs_browser


WORDS = "<p>" + "Everything for long evenings by the sea. " * 12 + "</p>"


@pytest.mark.parametrize(
    ("html", "needs"),
    [
        ('<div id="root"></div><script src="a.js"></script>', True),
        ('<div id="root"></div>', False),  # nothing that could fill it
        (f'{WORDS}<div id="app"></div><script>1</script>', True),
        (f'{WORDS}<div class="search-results"></div><script>1</script>', True),
        (f'{WORDS}<div class="mini-cart"></div><script>1</script>', False),
        (f"{WORDS}<noscript>Please enable JavaScript</noscript><script>1</script>", True),
        (f"{WORDS}<noscript><img src=https://t.test/x.gif></noscript><script>1</script>", False),
        (f'{WORDS}<main id="app"><p>x</p></main><script>1</script>', False),
    ],
)
def test_an_empty_shell_is_told_from_a_page_without_products(html, needs):
    assert shell(html) is needs
    assert shell(html, rendered=True) is False


def test_a_store_file_may_say_which_pages_need_a_browser():
    store = StoreFile("s", browser=Browser(always="/list$"))
    assert extract(Page("https://s.test/list", WORDS.encode()), store).needs_browser
    assert not extract(Page("https://s.test/other", WORDS.encode()), store).needs_browser
