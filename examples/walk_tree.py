"""Prints the categories below a place of a tree: `python examples/walk_tree.py "Women > Western Wear"`."""

import sys

import atlas

tree = atlas.load_taxonomy("atlas52")
node = tree.node(sys.argv[1])
print(" > ".join(tree.paths[node]), f"has {len(tree.children(node))} children")
for child in tree.children(node):
    print(" ", tree.paths[child][-1])
