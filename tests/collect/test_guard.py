import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.collect.guard import (
    RefusedError,
    check_address,
    check_literal,
    check_shape,
    clean_url,
    host_of,
    is_same_site,
    origin_of,
    read_exceptions,
)
from atlas.errors import RecipeError

NONE = read_exceptions([])


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("HTTP://Example.COM:80/a b?x=1#part", "http://example.com/a%20b?x=1"),
        ("https://example.com:443", "https://example.com/"),
        ("https://example.com:8443/", "https://example.com:8443/"),
        ("http://münchen.de/ü", "http://xn--mnchen-3ya.de/%C3%BC"),
        ("http://example.com./x", "http://example.com/x"),
        ("http://[2606:4700::1111]:80/x", "http://[2606:4700::1111]/x"),
        ("  http://example.com/x ", "http://example.com/x"),
    ],
)
def test_an_address_has_one_form(url, clean):
    assert clean_url(url) == clean


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "data:text/html,<p>x",
        "ftp://example.com/x",
        "javascript:alert(1)",
        "gopher://x",
        "//example.com/x",
        "/just/a/path",
        "http://",
        "http:///path",
        "http://user:secret@example.com/",
        "http://user@example.com/",
        "http://example.com:99999/",
        "http://exa mple.com/",
        "http://" + "a" * 70 + ".com/",
        "http://example.com/" + "a" * 9000,
        "",
        "http://[::1/",
    ],
)
def test_what_is_no_web_address_is_refused(url):
    with pytest.raises(RefusedError) as refused:
        clean_url(url)
    assert refused.value.reason == "no web address"


@given(st.text(max_size=60))
def test_any_text_is_cleaned_once_or_refused(text):
    for url in (text, f"http://{text}", f"https://shop.test/{text}"):
        try:
            clean = clean_url(url)
        except RefusedError:
            continue
        assert clean_url(clean) == clean
        assert clean.isascii()
        assert "#" not in clean
        assert host_of(clean)


PRIVATE = """
127.0.0.1 127.255.255.255 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 0.1.2.3 224.0.0.1
255.255.255.255 240.0.0.1 192.0.2.1 198.18.0.1 ::1 :: fe80::1 fe80::1%eth0 fc00::1 ff02::1 2001:db8::1
::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 64:ff9b::7f00:1 64:ff9b::a00:1 2002:7f00:1:: 2002:a00:1::
2001:0:7f00:1:: 2130706433 0x7f000001 0177.0.0.1 127.1 localhost
"""


@pytest.mark.parametrize("address", PRIVATE.split())
def test_no_way_to_write_a_private_address_passes(address):
    with pytest.raises(RefusedError) as refused:
        check_address(address, 80, NONE)
    assert refused.value.reason == "private address"


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_pass(address):
    check_address(address, 443, NONE)


@given(st.ip_addresses(v=4))
def test_an_address_inside_another_one_is_judged_like_itself(address):
    def passes(text):
        try:
            check_address(text, 80, NONE)
        except RefusedError:
            return False
        return True

    for carrier in ("::ffff:", "64:ff9b::"):
        assert passes(f"{carrier}{address}") <= passes(str(address))
    if address.is_private or address.is_loopback or address.is_link_local:
        assert not passes(str(address))


def test_exceptions_name_hosts_networks_and_ports():
    exceptions = read_exceptions(["127.0.0.1:8080", "10.0.0.0/8", "shop.local", "inner.test:81", "[::1]:99", " ::2 "])
    check_address("127.0.0.1", 8080, exceptions)
    check_address("10.9.8.7", 1, exceptions)
    check_address("::1", 99, exceptions)
    check_address("::2", 5, exceptions)
    for host, port in (("127.0.0.1", 80), ("127.0.0.2", 8080), ("::1", 98), ("11.0.0.1", 0), ("192.168.0.1", 80)):
        if ipaddress.ip_address(host).is_global:
            continue
        with pytest.raises(RefusedError):
            check_address(host, port, exceptions)
    assert exceptions.name("shop.local", 5)
    assert exceptions.name("inner.test", 81)
    assert not exceptions.name("inner.test", 80)
    assert not exceptions.name("10.0.0.1", 80)


@pytest.mark.parametrize("text", ["", "10.0.0.0/99", "http://x", "a b", "*", "127.0.0.1:port"])
def test_an_exception_that_names_nothing_is_refused(text):
    with pytest.raises(RecipeError, match="allow_addresses"):
        read_exceptions([text])


def test_hosts_in_figures_are_judged_before_anything_is_asked():
    check_literal("http://shop.test/x", NONE)
    check_literal("http://8.8.8.8/x", NONE)
    with pytest.raises(RefusedError, match="private"):
        check_literal("http://127.0.0.1:8000/x", NONE)
    with pytest.raises(RefusedError, match="private"):
        check_literal("http://[::1]/x", NONE)


@pytest.mark.parametrize("path", ["/", "/a/b/c", "/men/men-shirts/men", "/2024/05/05/x", "/a/a/b"])
def test_ordinary_addresses_are_followed(path):
    check_shape(f"http://shop.test{path}?a=a&a=a&a=a")


@pytest.mark.parametrize("path", ["/a/b/a/b/a/b", "/x/x/x", "/" + "/".join(map(str, range(30)))])
def test_addresses_that_grow_by_themselves_are_traps(path):
    with pytest.raises(RefusedError) as refused:
        check_shape(f"http://shop.test{path}")
    assert refused.value.reason == "endless address"


def test_a_site_is_its_hosts_and_all_below():
    homes = {"www.shop.test", "127.0.0.1:8000"}
    for host in ("shop.test", "www.shop.test", "m.shop.test", "127.0.0.1:8000"):
        assert is_same_site(host, homes)
    for host in ("otherhost.test", "evilshop.test", "shop.test.evil.test", "127.0.0.1:8001", "127.0.0.1"):
        assert not is_same_site(host, homes)


def test_hosts_and_origins():
    assert host_of("https://shop.test:8443/x") == "shop.test:8443"
    assert origin_of("https://shop.test:8443/x?y") == "https://shop.test:8443"
