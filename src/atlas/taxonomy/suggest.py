"""The taxonomy path that a store path most likely means, by the words of both and by titles of products."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Mapping as Table
from typing import NamedTuple, TypeAlias

from atlas.records import Path
from atlas.taxonomy.kin import GENERAL, Kin
from atlas.taxonomy.mapping import Mapping, StorePath, store_path_key
from atlas.taxonomy.tree import Taxonomy
from atlas.taxonomy.words import Sides, lexicon, name_parts, sides_of

#: Scores below this are no suggestion.
FLOOR = 0.3
#: Of words, the least that shows that two have to do with each other, and the least for a title to say a name.
ALIKE, TITLE_ALIKE = 0.5, 0.7
#: What a word weighs beside a head, which has 1, and what one weighs that says nothing.
SIDE_WORD, EMPTY_WORD = 0.5, 0.12
#: What each level of a store path counts, from the last that says something upwards.
LEVELS = (1.0, 0.75, 0.55, 0.4)
#: What is left of a score when the last name says nothing ("Slim Fit"), and when it is a thing that the tree lacks.
SILENT, UNKNOWN = 0.97, 0.7
#: What is left when one says for whom or of which style and the other does not, and when they say otherwise.
UNSAID, OTHER_WHOM, OTHER_STYLE = 0.9, 0.1, 0.6
#: What is left for an inner node, which must be named in its own words; what rests on the names above.
INNER, CONTEXT = 0.97, 0.25
#: What titles can add to a path's score, and the most that titles alone can say.
TITLES_ADD, TITLES_ALONE = 0.25, 0.8
#: What is left of the best score when the next one is nearly as good: a toss of a coin.
TIE, NEARLY = 0.75, 0.98
#: Titles that are looked at, others that say nothing (so that one is no proof), and the share that must agree for whom.
TITLES, UNREAD, TITLES_AGREE = 50, 2, 0.7


class Suggestion(NamedTuple):
    """What a store path may mean: the best path (empty below the floor), how sure (0 to 1), and the next best."""

    path: Path
    score: float
    second: Path = ()


class _Weighed(NamedTuple):
    text: str
    weight: float


_Part: TypeAlias = tuple[_Weighed, ...]


class _Node(NamedTuple):
    """What is looked for of one node: the parts of its names, what the names above it say, and its sides."""

    number: int
    parts: tuple[_Part, ...]
    above: _Part
    words: frozenset[str]
    sides: Sides
    is_answer: bool


class _Said(NamedTuple):
    """What a store path says: the parts of its last name and of those above it, less names that say nothing."""

    last: tuple[_Part, ...]
    above: _Part
    reach: Table[str, float]  # tree words -> how well they are explained, by level
    words: frozenset[str]
    sides: Sides
    kept: float  # what is left of a score for names that were passed over
    inner: bool  # whether inner nodes may answer
    titles: tuple[frozenset[str], ...]  # tree words that each title says


def suggest_paths(
    store_paths: Sequence[StorePath], taxonomy: Taxonomy, known: Mapping | None = None
) -> list[Suggestion]:
    """The suggestion for each store path.

    Words explain each other when they mean the same, when one is a kind of the other or when they are spelled alike.
    The score is the harmonic mean of how much of the node's name the store path explains and how much of the store
    path's last name the node explains, less what speaks against it: other names above, other people, another style.
    Of what is `known`, confirmed rows lend the last names of their store paths to their nodes, and pairs that were
    rejected are not suggested again.
    """
    matcher = _Matcher(taxonomy, store_paths, known or Mapping())
    return [matcher.suggestion(found) for found in store_paths]


class _Matcher:
    """A tree ready to be compared with store paths."""

    def __init__(self, taxonomy: Taxonomy, store_paths: Sequence[StorePath], known: Mapping) -> None:
        self.taxonomy = taxonomy
        tree_names = {name for path in taxonomy.paths for name in path}
        store_names = {name for found in store_paths for name in found.path}
        self.known = _words(tree_names | store_names)
        aliases = _aliases(known)
        self.nodes = [self._node(number, aliases) for number in range(1, len(taxonomy))]
        self.whom_matters = any(node.sides.whom for node in self.nodes)
        self.kin = Kin({word for node in self.nodes for word in node.words}, _words(store_names))
        self.rejected = _rejected(known)
        self.by_word: dict[str, list[_Node]] = {}
        for node in self.nodes:
            for word in {word.text for part in node.parts for word in part if word.weight > EMPTY_WORD}:
                self.by_word.setdefault(word, []).append(node)

    def suggestion(self, found: StorePath) -> Suggestion:
        """The best and the next best path of one store path."""
        said = self._said(found)
        if not said.reach and not said.titles and said.inner:
            return self._bare(said)
        wrong = self.rejected.get(store_path_key(found.store, found.path), ())
        nodes = (node for node in self._candidates(said) if self.taxonomy.paths[node.number] not in wrong)
        scored = sorted(((self._score(said, node), -node.number) for node in nodes), reverse=True)
        good = [self.taxonomy.paths[-number] for score, number in scored[:2] if score >= FLOOR]
        score = scored[0][0] if scored else 0.0
        if len(good) < 2:
            return Suggestion(good[0] if good else (), score)
        return Suggestion(good[0], score * (TIE if scored[1][0] > NEARLY * score else 1.0), good[1])

    def _bare(self, said: _Said) -> Suggestion:
        """The node that says for whom it is and no more, as the store path does."""
        same = (node for node in self.nodes if not _telling(word for part in node.parts for word in part))
        found = next((node for node in same if node.sides.whom and node.sides == said.sides), None)
        return Suggestion(self.taxonomy.paths[found.number], said.kept * INNER) if found else Suggestion((), 0.0)

    # -- reading -----------------------------------------------------------------------------------------------------

    def _node(self, number: int, aliases: Table[Path, Sequence[str]]) -> _Node:
        path = self.taxonomy.paths[number]
        parts = tuple(part for name in (path[-1], *aliases.get(path, ())) for part in self._parts(name))
        above = _telling(word for name in path[:-1] for part in self._parts(name) for word in part)
        words = frozenset(word.text for part in (*parts, above) for word in part)
        above = tuple(word for word in above if word.text not in lexicon().style)  # a side, weighed as such
        return _Node(number, parts, above, words, sides_of(path), bool(self.taxonomy.is_answer[number]))

    def _parts(self, name: str) -> tuple[_Part, ...]:
        """The words of a name with their weights, less those that say for whom, which are weighed as a side."""
        known = lexicon()
        parts = []
        for part in name_parts(name, self.known):
            said = [word for word in part if word.text not in known.whom]
            weights = [EMPTY_WORD if word.text in known.empty else 1.0 if word.is_head else SIDE_WORD for word in said]
            for at, word in enumerate(said[:-1]):
                if known.is_kind(word.text, said[-1].text):  # "Cargo Pants" are cargos before they are pants
                    weights[at], weights[-1] = 1.0, SIDE_WORD
            if said:
                parts.append(tuple(_Weighed(word.text, weight) for word, weight in zip(said, weights, strict=True)))
        return tuple(parts)

    def _said(self, found: StorePath) -> _Said:
        names = [self._parts(name) for name in reversed(found.path)]
        names[:1] = [_composed(*names[:2])] if len(names) > 1 else names[:1]
        kept, inner = 1.0, True
        while len(names) > 1 and not self._tells(word for part in names[0] for word in part):
            thing = any(word.weight > SIDE_WORD for part in names[0] for word in part)
            kept, inner = kept * (UNKNOWN if thing else SILENT), inner and not thing
            names = names[1:]
        reach: dict[str, float] = {}
        for level, name in zip(LEVELS, names, strict=False):
            for word, alike in (
                (other, level * how) for part in name for one in part for other, how in self.kin.of(one.text)
            ):
                reach[word] = max(alike, reach.get(word, 0.0))
        titles = [_words([title], self.known) for title in found.titles[:TITLES]]
        sides = sides_of(found.path)
        return _Said(
            names[0] if names else (),
            tuple(word for name in names[1:] for part in name for word in part if self._tells([word])),
            reach,
            _texts(names),
            sides if sides.whom else sides._replace(whom=_agreed(titles)),
            kept,
            inner,
            tuple(
                frozenset(o for word in title for o, how in self.kin.of(word) if how >= TITLE_ALIKE) for title in titles
            ),
        )

    def _tells(self, words: Iterable[_Weighed]) -> bool:
        """Whether some of the words have to do with the tree."""
        return any(how >= ALIKE for word in _telling(words) for _, how in self.kin.of(word.text))

    # -- comparing ---------------------------------------------------------------------------------------------------

    def _candidates(self, said: _Said) -> list[_Node]:
        """The nodes with a word in their names that the store path explains, or enough titles to make a suggestion."""
        told = Counter(word for title in said.titles for word in title)
        words = {word for word, how in said.reach.items() if how >= GENERAL * LEVELS[-1]}
        words |= {word for word, count in told.items() if TITLES_ALONE * count >= FLOOR * (len(said.titles) + UNREAD)}
        found = {node.number: node for word in words for node in self.by_word.get(word, ())}
        return [node for node in found.values() if node.is_answer or said.inner]

    def _score(self, said: _Said, node: _Node) -> float:
        explained, explains = self._explained(said, node), self._explains(said, node)
        score = 0.0
        if explained and explains:
            names = 2 * explained * explains / (explained + explains)
            score = said.kept * names * (1 - CONTEXT + CONTEXT * self._context(said, node))
        titles = _share_of_titles(said, node)
        score = max(score + (1 - score) * TITLES_ADD * titles, TITLES_ALONE * titles)
        return score * _left_by_sides(said.sides, node.sides, self.whom_matters) * (1.0 if node.is_answer else INNER)

    def _explained(self, said: _Said, node: _Node) -> float:
        """How much of the node's name the store path says, by the best of its parts."""
        if node.is_answer:
            return max(_share(part, lambda word: said.reach.get(word, 0.0)) for part in node.parts)
        last = _texts([said.last])
        return max(_share(part, lambda word: float(word in last)) for part in node.parts)

    def _explains(self, said: _Said, node: _Node) -> float:
        """How much of the store path's last name the node says: half by the best of its parts, half by all."""
        shares = [_share(part, lambda word: self.kin.best(word, node.words)) for part in said.last] or [0.0]
        return (max(shares) + sum(shares) / len(shares)) / 2

    def _context(self, said: _Said, node: _Node) -> float:
        """How well what stands above the two names fits, on average both ways; 1 where nothing does."""
        down = _share(node.above, lambda word: max((self.kin.alike(mine, word) for mine in said.words), default=0.0))
        up = _share(said.above, lambda word: self.kin.best(word, node.words))
        return (down + up) / 2


