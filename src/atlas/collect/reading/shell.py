"""Whether a page is an empty shell that shows its products only by script."""

from __future__ import annotations

import re

from atlas.collect.reading.document import Document, visible_chars

#: A page that shows fewer letters than this without its scripts may be an empty shell.
SHELL_CHARS = 300
#: Where frameworks hang a whole application, and where shops hang their shelves.
_ROOTS = re.compile(r"__next|__nuxt|___gatsby|(?:react-|vue-|q-|main-)?(?:root|app)|app-root|svelte", re.IGNORECASE)
_SHELF = re.compile(r"(?:^|[-_\s])(?:products?|listing|results?|grid|catalog(?:ue)?|items|shelf)(?:$|[-_\s])", re.I)
_ASKS = re.compile(r"\b(?:enable|activate|requires?|needs?|turn on|without)\b[^.]{0,40}\bjava\s?script\b", re.I)


def is_shell(document: Document) -> bool:
    """True for a page with scripts that shows hardly any text, or asks for scripts, or has an empty mount.

    An empty mount is an element without content whose name says that an application or products belong there. To be
    asked only of pages on which neither a product nor links to products were found.
    """
    if next(document.scripts(), None) is None:
        return False
    if visible_chars(document.root, SHELL_CHARS) < SHELL_CHARS:
        return True
    asks = any(_ASKS.search("".join(tag.itertext())[:1_000]) for tag in document.root.iter("noscript"))
    return asks or _has_empty_mount(document)


def _has_empty_mount(document: Document) -> bool:
    for element in document.root.iter("div", "main", "section", "ul", "app-root"):
        if len(element) == 0 and not (element.text or "").strip():
            name, words = element.get("id") or element.tag, f"{element.get('id') or ''} {element.get('class') or ''}"
            if _ROOTS.fullmatch(name) or _SHELF.search(words):
                return True
    return False
