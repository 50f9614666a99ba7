"""The category tree: immutable, numbered, and the same for every room."""

from __future__ import annotations

import difflib
import hashlib
import unicodedata
from collections.abc import Container, Iterable, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from atlas.errors import TaxonomyError
from atlas.records import Path, TreeArrays

SEPARATOR = " > "
#: Tokens before the names of a path decoder's vocabulary.
SPECIAL_TOKENS = ("<pad>", "<start>", "<end>")
#: More levels, or a longer name, is no category but a broken file.
MAX_LEVELS = 32
MAX_NAME_CHARS = 250
#: Control characters, lone surrogates, line ends and the byte order mark: each would break a line or a digest.
_FORBIDDEN = frozenset({"Cc", "Cs", "Zl", "Zp"})


def clean_name(name: str) -> str:
    """One level's name with outer and repeated white space removed and in Unicode's NFC form."""
    return " ".join(unicodedata.normalize("NFC", name).split())


def name_fault(name: str) -> str:
    """What forbids a name that `clean_name` gave, as a few words; empty for a good one."""
    if not name:
        return "empty level"
    if len(name) > MAX_NAME_CHARS:
        return f"name of {len(name)} characters (at most {MAX_NAME_CHARS} are allowed)"
    if ">" in name:
        return "'>' inside a name"
    for sign in name:
        if unicodedata.category(sign) in _FORBIDDEN or sign == "\ufeff":
            return f"control character U+{ord(sign):04X}"
    return ""


def clean_path(names: Iterable[str]) -> Path:
    """The names of a label as a path that a tree takes: each one through `clean_name`.

    Raises TaxonomyError on an empty or overlong name, too many levels, '>' or a control character inside a name.
    """
    path = tuple(clean_name(name) for name in names)
    if not path:
        raise TaxonomyError("empty path: name at least the first level")
    if len(path) > MAX_LEVELS:
        raise TaxonomyError(f"{len(path)} levels in '{path[0]} > ...': at most {MAX_LEVELS} are allowed")
    for name in path:
        if fault := name_fault(name):
            raise TaxonomyError(f"{fault} in path {_excerpt(format_path(path))}")
    return path


def parse_path(text: str) -> Path:
    """`"Men > Shirts"` as `("Men", "Shirts")`. Raises TaxonomyError like `clean_path`."""
    return clean_path(text.split(SEPARATOR.strip()))


def is_id(text: str) -> bool:
    """Whether `text` can be a store's own id of a path: visible characters, no white space, not `?`, no `#` first."""
    plain = text.isprintable() and text.split() == [text] and len(text) <= MAX_NAME_CHARS
    return plain and text != "?" and not text.startswith("#")


def format_path(path: Sequence[str]) -> str:
    """`("Men", "Shirts")` as `"Men > Shirts"`; the root is the empty string."""
    return SEPARATOR.join(path)


