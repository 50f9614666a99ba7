import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.errors import DataError
from atlas.evaluate.comparison import compare, fall_p_value, holm, match
from atlas.evaluate.predictions import read_predictions
from atlas.taxonomy.tree import Taxonomy

from .synthetic import in_memory, row, tree_of, write


def drawn_pair(random, tree, products=240, skill=0.8, drop=None):
    """Two noisy copies of one model on the same products; `drop`: an answer and the share of it the new one loses."""
    answers = np.array(tree.answers)
    share = random.dirichlet(np.full(len(answers), 0.7))
    views = random.integers(1, 4, size=products)
    of_product = np.repeat(np.arange(products), views)
    truth = random.choice(answers, size=products, p=share)[of_product]
    ease = np.clip(random.normal(skill, 0.25, size=products), 0, 1)[of_product]
    view = np.concatenate([np.arange(n) for n in views])

    def one():
        return np.where(random.random(len(truth)) < ease, truth, random.choice(answers, size=len(truth)))

    new, old = one(), one()
    if drop:
        lost = (truth == drop[0]) & (random.random(len(truth)) < drop[1])
        new = np.where(lost, answers[answers != drop[0]][0], new)
    return (in_memory(tree, truth, guess, of_product, view) for guess in (new, old))


def test_sign_test_by_hand():
    assert fall_p_value(5, 0) == pytest.approx(1 / 32)
    assert fall_p_value(2, 0) == pytest.approx(1 / 4)  # two products can never be a fall
    assert fall_p_value(3, 1) == pytest.approx(5 / 16)
    assert (fall_p_value(0, 0), fall_p_value(0, 9)) == (1, pytest.approx(1))
    assert fall_p_value(3000, 2000) < 1e-40


@given(st.integers(0, 40), st.integers(0, 40))
def test_sign_test_is_the_binomial_tail(worse, better):
    total = worse + better
    exact = sum(math.comb(total, k) for k in range(worse, total + 1)) / 2**total
    assert fall_p_value(worse, better) == pytest.approx(exact)


def test_holm_by_hand():
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.5, 0.9]) == [1, 1]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_keeps_order_and_lies_between_nothing_and_bonferroni(p_values):
    corrected = holm(p_values)
    for p, q in zip(p_values, corrected, strict=True):
        assert p <= q <= min(1, p * len(p_values)) + 1e-12
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(np.array(corrected)[order]) >= 0).all()


def test_a_file_against_itself_differs_by_nothing(six):
    comparison = compare(six, six, draws=50)
    assert comparison.fell == ()
    assert all(low == high == 0 for low, high in comparison.interval.values() if not math.isnan(low))
    assert all((change.worse, change.better, change.p) == (0, 0, 1) for change in comparison.leaves)


def test_a_mistake_touches_the_leaf_it_leaves_and_the_leaf_it_enters():
    tree = Taxonomy([("A", "x"), ("A", "y"), ("B", "z")])
    x, y, z = tree.answers
    old = in_memory(tree, [x, x, y, z], [x, x, y, z])
    new = in_memory(tree, [x, x, y, z], [x, y, y, z])
    changes = {change.path: change for change in compare(new, old, draws=20).leaves}
    assert {path[-1]: (change.worse, change.better) for path, change in changes.items()} == {
        "x": (1, 0), "y": (1, 0), "z": (0, 0),
    }  # fmt: skip
    assert changes["A", "x"].new_f1 == pytest.approx(2 / 3)
    assert changes["A", "y"].new_f1 == pytest.approx(2 / 3)


def test_two_noisy_copies_of_one_model_are_rarely_told_apart():
    random = np.random.default_rng(11)
    flagged = 0
    for _ in range(120):
        new, old = drawn_pair(random, tree_of(12), products=int(random.integers(20, 300)))
        flagged += bool(compare(new, old, draws=2).fell)
    assert flagged / 120 <= 0.05


def test_a_real_drop_in_one_big_leaf_is_caught_and_named():
    random = np.random.default_rng(5)
    tree = tree_of(12)
    answers = np.array(tree.answers)
    caught = 0
    for _ in range(10):
        new, old = drawn_pair(random, tree, products=600)
        biggest = int(np.bincount(new.rows.truth).argmax())
        node = next(n for n in answers if new.rows.table.number[tree.paths[n]] == biggest)
        new, old = drawn_pair(np.random.default_rng(int(node)), tree, products=600)
        biggest = tree.node(new.rows.table.paths[int(np.bincount(new.rows.truth).argmax())])
        new, old = drawn_pair(np.random.default_rng(int(node)), tree, products=600, drop=(biggest, 0.35))
        fell = compare(new, old, draws=20).fell
        caught += tree.paths[biggest] in {change.path for change in fell}
    assert caught == 10


