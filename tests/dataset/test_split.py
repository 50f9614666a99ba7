import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.dataset.split import (
    MANY_PRODUCTS,
    OwnSplits,
    Shares,
    Twins,
    assign,
    count_views,
    group_rows,
    in_share,
    near,
    parse_splits,
    seeded_order,
)
from atlas.errors import UsageError


def keys(*values):
    return np.array(values, np.uint64)


def scattered(count, seed=0):
    return np.random.default_rng(seed).integers(1, 2**64, count, dtype=np.uint64)


def test_shares_and_own_splits_are_read():
    assert parse_splits("64/6/30") == Shares((0.64, 0.06, 0.3))
    own = parse_splits("train=a*.parquet,b.csv, test = year=2012/c.csv")
    assert own == OwnSplits({"train": ("a*.parquet", "b.csv"), "test": ("year=2012/c.csv",)})


@pytest.mark.parametrize(
    "text",
    ["60/40", "64/6/31", "0/50/50", "-1/1/100", "a/b/c", "", "test=a", "train=", "=a", "a b=c,train=d", "nan/0/0"],
)
def test_wrong_splits_are_refused(text):
    with pytest.raises(UsageError, match="--splits"):
        parse_splits(text)


def test_groups_join_products_through_pictures_and_pictures_through_products():
    #           product 1 and 2 share picture 5, 2 and 3 share 6; 4 is alone; blank pictures (0) tie nothing
    product = keys(1, 2, 2, 3, 4, 4, 9)
    alike = keys(5, 5, 6, 6, 0, 7, 0)
    group = group_rows(product, scattered(7), alike).of_row
    assert group[0] == group[1] == group[2] == group[3]
    assert group[4] == group[5]
    assert len({int(group[0]), int(group[4]), int(group[6])}) == 3


def test_a_size_chart_ties_no_shop_together_and_one_shirt_in_many_sizes_stays_one():
    shirts = [(number, number) for number in range(1, 11)]  # ten products, each with a picture of its own ..
    sizes = [(number, 100) for number in range(11, 18)]  # .. seven that show one shirt ..
    soon = [(number, 0) for number in range(18, 20)] + [(number, 200) for number in range(20, 26)]  # .. and no picture
    chart = [(number, 99) for number in range(1, 18)]  # a chart beside the pictures of all but the last
    product, alike = (np.array(column, np.uint64) for column in zip(*shirts, *sizes, *soon, *chart, strict=True))
    group = group_rows(product, scattered(len(product)), alike).of_row
    of = {int(one): int(number) for one, number in zip(product, group, strict=True)}
    assert len({of[number] for number in range(1, 11)}) == 10
    assert len({of[number] for number in range(11, 18)}) == 1
    assert len({of[number] for number in range(20, 26)}) == 1
    assert len(set(of.values())) == 10 + 1 + 2 + 1


def test_a_long_chain_is_one_group():
    count = 3000
    product = np.repeat(np.arange(1, count + 1, dtype=np.uint64), 2)
    alike = np.roll(np.repeat(np.arange(1, count + 1, dtype=np.uint64), 2), 1)
    assert set(group_rows(product, scattered(2 * count), alike).of_row) == {0}


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=40), st.randoms())
def test_groups_are_the_connected_parts_whatever_the_order(pairs, random):
    product = np.array([pair[0] for pair in pairs], np.uint64)
    alike = np.array([pair[1] for pair in pairs], np.uint64)
    picture = scattered(len(pairs))
    groups = group_rows(product, picture, alike)
    expected = by_walking(pairs)
    assert (groups.of_row[:, None] == groups.of_row[None]).tolist() == expected
    assert np.array_equal(groups.of_row[groups.first], np.arange(len(groups.first)))
    order = list(range(len(pairs)))
    random.shuffle(order)
    assert np.array_equal(group_rows(product[order], picture[order], alike[order]).of_row, groups.of_row[order])


def by_walking(pairs):
    """Which rows can be reached from which, by plain search."""
    shown_by = {picture: len({a for a, b in pairs if b == picture}) for _, picture in pairs}
    fewest = {product: min((shown_by[b] for a, b in pairs if a == product and b), default=0) for product, _ in pairs}
    ties = [b and (shown_by[b] < MANY_PRODUCTS or shown_by[b] == fewest[a]) for a, b in pairs]
    rows = list(zip(pairs, ties, strict=True))
    tied = [[a[0] == b[0] or (a[1] == b[1] and bool(one and other)) for b, other in rows] for a, one in rows]
    reach = np.array(tied)
    for _ in pairs:
        reach = reach @ reach
    return reach.tolist()


