"""What changed between two trees, and a tree with more paths."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from atlas.errors import TaxonomyError
from atlas.records import Path
from atlas.taxonomy.tree import Taxonomy, format_path, parse_path


@dataclass(frozen=True)
class Difference:
    """The answers that a second tree gained, lost and moved; empty when nothing but order or ids changed."""

    added: tuple[Path, ...]
    removed: tuple[Path, ...]
    moved: tuple[tuple[Path, Path], ...]  # old path, new path
    new_ids: tuple[tuple[Path, str | None, str | None], ...]  # path, old id, new id
    reordered: bool  # the same paths in another order, which gives other node numbers

    def __bool__(self) -> bool:
        """Whether the trees differ at all."""
        return bool(self.added or self.removed or self.moved or self.new_ids or self.reordered)


def compare(old: Taxonomy, new: Taxonomy) -> Difference:
    """What `new` has that `old` had not, by answers.

    An answer moved when its id stayed and its path did not, or when exactly one lost and one gained path end in the
    same name.
    """
    before = dict.fromkeys(old.paths[node] for node in old.answers)
    after = dict.fromkeys(new.paths[node] for node in new.answers)
    removed = [path for path in before if path not in after]
    added = [path for path in after if path not in before]
    moved = _moved_by_id(old, new, removed, added)
    moved |= _moved_by_name([path for path in removed if path not in moved], set(added) - set(moved.values()))
    targets = set(moved.values())
    return Difference(
        added=tuple(path for path in added if path not in targets),
        removed=tuple(path for path in removed if path not in moved),
        moved=tuple(moved.items()),
        new_ids=tuple(
            (path, old.ids.get(path), new.ids.get(path))
            for path in before
            if path in after and old.ids.get(path) != new.ids.get(path)
        ),
        reordered=set(before) == set(after) and old.paths != new.paths,
    )


def _moved_by_id(old: Taxonomy, new: Taxonomy, removed: Iterable[Path], added: Iterable[Path]) -> dict[Path, Path]:
    target_of = {new.ids[path]: path for path in added if path in new.ids}
    return {path: target_of[old.ids[path]] for path in removed if old.ids.get(path) in target_of}


def _moved_by_name(removed: Iterable[Path], added: Iterable[Path]) -> dict[Path, Path]:
    sources, targets = _by_last_name(removed), _by_last_name(added)
    return {
        paths[0]: targets[name][0] for name, paths in sources.items() if len(paths) == 1 == len(targets.get(name, ()))
    }


def _by_last_name(paths: Iterable[Path]) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in paths:
        found.setdefault(path[-1].casefold(), []).append(path)
    return found


def added_paths(tree: Taxonomy, texts: Iterable[str]) -> tuple[Taxonomy, list[str]]:
    """The tree with more answers, written as `"A > B"`, and those of their names that its vocabulary lacks.

    An inner node that was no answer may become one. Raises TaxonomyError for a path that is an answer already.
    """
    answers = [tree.paths[node] for node in tree.answers]
    known, words = set(answers), dict[str, None]()
    for path in map(parse_path, texts):
        if path in known:
            raise TaxonomyError(f"'{format_path(path)}' is an answer of the tree already")
        known.add(path)
        answers.append(path)
        words |= dict.fromkeys(name for name in path if name not in tree.vocabulary)
    return Taxonomy(answers, tree.ids), list(words)
