import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from atlas.clean.lettering import NONE, lettering
from tests.clean.drawn import checked_shirt, packaging, size_chart, striped_shirt


def found(picture):
    return lettering(np.asarray(picture.convert("L"), dtype=np.float32))


def sign(text, ink="black", paper="white", size_px=20):
    picture = Image.new("RGB", (300, 120), paper)
    ImageDraw.Draw(picture).text((20, 40), text, ink, ImageFont.load_default(size_px))
    return picture


def test_letters_of_a_word_are_counted():
    one = found(sign("Model wall"))
    assert one.letters == 9
    assert one.lines == 1
    assert one.unevenness < 0.2
    assert one.share > 0.9


@pytest.mark.parametrize(("ink", "paper"), [("black", "white"), ("white", "black"), ("#203080", "#f0e8d0")])
def test_ink_may_be_darker_or_lighter_than_its_ground(ink, paper):
    assert found(sign("Model wall", ink, paper)).letters == 9


def test_letters_of_one_width_and_step_are_taken_for_a_pattern():
    assert found(sign("IIIIIIIIIIIIIIII")) == NONE


def test_faint_letters_and_letters_on_uneven_ground_are_none():
    assert found(sign("Model wall", "#e8e8e8")) == NONE
    noise = np.random.default_rng(0).integers(0, 255, (120, 300)).astype(np.float32)
    written = np.where(np.asarray(sign("Model wall").convert("L")) < 128, 0, noise)
    assert found(Image.fromarray(written.astype(np.uint8))).letters < 4


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_an_even_picture_has_none(shade):
    assert found(Image.new("L", (200, 150), shade)) == NONE


@pytest.mark.parametrize("draw", [size_chart, packaging])
def test_charts_and_packaging_have_many_letters_of_few_heights(draw):
    some = [found(draw(seed)) for seed in range(6)]
    assert all(one.letters > 40 and one.share > 0.25 for one in some), some


@pytest.mark.parametrize("draw", [checked_shirt, striped_shirt])
def test_patterns_are_no_letters(draw):
    assert max(found(draw(seed)).letters for seed in range(6)) < 10


def test_a_picture_upside_down_has_about_as_many():
    chart = size_chart(3)
    assert found(chart.rotate(180)).letters == pytest.approx(found(chart).letters, rel=0.25)
