"""The words of category names, made comparable: one form for each, and what they have to do with each other."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import NamedTuple

#: Plurals that no rule below knows.
_IRREGULAR = {"scarves": "scarf", "knives": "knife", "shelves": "shelf", "feet": "foot", "shoes": "shoe", "toes": "toe"}
_ENDINGS = (("sses", "ss"), ("shes", "sh"), ("ches", "ch"), ("xes", "x"), ("oes", "o"), ("ies", "y"), ("ie", "y"))
_PARTS = re.compile(r"[&+/,;|]|\band\b")
_MARKS = re.compile("[\u0300-\u036f]")
_LETTER = re.compile(r"(?<!\w)([a-rt-z])[\s.-]+(?=[a-z]{2})")
_OWNER = re.compile(r"['’`´]s?\b")
#: Longest phrase of the word list.
_PHRASE_WORDS = 3


class Word(NamedTuple):
    """One word of a name in its plain form; a head says what the thing is, other words say which."""

    text: str
    is_head: bool


class Sides(NamedTuple):
    """For whom a path is and of which style; empty where it does not say."""

    whom: frozenset[str]
    style: frozenset[str]


@dataclass(frozen=True)
class Lexicon:
    """What is known of words: which mean the same, are kinds of others, say nothing, or say for whom or what style."""

    same: dict[str, str] = field(default_factory=dict)  # word -> the first of those that mean the same
    spelled: dict[str, str] = field(default_factory=dict)  # word -> its spelling in names that are compared
    kinds: dict[str, set[str]] = field(default_factory=dict)  # word -> what it is a kind of
    empty: set[str] = field(default_factory=set)
    filling: set[str] = field(default_factory=set)  # those of the empty ones that say nothing beside others either
    whom: dict[str, str] = field(default_factory=dict)  # word -> men, women or kids
    style: dict[str, str] = field(default_factory=dict)  # word -> western or ethnic

    def first(self, word: str) -> str:
        """The word that stands for all that mean the same."""
        while (other := self.same.get(word, word)) != word:
            word = other
        return word

    def upwards(self, word: str) -> list[set[str]]:
        """What means the same as the word, what it is a kind of, and what that is a kind of; each by its first word."""
        levels = [{self.first(word)}]
        for _ in range(2):
            levels.append({self.first(kind) for below in levels[-1] for kind in self.kinds.get(below, ())})
        return levels

    def is_kind(self, word: str, other: str) -> bool:
        """Whether the word is a kind of the other, or a kind of a kind of it."""
        return any(self.first(other) in level for level in self.upwards(word)[1:])

    def __contains__(self, word: object) -> bool:
        return any(word in known for known in (self.same, self.kinds, self.empty, self.whom, self.style))


@cache
def lexicon() -> Lexicon:
    """The word list that comes with Atlas."""
    known = Lexicon()
    for line in files("atlas.taxonomy").joinpath("data", "words.txt").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            _learn(known, line.strip())
    known.spelled.update({word: side for word, side in known.whom.items() if side != "kids"})  # boys are not girls
    known.spelled.update(known.style)
    return known


def _learn(known: Lexicon, line: str) -> None:
    """Take in one line of the word list; the list itself says how lines are written."""
    if line.startswith("~"):
        words = _listed(line.lstrip("~"), ",")
        known.empty.update(words)
        known.filling.update(words if line.startswith("~~") else ())
    elif ":" in line:
        choice, side, listed = line.replace(":", " ", 1).split(maxsplit=2)
        sides = known.whom if choice == "for" else known.style
        sides.update(dict.fromkeys(_listed(listed, ","), side))
    elif "<" in line:
        below, above = line.split("<")
        for word in _listed(below, ","):
            known.kinds.setdefault(known.first(word), set()).update(_listed(above, ","))
    else:
        words = _listed(line.replace("==", "="), "=")
        _join(known, words)
        known.spelled.update(dict.fromkeys(words, words[0]) if "==" in line else {})


def _listed(text: str, sign: str) -> list[str]:
    return ["_".join(map(plain, word.strip().split("_"))) for word in text.split(sign)]


def _join(known: Lexicon, words: list[str]) -> None:
    """Make the words mean the same; what was known of each holds for all."""
    goal = known.first(words[0])
    for word in words:
        first = known.first(word)
        known.same[word] = known.same[first] = goal
        if first != goal:
            known.kinds.setdefault(goal, set()).update(known.kinds.pop(first, ()))


def plain(word: str) -> str:
    """A word without its plural: `dresses` is `dress`, `hoodies` and `hoodie` are `hoody`, `jeans` is `jean`."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    for end, instead in _ENDINGS:
        if word.endswith(end) and len(word) > len(end) + 1:
            return word.removesuffix(end) + instead
    return word[:-1] if len(word) > 2 and word.endswith("s") and not word.endswith(("ss", "us")) else word


