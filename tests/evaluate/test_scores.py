import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.evaluate.intervals import resamples
from atlas.evaluate.scores import Scorecard, leaf_products
from atlas.taxonomy.tree import Taxonomy

from .synthetic import in_memory, tree_of

UNEVEN = Taxonomy([("Men", "Shirts"), ("Men", "Shirts", "Formal"), ("Men", "Jeans"), ("Bags",)])


def test_the_six_rows_by_hand(six):
    scores, counts = Scorecard(six.rows).scores()
    expected = {
        "level.1.accuracy": 4 / 6, "level.2.accuracy": 3 / 6, "name_accuracy": 4 / 6, "level.2.name_accuracy": 4 / 6,
        "micro.precision": 3 / 5, "micro.recall": 3 / 6, "micro.f1": 6 / 11, "macro.f1": 0.5, "weighted.f1": 10 / 18,
        "hierarchical.precision": 7 / 10, "hierarchical.recall": 7 / 12, "hierarchical.f1": 14 / 22,
        "tree_distance": 3, "level.1.coverage": 5 / 6, "level.1.accuracy_where_answered": 4 / 5, "top_k.1": 3 / 6,
        "level.1.micro.precision": 4 / 5, "level.1.micro.recall": 4 / 6,
    }  # fmt: skip
    assert {name: scores[name] for name in expected} == pytest.approx(expected)
    assert counts.truths.sum() == 6


def test_level_macro_by_hand(six):
    # Level 1: Men 3 truths, 2 guesses, 2 right; Women 3 truths, 3 guesses, 2 right.
    scores, _ = Scorecard(six.rows).scores()
    assert scores["level.1.macro.precision"] == pytest.approx((1 + 2 / 3) / 2)
    assert scores["level.1.macro.recall"] == pytest.approx(2 / 3)
    assert scores["level.1.macro.f1"] == pytest.approx((4 / 5 + 4 / 6) / 2)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 5), st.integers(0, 6)), min_size=2, max_size=25))
def test_a_resample_scores_like_a_file_in_which_products_stand_as_often(cases):
    """The weights are exact: repeating each product's rows gives the same figures (macro apart: see its docstring)."""
    truths, guesses, products = map(list, zip(*cases, strict=True))
    card = Scorecard(in_memory(UNEVEN, truths, guesses, products).rows)
    weights = next(resamples(card.products, draws=1, seed=3))
    drawn, _ = card.draw(weights)
    names = [f"p{n}" for n in sorted(set(products))]
    times = [int(weights[0, names.index(f"p{product}")]) for product in products]
    repeated = in_memory(UNEVEN, np.repeat(truths, times), np.repeat(guesses, times))
    scores, _ = Scorecard(repeated.rows).scores()
    for name in scores:
        if ".macro." not in f".{name}":
            assert drawn[name][0] == pytest.approx(scores[name], nan_ok=True), name


def test_a_truth_known_no_deeper_counts_down_to_its_depth_and_for_no_leaf():
    tree = Taxonomy([("Men", "Shirts"), ("Men", "Jeans"), ("Women", "Jeans")])
    men = tree.node(("Men",))
    file = in_memory(
        tree,
        [men, men, tree.node("Men > Shirts")],
        [tree.node(p) for p in ("Men > Jeans", "Women > Jeans", "Men > Shirts")],
    )
    scores, counts = Scorecard(file.rows).scores()
    assert scores["level.1.accuracy"] == pytest.approx(2 / 3)
    assert scores["level.2.accuracy"] == 1
    assert counts.truths.sum() == 1
    assert scores["name_accuracy"] == scores["micro.f1"] == 1
    assert scores["hierarchical.precision"] == pytest.approx(3 / 4)  # guesses are cut: Men, Women, Men > Shirts
    assert scores["tree_distance"] == 2  # Men to Women


def test_an_inner_answer_is_a_leaf_of_its_own():
    shirts, formal = UNEVEN.node("Men > Shirts"), UNEVEN.node("Men > Shirts > Formal")
    scores, _ = Scorecard(in_memory(UNEVEN, [shirts, formal], [formal, shirts]).rows).scores()
    assert scores["micro.f1"] == 0
    assert scores["level.2.accuracy"] == 1
    assert scores["level.3.accuracy"] == 0  # only the second row reaches it
    assert scores["hierarchical.f1"] == pytest.approx(4 / 5)


def test_intervals_hold_the_score_and_shrink_with_products():
    tree = tree_of(12)
    random = np.random.default_rng(0)

    def width(count):
        truth = random.choice(np.array(tree.answers), size=count)
        guess = np.where(random.random(count) < 0.8, truth, random.choice(np.array(tree.answers), size=count))
        headline = Scorecard(in_memory(tree, truth, guess).rows).headline(draws=300)
        for name, (low, high) in headline.interval.items():
            assert low <= headline.value[name] <= high, name
        low, high = headline.interval["micro.f1"]
        return high - low

    assert width(200) > 2 * width(3200)


def test_views_of_a_product_are_no_further_evidence():
    tree = tree_of(6)
    random = np.random.default_rng(1)
    truth = np.repeat(random.choice(np.array(tree.answers), size=150), 8)
    guess = np.where(np.repeat(random.random(150) < 0.7, 8), truth, tree.answers[0])
    together = Scorecard(in_memory(tree, truth, guess, np.repeat(np.arange(150), 8)).rows).headline(draws=300)
    apart = Scorecard(in_memory(tree, truth, guess).rows).headline(draws=300)
    assert together.value["micro.f1"] == apart.value["micro.f1"]
    wide, narrow = ((h.interval["micro.f1"][1] - h.interval["micro.f1"][0]) for h in (together, apart))
    assert wide > 2 * narrow


def test_leaf_intervals_of_small_leaves_claim_no_certainty(six):
    headline = Scorecard(six.rows).headline(draws=200)
    number = six.rows.table.number["Women", "Jeans"]
    assert leaf_products(six.rows)[number] == 1
    low, high = headline.leaf_interval[:, six.rows.table.number["Men", "Jeans"]]
    assert (low, high) == (0, pytest.approx(0.975))


def test_the_interval_covers_the_true_accuracy_about_as_often_as_it_says():
    tree = tree_of(4)
    random = np.random.default_rng(7)
    covered = 0
    for trial in range(80):
        truth = random.choice(np.array(tree.answers), size=150)
        guess = np.where(random.random(150) < 0.85, truth, 0)
        low, high = (
            Scorecard(in_memory(tree, truth, guess).rows).headline(draws=150, seed=trial).interval["micro.recall"]
        )
        covered += low <= 0.85 <= high
    assert 0.88 <= covered / 80 <= 1
