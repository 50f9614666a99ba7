"""A tree drafted from stores: the paths that several of them share, whatever their spelling (paper section 3.1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from atlas.errors import NothingDoneError, UsageError
from atlas.records import Path
from atlas.taxonomy.files import format_taxonomy
from atlas.taxonomy.mapping import StorePath
from atlas.taxonomy.tree import Taxonomy, format_path
from atlas.taxonomy.words import name_key

#: Paths that too few stores share, as far as the text lists them.
LISTED = 200


@dataclass(frozen=True)
class Shared:
    """One path of a draft: the products of each store at or below it, and each store's own spelling of it."""

    path: Path
    products: dict[str, int]
    spelled: dict[str, Path]


@dataclass(frozen=True)
class Draft:
    """A tree drafted from stores."""

    taxonomy: Taxonomy
    shared: tuple[Shared, ...]  # every node but the root, in the tree's order
    alone: tuple[Shared, ...]  # paths that too few stores have, most products first
    products: dict[str, int]  # of each store
    roots: dict[str, str]  # store -> the first level that all its paths have and no other store, which was left out
    levels: int
    min_stores: int


@dataclass
class _Node:
    products: Counter[str] = field(default_factory=Counter)  # by store
    spelled: dict[str, Counter[Path]] = field(default_factory=dict)  # by store, as far as this node
    children: dict[str, _Node] = field(default_factory=dict)  # by key


def draft_tree(store_paths: Iterable[StorePath], levels: int = 3, min_stores: int = 2) -> Draft:
    """The tree of the paths that at least `min_stores` stores share, cut at `levels`; deeper paths fold into those.

    Names count as equal that differ in case, plural, spaces, `&` and `and`; each node is spelled as most products are.
    A first level that is all of one store's and no other's (`Clothing > ...`) is left out. Raises UsageError when there
    are fewer stores, NothingDoneError when they share nothing.
    """
    found = list(store_paths)
    products: Counter[str] = Counter()
    for here in found:
        products[here.store] += here.products
    if len(products) < min_stores:
        raise UsageError(
            f"{len(products)} stores in the sources ({', '.join(sorted(products)) or 'none'}), and a path must be in "
            f"{min_stores}: name more of them, or lower --min-stores"
        )
    roots = _own_roots(found)
    top = _Node()
    for here in found:
        _plant(top, here, levels, 1 if here.store in roots else 0)
    shared = list(_shared(top, (), min_stores))
    if not shared:
        raise NothingDoneError(
            f"no path is in {min_stores} of {len(products)} stores: see what they have with --min-stores 1"
        )
    parents = {here.path[:-1] for here in shared}
    tree = Taxonomy([here.path for here in shared if here.path not in parents])
    place = {path: node for node, path in enumerate(tree.paths)}
    alone = sorted(_alone(top, (), min_stores), key=lambda here: (-sum(here.products.values()), here.path))
    return Draft(
        tree,
        tuple(sorted(shared, key=lambda here: place[here.path])),
        tuple(alone),
        dict(sorted(products.items())),
        roots,
        levels,
        min_stores,
    )


def format_draft(draft: Draft) -> str:
    """The draft as a taxonomy file: above each path its stores with their products and other spellings, as comments."""
    lines = format_taxonomy(draft.taxonomy).splitlines()
    nodes = [draft.taxonomy.paths[node] for node in draft.taxonomy.answers]
    by_path = {here.path: here for here in draft.shared}
    counted = ", ".join(f"{store} ({count:,} products)" for store, count in draft.products.items())
    text = [
        f"# Drafted from {counted}.",
        f"# Paths that at least {draft.min_stores} of these {len(draft.products)} stores have, down to level "
        f"{draft.levels}. The figures are products at or below.",
        *(f"# Left out above all paths of {store}: {root}" for store, root in draft.roots.items()),
        *lines[: len(lines) - len(nodes)],
    ]
    for path, line in zip(nodes, lines[len(lines) - len(nodes) :], strict=True):
        text += [f"# {_told(by_path[path])}", line]
    if draft.alone:
        text += ["#", f"# In fewer than {draft.min_stores} stores, most products first:"]
        text += [f"# {format_path(here.path)}: {_told(here)}" for here in draft.alone[:LISTED]]
    if len(draft.alone) > LISTED:
        text.append(f"# and {len(draft.alone) - LISTED:,} more")
    return "\n".join(text) + "\n"


def _told(here: Shared) -> str:
    """Stores with their products, most first, and how they spell the path where they do so otherwise."""
    ranked = sorted(here.products.items(), key=lambda entry: (-entry[1], entry[0]))
    return ", ".join(
        f"{store} {count:,}"
        + (f" as '{format_path(spelled)}'" if (spelled := here.spelled[store]) != here.path else "")
        for store, count in ranked
    )


def _own_roots(found: Sequence[StorePath]) -> dict[str, str]:
    """Each store's first level that all its paths lie below and that no other store has at all."""
    firsts: dict[str, set[str]] = {}
    for here in found:
        if here.path:
            firsts.setdefault(here.store, set()).add(_key(here.path[0]))
    roots = {}
    for store, keys in firsts.items():
        others = set().union(*(other for name, other in firsts.items() if name != store))
        deep = all(len(here.path) > 1 for here in found if here.store == store)
        if len(firsts) > 1 and len(keys) == 1 and not keys & others and deep:
            roots[store] = min(here.path[0] for here in found if here.store == store)
    return roots


def _plant(node: _Node, here: StorePath, levels: int, first: int) -> None:
    """Count a store path at every node on its way, from level `first` on."""
    for depth in range(first, min(len(here.path), first + levels)):
        node = node.children.setdefault(_key(here.path[depth]), _Node())
        node.products[here.store] += here.products
        node.spelled.setdefault(here.store, Counter())[here.path[: depth + 1]] += max(here.products, 1)


def _key(name: str) -> str:
    return name_key(name) or name.casefold()


def _shared(node: _Node, path: Path, min_stores: int) -> Iterator[Shared]:
    """The nodes below that enough stores have, parents before children, by name."""
    for name, child in _named(node):
        if len(child.products) >= min_stores:
            here = (*path, name)
            yield _as_shared(child, here)
            yield from _shared(child, here, min_stores)


def _alone(node: _Node, path: Path, min_stores: int) -> Iterator[Shared]:
    """The highest nodes below that too few stores have."""
    for name, child in _named(node):
        here = (*path, name)
        if len(child.products) < min_stores:
            yield _as_shared(child, here)
        else:
            yield from _alone(child, here, min_stores)


def _named(node: _Node) -> list[tuple[str, _Node]]:
    """The children with the spelling that most products have, sorted by it."""
    named = []
    for child in node.children.values():
        spellings: Counter[str] = Counter()
        for paths in child.spelled.values():
            for path, count in paths.items():
                spellings[path[-1]] += count
        named.append((min(spellings, key=lambda name: (-spellings[name], name)), child))
    return sorted(named, key=lambda entry: entry[0])


def _as_shared(node: _Node, path: Path) -> Shared:
    spelled = {store: min(paths, key=lambda path: (-paths[path], path)) for store, paths in node.spelled.items()}
    return Shared(path, dict(node.products), spelled)
