import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from atlas.clean.closeups import (
    Box,
    NoCloseUpError,
    cut_closeups,
    find_product,
    load_closeups,
    product_box,
)
from atlas.errors import ImageError, RecipeError

STANDARD = load_closeups()
PLAIN = replace(STANDARD, ground=0.0, fill=0.0, blur_px=(0.0, 0.0), quality=(95, 95))
RED, WHITE = (200, 30, 30), (255, 255, 255)


def shop_photo(box=(60, 40, 180, 260), size=(240, 300), ground=WHITE) -> Image.Image:
    """A red product on a plain ground."""
    image = Image.new("RGB", size, ground)
    ImageDraw.Draw(image).rectangle(box, fill=RED)
    return image


def opened(jpeg: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(jpeg))
    assert image.format == "JPEG"
    return image.convert("RGB")


def red_share(image: Image.Image) -> float:
    pixels = np.asarray(image).astype(int)
    return float((pixels[..., 0] - pixels[..., 1] > 80).mean())


def test_the_product_is_found_and_boxed():
    shown = find_product(shop_photo(), STANDARD).shown
    assert shown.shape == (96, 77)
    box = product_box(shown)
    assert tuple(box) == pytest.approx((60 / 240, 40 / 300, 181 / 240, 261 / 300), abs=0.03)


def test_what_the_product_encloses_belongs_to_it_but_is_not_its_colour():
    image = shop_photo((40, 40, 200, 260))
    ImageDraw.Draw(image).rectangle((60, 60, 180, 240), fill=WHITE)
    product = find_product(image, STANDARD)
    assert product.shown[48, 38]
    assert not product.coloured[48, 38]


def test_a_picture_without_plain_border_has_its_product_in_the_middle():
    noise = np.random.default_rng(0).integers(0, 256, (120, 90, 3), dtype=np.uint8)
    shown = find_product(Image.fromarray(noise), STANDARD).shown
    assert shown[48, 36]
    assert not shown[[0, 0, -1, -1], [0, -1, 0, -1]].any()
    assert shown.mean() == pytest.approx(np.pi / 4 * 0.6 * 0.8, abs=0.02)


@settings(max_examples=25, deadline=None)
@given(st.integers(20, 120), st.integers(20, 120), st.integers(60, 119), st.integers(60, 170), st.integers(0, 2**31))
def test_close_ups_show_mostly_product_whatever_its_place(left, top, width, height, seed):
    image = shop_photo((left, top, left + width, top + height))
    cuts = cut_closeups(image, replace(PLAIN, seed=seed))
    (closeup,) = cuts.closeups
    assert red_share(opened(closeup)) > STANDARD.cover - 0.12
    assert red_share(opened(cuts.normal)) == pytest.approx(width * height / (240 * 300), abs=0.04)


def test_no_close_up_shows_the_hole_of_a_ring():
    image = Image.new("RGB", (300, 300), "white")
    ImageDraw.Draw(image).ellipse((20, 20, 280, 280), outline=RED, width=45)
    for seed in range(20):
        (closeup,) = cut_closeups(image, replace(PLAIN, seed=seed, cover=0.1)).closeups
        assert red_share(opened(closeup)) > STANDARD.own_colour - 0.12


def test_a_close_up_is_a_small_part_and_the_frame_may_be_the_products_box():
    image = shop_photo()
    ImageDraw.Draw(image).rectangle((60, 40, 120, 260), fill=(30, 30, 200))
    whole = [opened(cut_closeups(image, replace(PLAIN, seed=seed)).normal) for seed in range(5)]
    assert all(one.width / one.height == pytest.approx(240 / 300, rel=0.05) for one in whole)
    filled = opened(cut_closeups(image, replace(PLAIN, fill=1.0, fill_margin=0.0)).normal)
    assert filled.width / filled.height == pytest.approx(121 / 221, rel=0.08)
    assert red_share(filled) == pytest.approx(0.5, abs=0.06)


