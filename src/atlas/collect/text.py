"""Words and addresses as pages write them, made safe to keep: no control characters, no entities, no relative urls."""

from __future__ import annotations

import html
import re
import unicodedata
from urllib.parse import SplitResult, urljoin, urlsplit

from w3lib.url import safe_url_string

#: A longer title, level or price is a page's mistake; the rest is cut off.
MAX_TEXT_CHARS = 1_000
#: No server takes a longer address.
MAX_URL_CHARS = 4_096
#: Invisible signs that break comparison: soft hyphen, zero width space, direction marks, byte order mark.
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
#: Control characters, halves of surrogate pairs, private and unassigned signs, line ends; joiners (Cf) are words.
_NO_WORDS = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
_BREAKS = re.compile(r"[\t\r\n]")  # browsers leave them out of addresses
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,400}>|<!--[^<>]{0,400}-->")


def clean_text(value: object) -> str:
    """One line of plain text from whatever a page gives as text or number; empty for anything else.

    Entities and tags inside it are undone, control characters and runs of white space become one blank, the form is
    NFC, and at most MAX_TEXT_CHARS are kept.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    text = _as_text(value)[: 4 * MAX_TEXT_CHARS]
    if "&" in text:
        text = html.unescape(html.unescape(text))  # structured data is often encoded twice
    if "<" in text:
        text = _TAG.sub(" ", text)
    text = _INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    if not text.isprintable():
        text = "".join(" " if unicodedata.category(sign) in _NO_WORDS else sign for sign in text)
    return " ".join(text.split())[:MAX_TEXT_CHARS].rstrip()


def absolute_url(base: str, value: object) -> str:
    """The http address that `value` means on a page at `base`, quoted, without its fragment; empty where it is none."""
    if not isinstance(value, str) or len(value) > MAX_URL_CHARS:
        return ""
    text = _BREAKS.sub("", value.strip()).replace("&amp;", "&")
    if not text or text.startswith("#"):
        return ""
    try:
        url = safe_url_string(urljoin(base, text)).partition("#")[0]
    except (ValueError, UnicodeError):
        return ""
    return url if host_of(url) and len(url) <= MAX_URL_CHARS else ""


def host_of(url: str) -> str:
    """The lower-cased host of an http address; empty for anything else."""
    parts = split_url(url)
    return parts.hostname or "" if parts and parts.scheme in ("http", "https") else ""


def same_site(url: str, other: str) -> bool:
    """Whether two addresses lie on one host, `www.` aside."""
    return bool(host_of(url)) and host_of(url).removeprefix("www.") == host_of(other).removeprefix("www.")


def split_url(url: str) -> SplitResult | None:
    """The parts of an address, None where it is malformed."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for a port that is none
    except ValueError:
        return None
    return parts


def _as_text(value: str | int | float) -> str:
    try:
        return str(int(value) if isinstance(value, float) and value.is_integer() else value)
    except ValueError:  # an int of more digits than Python writes
        return ""
