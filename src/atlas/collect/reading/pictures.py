"""The pictures of a product: from lazy and responsive markup to one url for each picture, its largest form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice

from lxml.html import HtmlElement

from atlas.collect.reading.picture_sizes import MAX_PICTURES, ORIGINAL_PX, ImageLink
from atlas.collect.text import absolute_url, host_of, split_url

#: Where themes keep the address of the largest form, the surest first.
_ZOOMED = [
    "data-zoom-image",
    "data-zoom-src",
    "data-zoom",
    "data-large_image",
    "data-large-image",
    "data-large",
    "data-old-hires",
    "data-hires",
    "data-full-size-image-url",
    "data-image-large-src",
    "data-image-large",
    "data-full",
    "data-full-image",
    "data-original-src",
]
_SETS = ("srcset", "data-srcset", "data-lazy-srcset", "data-original-set", "data-sizes-srcset")
#: Where lazy loaders keep what scripts put into `src`.
_LAZY = [
    "data-src",
    "data-original",
    "data-lazy-src",
    "data-lazy",
    "data-image",
    "data-img",
    "data-image-src",
    "data-flickity-lazyload",
    "data-echo",
    "src",
]
_FILE = re.compile(r"\.(?:jpe?g|png|webp|avif|gif|jfif|bmp|tiff?)(?:$|[?/;&])", re.IGNORECASE)
#: Files that stand where a photo is to come, and drawings.
_NO_PHOTO = re.compile(
    r"(?:^|/)(?:spacer|blank|transparent|trans|pixel|loading|loader|1x1|empty)(?:[-_]?\d{1,4}(?:x\d{1,4})?)?\.\w{2,4}$"
    r"|(?:^|[/_-])(?:placeholder|no[-_]?image|no[-_]?photo|image[-_]coming[-_]soon)[\w-]{0,40}\.\w{2,4}$"
    r"|\.(?:svg|ico)$",
    re.IGNORECASE,
)
_TRACKERS = re.compile(
    r"(?:^|\.)(?:facebook\.com|doubleclick\.net|google-analytics\.com|googleadservices\.com|bing\.com|criteo\.\w+"
    r"|scorecardresearch\.com|analytics\.\w+|quantserve\.com)$"
)
#: Sources of one `<picture>` that are looked at.
MAX_SOURCES = 12
#: Sizes up to here are densities of a screen and no widths.
MAX_DENSITY = 10.0
_CANDIDATE = re.compile(r"[\s,]*(\S+)(?:\s+([^,]*))?")
_SET = re.compile(r"\s\d{1,6}(?:\.\d{1,3})?[wx]\s*(?:,|$)")  # an address never ends so
_BACKGROUND = re.compile(r"background(?:-image)?\s*:[^;]{0,40}?url\(\s*[\"']?([^\"')]{1,2000})", re.IGNORECASE)


def picture_link(base: str, value: object, size: float = 0.0) -> ImageLink | None:
    """The address that `value` means, None where it is none, or no photo: a placeholder, a vector, a tracking pixel."""
    url = absolute_url(base, value)
    parts = split_url(url) if url else None
    if not parts or _NO_PHOTO.search(parts.path) or _TRACKERS.search(host_of(url)):
        return None
    return ImageLink(url, size)


def picture_in_text(base: str, value: str) -> ImageLink | None:
    """The picture that an attribute's value names: its address, of a `srcset` the largest."""
    if not _SET.search(value):
        return picture_link(base, value)
    return max(_from_set(value, base), key=lambda link: link.size, default=None)


def element_pictures(element: HtmlElement, base: str) -> list[ImageLink]:
    """The pictures that an element shows: its own, or all inside it; `<noscript>` stands in for a placeholder."""
    if element.tag == "a":
        linked = _linked(element, base)
        if linked:
            return [linked]
    if element.tag in ("img", "source", "amp-img", "meta", "link", "picture"):
        found = _largest(element, base) or _without_script(element, base)
        return [found] if found else []
    if zoomed := _zoomed(element, base):
        return [zoomed]
    inner = [_largest(image, base) or _without_script(image, base) for image in element.iter("img", "amp-img")]
    return [link for link in inner or [_background(element, base)] if link]