def name_parts(name: str, known: Collection[str] = ()) -> list[list[Word]]:
    """The words of a name, cut at `&`, `and`, `/` and commas: "Tops & Tees" says two things, "Tank Tops" one.

    The last word of a part and every plural is a head. Words that belong together become one: phrases of the word list
    (`track_pant`), and pairs whose spelling as one word is in it or in `known` (`sweat shirt`).
    """
    text = _OWNER.sub("", _MARKS.sub("", unicodedata.normalize("NFKD", name)).casefold())
    text = re.sub(r"(?<=\d)/(?=\d)", "", text)
    parts = []
    for piece in _PARTS.split(_LETTER.sub(r"\1", text)):
        spelled = [word for word in _letters(piece).split() if word != "s"]
        if spelled:
            words = [Word(plain(word), plain(word) != word) for word in spelled]
            words[-1] = words[-1]._replace(is_head=True)
            parts.append(list(_together(words, known)))
    return parts


def sides_of(path: Iterable[str]) -> Sides:
    """What a path's names say of sides. Where they say kids, girls are no women."""
    words = {word.text for name in path for part in name_parts(name) for word in part}
    whom = {side for word, side in lexicon().whom.items() if word in words}
    style = {side for word, side in lexicon().style.items() if word in words}
    return Sides(frozenset({"kids"} if "kids" in whom else whom), frozenset(style))


def name_key(name: str) -> str:
    """What names have in common that differ in case, plural, spaces, signs, `&` and `and`, and order around those.

    So do names that differ in spelling (`Sari`), in words for men and women, and in filling words: `Men`, `Menswear`,
    `Men's Clothing`.
    """
    known = lexicon()
    parts = [[word.text for word in part] for part in name_parts(name)]
    telling = [[word for word in part if word not in known.filling] for part in parts]
    said = [part for part in telling if part] or parts
    return "+".join(sorted({"".join(known.spelled.get(word, word) for word in part) for part in said})).replace("_", "")


def _letters(text: str) -> str:
    """The text with a blank for every sign; what many scripts put above and below letters belongs to them."""
    return "".join(sign if sign.isalnum() or unicodedata.category(sign)[0] == "M" else " " for sign in text)


def _together(words: list[Word], known: Collection[str]) -> Iterator[Word]:
    """The words with phrases as one; the longest phrase from the left."""
    at = 0
    while at < len(words):
        count = next(
            (count for count in range(_PHRASE_WORDS, 1, -1) if _phrase(words[at : at + count], count, known)), 1
        )
        run = words[at : at + count]
        yield Word(_phrase(run, count, known) or run[0].text, run[-1].is_head)
        at += count


def _phrase(run: list[Word], count: int, known: Collection[str]) -> str:
    """The one word that these are, or "" where they are none."""
    if len(run) < max(count, 2):
        return ""
    texts = [word.text for word in run]
    if "_".join(texts) in lexicon():
        return "_".join(texts)
    joined = "".join(texts)
    return joined if joined in lexicon() or joined in known else ""