def test_another_ground_is_painted_and_the_product_left():
    plain, painted = (opened(cut_closeups(shop_photo(), replace(PLAIN, ground=share)).normal) for share in (0.0, 1.0))
    corner = [np.asarray(image)[2, 2].astype(int) for image in (plain, painted)]
    assert corner[0].min() > 240
    assert np.abs(corner[1] - corner[0]).max() > 30
    middle = [np.asarray(image)[image.height // 2, image.width // 2].astype(int) for image in (plain, painted)]
    assert np.abs(middle[0] - middle[1]).max() < 12
    seeds = [opened(cut_closeups(shop_photo(), replace(PLAIN, ground=0.5, seed=seed)).normal) for seed in range(40)]
    assert 8 < sum(np.asarray(image)[2, 2].min() < 225 for image in seeds) < 32


def test_the_same_content_gives_the_same_bytes_and_another_seed_others():
    encoded = io.BytesIO()
    shop_photo().save(encoded, "PNG")
    first = cut_closeups(encoded.getvalue(), STANDARD)
    assert first == cut_closeups(encoded.getvalue(), STANDARD)
    assert first != cut_closeups(encoded.getvalue(), replace(STANDARD, seed=1))


@pytest.mark.parametrize(("asked", "expected"), [(0.0, {0}), (0.5, {0, 1}), (1.0, {1}), (2.5, {2, 3})])
def test_as_many_close_ups_as_asked(asked, expected):
    config = replace(STANDARD, per_picture=asked)
    counts = [len(cut_closeups(shop_photo(), replace(config, seed=seed)).closeups) for seed in range(30)]
    assert set(counts) == expected
    assert np.mean(counts) == pytest.approx(asked, abs=0.35)


def test_both_kinds_take_the_same_way():
    """Size, quality and number of pixels say nothing of the kind: what is drawn for one is drawn for the other."""
    photo = Image.fromarray(np.random.default_rng(1).integers(0, 256, (400, 300, 3), dtype=np.uint8))
    sides, detail = {False: [], True: []}, {False: [], True: []}
    for seed in range(60):
        cuts = cut_closeups(photo, replace(STANDARD, seed=seed))
        for zoomed, jpeg in ((False, cuts.normal), (True, cuts.closeups[0])):
            image = opened(jpeg)
            assert STANDARD.side_px[0] <= max(image.size) <= STANDARD.side_px[1]
            sides[zoomed].append(max(image.size))
            grey = np.asarray(image.convert("L")).astype(float)
            detail[zoomed].append(np.abs(np.fft.fft2(grey - grey.mean())[8:16, 8:16]).mean() / grey.size)
    assert np.mean(sides[False]) == pytest.approx(np.mean(sides[True]), rel=0.12)
    assert np.mean(detail[False]) < 3 * np.mean(detail[True])


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (Image.new("RGB", (200, 200), "white"), "no product stands out"),
        (shop_photo((100, 100, 108, 108)), "no product stands out"),
        (shop_photo((10, 20, 38, 55), (60, 80)), "px large: no window of 24 px fits"),
    ],
)
def test_where_nothing_can_be_cut_it_says_why(image, says):
    with pytest.raises(NoCloseUpError, match=says):
        cut_closeups(image, STANDARD)


def test_a_line_is_too_thin_for_any_window():
    image = Image.new("RGB", (300, 300), "white")
    ImageDraw.Draw(image).line((20, 20, 280, 280), fill=RED, width=12)
    with pytest.raises(NoCloseUpError, match="no window in 64 shows 70% product"):
        cut_closeups(image, STANDARD)


def test_what_is_no_picture_is_said():
    with pytest.raises(ImageError):
        cut_closeups(b"nothing", STANDARD)


def test_a_file_changes_what_it_names(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("per_picture = 0.25\nscale = [0.1, 0.2]\n", encoding="utf-8")
    assert load_closeups(str(file)) == replace(STANDARD, per_picture=0.25, scale=(0.1, 0.2))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("covers = 0.5", "did you mean 'cover'"),
        ("cover = 1.5", "a share from 0 to 1"),
        ("scale = [0.5, 0.2]", "the lower number first"),
        ("scale = [0.0, 0.2]", "above 0"),
        ("scale = [0.2]", "use 2"),
        ("quality = [50, 99]", "1 to 95"),
        ("per_picture = -1.0", "from 0 to 100"),
        ("cover = ", "not TOML"),
    ],
)
def test_wrong_settings_are_refused_with_what_is_allowed(tmp_path, text, says):
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match=says):
        load_closeups(str(file))


def test_settings_that_do_not_exist_are_named(tmp_path):
    with pytest.raises(RecipeError, match="use 'standard' or a TOML file"):
        load_closeups("standart")


def test_a_box_knows_its_sides():
    assert (Box(1, 2, 4, 8).width, Box(1, 2, 4, 8).height) == (3, 6)