def _composed(last: Sequence[_Part], above: Sequence[_Part]) -> tuple[_Part, ...]:
    """The last name, a single word put before a head above it where that makes a phrase, as in Shirts > Formal."""
    heads = [word.text for part in above for word in part if word.weight > SIDE_WORD]
    parts = []
    for part in last:
        phrases = (f"{part[0].text}_{head}" for head in heads if len(part) == 1)
        phrase = next((phrase for phrase in phrases if phrase in lexicon()), None)
        parts.append((_Weighed(phrase, 1.0),) if phrase else part)
    return tuple(parts)


def _share(words: _Part, explained: Callable[[str], float]) -> float:
    """The part of the words' weight that is explained; 1 where there are none."""
    weight = sum(word.weight for word in words)
    return sum(word.weight * explained(word.text) for word in words) / weight if weight else 1.0


def _share_of_titles(said: _Said, node: _Node) -> float:
    """The share of titles that say every head of some part of the node's name."""
    if not said.titles:
        return 0.0
    heads = [{word.text for word in part if word.weight > SIDE_WORD} for part in node.parts]
    told = sum(any(part and part <= title for part in heads) for title in said.titles)
    return told / (len(said.titles) + UNREAD)


def _left_by_sides(store: Sides, tree: Sides, whom_matters: bool) -> float:
    """What is left of a score for other people than the node's, or another style."""
    left = 1.0
    if tree.style and store.style and not tree.style & store.style:
        left = OTHER_STYLE
    elif tree.style and not store.style and "western" not in tree.style:
        left = UNSAID
    if not whom_matters or tree.whom == store.whom:
        return left
    if tree.whom and store.whom:
        return left if store.whom & tree.whom else left * OTHER_WHOM
    return left * (OTHER_WHOM if "kids" in store.whom else UNSAID)


