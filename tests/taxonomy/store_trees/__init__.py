"""Store trees with the right taxonomy paths beside them, written by hand.

`bazaar` and `harbor` are made up and served to tune the matching. `kestrel` is made up too, `fashion-small` are the
store paths of the clothing in the data set of that name; both were looked at only once the matching was done. All four
go to `atlas52`; `general` (other goods) goes to `general.txt`. Where more than one path is right all are given, and
"none" where the tree has no place. `shops` are the demo's two, with the mapping that comes with them.
"""

import csv
from pathlib import Path

from atlas.demo.shops.goods import mapping_text
from atlas.taxonomy.files import load_taxonomy
from atlas.taxonomy.mapping import StorePath
from atlas.taxonomy.mapping_file import parse_mapping
from atlas.taxonomy.tree import parse_path

FOLDER = Path(__file__).parent
NAMES = ("bazaar", "harbor", "kestrel", "fashion-small", "shops", "general")


def store_tree(name):
    """The store paths, and for each the set of paths that are right (the empty one for "none")."""
    if name == "shops":
        rows = parse_mapping(mapping_text().encode()).rows
        return [StorePath(row.store, row.store_path) for row in rows], [{row.path} for row in rows]
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    right = [{() if text == "none" else parse_path(text) for text in row["right"].split(" | ")} for row in rows]
    return [StorePath(name, parse_path(row["store_path"])) for row in rows], right


def tree_of(name):
    """The taxonomy that a store tree is mapped to."""
    return load_taxonomy(FOLDER / "general.txt" if name == "general" else "atlas52")
