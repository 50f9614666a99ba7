import io
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from atlas import images
from atlas.errors import ImageError, RecipeError
from atlas.images import ImageConfig, decode, open_picture, pixel_hash, read_pixels

RED, BLUE = (220, 30, 30), (20, 30, 200)


def halves(width=64, height=64, left=RED, right=BLUE):
    """Left half red, right half blue."""
    image = Image.new("RGB", (width, height), left)
    ImageDraw.Draw(image).rectangle((width // 2, 0, width, height), fill=right)
    return image


def scene(width=900, height=1200):
    """Something with shapes, edges and a gradient, as product photos have."""
    ramp = np.linspace(0, 255, width, dtype=np.uint8)
    image = Image.fromarray(np.stack([np.tile(ramp, (height, 1))] * 3, axis=2))
    draw = ImageDraw.Draw(image)
    draw.ellipse((width // 4, height // 4, 3 * width // 4, 3 * height // 4), fill=RED)
    draw.rectangle((width // 3, height // 2, width // 2, height - 50), fill=BLUE)
    return image


def encoded(image, kind="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def near(pixel, colour, tolerance=12):
    return np.abs(np.asarray(pixel, dtype=int) - colour).max() <= tolerance


@pytest.mark.parametrize(
    ("orientation", "corner"), [(1, RED), (2, BLUE), (3, BLUE), (4, RED), (5, RED), (6, RED), (7, BLUE), (8, BLUE)]
)
def test_stands_upright_as_exif_says(orientation, corner):
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = decode(encoded(halves(64, 32), "JPEG", quality=95, exif=exif))
    assert image.size == ((64, 32) if orientation < 5 else (32, 64))
    assert near(image.getpixel((3, 3)), corner)


def test_a_broken_exif_block_does_not_cost_the_picture():
    data = encoded(halves(), "JPEG", quality=95, exif=b"Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff\x12\x01junk")
    assert near(decode(data).getpixel((5, 5)), RED)


def test_cmyk_becomes_rgb():
    image = decode(encoded(halves().convert("CMYK"), "JPEG", quality=95))
    assert image.mode == "RGB"
    assert near(image.getpixel((5, 5)), RED, 40)


def test_sixteen_bits_are_scaled_not_clipped():
    grey = np.full((20, 20), 32768, dtype=np.uint16)
    pixel = decode(encoded(Image.fromarray(grey))).getpixel((4, 4))
    assert near(pixel, (128, 128, 128), 1)


def test_a_dark_sixteen_bit_picture_stays_dark():
    grey = np.full((20, 20), 2570, dtype=np.uint16)
    assert near(decode(encoded(Image.fromarray(grey))).getpixel((4, 4)), (10, 10, 10), 1)


def test_sixteen_bits_with_a_transparent_grey_decode():
    data = encoded(Image.fromarray(np.full((8, 8), 65535, dtype=np.uint16)), transparency=0)
    assert near(decode(data).getpixel((4, 4)), (255, 255, 255), 0)


def test_floats_that_are_no_numbers_do_not_spread():
    values = np.full((9, 9), 0.5, dtype=np.float32)
    values[0, 0] = np.nan
    assert near(decode(encoded(Image.fromarray(values), "TIFF")).getpixel((4, 4)), (128, 128, 128), 1)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_parts_stand_on_white(mode):
    layered = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    ImageDraw.Draw(layered).rectangle((10, 0, 20, 20), fill=(0, 0, 0, 255))
    image = decode(encoded(layered.quantize() if mode == "P" else layered.convert(mode)))
    assert near(image.getpixel((2, 2)), (255, 255, 255), 2)
    assert near(image.getpixel((17, 2)), (0, 0, 0), 2)


def test_palette_with_a_transparent_index():
    image = Image.new("P", (10, 10), 0)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.paste(1, (5, 0, 10, 10))
    decoded = decode(encoded(image, "PNG", transparency=0))
    assert decoded.getpixel((1, 1)) == (255, 255, 255)
    assert decoded.getpixel((8, 1)) == (0, 0, 255)


@pytest.mark.parametrize("mode", ["1", "L", "YCbCr", "HSV", "I", "F", "RGBX", "LAB"])
def test_every_mode_becomes_rgb(mode):
    image = Image.new(mode, (12, 10))
    assert decode(image).mode == "RGB"
    assert read_pixels(image, ImageConfig(16, 16)).shape == (16, 16, 3)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_of_an_animation_counts(kind):
    frames = [Image.new("RGB", (30, 30), colour) for colour in (RED, BLUE)]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    assert near(decode(data).getpixel((9, 9)), RED, 20)


@pytest.mark.parametrize("fit", ["stretch", "pad", "crop"])
def test_a_reduced_decode_equals_the_full_one(fit):
    photo = scene()
    config = ImageConfig(150, 150, fit)
    reduced = read_pixels(encoded(photo, "JPEG", quality=92), config).astype(float)
    with Image.open(io.BytesIO(encoded(photo, "JPEG", quality=92))) as opened:
        full = read_pixels(opened.convert("RGB"), config).astype(float)
    assert np.abs(reduced - full).mean() < 1
    assert np.abs(reduced - full).max() < 40


def test_a_turned_picture_is_reduced_no_further_than_an_upright_one():
    exif = Image.Exif()
    exif[0x0112] = 6
    image = decode(encoded(scene(2400, 300), "JPEG", exif=exif), (100, 800))
    assert min(image.size) >= 100
    assert max(image.size) >= 800


def test_a_file_bytes_and_an_array_give_the_same_pixels(tmp_path):
    photo = scene(90, 170)
    file = tmp_path / "photo.png"
    photo.save(file)
    config = ImageConfig(32, 48)
    expected = read_pixels(photo, config)
    assert expected.shape == (32, 48, 3)
    assert expected.dtype == np.uint8
    for picture in (file, str(file), file.read_bytes(), np.asarray(photo)):
        assert np.array_equal(read_pixels(picture, config), expected)


def test_the_callers_image_stays_as_it_is():
    opened = Image.open(io.BytesIO(encoded(scene(), "JPEG")))
    read_pixels(opened, ImageConfig(32, 32))
    assert opened.size == (900, 1200)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (3000, 1), (1, 3000)])
@pytest.mark.parametrize("fit", ["stretch", "pad", "crop"])
def test_tiny_and_thin_pictures_fill_the_frame(size, fit):
    for kind in ("PNG", "JPEG"):
        pixels = read_pixels(encoded(Image.new("RGB", size, RED), kind), ImageConfig(24, 32, fit))
        assert pixels.shape == (24, 32, 3)


def test_pad_keeps_the_whole_picture_on_white():
    pixels = read_pixels(Image.new("RGB", (100, 50), RED), ImageConfig(40, 40, "pad"))
    assert (pixels[[0, 9, 30, 39]] == 255).all()
    assert (pixels[10:30] == RED).all()


def test_crop_keeps_the_middle():
    image = Image.new("RGB", (90, 30), BLUE)
    image.paste(RED, (30, 0, 60, 30))
    assert (read_pixels(image, ImageConfig(30, 30, "crop")) == RED).all()


def test_a_bomb_is_refused_before_it_is_decoded(monkeypatch):
    data = encoded(Image.new("1", (3000, 3000)))
    monkeypatch.setattr(images, "MAX_PIXELS", 1_000_000)
    with pytest.raises(ImageError, match="3000x3000"):
        decode(data)


def test_pils_own_bomb_check_speaks_our_language(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ImageError, match="decompression bomb"):
        decode(encoded(Image.new("1", (300, 300))))


def test_a_huge_file_is_refused_unread(monkeypatch, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"x" * 100)
    monkeypatch.setattr(images, "MAX_FILE_BYTES", 10)
    with pytest.raises(ImageError, match="100 bytes"):
        decode(tmp_path / "a.jpg")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_a_cut_picture_is_an_image_error(kind):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (80, 80, 3), dtype=np.uint8))
    data = encoded(noise, kind)
    with pytest.raises(ImageError):
        decode(data[: len(data) // 2])


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (b"", "none of the known formats"),
        (b"<html>not found</html>", "none of the known formats"),
        ("no/such/file.jpg", "no such file: 'no/such/file.jpg'"),
        ("nul\x00byte.jpg", "unreadable file"),
        (None, "NoneType is no picture"),
        (7, "int is no picture"),
        (np.zeros((4, 4, 3)), "float64"),
        (np.zeros((4, 4), np.uint8), "use uint8"),
        (np.zeros((0, 4, 3), np.uint8), "use uint8"),
        (Image.new("RGB", (0, 5)), "0x5 px"),
    ],
)
def test_what_is_no_picture_says_why(picture, reason):
    with pytest.raises(ImageError, match=reason):
        decode(picture)


def test_a_folder_is_no_picture(tmp_path):
    with pytest.raises(ImageError, match="unreadable file"):
        decode(tmp_path)


SAMPLES = [
    encoded(halves(24, 16), kind, **options)
    for kind, options in [("JPEG", {}), ("PNG", {}), ("GIF", {}), ("WEBP", {}), ("TIFF", {}), ("BMP", {})]
]


@settings(max_examples=250)
@given(st.sampled_from(SAMPLES), st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=12))
def test_damaged_bytes_give_pixels_or_an_image_error(data, changes):
    damaged = bytearray(data)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    try:
        pixels = read_pixels(bytes(damaged), ImageConfig(16, 16))
    except ImageError:
        return
    assert pixels.shape == (16, 16, 3)


def test_odd_tags_warn_nobody():
    data = encoded(halves(), "TIFF", tiffinfo={33432: "x" * 3})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_picture(data).size == decode(data).size


def test_equal_pixels_have_equal_hashes_whatever_the_file():
    photo = scene()
    first = pixel_hash(decode(encoded(photo)))
    assert first == pixel_hash(decode(encoded(photo, "BMP"))) == pixel_hash(photo)
    assert 0 <= first < 2**64
    other = photo.copy()
    other.putpixel((0, 0), (1, 2, 3))
    assert pixel_hash(other) != first
    assert pixel_hash(Image.new("RGB", (2, 8))) != pixel_hash(Image.new("RGB", (8, 2)))


@pytest.mark.parametrize("values", [{"height_px": 4}, {"width_px": 0}, {"fit": "squeeze"}])
def test_an_impossible_config_is_refused(values):
    with pytest.raises(RecipeError):
        ImageConfig(**values)
