import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageOps

from atlas.clean.descriptor import LENGTH, describe, features, mirror, mirrored
from atlas.clean.duplicates import LIMIT, apart
from atlas.clean.foreground import LOOK_PX, SIDE_PX, cut_out
from tests.clean.pictures import CHANGES, product


def test_a_descriptor_is_128_bytes_and_always_the_same():
    first = describe(product(1))
    assert first.shape == (LENGTH,)
    assert first.dtype == np.int8
    assert np.array_equal(first, describe(product(1)))


@pytest.mark.parametrize("kind", CHANGES)
def test_copies_are_nearer_than_any_other_picture(kind):
    pictures = [product(number) for number in range(8)]
    described = [describe(picture) for picture in pictures]
    for number, picture in enumerate(pictures):
        copy = describe(CHANGES[kind](picture))
        distances = [apart(copy, other) for other in described]
        assert int(np.argmin(distances)) == number
        assert distances[number] < LIMIT


def test_writing_on_the_ground_is_not_part_of_the_thing():
    plain = product(3, 240)
    stamped = plain.copy()
    ImageDraw.Draw(stamped).text((4, 215), "shop.example", fill=(170, 170, 170), font_size=18)
    assert apart(describe(plain), describe(stamped)) < LIMIT / 4


def test_another_colour_is_another_picture():
    picture = product(5)
    channels = picture.split()
    other = Image.merge("RGB", (channels[1], channels[2], channels[0]))
    assert apart(describe(picture), describe(other)) > 2 * LIMIT


def test_a_mirror_image_is_known_without_being_looked_at():
    for number in range(6):
        turned = describe(ImageOps.mirror(product(number)))
        assert np.abs(mirrored(describe(product(number))).astype(int) - turned).max() <= 2
    cut = cut_out(product(1))
    order, sign = mirror()
    assert features(cut)[order] * sign == pytest.approx(features(cut.mirrored()), abs=1e-3)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_mirroring_twice_changes_nothing(seed):
    rows = np.random.default_rng(seed).integers(-127, 128, (5, LENGTH)).astype(np.int8)
    assert np.array_equal(mirrored(mirrored(rows)), rows)
    assert np.array_equal(mirrored(rows[0]), mirrored(rows)[0])


@pytest.mark.parametrize("colour", ["white", "black", (12, 200, 90)])
def test_a_picture_of_nothing_is_all_zero(colour):
    assert not describe(Image.new("RGB", (90, 120), colour)).any()


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (2, 2), (63, 65), (1000, 40)])
def test_pictures_of_any_shape_are_described(size):
    random = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3)).astype(np.uint8)
    assert describe(Image.fromarray(random)).shape == (LENGTH,)


def test_the_cut_out_is_the_thing_in_its_window_by_hand():
    image = Image.new("RGB", (LOOK_PX, LOOK_PX), "white")
    ImageDraw.Draw(image).rectangle((20, 10, 43, 49), fill=(200, 0, 0))  # 24 wide, 40 high
    cut = cut_out(image)
    # an even mass reaches 1.73 deviations from its middle, the window 2.2, so the thing takes 79 % of each axis
    share = (cut.cover > 0.5).sum() / SIDE_PX**2
    assert share == pytest.approx((1.732 / 2.2) ** 2, abs=0.05)
    middle = cut.colour[:, SIDE_PX // 2, SIDE_PX // 2]
    assert middle == pytest.approx([200, 0, 0], abs=1)
    assert cut.cover[0, 0] == 0


def test_a_thing_that_joins_the_edge_everywhere_is_taken_whole():
    random = np.random.default_rng(0).integers(0, 256, (80, 80, 3)).astype(np.uint8)
    assert cut_out(Image.fromarray(random)).cover[4:-4, 4:-4].min() == pytest.approx(1)
