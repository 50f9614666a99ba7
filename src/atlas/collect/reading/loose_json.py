"""JSON as pages really write it: wrapped in comments, with trailing commas, unescaped quotes, several values in one."""

from __future__ import annotations

import html
import json
import re
from typing import Any

#: Deeper values are no data; the walks over them stay shallow.
MAX_DEPTH = 60
#: Of a broken text no more is read: mending takes a hundred times as long as reading.
MAX_MENDED_CHARS = 1_000_000
MAX_LITERAL_CHARS = 200_000
#: What hides scripts from browsers of the last century, at the beginning and at the end.
_OPENING = re.compile(r"(?:(?://|/\*)?\s*(?:<!\[CDATA\[|<!--)\s*(?:\*/)?)?\s*")
_CLOSING = re.compile(r"(?:(?://|/\*)?\s*(?:\]\]>|-->)\s*(?:\*/)?)?;?$")
_BLANK = re.compile(r"(?:\s++|//[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/)?)*+")
_OPEN = re.compile(r"[{\[]")
_BARE = re.compile(r"[^\s,:\[\]{}\"']++")
_PLAIN = {'"': re.compile(r'[^"\\]*+'), "'": re.compile(r"[^'\\]*+")}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
#: What stands after a quote that really ends a key, a value of an object, an item of a list.
_AFTER_KEY = re.compile(r"\s*+:")
_AFTER_VALUE = re.compile(
    r"\s*+(?:[}\]]|$|//|/\*|(?:,\s*+)++(?:[\"'}/]|$|[A-Za-z_$][\w$]*+\s*+:)|\"[\w@-]{1,60}\"\s*+:)|[ \t\r]*+\n\s*+[\"']"
)
_AFTER_ITEM = re.compile(
    r"\s*+(?:\]|$|//|/\*|(?:,\s*+)++(?:[\"'{\[\]/\d-]|$|(?:true|false|null)\b))|[ \t\r]*+\n\s*+[\"']"
)
_CONSTANTS = {"true": True, "false": False, "null": None, "undefined": None, "NaN": None}


def read_json(text: str) -> tuple[list[Any], bool]:
    """All values that a text holds, and whether it had to be mended. Raises ValueError where there are none."""
    bare = _unwrapped(text)
    for reading in (bare, html.unescape(bare) if "&quot;" in bare or "&#34;" in bare else ""):
        try:
            return [json.loads(reading, strict=False)], reading is not bare
        except (ValueError, RecursionError):
            continue
    values = _Mender(html.unescape(bare) if '"' not in bare else bare).values()
    if not values:
        raise ValueError("holds no object and no list")
    return values, True


def read_literal(text: str, start: int) -> Any:
    """The one object or list, in JSON or as a script writes it, that begins at `start`. Raises ValueError."""
    try:
        return json.JSONDecoder(strict=False).raw_decode(text, start)[0]
    except (ValueError, RecursionError):
        return _Mender(text[start : start + MAX_LITERAL_CHARS]).value()


def _unwrapped(text: str) -> str:
    """The text without the comments and CDATA signs that once hid scripts from old browsers."""
    text = text.strip("\ufeff \t\r\n;")
    text = text[_end(_OPENING, text, 0) :]
    tail = _CLOSING.search(text, max(0, len(text) - 20))
    return text[: tail.start()].rstrip() if tail else text


class _Mender:
    """Reads once from left to right, never back: each fault is mended by what most likely was meant."""

    def __init__(self, text: str) -> None:
        self.text = text[:MAX_MENDED_CHARS]
        self.place = 0

    def values(self) -> list[Any]:
        """Every object and list at the top, whatever stands between them."""
        found = []
        while self._skip_to_value() < len(self.text):
            found.append(self.value())
        return found

    def value(self) -> Any:
        """The object or list that begins here. An end that is missing is where the text ends."""
        if self.text[self.place : self.place + 1] not in ("{", "["):
            raise ValueError("begins with neither { nor [")
        top: list[Any] = []
        stack: list[Any] = [top]  # containers that are open; the last one is being read
        keys: list[str | None] = [None]  # the key that waits for its value, one for each container
        while stack:
            if self._step(stack, keys) or (len(stack) == 1 and top):
                break
        return top[0]

    def _step(self, stack: list[Any], keys: list[str | None]) -> bool:
        """Read one sign or value; true at the end of the text."""
        self.place = _end(_BLANK, self.text, self.place)
        sign = self.text[self.place : self.place + 1]
        if not sign:
            return True
        container = stack[-1]
        if sign in "{[":
            self.place += 1
            fresh: Any = {} if sign == "{" else []
            self._put(container, keys, fresh)
            stack.append(fresh)
            keys.append(None)
            if len(stack) > MAX_DEPTH:
                raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
        elif sign in "}]":
            self.place += 1
            self._close(sign, stack, keys)
        elif sign in ",:":
            self.place += 1
        elif isinstance(container, dict) and keys[-1] is None:
            keys[-1] = str(self._scalar(sign, _AFTER_KEY))
        else:
            after = _AFTER_VALUE if isinstance(container, dict) else _AFTER_ITEM
            self._put(container, keys, self._scalar(sign, after))
        return False

    @staticmethod
    def _put(container: Any, keys: list[str | None], value: Any) -> None:
        if isinstance(container, dict):
            if keys[-1] is not None:
                container[keys[-1]] = value
            keys[-1] = None
        else:
            container.append(value)

    @staticmethod
    def _close(sign: str, stack: list[Any], keys: list[str | None]) -> None:
        """Close the container that the bracket belongs to, with those inside it that were left open."""
        kind = dict if sign == "}" else list
        if any(isinstance(container, kind) for container in stack[1:]):
            while not isinstance(stack[-1], kind):
                stack.pop()
                keys.pop()
            stack.pop()
            keys.pop()

    def _scalar(self, sign: str, after: re.Pattern[str]) -> Any:
        if sign in "\"'":
            return self._string(sign, after)
        word = _BARE.match(self.text, self.place)
        if not word:
            self.place += 1
            return None
        self.place = word.end()
        if word[0] in _CONSTANTS:
            return _CONSTANTS[word[0]]
        number = word[0][:40]
        try:
            return int(number) if number.isdecimal() else float(number)
        except ValueError:
            return word[0]

    def _string(self, quote: str, after: re.Pattern[str]) -> str:
        """A string up to the quote that ends it: one after which the next thing can stand."""
        start = self.place = self.place + 1
        while self.place < len(self.text):
            self.place = _end(_PLAIN[quote], self.text, self.place)
            if self.text[self.place : self.place + 1] == "\\":
                self.place += 2
            elif after.match(self.text, self.place + 1) or self.place >= len(self.text):
                break
            else:
                self.place += 1
        written = self.text[start : self.place]
        self.place += 1
        return _unescaped(written)

    def _skip_to_value(self) -> int:
        found = _OPEN.search(self.text, self.place)
        self.place = found.start() if found else len(self.text)
        return self.place


def _end(pattern: re.Pattern[str], text: str, place: int) -> int:
    """Where a pattern that also fits nothing ends."""
    found = pattern.match(text, place)
    return found.end() if found else place


def _unescaped(written: str) -> str:
    if "\\" not in written:
        return written
    text = _ESCAPE.sub(_meant, written)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _meant(found: re.Match[str]) -> str:
    sign = found[1]
    return chr(int(sign[1:], 16)) if len(sign) > 1 else _ESCAPED.get(sign, sign)