def test_a_leaf_of_two_products_is_never_flagged():
    tree = tree_of(6)
    a, b, *others = tree.answers
    truth = [a, a] + [b] * 40
    old = in_memory(tree, truth, truth)
    new = in_memory(tree, truth, [others[0], others[1]] + [b] * 40)
    comparison = compare(new, old, draws=100)
    assert comparison.fell == ()
    worst = comparison.leaves[0]
    assert (worst.path, worst.new_f1, worst.products) == (tree.paths[a], 0, 2)


def test_a_loss_spread_over_all_leaves_is_caught_by_the_whole():
    tree = tree_of(30)
    answers = np.array(tree.answers)
    truth = np.repeat(answers, 10)
    wrong = np.arange(len(truth)) % 10 == 0  # one product of ten in every leaf
    new = in_memory(tree, truth, np.where(wrong, np.roll(truth, 10), truth))
    fell = compare(new, in_memory(tree, truth, truth), draws=50).fell
    assert [change.path for change in fell] == [()]


def test_a_better_model_never_fell():
    random = np.random.default_rng(2)
    old, new = drawn_pair(random, tree_of(8), drop=(tree_of(8).answers[0], 0.9))
    assert compare(new, old, draws=20).fell == ()


def test_rows_match_by_product_and_view_in_any_order():
    tree = tree_of(6)
    truth = list(tree.answers)
    new = in_memory(tree, truth, truth, products=[0, 0, 1, 1, 2, 3], views=[0, 1, 0, 1, 0, 0])
    old = in_memory(tree, truth[::-1], truth[::-1], products=[3, 2, 1, 1, 0, 0], views=[0, 0, 1, 0, 1, 0])
    matched = match(new, old)
    assert len(matched.new) == 6
    assert (matched.new.truth == matched.old.truth).all()
    assert (matched.new.product == matched.old.product).all()


def test_rows_that_do_not_match_are_counted():
    tree = tree_of(6)
    truth = [tree.answers[0]] * 5
    new = in_memory(tree, truth, truth, products=[0, 1, 2, 2, 9])
    old = in_memory(tree, truth[:4], truth[:4], products=[0, 1, 2, 5])
    matched = match(new, old)
    assert len(matched.new) == 2
    assert matched.left_out == {
        "only in the new file": 1, "only in the old file": 2, "same product_id and view twice": 2,
        "truths contradict": 0,
    }  # fmt: skip


def test_files_of_other_pictures_are_refused():
    tree = tree_of(6)
    truth = [tree.answers[0]] * 4
    new = in_memory(tree, truth, truth, products=[0, 1, 2, 3])
    with pytest.raises(DataError, match="only 1 of 4 rows"):
        match(new, in_memory(tree, truth, truth, products=[3, 4, 5, 6]))


def test_a_coarser_tree_is_judged_to_the_depth_that_both_know(tmp_path):
    fine = Taxonomy([("Men", "Shirts", "Formal"), ("Men", "Shirts", "Casual"), ("Men", "Jeans")])
    coarse = Taxonomy([("Men", "Shirts"), ("Men", "Jeans")])
    new_rows = [
        row("a", "Men > Shirts > Formal", "Men > Shirts > Casual", fine),
        row("b", "Men > Jeans", "Men > Jeans", fine),
    ]
    old_rows = [row("a", "Men > Shirts", "Men > Shirts", coarse), row("b", "Men > Jeans", "Men > Shirts", coarse)]
    new = read_predictions(write(tmp_path / "new.parquet", new_rows, fine))
    old = read_predictions(write(tmp_path / "old.parquet", old_rows, coarse))
    comparison = compare(new, old, draws=20)
    assert (comparison.old["micro.f1"], comparison.new["micro.f1"]) == (0.5, 1.0)
    assert {change.path for change in comparison.leaves} == {("Men", "Shirts"), ("Men", "Jeans")}
    assert not any(name.startswith("top_k") for name in comparison.interval)


def test_rows_with_contradicting_truths_are_left_out(tmp_path, tree):
    new_rows = [row(name, "Men > Shirts", "Men > Shirts", tree) for name in "ab"]
    old_rows = [row("a", "Men > Shirts", "Men > Jeans", tree), row("b", "Women > Jeans", "Women > Jeans", tree)]
    new, old = (
        read_predictions(write(tmp_path / f"{name}.parquet", rows, tree))
        for name, rows in (("new", new_rows), ("old", old_rows))
    )
    matched = match(new, old)
    assert (len(matched.new), matched.left_out["truths contradict"]) == (1, 1)
    assert matched.new.product_ids == ("a",)


def test_labels_that_share_nothing_are_refused(tmp_path, tree):
    new, old = (
        read_predictions(write(tmp_path / f"{name}.parquet", [row("a", truth, truth, tree)], tree))
        for name, truth in (("new", "Men > Shirts"), ("old", "Women > Jeans"))
    )
    with pytest.raises(DataError, match="no truth"):
        match(new, old)
