import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from atlas.clean.measures import measure, name_fits
from tests.clean.drawn import checked_shirt, encoded, size_chart


def test_a_picture_is_measured():
    data = encoded(checked_shirt(0))
    measures, descriptor = measure(data)
    assert measures.fault == ""
    assert (measures.format, measures.frames, measures.width_px, measures.height_px) == ("JPEG", 1, 300, 400)
    assert measures.size_bytes == len(data)
    assert measures.detail > 0.05
    assert descriptor is not None
    assert descriptor.any()


def test_a_blank_picture_has_no_detail_and_a_chart_has_letters():
    assert measure(encoded(Image.new("RGB", (300, 400), "#ddd")))[0].detail == 0
    assert measure(encoded(size_chart(0)))[0].letters > 40


@given(st.binary(max_size=300))
def test_what_is_no_picture_has_a_fault_and_no_descriptor(data):
    measures, descriptor = measure(data)
    assert measures.fault
    assert descriptor is None
    assert measures.width_px == 0


def test_a_cut_picture_has_a_fault():
    measures, descriptor = measure(encoded(checked_shirt(0))[:2000])
    assert "damaged" in measures.fault
    assert descriptor is None


def test_equal_pixels_have_equal_hashes_whatever_their_files():
    picture = checked_shirt(1)
    other = picture.copy()
    other.putpixel((5, 5), (1, 2, 3))
    png, tiff, changed = (
        measure(data)[0].pixel_hash
        for data in (encoded(picture, "PNG"), encoded(picture, "TIFF"), encoded(other, "PNG"))
    )
    assert png == tiff != changed
    turned = picture.transpose(Image.Transpose.ROTATE_90)
    assert measure(encoded(turned, "PNG"))[0].pixel_hash != png


def test_moving_pictures_are_counted():
    out = io.BytesIO()
    frames = [checked_shirt(seed) for seed in range(3)]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    assert measure(out.getvalue())[0].frames == 3


def test_small_pictures_are_not_searched_for_letters():
    small = size_chart(0).resize((60, 80))
    assert measure(encoded(small))[0].letters == 0


@pytest.mark.parametrize(
    ("kind", "name", "fits"),
    [
        ("JPEG", "a.jpg", True),
        ("JPEG", "https://shop.example/a.JPEG?width=300", True),
        ("JPEG", "a.png", False),
        ("PNG", "a.png", True),
        ("WEBP", "a.jpg", False),
        ("WEBP", "photo", True),
        ("WEBP", "photo.php", True),
        ("ICO", "a.jpg", True),
        ("", "", True),
    ],
)
def test_names_and_formats(kind, name, fits):
    assert name_fits(kind, name) is fits
