"""The text of a page as a tree of elements, with what its head says of it; safe and linear for any text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import lxml.html
from lxml import etree
from lxml.html import HtmlElement

from atlas.collect.text import absolute_url, clean_text, same_site, split_url

#: More of a page is not read; the downloader stops far earlier.
MAX_CHARS = 32_000_000
#: The parser's time grows with the square of the attributes of one tag: further ones are cut off.
MAX_ATTRIBUTES = 250
#: Tags, opening and closing, that are looked at for the text of one value.
MAX_TEXT_EVENTS = 4_000
_ATTRIBUTE = re.compile(r"""[\s/]*+[^\s/>=][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s>"'][^\s>]*+)?+)?+""")
_TAG = re.compile(rf"<[a-zA-Z][^\s/>]*+(?:{_ATTRIBUTE.pattern})*+")
_SHORTEST_LONG_TAG = 2 * MAX_ATTRIBUTES
_UNSEEN = frozenset({"script", "style", "template", "noscript", "head"})
#: Elements that stand apart from the words before and after them.
_BLOCKS = frozenset({"br", "p", "div", "li", "td", "th", "tr", "h1", "h2", "h3", "dt", "dd", "ins", "del", "option"})


@dataclass(frozen=True)
class Document:
    """A page that was read.

    `url` is where it lies, `base` what its relative addresses start from, `canonical` the address it gives itself
    (`url` where it gives none that can be believed). `metas` holds `<meta>` contents by name or property in lower case.
    """

    url: str
    base: str
    canonical: str
    root: HtmlElement
    metas: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...] = ()

    def meta(self, *names: str) -> str:
        """The first content of the first of these metas that says something."""
        return next((value for name in names for value in self.metas.get(name, ()) if value), "")

    def heading(self) -> str:
        """The text of the first `<h1>` that has any."""
        return next(filter(None, map(text_of, self.root.iter("h1"))), "")

    def scripts(self) -> Iterator[tuple[HtmlElement, str]]:
        """Every script with its text."""
        return ((script, script.text or "") for script in self.root.iter("script"))


def read_document(text: str, url: str) -> Document:
    """The tree of a page at `url`; an empty `url` becomes the address that the page gives itself."""
    notes = ["page: longer than it may be, the rest was not read"] if len(text) > MAX_CHARS else []
    text, cut = _without_long_tags(text[:MAX_CHARS].replace("\0", ""))
    if cut:
        notes.append(f"page: {cut} tags with more than {MAX_ATTRIBUTES} attributes were cut")
    root, deep = _parse(text)
    if deep:
        notes.append("page: nested too deeply, the rest was not read")
    metas = _metas(root)
    claimed = _claimed(root, metas, url)
    url = url or claimed
    base = next((absolute_url(url, tag.get("href")) for tag in root.iter("base") if tag.get("href")), "") or url
    canonical, doubt = _canonical(url, claimed)
    return Document(url, base, canonical, root, metas, (*notes, *doubt))


def text_of(element: HtmlElement, without: frozenset[str] = frozenset()) -> str:
    """What a person reads in an element, as one line: scripts left out, and elements with a tag of `without`."""
    parts: list[str] = []
    unseen = 0
    for event, node in islice(etree.iterwalk(element, events=("start", "end")), MAX_TEXT_EVENTS):
        hides = node.tag in _UNSEEN or node.tag in without
        unseen += hides if event == "start" else -hides
        said = node.text if event == "start" else node.tail if node is not element else None
        if not unseen:
            parts.append((" " if node.tag in _BLOCKS else "") + (said or ""))
    return clean_text("".join(parts))


def visible_chars(root: HtmlElement, enough: int) -> int:
    """How many letters a page shows without its scripts, counted up to `enough`."""
    count = 0
    hidden: set[HtmlElement] = set()
    for node in root.iter():
        parent = node.getparent()
        if not isinstance(node.tag, str) or node.tag in _UNSEEN or parent in hidden:
            hidden.add(node)
        else:
            count += len((node.text or "").strip())
        if parent not in hidden:
            count += len((node.tail or "").strip())
        if count >= enough:
            break
    return count


def _parse(text: str) -> tuple[HtmlElement, bool]:
    # Without huge_tree the parser itself stops at 256 levels: no page needs more, and deep trees cost squared time.
    parser = lxml.html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    data = text.encode("utf-8", "replace").strip() or b"<html></html>"
    try:
        root = lxml.html.document_fromstring(data, parser=parser, ensure_head_body=False)
    except (etree.LxmlError, ValueError):
        return lxml.html.document_fromstring("<html></html>"), False
    deep = any("depth" in entry.message.lower() for entry in parser.error_log)
    return root, deep


def _without_long_tags(text: str) -> tuple[str, int]:
    """The text with overlong tags cut to MAX_ATTRIBUTES attributes, and how many there were."""
    pieces: list[str] = []
    end = 0
    for tag in _TAG.finditer(text):
        if tag.end() - tag.start() < _SHORTEST_LONG_TAG:
            continue
        words = _ATTRIBUTE.finditer(text, tag.start() + 1, tag.end())  # the tag's name is the first
        cut = next(islice(words, MAX_ATTRIBUTES + 1, None), None)
        if cut:
            pieces.append(text[end : cut.start()])
            end = tag.end()
    return "".join([*pieces, text[end:]]), len(pieces)


def _metas(root: HtmlElement) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for tag in root.iter("meta"):
        name = tag.get("property") or tag.get("name")
        if name and tag.get("content"):
            found.setdefault(name.strip().lower(), []).append(clean_text(tag.get("content")))
    return {name: tuple(values) for name, values in found.items()}


def _claimed(root: HtmlElement, metas: Mapping[str, tuple[str, ...]], url: str) -> str:
    """The address that the page gives itself, empty where it gives none."""
    for tag in root.iter("link"):
        if "canonical" in (tag.get("rel") or "").lower().split() and (found := absolute_url(url, tag.get("href"))):
            return found
    return next(filter(None, (absolute_url(url, value) for value in metas.get("og:url", ()))), "")


def _canonical(url: str, claimed: str) -> tuple[str, list[str]]:
    """The page's canonical address; one on another site, or the front page's on a page that is none, is a mistake."""
    if not claimed:
        return absolute_url(url, url) or url, []
    own, other = split_url(url), split_url(claimed)
    to_front = bool(own and other and own.path.strip("/") and not other.path.strip("/") and not other.query)
    if to_front or not same_site(url, claimed):
        return absolute_url(url, url) or url, [f"canonical: {claimed} is not this page, left aside"]
    return claimed, []
