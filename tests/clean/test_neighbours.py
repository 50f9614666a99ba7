import numpy as np
import pytest

from atlas.clean import neighbours
from atlas.clean.descriptor import LENGTH, mirrored
from atlas.clean.neighbours import FAR, NEAREST, find_neighbours
from atlas.errors import MissingExtraError


def scattered(count, copies, seed=0):
    """Rows far apart, the last ones near copies of the first, every second one in the mirror."""
    random = np.random.default_rng(seed)
    rows = random.integers(-60, 61, (count, LENGTH)).astype(np.int8)
    made = np.clip(rows[:copies] + random.integers(-2, 3, (copies, LENGTH)), -127, 127).astype(np.int8)
    made[::2] = mirrored(made[::2])
    return np.concatenate([rows, made])


def by_hand(rows, limit):
    """Pairs and crowd by comparing everything, one row at a time."""
    wide = rows.astype(np.int64)
    turned = mirrored(rows).astype(np.int64)
    apart = np.array([np.minimum(((wide - row) ** 2).sum(1), ((turned - row) ** 2).sum(1)) for row in wide])
    np.fill_diagonal(apart, FAR)
    ranked = np.sort(np.pad(apart, ((0, 0), (0, NEAREST)), constant_values=FAR), axis=1)
    left, right = np.nonzero(np.triu(apart <= limit, 1))
    return list(zip(left.tolist(), right.tolist(), strict=True)), ranked[:, NEAREST - 1]


@pytest.fixture(params=["compared", "indexed"])
def way(request, monkeypatch):
    if request.param == "indexed":
        pytest.importorskip("faiss")
        monkeypatch.setattr(neighbours, "EXACT_ROWS", 0)


@pytest.mark.parametrize("count", [1, 2, 16, 18, 400])
def test_few_rows_are_compared_exactly(count):
    rows = scattered(count, count // 3)
    found = find_neighbours(rows, 900, mirrored)
    pairs, crowd = by_hand(rows, 900)
    assert list(zip(found.pairs.left.tolist(), found.pairs.right.tolist(), strict=True)) == pairs
    assert found.crowd.tolist() == crowd.tolist()


def test_no_rows():
    found = find_neighbours(np.empty((0, LENGTH), np.int8), 900, mirrored)
    assert len(found.pairs.left) == len(found.crowd) == 0


def test_planted_copies_are_found_either_way(way):
    rows = scattered(1000, 300)
    pairs = find_neighbours(rows, 900, mirrored).pairs
    found = set(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True))
    planted = {(number, 1000 + number) for number in range(300)}
    assert found <= planted
    assert len(found & planted) >= 0.98 * len(planted)


def test_chunks_and_repeats_change_nothing(way, monkeypatch):
    rows = scattered(400, 90)
    whole = find_neighbours(rows, 900, mirrored)
    monkeypatch.setattr(neighbours, "CHUNK_ROWS", 37)
    again = find_neighbours(rows, 900, mirrored)
    assert all(np.array_equal(one, other) for one, other in zip(whole.pairs, again.pairs, strict=True))
    assert np.array_equal(whole.crowd, again.crowd)


def test_equal_rows_do_not_hide_each_other(way):
    rows = np.repeat(scattered(30, 0), 20, axis=0)
    pairs = find_neighbours(rows, 10, mirrored).pairs
    tied = np.eye(len(rows), dtype=np.float32)
    tied[pairs.left, pairs.right] = tied[pairs.right, pairs.left] = 1
    for _ in range(4):
        tied = np.minimum(tied @ tied, 1)
    assert (tied.sum(axis=1) == 20).mean() > 0.95


def test_a_missing_library_is_said_and_not_worked_around(monkeypatch):
    monkeypatch.setattr(neighbours, "EXACT_ROWS", 10)
    monkeypatch.setitem(__import__("sys").modules, "faiss", None)
    assert len(find_neighbours(scattered(10, 0), 900, mirrored).crowd) == 10
    with pytest.raises(MissingExtraError, match=r"clean.*more than 10 pictures|more than 10 pictures.*clean"):
        find_neighbours(scattered(11, 0), 900, mirrored)
