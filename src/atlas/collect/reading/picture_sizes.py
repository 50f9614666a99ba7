"""Which addresses show one picture in several sizes, and which of them is the largest."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from atlas.collect.text import split_url

#: More pictures of one product are no gallery.
MAX_PICTURES = 200
#: What a picture without any mark of size counts as: the one that was uploaded.
ORIGINAL_PX = 10_000.0

#: Parts of a query that ask for a size or a form of the same picture, those that tell its width, and versions of it.
_SIZES = re.compile(
    r"w|h|width|height|wid|hei|size|sz|imwidth|imheight|quality|q|qlt|format|fm|fmt|fit|crop|dpr|auto|resize|scale|sw|sh"
    r"|c|bg|bgcolor|strip|resmode|op_sharpen|impolicy|imformat|\$.*\$",
    re.IGNORECASE,
)
_WIDTHS = re.compile(r"imwidth|width|wid|w|sw", re.IGNORECASE)
_VERSIONS = re.compile(r"v|ver|version|t|ts|cache", re.IGNORECASE)
#: Sizes that go by a name, roughly in pixels; only their order matters.
_NAMED = {
    **dict.fromkeys(("pico", "icon"), 32),
    **dict.fromkeys(("thumb", "small"), 100),
    **dict.fromkeys(("compact", "cart"), 130),
    **dict.fromkeys(("medium", "home"), 250),
    **dict.fromkeys(("large", "grande"), 600),
}
#: Marks of size inside an address; group `w` or `n` tells how wide, without a group it says nothing of that.
_MARKS = (
    re.compile(r"(?<=[^/])[-_](?P<w>\d{2,4})x\d{0,4}(?:_crop_\w{1,9})?(?:@\dx)?(?=\.\w{3,4}$)"),
    re.compile(r"(?<=[^/])_x(?P<w>\d{2,4})(?=\.\w{3,4}$)"),
    re.compile(r"(?<=[^/])_(?P<n>pico|icon|thumb|small|compact|medium|large|grande)(?=\.\w{3,4}$)"),
    re.compile(r"(?<=\d)-(?P<n>thumb|cart|home|small|medium|large)_default(?=/|\.\w{3,4}$)"),
    re.compile(r"\._[A-Z]{2}_?[A-Z]{0,4}(?P<w>\d{2,4})[\w,]{0,40}_(?=\.\w{3,4}$)"),
    re.compile(r"(?<=/)(?:fit-in/)?(?P<w>\d{2,4})x\d{2,4}/"),
    re.compile(r"(?<=/)(?P<w>\d{3,4})/\d{3,4}/(?=[^/]*[a-z])"),
    re.compile(r"(?<=/)(?:[a-z]{1,3}_[\w.:]+,)*w_(?P<w>\d{2,4})(?:,[a-z]{1,3}_[\w.:]+)*/"),
    re.compile(r"(?<=/)[a-z]{1,3}_[\w.:]+(?:,[a-z]{1,3}_[\w.:]+)+/"),
    re.compile(r"(?<=/)cache/[0-9a-f]{32}/"),
)


class ImageLink(NamedTuple):
    """One address of a picture, and how large it is told to be: its width in pixels, 0 where nobody says."""

    url: str
    size: float = 0.0


def distinct_pictures(links: Iterable[ImageLink]) -> tuple[str, ...]:
    """Each picture once, in the order of first sight, by the address of its largest form."""
    best: dict[str, tuple[float, str]] = {}
    for link in links:
        key, width_px = _identity(link.url)
        size = link.size or width_px
        if key not in best:
            if len(best) == MAX_PICTURES:
                break
            best[key] = (size, link.url)
        elif size > best[key][0]:
            best[key] = (size, link.url)
    return tuple(url for _, url in best.values())


def _identity(url: str) -> tuple[str, float]:
    """What all sizes of one picture share, and how wide this one is by its address."""
    parts = split_url(url)
    if parts is None:
        return url, 0.0
    file, widths = parts.path, list[float]()
    for mark in _MARKS:
        if found := mark.search(file):
            groups = found.groupdict()
            widths.append(float(groups["w"]) if groups.get("w") else float(_NAMED.get(groups.get("n") or "", 0)))
            file = file[: found.start()] + file[found.end() :]
    asked = parse_qsl(parts.query, keep_blank_values=True)
    sizes = [(name, value) for name, value in asked if _SIZES.fullmatch(name)]
    widths += [float(value) for name, value in sizes if _WIDTHS.fullmatch(name) and re.fullmatch(r"\d{2,4}", value)]
    kept = [pair for pair in asked if pair not in sizes and not _VERSIONS.fullmatch(pair[0])]
    told = min((width for width in widths if width), default=0.0)
    return f"{parts.netloc.lower()}{file}?{urlencode(kept)}", told or (1.0 if widths or sizes else ORIGINAL_PX)
