import csv
from collections import Counter

import pytest
from PIL import Image

from atlas.clean.descriptor import describe
from atlas.clean.duplicates import LIMIT, apart
from atlas.demo.heads import STYLES
from atlas.demo.people import HAIRSTYLES
from atlas.demo.shelves import LEAVES
from atlas.demo.store import COLUMNS, HEIGHT_PX, VIEWS, WIDTH_PX, Product, draw, draw_store, invent_store, jpeg
from atlas.errors import UsageError
from atlas.images import pixel_hash
from atlas.taxonomy.files import load_taxonomy
from atlas.taxonomy.tree import Taxonomy, parse_path


def views_of(leaf):
    return [view for view in VIEWS if view != "laid" or leaf.lies_flat]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return draw_store(tmp_path_factory.mktemp("demo") / "store", products=8, seed=3)


def test_the_tree_has_three_levels_and_real_names():
    tree = Taxonomy(leaf.path for leaf in LEAVES)
    assert len(tree.leaves) >= 16
    assert {len(leaf.path) for leaf in LEAVES} == {3}
    assert {leaf.gender for leaf in LEAVES} == {"Men", "Women"}
    assert all(leaf.path in load_taxonomy("atlas52") for leaf in LEAVES)
    assert all(len(tree.children(tree.parent[node])) > 1 for node in tree.leaves if tree.paths[node][1] != "Inner Wear")


def test_garments_that_both_wear_are_there_twice():
    names = Counter(leaf.path[-1] for leaf in LEAVES)
    assert {name for name, count in names.items() if count == 2} == {"Jeans", "Shorts"}


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.name)
def test_every_leaf_draws_every_view(leaf):
    product = Product.invent(leaf, 0, seed=0)
    pictures = [draw(product, view) for view in views_of(leaf)]
    assert all(picture.size == (WIDTH_PX, HEIGHT_PX) and picture.mode == "RGB" for picture in pictures)
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)


def test_the_same_seed_draws_the_same_bytes():
    first, again = (jpeg(draw(Product.invent(LEAVES[5], 2, seed=4), "close")) for _ in range(2))
    assert first == again
    assert jpeg(draw(Product.invent(LEAVES[5], 2, seed=5), "close")) != first


def test_products_of_one_leaf_differ():
    fronts = [draw(Product.invent(LEAVES[0], number, seed=0), "front") for number in range(8)]
    assert len({pixel_hash(front) for front in fronts}) == 8


def test_a_product_looks_the_same_on_every_picture():
    product, same = (Product.invent(LEAVES[3], 7, seed=1) for _ in range(2))
    assert (product.look, product.person, product.title, product.price) == (
        same.look,
        same.person,
        same.title,
        same.price,
    )
    assert 2 <= len(product.views) <= len(VIEWS)


def test_a_larger_picture_shows_the_same():
    product = Product.invent(LEAVES[18], 0, seed=0)
    large = draw(product, "front", scale=2)
    assert large.size == (2 * WIDTH_PX, 2 * HEIGHT_PX)
    small = draw(product, "front")
    assert apart(describe(large), describe(small)) < LIMIT


def test_the_leaves_come_in_turn():
    assert [product.leaf for product in invent_store(len(LEAVES) + 1)] == [*LEAVES, LEAVES[0]]
    assert len({product.product_id for product in invent_store(60)}) == 60


def test_the_table_names_pictures_that_are_there(store):
    with store.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == COLUMNS
    assert len({row["product_id"] for row in rows}) == 8
    assert len(list((store.parent / "images").iterdir())) == len(rows)
    for row in rows:
        assert parse_path(row["path"]) in {leaf.path for leaf in LEAVES}
        assert row["title"]
        assert int(row["price"]) > 0
        with Image.open(store.parent / row["image"]) as picture:
            assert picture.format == "JPEG"


def test_titles_are_one_product_each(store):
    with store.open(encoding="utf-8", newline="") as stream:
        titles = {(row["product_id"], row["title"], row["price"]) for row in csv.DictReader(stream)}
    assert len(titles) == 8


def test_an_existing_store_is_kept_unless_told_otherwise(store):
    before = store.read_bytes()
    with pytest.raises(UsageError, match="exists already"):
        draw_store(store.parent, products=2)
    assert store.read_bytes() == before


def test_every_hairstyle_can_be_drawn():
    assert {gender: sorted(styles) for gender, styles in STYLES.items()} == {
        gender: list(names) for gender, names in HAIRSTYLES.items()
    }
