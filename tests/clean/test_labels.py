import sys

import numpy as np
import pytest

from atlas.clean import labels as room
from atlas.clean.labels import check_labels, confident_joint, deal_groups, pool, score_labels, tree_distances
from atlas.errors import MissingExtraError, NothingDoneError

PATHS = [("Men", "Shirts"), ("Men", "Shorts"), ("Women", "Shirts"), ("Women", "Skirts")]
SURE = np.ones(1, dtype=np.bool_)


def clouds(per_label=60, spread=0.35, seed=0):
    """Four clouds of points around the corners of a square, one for each path, and what they are."""
    random = np.random.default_rng(seed)
    truth = np.repeat(np.arange(4), per_label)
    corners = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0], [1, 1, 1]], np.float32)
    return (corners[truth] + spread * random.normal(size=(len(truth), 3))).astype(np.float32), truth


def test_flipped_labels_come_first_with_the_truth_beside():
    features, truth = clouds(200, spread=0.15)
    given = truth.copy()
    given[[3, 270, 530, 700]] = [1, 0, 3, 0]
    found = check_labels(features, given, np.arange(len(given)), PATHS)
    assert set(found.order[:4].tolist()) == {3, 270, 530, 700}
    assert found.suggested[[3, 270, 530, 700]].tolist() == truth[[3, 270, 530, 700]].tolist()
    assert 2 <= found.suspect.sum() <= 4
    assert found.suspect[found.order[:2]].all()
    assert 2 <= found.estimate <= 12
    assert found.agreement > 0.9
    assert found.strength in room.STRENGTHS


def test_near_copies_do_not_vouch_for_each_other():
    """Ten copies of a shirt, all labelled as skirts: judged one by one, each finds nine others like it."""
    features, truth = clouds()
    features = np.concatenate([features, np.repeat(features[:1], 10, axis=0)])
    labels = np.concatenate([truth, np.full(10, 3)])
    alone = np.arange(len(labels))
    together = np.concatenate([np.arange(len(truth)), np.full(10, len(truth))])
    apart, whole = (check_labels(features, labels, groups, PATHS) for groups in (alone, together))
    assert whole.score[-10:].max() < apart.score[-10:].min()
    assert set(whole.order[:10].tolist()) == set(range(len(truth), len(truth) + 10))


def test_pictures_of_one_product_share_a_verdict_and_weigh_together():
    """Two pictures against the label weigh more than one; a picture for it lifts the other; labels stay apart."""
    chance = np.array([[0.2, 0.8], [0.2, 0.8], [0.2, 0.8], [0.8, 0.2], [0.2, 0.8], [0.2, 0.8]], np.float32)
    labels = np.array([0, 0, 0, 0, 0, 1])
    products = np.array([7, 7, 8, 8, 9, 9])
    found = pool(chance, labels, products)
    assert np.allclose(found.sum(axis=1), 1)
    assert np.array_equal(found[0], found[1])
    assert 0.8 < found[0, 1] < 0.8**2 / (0.8**2 + 0.2**2)
    assert np.allclose(found[2:4], 0.5)
    assert np.allclose(found[4:], chance[4:])
    assert pool(chance, labels, np.arange(6)) is chance


def test_a_product_with_several_pictures_is_judged_by_all_of_them():
    features, truth = clouds(spread=0.3)
    products = np.arange(len(truth)) // 3
    labels = truth.copy()
    labels[:3] = 1
    alone, together = (check_labels(features, labels, products, PATHS, products=each) for each in (None, products))
    assert len(set(together.score[:3].tolist())) == 1
    assert together.score[0] < alone.score[:3].max()


def test_groups_stay_whole_and_labels_are_dealt_evenly():
    random = np.random.default_rng(1)
    groups = random.integers(0, 200, 1000)
    labels = groups % 3
    fold = deal_groups(labels, groups, 5, 0)
    assert all(len(set(fold[groups == group])) == 1 for group in set(groups.tolist()))
    for label in range(3):
        here = {group: fold[groups == group][0] for group in set(groups[labels == label].tolist())}
        counts = np.bincount(list(here.values()), minlength=5)
        assert counts.max() - counts.min() <= 1
    assert np.array_equal(fold, deal_groups(labels, groups, 5, 0))
    assert not np.array_equal(fold, deal_groups(labels, groups, 5, 1))


def test_a_label_with_few_rows_is_not_judged():
    features, truth = clouds()
    labels = truth.copy()
    labels[:4] = 4  # a path of four pictures
    found = check_labels(features, labels, np.arange(len(labels)), [*PATHS, ("Men", "Rare")])
    assert not found.judged[:4].any()
    assert (found.score[:4] == 1).all()
    assert not set(found.order.tolist()) & {0, 1, 2, 3}
    assert found.judged[4:].all()


def test_one_label_cannot_be_told_from_others():
    features, truth = clouds()
    with pytest.raises(NothingDoneError, match="nothing to tell apart"):
        check_labels(features, np.zeros_like(truth), np.arange(len(truth)), PATHS)
    with pytest.raises(NothingDoneError, match="nothing to tell apart"):  # two labels, but one group
        check_labels(features, truth % 2, np.zeros_like(truth), PATHS)


