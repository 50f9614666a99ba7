"""Structured data of any syntax as one graph of nodes: dictionaries in the shape of JSON-LD."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from atlas.collect.reading.loose_json import read_json
from atlas.collect.text import clean_text

Node: TypeAlias = dict[str, Any]

#: Nodes of one page that are looked at.
MAX_NODES = 50_000
#: Values of one property that are looked at.
MAX_VALUES = 1_000
_PREFIXES = ("", "schema:", "http://schema.org/", "https://schema.org/")
#: Where pages put the thing that they are about.
_ABOUT = ("mainEntity", "mainEntityOfPage", "about")


@dataclass(frozen=True)
class Graph:
    """The nodes of a page: `roots` stand for themselves, `nodes` are all in order, `by_id` finds those with `@id`."""

    roots: tuple[Node, ...] = ()
    nodes: tuple[Node, ...] = ()
    by_id: Mapping[str, Node] = field(default_factory=dict)

    @staticmethod
    def of(values: Iterable[Any]) -> Graph:
        """The graph of values that were read: lists and `@graph` taken apart, what a page is about put beside it."""
        roots: list[Node] = []
        waiting = list(values)[::-1]
        while waiting and len(roots) < MAX_NODES:
            value = waiting.pop()
            if isinstance(value, list):
                waiting += value[::-1]
            elif isinstance(value, dict):
                roots.append(value)
                below = [value.get("@graph"), *(value.get(key) for key in _ABOUT)]
                waiting += [item for item in reversed(below) if isinstance(item, dict | list)]
        nodes = tuple(_all_nodes(roots))
        named = {node["@id"]: node for node in reversed(nodes) if isinstance(node.get("@id"), str) and _says_more(node)}
        return Graph(tuple(roots), nodes, named)

    def values(self, node: Node, *keys: str) -> list[Any]:
        """All values of the first of these properties that has any: lists flattened, references followed."""
        for key in keys:
            for prefix in _PREFIXES:
                if found := self._flat(node.get(prefix + key)):
                    return found
        return []

    def items(self, node: Node, *keys: str) -> list[Node]:
        """The values that are nodes themselves."""
        return [value for value in self.values(node, *keys) if isinstance(value, dict)]

    def text(self, node: Node, *keys: str) -> str:
        """The first of these properties that says something in words, be it by the `name` of a node."""
        for key in keys:
            for value in self.values(node, key):
                said = value.get("name", value.get("@value")) if isinstance(value, dict) else value
                if text := clean_text(said[0] if isinstance(said, list) and said else said):
                    return text
        return ""

    def _flat(self, value: Any) -> list[Any]:
        found: list[Any] = []
        waiting = [value]
        while waiting and len(found) < MAX_VALUES:
            item = waiting.pop()
            if isinstance(item, list):
                waiting += item[:MAX_VALUES][::-1]
            elif isinstance(item, dict) and "@list" in item:
                waiting.append(item["@list"])
            elif isinstance(item, dict) and "@value" in item:
                waiting.append(item["@value"] if not isinstance(item["@value"], dict) else None)
            elif item is not None and item != "":
                found.append(self._followed(item))
        return found

    def _followed(self, item: Any) -> Any:
        """The node that a bare reference means."""
        if isinstance(item, dict) and not _says_more(item):
            return self.by_id.get(str(item.get("@id")), item)
        return item


def kinds(node: Node) -> set[str]:
    """The names of a node's types, without the vocabulary they come from."""
    value = node.get("@type") or node.get("type")
    names = value if isinstance(value, list) else [value]
    return {
        name.rstrip("/#").replace("#", "/").replace(":", "/").rpartition("/")[2]
        for name in names[:20]
        if isinstance(name, str)
    }


def read_jsonld(scripts: Iterable[tuple[str, str]], notes: list[str]) -> Graph:
    """The graph of a page's JSON-LD, given type and text of its scripts; notes are added on blocks that are broken."""
    values: list[Any] = []
    blocks = (text for kind, text in scripts if kind.strip().lower().startswith("application/ld+json"))
    for number, text in enumerate((text for text in blocks if text.strip()), 1):
        try:
            found, mended = read_json(text)
        except ValueError as error:
            notes.append(f"JSON-LD: block {number} was skipped: {error}")
            continue
        values += found
        if mended:
            notes.append(f"JSON-LD: block {number} is broken and was mended")
    return Graph.of(values)


def _says_more(node: Node) -> bool:
    """Whether a node is more than a reference to one."""
    return not node.keys() <= {"@id", "@type"}


def _all_nodes(roots: Iterable[Node]) -> Iterator[Node]:
    waiting: list[Any] = list(roots)[::-1]
    seen: set[int] = set()
    while waiting and len(seen) < MAX_NODES:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value[::-1]
        elif isinstance(value, dict) and id(value) not in seen:
            seen.add(id(value))
            yield value
            waiting += [item for item in reversed(value.values()) if isinstance(item, dict | list)]
