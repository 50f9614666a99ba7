import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from atlas.clean import duplicates
from atlas.clean.descriptor import LENGTH, describe, mirrored
from atlas.clean.duplicates import ALONE, KINDS, LIMIT, NEAR, SAME_FILE, SAME_PIXELS, SURE, apart, find_duplicates
from tests.clean.pictures import CHANGES, product


def found(descriptors, pixels=None, files=None, labels=None):
    count = len(descriptors)
    pixels = np.arange(count) if pixels is None else np.array(pixels)
    files = pixels if files is None else np.array(files)
    return find_duplicates(files, pixels, np.array(descriptors, np.int8), labels)


def far(count, seed=0):
    """Descriptors of pictures that have nothing in common."""
    return np.random.default_rng(seed).integers(-60, 61, (count, LENGTH)).astype(np.int8)


def step(row, squared):
    """A descriptor so far away."""
    moved = row.copy()
    moved[0] = row[0] + (-1 if row[0] > 0 else 1) * round(squared**0.5)
    return moved


def together(groups):
    return {frozenset(np.flatnonzero(groups == group).tolist()) for group in set(groups.tolist())}


def test_groups_and_what_ties_each():
    rows = far(5)
    descriptors = [rows[0], rows[0], rows[1], rows[1], rows[2], step(rows[2], 100), rows[3], rows[4]]
    here = found(descriptors, pixels=[0, 0, 1, 1, 2, 3, 4, 5], files=[0, 0, 1, 2, 3, 4, 5, 6])
    assert together(here.groups) == {
        *(frozenset(rows) for rows in ((0, 1), (2, 3), (4, 5))),
        *(frozenset([row]) for row in (6, 7)),
    }
    assert here.kinds[here.groups].tolist() == [SAME_FILE] * 2 + [SAME_PIXELS] * 2 + [NEAR] * 2 + [ALONE] * 2
    assert [KINDS[kind] for kind in (ALONE, SAME_FILE, SAME_PIXELS, NEAR)] == list(KINDS)
    assert sorted(here.sizes().tolist()) == [1, 1, 2, 2, 2]


def test_one_picture_under_two_labels_is_a_conflict():
    rows = far(3)
    descriptors = [rows[0], rows[0], rows[0], rows[1], rows[1], rows[2]]
    here = found(descriptors, [0, 0, 0, 1, 1, 2], labels=np.array([7, 8, -1, 5, 5, 9], np.int32))
    assert [conflict.rows.tolist() for conflict in here.conflicts] == [[0, 1]]
    assert here.conflicts[0].group == here.groups[0]
    assert found(descriptors, [0, 0, 0, 1, 1, 2]).conflicts == ()


def test_the_crowd_decides_whether_a_small_distance_is_one_picture():
    lone, crowd = far(2)
    copy = step(lone, LIMIT * 0.8)
    ways = np.random.default_rng(1).normal(size=(24, LENGTH))
    ways *= (0.3 * LIMIT / (ways**2).sum(axis=1, keepdims=True)) ** 0.5
    alike = np.rint(crowd + ways).astype(np.int8)  # each nearer to each other than a picture may be to its copy
    assert SURE < apart(alike[0], alike[1]) < LIMIT
    here = found([lone, copy, *alike])
    assert here.groups[0] == here.groups[1]
    assert len(set(here.groups[2:].tolist())) == len(alike)


def test_a_chain_of_small_steps_does_not_glue_everything():
    start = far(1)[0]
    chain = [start]
    for place in range(40):  # each nearer to the next than SURE, the last far from the first
        moved = chain[-1].copy()
        moved[place] += 15 if moved[place] < 0 else -15
        chain.append(moved)
    assert apart(chain[0], chain[1]) <= SURE < LIMIT < apart(chain[0], chain[-1])
    here = found(chain)
    assert here.cut > 0
    for group in set(here.groups.tolist()):
        rows = np.flatnonzero(here.groups == group)
        assert max(apart(chain[one], chain[other]) for one in rows for other in rows) <= 4 * LIMIT
    assert len(here.pairs.left) >= 40  # what was cut is still known


def test_blank_pictures_are_near_to_nothing():
    nothing = np.zeros(LENGTH, np.int8)
    here = found([nothing, nothing, nothing, far(1)[0]], pixels=[0, 0, 1, 2])
    assert together(here.groups) == {frozenset([0, 1]), frozenset([2]), frozenset([3])}
    assert not len(here.pairs.left)


def test_a_mirror_image_is_a_duplicate():
    rows = far(3)
    here = found([*rows, mirrored(rows[1])])
    assert here.groups[1] == here.groups[3]
    assert len(set(here.groups.tolist())) == 3


def test_real_changes_of_drawn_pictures():
    pictures = [product(number) for number in range(12)]
    copies = [change(pictures[number]) for number, change in enumerate(CHANGES.values())]
    here = found([describe(picture) for picture in [*pictures, *copies]])
    assert together(here.groups) == {
        *(frozenset([number, 12 + number]) for number in range(len(copies))),
        *(frozenset([number]) for number in range(len(copies), 12)),
    }


@settings(max_examples=30)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=30), st.randoms())
def test_the_order_of_rows_changes_nothing(shown, random):
    rows = far(7)
    wobble = np.array([step(rows[kind], 4 * (place % 3)) for place, kind in enumerate(shown)])
    pixels = np.array([3 * kind + place % 3 for place, kind in enumerate(shown)])
    order = list(range(len(shown)))
    random.shuffle(order)
    one, other = found(wobble, pixels), found(wobble[order], pixels[order])
    assert np.array_equal(one.groups[order], other.groups)
    assert np.array_equal(one.kinds, other.kinds)
    assert together(one.groups) == {frozenset(np.flatnonzero(np.array(shown) == kind)) for kind in set(shown)}


def test_texts_serve_as_hashes_too():
    blank = describe(Image.new("RGB", (8, 8), "white"))
    here = find_duplicates(np.array(["b", "a", "b"]), np.array(["y", "x", "y"]), np.stack([blank] * 3))
    assert here.groups.tolist() == [1, 0, 1]


def test_limits_are_those_that_the_benchmark_chose():
    assert (duplicates.SURE, duplicates.LIMIT, duplicates.STANDS_OUT) == (250, 3500, 0.25)
