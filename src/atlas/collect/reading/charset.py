"""Bytes of a page to text, in the charset they are really in rather than the one they claim."""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

import charset_normalizer
from w3lib.encoding import html_body_declared_encoding, http_content_type_encoding, read_bom, resolve_encoding

#: Bytes that are looked at to guess a charset that nobody names.
SAMPLE_BYTES = 16_384
#: As many UTF-8 sequences, and nothing else beyond ASCII, are no accident in an East Asian charset.
SURE_SEQUENCES = 6
#: Charsets in which two foreign bytes may happen to be good UTF-8.
_EAST_ASIAN = ("gb18030", "gbk", "gb2312", "big5", "big5hkscs", "shift_jis", "cp932", "euc-jp", "euc_kr", "cp949")
#: What is guessed between; Latin ones beside cp1252 are told by the page's language only.
_CANDIDATES = ["cp932", "euc_jp", "gb18030", "big5", "cp949", "cp1251", "cp1253", "cp1255", "cp1256", "cp1252"]
_LANGUAGES = {
    **dict.fromkeys(("pl", "cs", "sk", "hu", "ro", "hr", "sl"), "cp1250"),
    **dict.fromkeys(("ru", "uk", "bg", "sr", "mk", "be"), "cp1251"),
    "el": "cp1253",
    "tr": "cp1254",
    "he": "cp1255",
    "ar": "cp1256",
    "fa": "cp1256",
    "th": "cp874",
    "lt": "cp1257",
    "lv": "cp1257",
    "et": "cp1257",
    "vi": "cp1258",
}
_LANG = re.compile(rb"<html[^>]{0,2000}?\slang\s*=\s*[\"']?([a-zA-Z]{2})", re.IGNORECASE)
_NOT_TEXT = re.compile(rb"<(script|style)\b.*?(?:</\1|\Z)|<[^<>]{0,2000}>", re.IGNORECASE | re.DOTALL)
#: Text that other codecs than charsets read as something else.
_ASCII = "<a b='\\u0041'>+AGE-"
_LONE = re.compile("[\udc80-\udcff]+")


class Decoded(NamedTuple):
    """The text of a page, the charset it was read in, and a word on how that was found when it was not declared so."""

    text: str
    charset: str
    note: str = ""


def decode(body: bytes, content_type: str = "") -> Decoded:
    """The page as text. A byte order mark wins, then good UTF-8, then header and `<meta>`, then a guess.

    Never fails: single bytes that do not fit UTF-8 are read as Windows-1252, others as U+FFFD.
    """
    marked, bom = read_bom(body)
    if marked and bom:
        return Decoded(body[len(bom) :].decode(marked, "replace"), marked)
    if body.isascii() and b"\0" not in body:
        return Decoded(body.decode("ascii"), "utf-8")
    declared = _declared(body, content_type)
    wide = _wide(body)
    if wide:
        return Decoded(body.decode(wide, "replace"), wide, "" if wide in declared else f"charset: read as {wide}")
    sequences = _utf8_sequences(body)
    doubtful = bool(declared) and declared[0] in _EAST_ASIAN and sequences < SURE_SEQUENCES
    if sequences >= 0 and not doubtful:
        note = f"charset: declared as {declared[0]}, read as utf-8" if declared and declared[0] != "utf-8" else ""
        return Decoded(body.decode("utf-8", "replace"), "utf-8", note)
    return _decode_other(body, declared)


def _decode_other(body: bytes, declared: list[str]) -> Decoded:
    """What is no clean UTF-8: as declared where that fits, as damaged UTF-8 where most of it is, else a guess."""
    for charset in declared:
        if charset != "utf-8" and _fits(body, charset):
            note = f"charset: declared as {declared[0]}, read as {charset}" if charset != declared[0] else ""
            return Decoded(body.decode(charset, "replace"), charset, note)
    if _is_mostly_utf8(body):
        return Decoded(_mended(body), "utf-8", "charset: utf-8 with bytes that do not belong to it")
    charset = _guessed(body)
    return Decoded(body.decode(charset, "replace"), charset, f"charset: {_said(declared)}, read as {charset}")


def _declared(body: bytes, content_type: str) -> list[str]:
    """Charsets that header and page name, in the order of trust."""
    named = [http_content_type_encoding(content_type) if content_type else None, _meta_charset(body)]
    return list(dict.fromkeys(name for name in named if name and _is_charset(name)))


def _meta_charset(body: bytes) -> str | None:
    found = html_body_declared_encoding(body[:SAMPLE_BYTES])
    return resolve_encoding(found) if found else None


def _is_charset(name: str) -> bool:
    """Whether a name is that of a charset in which markup reads as in ASCII, and not some other codec of Python's."""
    try:
        return _ASCII.encode().decode(name, "replace") == _ASCII
    except (LookupError, UnicodeError):
        return False


def _wide(body: bytes) -> str:
    """UTF-16 without a mark shows by zeros in every other place of ASCII text."""
    sample = body[:2048]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if max(even, odd) * 10 < 4 * max(1, len(sample) // 2):
        return ""
    return "utf-16-be" if even > odd else "utf-16-le"


def _utf8_sequences(body: bytes) -> int:
    """How many characters beyond ASCII good UTF-8 holds, -1 where it is not; after some a last one may be cut off."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(body)
    except UnicodeDecodeError:
        return -1
    return len(text) - len(text.encode("ascii", "ignore")) or -1


def _is_mostly_utf8(body: bytes) -> bool:
    """Whether two in three of the first characters beyond ASCII are good UTF-8; in other charsets a few may be."""
    text = body[: 4 * SAMPLE_BYTES].decode("utf-8", "surrogateescape")
    foreign = sum(map(len, _LONE.findall(text)))
    return len(text) - len(text.encode("ascii", "ignore")) >= 3 * foreign


def _fits(body: bytes, charset: str) -> bool:
    """Whether the bytes can be read in a charset, a cut last character and a few bad ones aside."""
    text = body[:SAMPLE_BYTES].decode(charset, "replace")
    return text.count("\ufffd") * 50 <= sum(byte > 0x7F for byte in body[:SAMPLE_BYTES])


def _guessed(body: bytes) -> str:
    """By the page's language, else by its letters; Western European when neither tells."""
    language = _LANG.search(body[:SAMPLE_BYTES])
    by_language = _LANGUAGES.get(language[1].decode().lower()) if language else None
    if by_language and _fits(body, by_language):
        return by_language
    text = b" ".join(_NOT_TEXT.sub(b" ", body[: 4 * SAMPLE_BYTES]).split())[:SAMPLE_BYTES]
    if sum(byte > 0x7F for byte in text) * 6 < len(text):
        return "cp1252"  # single letters with marks among plain ones
    best = charset_normalizer.from_bytes(text, cp_isolation=_CANDIDATES).best()
    return best.encoding if best else "cp1252"


def _mended(body: bytes) -> str:
    """UTF-8 in which every foreign byte is read as Windows-1252."""
    text = body.decode("utf-8", "surrogateescape")
    return _LONE.sub(lambda found: found[0].encode("ascii", "surrogateescape").decode("cp1252", "replace"), text)


def _said(declared: list[str]) -> str:
    return f"declared as {declared[0]}" if declared else "none declared"
