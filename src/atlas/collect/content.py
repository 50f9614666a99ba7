"""What received bytes are, told by the bytes themselves and never by a name or header."""

from __future__ import annotations

import io
import re
import warnings
from typing import Literal, TypeAlias

from PIL import Image

#: What something is asked for as: "page", "picture", "rules" (robots.txt), or "part" (what a page's scripts load).
Kind: TypeAlias = Literal["page", "picture", "rules", "part"]

#: So many bytes are enough to tell a picture from a page.
HEAD_BYTES = 512
#: Formats of pictures that are kept; all are opened by `atlas.images`.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
_LEAD = rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,200}?-->\s*)*"
_SIGNS = {
    "a JPEG picture": rb"\xff\xd8\xff",
    "a PNG picture": rb"\x89PNG\r\n\x1a\n",
    "a GIF picture": rb"GIF8[79]a",
    "a WebP picture": rb"RIFF....WEBP",
    "a TIFF picture": rb"II\*\0|MM\0\*",
    "an AVIF picture": rb"....ftyp(?:avif|avis|mif1)",
    "a BMP picture": rb"BM.{8}[\x36\x7a\x8a]\0\0\0",
    "an SVG drawing": _LEAD + rb"(?i:<svg[\s>])",
    "a PDF file": rb"%PDF-",
    "a ZIP archive": rb"PK\x03\x04",
    "a gzip archive": rb"\x1f\x8b",
    "a film": rb"....ftyp|\x1aE\xdf\xa3",
    "a font": rb"wOF[F2]|\x00\x01\x00\x00\x00|OTTO",
    "a program": rb"\x7fELF|MZ\x90\0",
    "a page": _LEAD + rb"(?i:<(?:!doctype|html|head|body))",
}
_READY = {name: re.compile(sign, re.DOTALL) for name, sign in _SIGNS.items()}
_PICTURES = frozenset(name for name in _SIGNS if name.endswith("picture"))
#: The name under which pages and headers may speak to this crawler alone.
CRAWLER = "atlas"
_NAME = re.compile(r"[a-z*][\w*.-]*")
#: What says something with a value in `X-Robots-Tag`, so that the name before the colon is no crawler's.
_WITH_VALUES = ("max-snippet", "max-image-preview", "max-video-preview", "unavailable_after")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def what_is(head: bytes) -> str:
    """What the first bytes belong to, in words; "text" or "unknown bytes" where no known format begins so."""
    for name, sign in _READY.items():
        if sign.match(head):
            return name
    return "text" if head.startswith(_UTF16) or b"\0" not in head else "unknown bytes"


def type_fault(kind: Kind, head: bytes) -> str:
    """Why bytes that begin so cannot be what was asked for; empty when they may be."""
    seen = what_is(head)
    if kind == "page":
        return "" if seen in ("a page", "text") else f"{seen}, no page"
    if kind == "picture":
        return "" if seen in _PICTURES else f"{seen if head else 'nothing'}, no picture"
    return ""


def picture_fault(body: bytes, most_pixels: int) -> str:
    """Why a picture is not worth keeping, by its header alone; empty when it is."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(body), formats=FORMATS) as picture:
                width, height = picture.size
    except Exception:  # decoders raise whatever a damaged file leads them to
        return "a damaged picture"
    if width * height > most_pixels:
        return f"{width} x {height} pixels are more than the {most_pixels:,} allowed"
    return "" if min(width, height) > 1 else f"{width} x {height} pixels are no picture"


def wishes_of(robots_tag: str) -> list[str]:
    """The wishes in `X-Robots-Tag` headers that pictures be left alone, `noai` and `noimageai`, in their order.

    Each line is a header of its own. A wish that names another crawler (`otherbot: noai`) is not meant for Atlas.
    """
    found = []
    for line in robots_tag.lower().splitlines():
        whom = ""
        for part in line.split(","):
            name, colon, words = map(str.strip, part.partition(":"))
            if colon and (name in _WITH_VALUES or not _NAME.fullmatch(name)):
                continue
            whom = name if colon else whom
            word = words if colon else name
            found += [word] if word in ("noai", "noimageai") and whom in ("", "*", CRAWLER) else []
    return found


def forbids_training(robots_tag: str) -> str:
    """The first of such wishes; empty without one."""
    return next(iter(wishes_of(robots_tag)), "")
