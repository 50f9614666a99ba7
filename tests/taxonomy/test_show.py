from hypothesis import given

from atlas.taxonomy.show import count_products, tree_rows
from atlas.taxonomy.tree import Taxonomy

from .trees import taxonomies

SHOP = Taxonomy([("Men", "Shirts", "Slim"), ("Men", "Shirts", "Wide"), ("Men", "Belts"), ("Gifts",)])


def test_a_drawn_tree_by_hand():
    drawn = [(row.branch + row.path[-1], row.leaves) for row in tree_rows(SHOP)]
    assert drawn == [("Men", 3), ("├─ Shirts", 2), ("│  ├─ Slim", 1), ("│  └─ Wide", 1), ("└─ Belts", 1), ("Gifts", 1)]


def test_products_add_up_and_unknown_ones_count_where_the_tree_ends():
    products = {("Men", "Shirts", "Slim"): 4, ("Men", "Shirts"): 2, ("Men", "Shirts", "New"): 1, ("Pets",): 9}
    counts = {row.path[-1]: row.products for row in tree_rows(SHOP, products)}
    assert counts == {"Men": 7, "Shirts": 7, "Slim": 4, "Wide": 0, "Belts": 0, "Gifts": 0}


def test_levels_cut_the_tree_but_not_the_counts():
    assert [(row.path[-1], row.leaves) for row in tree_rows(SHOP, levels=1)] == [("Men", 3), ("Gifts", 1)]


def test_a_product_counts_once():
    rows = [("1", ("A",)), ("1", ("A",)), ("2", ("A",)), ("3", ("B",))]
    assert count_products(rows) == {("A",): 2, ("B",): 1}


@given(taxonomies())
def test_every_node_has_a_row_and_leaves_add_up(tree):
    rows = tree_rows(tree, dict.fromkeys([tree.paths[node] for node in tree.answers], 1))
    assert [row.node for row in rows] == list(range(1, len(tree)))
    assert sum(row.leaves for row in rows if len(row.path) == 1) == len(tree.leaves)
    assert sum(row.products for row in rows if len(row.path) == 1) == len(tree.answers)
    assert all(len(row.branch) == 3 * (len(row.path) - 1) for row in rows)
