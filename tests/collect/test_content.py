import io

import pytest
from PIL import Image

from atlas.collect.content import FORMATS, forbids_training, picture_fault, type_fault, what_is
from tests.collect.site import jpeg


def encoded(kind, size=(6, 5)):
    stream = io.BytesIO()
    Image.new("RGB", size).save(stream, kind)
    return stream.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_of_pictures_is_known_by_its_first_bytes(kind):
    head = encoded(kind)[:512]
    assert what_is(head).endswith("picture")
    assert type_fault("picture", head) == ""
    assert "no page" in type_fault("page", head)
    assert picture_fault(encoded(kind), 100) == ""


@pytest.mark.parametrize(
    ("head", "seen"),
    [
        (b"<!DOCTYPE html><html>", "a page"),
        (b"\xef\xbb\xbf  <!-- hello -->\n<HTML lang=en>", "a page"),
        (b'<?xml version="1.0"?>\n<!DOCTYPE html>', "a page"),
        (b'<?xml version="1.0"?><svg xmlns="x">', "an SVG drawing"),
        (b"<svg >", "an SVG drawing"),
        (b"just words", "text"),
        (b"", "text"),
        ("Straße".encode("utf-16"), "text"),
        (b"%PDF-1.7", "a PDF file"),
        (b"PK\x03\x04abc", "a ZIP archive"),
        (b"\x1f\x8b\x08", "a gzip archive"),
        (b"\0\0\0\x20ftypisom", "a film"),
        (b"\x7fELF\x02", "a program"),
        (b"MZ is how a text may begin", "text"),
        (b"wOF2abc", "a font"),
        (b"ab\0cd", "unknown bytes"),
    ],
)
def test_what_bytes_are(head, seen):
    assert what_is(head) == seen


def test_a_page_may_be_any_text_and_a_picture_only_a_picture():
    assert type_fault("page", b"no tags at all") == ""
    assert type_fault("picture", b"<html>not here") == "a page, no picture"
    assert type_fault("picture", b"") == "nothing, no picture"
    assert type_fault("picture", b"<svg>") == "an SVG drawing, no picture"
    assert type_fault("rules", b"%PDF-") == ""
    assert type_fault("part", b"%PDF-") == ""


def test_pictures_are_judged_by_their_header():
    assert picture_fault(jpeg(20), 400) == ""
    assert "20 x 20 pixels" in picture_fault(jpeg(20), 399)
    assert "no picture" in picture_fault(jpeg(1), 400)
    assert picture_fault(jpeg(20)[:30], 400) == "a damaged picture"
    assert picture_fault(b"<html>", 400) == "a damaged picture"


def test_a_header_that_promises_giant_sides_costs_no_memory():
    giant = bytearray(encoded("PNG"))
    giant[16:24] = (60_000).to_bytes(4, "big") * 2
    assert "pixels are more than" in picture_fault(bytes(giant), 50_000_000) or picture_fault(bytes(giant), 50_000_000)


@pytest.mark.parametrize(
    ("tag", "wish"),
    [
        ("", ""),
        ("noindex, nofollow", ""),
        ("noai", "noai"),
        ("noindex, NoImageAI", "noimageai"),
        ("otherbot: noai", ""),
        ("otherbot: noindex, noai", ""),
        ("atlas: noimageai", "noimageai"),
        ("unavailable_after: 25 Jun 2030 15:00:00 PST, noai", "noai"),
        ("unavailable_after: Tuesday, 25 Jun 2030 15:00:00 PST, noai", "noai"),
        ("max-snippet:-1, max-image-preview:large, noimageai", "noimageai"),
        ("otherbot: max-snippet: -1, noai", ""),
        ("otherbot: noindex\nnoai", "noai"),
    ],
)
def test_a_header_may_keep_pictures_from_training(tag, wish):
    assert forbids_training(tag) == wish
