"""How alike a store's words and a tree's words are: by what is known of words, and by their spelling."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from atlas.errors import MissingExtraError
from atlas.taxonomy.words import lexicon

#: How much a word explains itself, one that means the same, what it is a kind of, and what that is a kind of.
EXACT = 1.0
KIN = (0.93, 0.8, 0.7)
#: How much it explains one that is a kind of it, and one that it ends in ("armchair" and "chair").
GENERAL, ENDING = 0.35, 0.6
#: The least share of equal letters (Indel ratio) of words that are spelled alike, and how much they then explain.
SPELLING, SPELLED = 0.84, 0.9
#: Shorter words are not compared by spelling, and shorter ones end no other.
SPELLED_CHARS, ENDING_CHARS = 5, 4


class Kin:
    """The words of a tree, found by words of stores."""

    def __init__(self, tree_words: Collection[str], store_words: Iterable[str] = ()) -> None:
        """Make ready for these words of a tree; `store_words` are those that may be misspelled.

        Raises MissingExtraError where the library that compares spellings is not installed.
        """
        self.tree_words = frozenset(tree_words)
        self._means: dict[str, list[str]] = {}  # first word of those that mean the same -> tree words
        self._below: dict[str, list[str]] = {}  # the same for tree words that are kinds of it
        for word in sorted(self.tree_words):
            for steps, firsts in enumerate(lexicon().upwards(word)):
                for first in firsts:
                    (self._below if steps else self._means).setdefault(first, []).append(word)
        self._spelled = _spelled_alike(set(store_words) - self.tree_words, self.tree_words)
        self._known: dict[str, dict[str, float]] = {}

    def of(self, word: str) -> Iterable[tuple[str, float]]:
        """The tree words that a store's word explains, each with how much, 0 to 1."""
        return self._explained(word).items()

    def alike(self, word: str, other: str) -> float:
        """How much a store's word explains a tree's word."""
        return self._explained(word).get(other, 0.0)

    def best(self, word: str, others: Iterable[str]) -> float:
        """How much a store's word explains one of these tree words at best."""
        known = self._explained(word)
        return max((known.get(other, 0.0) for other in others), default=0.0)

    def _explained(self, word: str) -> dict[str, float]:
        if word not in self._known:
            found: dict[str, float] = {}
            for other, how in self._kin(word):
                found[other] = max(how, found.get(other, 0.0))
            self._known[word] = found
        return self._known[word]

    def _kin(self, word: str) -> Iterator[tuple[str, float]]:
        known = lexicon()
        if word in self.tree_words:
            yield word, EXACT
        for how, firsts in zip(KIN, known.upwards(word), strict=False):
            yield from ((other, how) for first in firsts for other in self._means.get(first, ()))
        yield from ((other, GENERAL) for other in self._below.get(known.first(word), ()))
        yield from self._spelled.get(word, ())
        if word not in known:
            ends = (word[at:] for at in range(1, len(word) - ENDING_CHARS + 1))
            yield from ((end, ENDING) for end in ends if end in self.tree_words)


def _spelled_alike(words: Iterable[str], others: Iterable[str]) -> dict[str, list[tuple[str, float]]]:
    """Longer words that nothing is known of, with the tree words from which a letter or so parts them."""
    try:
        from rapidfuzz import fuzz, process
    except ModuleNotFoundError as error:
        raise MissingExtraError("collect", "matching store paths") from error
    mine = sorted(word for word in words if len(word) >= SPELLED_CHARS and word not in lexicon())
    theirs = sorted(word for word in others if len(word) >= SPELLED_CHARS)
    found: dict[str, list[tuple[str, float]]] = {}
    if mine and theirs:
        alike = process.cdist(mine, theirs, scorer=fuzz.ratio, score_cutoff=100 * SPELLING)
        for row, column in zip(*alike.nonzero(), strict=True):
            found.setdefault(mine[row], []).append((theirs[column], SPELLED * float(alike[row, column]) / 100))
    return found
