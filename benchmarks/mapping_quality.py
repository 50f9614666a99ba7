"""How often the first suggestion for a store path is right, beside what plain matching of whole paths finds.

    python benchmarks/mapping_quality.py

Goes by the store trees in tests/taxonomy/store_trees, where each store path has its right paths beside it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rapidfuzz import fuzz, process
from sklearn.feature_extraction.text import TfidfVectorizer

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.taxonomy.store_trees import NAMES, store_tree, tree_of

from atlas.taxonomy.mapping import StorePath
from atlas.taxonomy.suggest import suggest_paths
from atlas.taxonomy.tree import Taxonomy, format_path

Guess = Callable[[Sequence[StorePath], Taxonomy], list[tuple[str, ...]]]


def atlas(store_paths: Sequence[StorePath], tree: Taxonomy) -> list[tuple[str, ...]]:
    return [suggestion.path for suggestion in suggest_paths(store_paths, tree)]


def tokens(store_paths: Sequence[StorePath], tree: Taxonomy) -> list[tuple[str, ...]]:
    """rapidfuzz's token_set_ratio of whole paths, in lower case."""
    paths = [tree.paths[node] for node in tree.answers]
    texts = [format_path(path).lower() for path in paths]
    found = (
        process.extractOne(format_path(here.path).lower(), texts, scorer=fuzz.token_set_ratio) for here in store_paths
    )
    return [paths[place] for _, _, place in found]


def letters(store_paths: Sequence[StorePath], tree: Taxonomy) -> list[tuple[str, ...]]:
    """The cosine of tf-idf over 2 to 4 letters, by scikit-learn."""
    paths = [tree.paths[node] for node in tree.answers]
    texts = [format_path(path) for path in paths]
    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4)).fit(texts)
    alike = vectors.transform([format_path(here.path) for here in store_paths]) @ vectors.transform(texts).T
    return [paths[place] for place in alike.toarray().argmax(axis=1)]


def main() -> None:
    ways: dict[str, Guess] = {"atlas": atlas, "token_set_ratio": tokens, "tf-idf of letters": letters}
    print("| store tree | store paths | with a place | " + " | ".join(ways) + " | scored 0.8 or more, right |")
    print("|---" * (4 + len(ways)) + "|")
    for name in NAMES:
        store_paths, right = store_tree(name)
        counts = [
            sum(path in paths for path, paths in zip(guess(store_paths, tree_of(name)), right, strict=True))
            for guess in ways.values()
        ]
        placed = sum(() not in paths for paths in right)
        sure = [
            suggestion.path in paths
            for suggestion, paths in zip(suggest_paths(store_paths, tree_of(name)), right, strict=True)
            if suggestion.score >= 0.8
        ]
        cells = [name, len(store_paths), placed, *counts, f"{len(sure)}, {sum(sure)}"]
        print("| " + " | ".join(map(str, cells)) + " |")


if __name__ == "__main__":
    main()