def split_of(product, path, shares=(0.64, 0.06, 0.3), seed=0):
    groups = group_rows(product, product, np.zeros(len(product), np.uint64))
    return assign(groups, path, shares, seed)


def test_every_path_has_its_share_and_products_stay_whole():
    product = np.repeat(scattered(1000), 2)
    path = np.repeat(np.arange(1000) % 5, 2).astype(np.int32)
    split = split_of(product, path)
    assert np.array_equal(split[::2], split[1::2])
    for kind in range(5):
        counts = np.bincount(split[path == kind], minlength=3)
        assert np.abs(counts - [256, 24, 120]).max() <= 2


@pytest.mark.parametrize("count", range(1, 12))
@pytest.mark.parametrize("shares", [(0.64, 0.06, 0.3), (0.1, 0.1, 0.8), (1.0, 0.0, 0.0)])
def test_train_has_some_of_every_path_however_few_there_are(count, shares):
    split = split_of(scattered(count), np.zeros(count, np.int32), shares)
    assert 0 in split
    assert set(split) <= {place for place, share in enumerate(shares) if share}


def test_the_split_depends_on_the_seed_but_not_on_the_order_of_rows():
    product, path = scattered(500), (np.arange(500) % 3).astype(np.int32)
    order = np.random.default_rng(1).permutation(500)
    split = split_of(product, path)
    assert np.array_equal(split_of(product[order], path[order]), split[order])
    assert not np.array_equal(split_of(product, path, seed=1), split)


def test_near_train_is_an_equal_picture_or_the_same_product_but_no_blank():
    product, alike = keys(1, 2, 1, 4, 5, 6), keys(7, 0, 8, 7, 0, 9)
    train = np.array([True, True, False, False, False, False])
    asked = np.array([False, False, True, True, True, True])
    none = np.empty(0, np.int64)
    assert near(product, Twins(alike, none, none), train, asked).tolist() == [False, False, True, True, False, False]
    assert not near(product, Twins(alike, none, none), train, np.zeros(6, bool)).any()


def test_near_train_knows_pairs_whose_groups_were_kept_apart():
    product, alike = keys(1, 2, 3, 4, 5), keys(1, 2, 3, 4, 5)
    train, asked = np.array([True, False, False, True, True]), np.array([False, True, True, False, False])
    twins = Twins(alike, np.array([0, 3, 1]), np.array([1, 4, 2]))
    assert near(product, twins, train, asked).tolist() == [False, True, False, False, False]


def test_the_stored_order_is_random_seeded_and_of_the_content():
    product, picture, view = scattered(300), scattered(300, 1), np.zeros(300, np.int32)
    order = seeded_order(product, picture, view, 0)
    assert sorted(order) == list(range(300))
    assert abs(np.corrcoef(order, np.arange(300))[0, 1]) < 0.2
    shuffled = np.random.default_rng(1).permutation(300)
    again = seeded_order(product[shuffled], picture[shuffled], view, 0)
    assert np.array_equal(product[shuffled][again], product[order])
    assert not np.array_equal(seeded_order(product, picture, view, 1), order)


def test_views_are_counted_within_a_product_unless_given():
    product = keys(0, 5, 0, 5, 5)
    assert count_views(product, np.array([-1, -1, -1, 7, -1], np.int32)).tolist() == [0, 0, 1, 7, 2]


def test_a_share_of_products_is_nested_and_decided_by_the_id_alone():
    ids = [f"p{number}" for number in range(20_000)]
    tenth, third, everyone = (in_share(ids, share) for share in (0.1, 0.3, 1.0))
    assert not (tenth & ~third).any()
    assert everyone.all()
    assert tenth.mean() == pytest.approx(0.1, abs=0.01)
    assert third.mean() == pytest.approx(0.3, abs=0.015)
    assert in_share(ids[::-1], 0.1)[::-1].tolist() == tenth.tolist()
    assert not in_share([], 0.5).size
