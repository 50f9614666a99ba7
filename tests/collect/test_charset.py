import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.collect.reading.charset import decode

GERMAN = "<html lang=de><title>Röcke für Damen – schöne Kleider</title><p>Größe wählen, 29,99 €</p>"
CHINESE = "<html><title>女士真丝连衣裙 秋季新款</title><p>尺码 价格 ￥1280 免运费</p>"
RUSSIAN = "<html><title>Платья женские</title><p>Красное платье, цена в рублях</p>"


@pytest.mark.parametrize(
    ("text", "real", "header", "charset"),
    [
        (GERMAN, "utf-8", "text/html; charset=utf-8", "utf-8"),
        (GERMAN, "utf-8", "", "utf-8"),
        (GERMAN, "utf-8", "text/html; charset=ISO-8859-1", "utf-8"),  # a wrong header
        (GERMAN, "utf-8", "text/html; charset=nonsense", "utf-8"),
        (GERMAN, "cp1252", "text/html; charset=ISO-8859-1", "cp1252"),
        (GERMAN, "cp1252", "text/html; charset=utf-8", "cp1252"),  # wrong the other way
        (GERMAN, "cp1252", "", "cp1252"),
        (GERMAN, "utf-16", "text/html; charset=utf-8", "utf-16"),
        (GERMAN, "utf-16-le", "", "utf-16-le"),
        (GERMAN, "utf-16-be", "text/html; charset=utf-16", "utf-16-be"),
        (GERMAN, "utf-8-sig", "text/html; charset=cp1252", "utf-8"),
        (CHINESE, "gb18030", "text/html; charset=gb2312", "gb18030"),
        (CHINESE, "gb18030", "", "gb18030"),
        (CHINESE, "utf-8", "text/html; charset=gb2312", "utf-8"),
        (RUSSIAN, "cp1251", "", "cp1251"),
        (RUSSIAN, "cp1251", "text/html; charset=windows-1251", "cp1251"),
        (RUSSIAN, "koi8-r", "text/html; charset=koi8-r", "koi8-r"),
        ("<html lang=pl>Żółta sukienka w łączkę", "cp1250", "", "cp1250"),
        ("<html lang='tr-TR'>Şık yazlık elbise", "cp1254", "", "cp1254"),
        ("<html>デニムパンツ メンズ 紺 価格", "shift_jis", "", "cp932"),
        ("<html>デニムパンツ メンズ 紺 価格", "euc_jp", "", "euc_jp"),
        ("<html>남성 청바지 파란색 청바지", "cp949", "", "cp949"),
    ],
)
def test_a_page_is_read_in_the_charset_it_is_in(text, real, header, charset):
    decoded = decode(text.encode(real), header)
    assert decoded.text == text
    assert codecs.lookup(decoded.charset).name.startswith(codecs.lookup(charset).name)


def test_two_chinese_signs_that_are_also_good_utf_8_stay_chinese():
    body = "<meta charset=gbk><title>女装</title>".encode("gbk")
    body.decode("utf-8")  # an accident of their bytes
    assert "女装" in decode(body).text


def test_meta_counts_where_the_header_is_silent_or_wrong():
    for header in ("", "text/html", "text/html; charset=utf-8"):
        body = '<meta charset="windows-1251"><title>Платья</title>'.encode("cp1251")
        assert "Платья" in decode(body, header).text


def test_a_page_that_calls_itself_utf_16_in_plain_bytes_is_not():
    assert decode(b'<meta charset="utf-16"><title>caf\xc3\xa9</title>').text.endswith("<title>café</title>")


def test_foreign_bytes_cost_only_themselves():
    decoded = decode("Größe „XL“ wählen".encode() + b" \x84now\x93", "text/html; charset=utf-8")
    assert decoded.text == "Größe „XL“ wählen „now“"
    assert decoded.note


@pytest.mark.parametrize("header", ["text/html; charset=base64", "text/html; charset=hex", "text/html; charset=idna"])
def test_codecs_that_are_no_charset_are_not_asked(header):
    assert decode(b"61 62 63 64 caf\xe9", header).text == "61 62 63 64 café"


@given(st.text(min_size=1, alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])))
def test_utf_8_is_read_back_whatever_it_says(text):
    body = ("<p>" + text).encode()
    assert decode(body, "text/html; charset=iso-8859-1").text == "<p>" + text