class Taxonomy:
    """A category tree over N nodes in preorder; node 0 is the root and stands for no category.

    An answer is a node where a product may stop: a leaf, or an inner node that was listed itself. Two trees are equal
    when they have the same nodes, answers and ids in the same order; `digest` is that identity as text.
    """

    def __init__(self, answers: Iterable[Path], ids: Mapping[Path, str] | None = None) -> None:
        """Build the tree whose answers are these paths; their prefixes become inner nodes.

        `ids` gives some of them a store's own id. Raises TaxonomyError on an empty tree, a path that is not clean (see
        `clean_path`) or listed twice, an id without an answer, an id for two paths and an id with white space in it.
        """
        listed = [tuple(path) for path in answers]
        _check(listed)
        children = _children_by_path(listed)
        self.paths: tuple[Path, ...] = tuple(_preorder(children))
        self.ids: dict[Path, str] = dict(ids or {})
        self._node = {path: node for node, path in enumerate(self.paths)}
        self._by_id = _invert_ids(self.ids, self._node, set(listed))
        wanted = set(listed)
        self.is_answer = np.array([path in wanted for path in self.paths])
        self.parent = np.array([-1] + [self._node[path[:-1]] for path in self.paths[1:]], dtype=np.int32)
        self.depth = np.array([len(path) for path in self.paths], dtype=np.int32)
        self.end = _subtree_ends(self.parent)
        for array in (self.parent, self.depth, self.end, self.is_answer):
            array.setflags(write=False)

    @classmethod
    def from_labels(cls, labels: Iterable[Path], answers: Iterable[Path] = ()) -> Taxonomy:
        """The tree of the paths seen in data, sorted by name.

        A label that is a prefix of another one is "known no deeper" and no answer, unless `answers` lists it.
        """
        seen = set(map(tuple, labels))
        inner = {path[:depth] for path in seen for depth in range(1, len(path))}
        return cls(sorted(seen - inner | inner.intersection(map(tuple, answers))))

    # -- reading -----------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.paths)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Taxonomy) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __contains__(self, path: object) -> bool:
        return path in self._node

    def __repr__(self) -> str:
        return f"Taxonomy({len(self.leaves)} leaves, {self.levels} levels, {self.digest})"

    @property
    def levels(self) -> int:
        """The depth of the deepest node."""
        return int(self.depth.max())

    @cached_property
    def leaves(self) -> tuple[int, ...]:
        """Nodes without children, in order."""
        return tuple(np.flatnonzero(self.end == np.arange(len(self)) + 1).tolist())

    @cached_property
    def answers(self) -> tuple[int, ...]:
        """Nodes where a product may stop, in order."""
        return tuple(np.flatnonzero(self.is_answer).tolist())

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """`<pad>`, `<start>`, `<end>`, then every name once, sorted (a name may stand in several places)."""
        return SPECIAL_TOKENS + tuple(sorted({path[-1] for path in self.paths[1:]}))

    @cached_property
    def arrays(self) -> TreeArrays:
        """The tree as integers, for models and for `decide`."""
        place = {name: token for token, name in enumerate(self.vocabulary)}
        token = np.array([0] + [place[path[-1]] for path in self.paths[1:]], dtype=np.int32)
        token.setflags(write=False)
        return TreeArrays(self.parent, token, self.is_answer, self.end, self.depth)

    @cached_property
    def digest(self) -> str:
        """Twelve hexadecimal digits that name this tree: nodes, order, answers and ids."""
        lines = (
            f"{self.ids.get(path, '')}\t{int(answer)}\t" + "\x1f".join(path)
            for path, answer in zip(self.paths, self.is_answer, strict=True)
        )
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]

    # -- finding -----------------------------------------------------------------------------------------------------

    def node(self, path: Sequence[str] | str) -> int:
        """The node of a path, of `"A > B"`, or of a store's id. Raises TaxonomyError with the nearest known path."""
        if isinstance(path, str):
            if path in self._by_id:
                return self._by_id[path]
            path = parse_path(path)
        found = self._node.get(tuple(path))
        if found is None:
            raise TaxonomyError(f"'{format_path(path)}' is not in the tree{self._nearest(path)}")
        return found

    def find(self, path: Sequence[str]) -> int | None:
        """The node of a path, or None."""
        return self._node.get(tuple(path))

    def deepest(self, path: Sequence[str]) -> int:
        """The deepest node on the way of a path; 0, the root, when its first name is unknown."""
        known = (self._node.get(tuple(path[:depth])) for depth in range(len(path), 0, -1))
        return next((node for node in known if node is not None), 0)

    def children(self, node: int) -> tuple[int, ...]:
        """The nodes one level below, in order."""
        order, start = self._by_parent
        return tuple(order[start[node] : start[node + 1]].tolist())

    def ancestors(self, node: int) -> tuple[int, ...]:
        """The nodes from the first level down to `node` itself; empty for the root."""
        way = []
        while node > 0:
            way.append(node)
            node = int(self.parent[node])
        return tuple(reversed(way))

    def lowest_common_ancestor(self, first: int, second: int) -> int:
        """The deepest node that both nodes lie in; 0 when they share no level."""
        while first != second:
            if self.depth[first] >= self.depth[second]:
                first = int(self.parent[first])
            else:
                second = int(self.parent[second])
        return first

    def distance(self, first: int, second: int) -> int:
        """The number of edges between two nodes."""
        meeting = self.lowest_common_ancestor(first, second)
        return int(self.depth[first] + self.depth[second] - 2 * self.depth[meeting])

    @cached_property
    def _by_parent(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Nodes sorted by parent, and where each parent's children start among them; the root itself comes first."""
        order = np.argsort(self.parent, kind="stable")
        return order, np.searchsorted(self.parent[order], np.arange(len(self) + 1))

    def _nearest(self, path: Sequence[str]) -> str:
        """A hint at the path that was meant: spelled alike, or the same last name elsewhere in the tree."""
        meant = self.deepest(path)
        for name in path[len(self.paths[meant]) :]:  # walk on along the nearest names, one level at a time
            near = {self.paths[child][-1]: child for child in self.children(meant)}
            close = difflib.get_close_matches(name, near, n=1)
            if not close:
                break
            meant = near[close[0]]
        elsewhere = (other for other in self.paths[1:] if other[-1] == path[-1])
        found = self.paths[meant] if self.depth[meant] >= len(path) else next(elsewhere, self.paths[meant])
        if found:
            return f"; the nearest path is '{format_path(found)}'"
        return f"; it has {len(self.answers)} answers, see `atlas taxonomy show`"


def _check(listed: Sequence[Path]) -> None:
    if not listed:
        raise TaxonomyError("a tree needs at least one path")
    seen: set[Path] = set()
    clean: set[str] = set()
    for path in listed:
        if not path or len(path) > MAX_LEVELS or not clean.issuperset(path):
            if clean_path(path) != path:
                raise TaxonomyError(f"{path!r} holds needless white space or is not in NFC: pass it through clean_path")
            clean.update(path)
        if path in seen:
            raise TaxonomyError(f"'{format_path(path)}' is listed twice: keep one of the two")
        seen.add(path)


def _excerpt(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")


def _children_by_path(listed: Iterable[Path]) -> dict[Path, dict[Path, None]]:
    """Each node's children in order of first appearance (a dict as an ordered set)."""
    children: dict[Path, dict[Path, None]] = {(): {}}
    for path in listed:
        for depth in range(1, len(path) + 1):
            children.setdefault(path[: depth - 1], {})[path[:depth]] = None
            children.setdefault(path[:depth], {})
    return children


def _preorder(children: dict[Path, dict[Path, None]]) -> Iterable[Path]:
    waiting: list[Path] = [()]
    while waiting:
        path = waiting.pop()
        yield path
        waiting.extend(reversed(children[path]))


def _subtree_ends(parent: NDArray[np.int32]) -> NDArray[np.int32]:
    """One past the last node of each subtree; children come after their parent, so one pass backwards is enough."""
    end = list(range(1, len(parent) + 1))
    for node, above in reversed(list(enumerate(parent.tolist()))[1:]):
        end[above] = max(end[above], end[node])
    return np.array(end, dtype=np.int32)


def _invert_ids(ids: Mapping[Path, str], node: Mapping[Path, int], answers: Container[Path]) -> dict[str, int]:
    by_id: dict[str, int] = {}
    for path, name in ids.items():
        if path not in answers:
            raise TaxonomyError(f"id {name} belongs to '{format_path(path)}', which is no answer of the tree")
        if not is_id(name):
            raise TaxonomyError(f"{name!r} cannot be an id: use visible characters without white space, not '#' first")
        if name in by_id:
            raise TaxonomyError(f"id {name} is given to two paths; the second is '{format_path(path)}'")
        by_id[name] = node[path]
    return by_id