def test_tree_distances_by_hand():
    """Levels shared: Shirts and Shorts of Men 1 of 2+2; nothing across; Men above its own Shirts 1 of 1+2."""
    kin, distance = tree_distances([("Men", "Shirts"), ("Men", "Shorts"), ("Women", "Shirts"), ("Men",)])
    assert distance[0].tolist() == pytest.approx([0, 1 / 2, 1, 1 / 3])
    assert kin[0].tolist() == [True, False, False, True]
    assert np.array_equal(distance, distance.T)


def test_the_score_by_hand(monkeypatch):
    """One row labelled Men > Shirts at .2, Men > Shorts .5, Women > Shirts .3, and noise that says nothing.

    Odds of the best other 2.5, distance 1/2: the score is 1 / (1 + 2.5 * sqrt(.5)).
    """
    monkeypatch.setattr(room, "_noise", lambda *_: np.ones((4, 4)))
    monkeypatch.setattr(room, "confident_joint", lambda *_: (0, (), ()))
    found = score_labels(np.array([[0.2, 0.5, 0.3, 0]], np.float32), np.array([0]), PATHS, SURE)
    assert found.score[0] == pytest.approx(1 / (1 + 2.5 * 0.5**0.5), rel=1e-6)
    assert found.suggested.tolist() == [1]
    assert (found.given_probability[0], found.probability[0]) == pytest.approx((0.2, 0.5), rel=1e-6)


def test_far_errors_come_before_near_ones_at_equal_odds(monkeypatch):
    monkeypatch.setattr(room, "_noise", lambda *_: np.ones((4, 4)))
    monkeypatch.setattr(room, "confident_joint", lambda *_: (0, (), ()))
    chances = np.array([[0.3, 0.7, 0, 0], [0.3, 0, 0.7, 0]], np.float32)
    found = score_labels(chances, np.array([0, 0]), PATHS, np.ones(2, bool))
    assert found.order.tolist() == [1, 0]
    sharper = np.array([[0.1, 0.9, 0, 0], [0.3, 0, 0.7, 0]], np.float32)  # but distance alone buries no sibling
    assert score_labels(sharper, np.array([0, 0]), PATHS, np.ones(2, bool)).order.tolist() == [0, 1]


def test_a_path_above_or_below_does_not_contradict(monkeypatch):
    monkeypatch.setattr(room, "_noise", lambda *_: np.ones((3, 3)))
    monkeypatch.setattr(room, "confident_joint", lambda *_: (0, (), ()))
    paths = [("Men",), ("Men", "Shirts"), ("Women",)]
    found = score_labels(np.array([[0.1, 0.7, 0.2]], np.float32), np.array([0]), paths, SURE)
    assert found.given_probability[0] == pytest.approx(0.8)
    assert found.suggested.tolist() == [2]


def test_noise_learns_which_labels_are_often_wrong():
    """A third of those called Shorts are shirts by their looks, and no other label errs: Shorts is trusted less."""
    chance = np.full((3000, 4), 0.01, np.float32)
    labels = np.repeat([0, 1, 2, 3], [1000, 1000, 500, 500])
    looks = labels.copy()
    looks[1000:1333] = 0
    chance[np.arange(3000), looks] = 0.97
    noise = room._noise(chance, labels, np.ones(3000, bool))
    assert noise.sum(axis=1) == pytest.approx(1)
    assert noise[0, 1] > 5 * noise[2, 1]
    assert noise[0, 0] < noise[2, 2]


def test_the_confident_joint_leaves_out_what_was_not_learned():
    """100 rows each of two labels, 10 of them surely the other; a third label that nothing tells from the first."""
    chance = np.full((220, 3), 0.05, np.float32)
    labels = np.repeat([0, 1, 2], [100, 100, 20])
    looks = np.concatenate([np.repeat([0, 1], [90, 10]), np.repeat([1, 0], [90, 10]), np.zeros(20, int)])
    chance[np.arange(220), looks] = 0.9
    estimate, confusions, unlearned = confident_joint(chance, labels)
    assert estimate == 20
    assert confusions == ((0, 1, 10), (1, 0, 10))
    assert unlearned == (2,)


def test_frequent_labels_are_thinned_and_weigh_more(monkeypatch):
    monkeypatch.setattr(room, "MAX_FIT_ROWS", 60)
    labels = np.repeat([0, 1, 2], [200, 50, 10])
    kept, weight = room._thinned(np.arange(260), labels, 0)
    counts = np.bincount(labels[kept])
    assert counts.tolist() == [25, 25, 10]
    assert [weight[labels[kept] == label].sum() for label in range(3)] == pytest.approx([200, 50, 10])
    features, truth = clouds(300)
    found = check_labels(features, truth, np.arange(len(truth)), PATHS)
    assert found.agreement > 0.9


def test_a_feature_that_never_changes_says_nothing():
    features, truth = clouds()
    flat = np.concatenate([features, np.full((len(truth), 1), 3, np.float32)], axis=1)
    assert np.isfinite(check_labels(flat, truth, np.arange(len(truth)), PATHS).score).all()


def test_without_the_extra_it_is_named(monkeypatch):
    features, truth = clouds(10)
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(MissingExtraError, match=r"atlas-categorizer\[clean\]"):
        check_labels(features, truth, np.arange(len(truth)), PATHS)
    monkeypatch.setitem(sys.modules, "cleanlab.count", None)
    with pytest.raises(MissingExtraError, match=r"atlas-categorizer\[clean\]"):
        confident_joint(np.full((4, 2), 0.5, np.float32), np.array([0, 1, 0, 1]))