def _agreed(titles: Sequence[frozenset[str]]) -> frozenset[str]:
    """For whom nearly all of the titles say that they are."""
    whom = lexicon().whom
    votes = Counter(side for title in titles for side in {whom[word] for word in title if word in whom})
    return frozenset(side for side, count in votes.items() if count >= TITLES_AGREE * len(titles))


def _telling(words: Iterable[_Weighed]) -> _Part:
    return tuple(word for word in words if word.weight > EMPTY_WORD)


def _texts(names: Iterable[Sequence[_Part]]) -> frozenset[str]:
    return frozenset(word.text for name in names for part in name for word in part)


def _words(names: Iterable[str], known: frozenset[str] = frozenset()) -> frozenset[str]:
    return frozenset(word.text for name in names for part in name_parts(name, known) for word in part)


def _aliases(known: Mapping) -> dict[Path, list[str]]:
    """The last names of the store paths that were confirmed for each node."""
    found: dict[Path, list[str]] = {}
    for row in known.rows:
        if row.status == "confirmed":
            found.setdefault(row.path, []).append(row.store_path[-1])
    return found


def _rejected(known: Mapping) -> dict[tuple[str, Path], set[Path]]:
    """The paths that were rejected for each store path."""
    found: dict[tuple[str, Path], set[Path]] = {}
    for row in known.rows:
        if row.status == "rejected":
            found.setdefault(store_path_key(row.store, row.store_path), set()).add(row.path)
    return found