def _largest(element: HtmlElement, base: str) -> ImageLink | None:
    """The largest form of one picture that its markup names."""
    if _is_pixel(element):
        return None
    parent = element.getparent()
    if parent is not None and parent.tag == "a" and (linked := _linked(parent, base)):
        return linked
    sets: list[ImageLink] = []
    for place in _forms(element):
        if zoomed := _zoomed(place, base):
            return zoomed
        sets += [link for name in _SETS for link in _from_set(place.get(name), base)] + _dynamic(place, base)
    if sets:
        best = max(sets, key=lambda link: link.size)
        return best if best.size > MAX_DENSITY else ImageLink(best.url)
    names = (*_LAZY, "content", "href")
    tries = (_address(base, place.get(name), place) for place in _forms(element) for name in names)
    return next(filter(None, tries), None)


def _zoomed(element: HtmlElement, base: str) -> ImageLink | None:
    """The form that a magnifier shows."""
    links = (_address(base, element.get(name), element) for name in _ZOOMED)
    return next((ImageLink(link.url, ORIGINAL_PX) for link in links if link), None)


def _forms(element: HtmlElement) -> Iterator[HtmlElement]:
    """Elements that describe the same picture: `<picture>` with its sources (which the parser may nest)."""
    near = [element, *islice(element.iterancestors(), MAX_SOURCES)]
    group = next((place for place in near if place.tag == "picture"), None)
    if group is None:
        yield element
    else:
        yield from islice(group.iter("img", "source", "amp-img"), MAX_SOURCES)


def _address(base: str, value: str | None, element: HtmlElement) -> ImageLink | None:
    if not value or value.lower() in ("true", "false") or value[0] in "{[":
        return None
    if "{width}" in value:  # a pattern that a script fills in, beside the widths there are
        widths = [int(word) for word in re.findall(r"\d{2,4}", element.get("data-widths") or "")[:40]]
        return picture_link(base, value.replace("{width}", str(max(widths, default=1024))), max(widths, default=0))
    return picture_link(base, value)


def _from_set(value: str | None, base: str) -> list[ImageLink]:
    """The candidates of a `srcset`; `2x` counts as a size of 2, which in one set only meets its like."""
    links: list[ImageLink] = []
    place = 0
    while value and len(links) < MAX_PICTURES and (found := _CANDIDATE.match(value, place)):
        url, described = found[1], found[2] or ""
        if url.endswith(","):  # no description: the comma belongs to the list
            url, described, place = url.rstrip(","), "", found.end(1)
        else:
            place = found.end()
        if link := picture_link(base, url, _described(described)):
            links.append(link)
    return links


def _described(text: str) -> float:
    words = re.fullmatch(r"\s*(\d{1,6}(?:\.\d{1,3})?)[wx]\b.*", text[:60], re.DOTALL)
    return float(words[1]) if words else 1.0


def _dynamic(element: HtmlElement, base: str) -> list[ImageLink]:
    """Addresses with sizes that a few stores keep as JSON: `{"https://...": [width, height]}`."""
    try:
        sizes = json.loads(element.get("data-a-dynamic-image") or "{}")
        found = [picture_link(base, url, float(width)) for url, (width, *_) in sizes.items()]
    except (ValueError, TypeError, AttributeError, RecursionError, OverflowError):
        return []
    return [link for link in found if link]


def _linked(anchor: HtmlElement, base: str) -> ImageLink | None:
    """The picture that a gallery's link opens, when it is one."""
    href = anchor.get("href") or ""
    link = picture_link(base, href) if _FILE.search(href[-300:]) else None
    return ImageLink(link.url, ORIGINAL_PX) if link else None


def _without_script(element: HtmlElement, base: str) -> ImageLink | None:
    """What stands for a lazy picture where there are no scripts: a `<noscript>` right after it."""
    after = element.getnext()
    if after is None or after.tag != "noscript":
        return None
    return next(filter(None, (_largest(image, base) for image in after.iter("img"))), None)


def _background(element: HtmlElement, base: str) -> ImageLink | None:
    named = element.get("data-bg") or element.get("data-background")
    found = _BACKGROUND.search((element.get("style") or "")[:4_000])
    return picture_link(base, named or (found[1] if found else None))


def _is_pixel(element: HtmlElement) -> bool:
    """Whether a picture is made not to be seen."""
    sides = [(element.get(side) or "").strip().removesuffix("px") for side in ("width", "height")]
    return all(side in ("0", "1", "2") for side in sides)
