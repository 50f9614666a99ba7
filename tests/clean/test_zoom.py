import numpy as np
import pytest
from PIL import Image, ImageDraw

from atlas.clean.zoom import GRID, SIDE_PX, ZoomSvm, _contour_numbers, fit_zoom_svm, zoom_features


def photo(zoomed: bool, number: int) -> Image.Image:
    """A small thing in the middle, or stripes all over."""
    random = np.random.default_rng(number)
    image = Image.new("L", (SIDE_PX, SIDE_PX), 255)
    draw = ImageDraw.Draw(image)
    if zoomed:
        for at in range(-SIDE_PX, 2 * SIDE_PX, int(random.integers(9, 20))):
            draw.line((at, 0, at + 30, SIDE_PX), fill=int(random.integers(0, 150)), width=5)
    else:
        left, top = random.integers(25, 40, 2).tolist()
        draw.ellipse((left, top, left + 30, top + 30), fill=int(random.integers(0, 150)))
    return image.convert("RGB")


@pytest.fixture(scope="module")
def svm() -> ZoomSvm:
    truth = [number % 4 == 0 for number in range(40)]
    return fit_zoom_svm([photo(zoomed, number) for number, zoomed in enumerate(truth)], truth)


def test_the_score_is_low_for_close_ups(svm):
    assert svm.c in GRID
    low = [svm.score(photo(True, number)) for number in range(100, 110)]
    high = [svm.score(photo(False, number)) for number in range(100, 110)]
    assert 0 <= max(low) < 0.5 < min(high) <= 1


def test_the_score_is_the_plane_that_scikit_learn_found(svm):
    features = np.stack([zoom_features(photo(number % 2 == 0, number)) for number in range(6)])
    plane = (features - svm.mean) / svm.deviation @ svm.weight + svm.bias
    assert svm.scores(features) == pytest.approx(1 / (1 + np.exp(plane)))
    assert svm.scores(svm.mean[None].astype(np.float32))[0] == pytest.approx(1 / (1 + np.exp(svm.bias)), abs=1e-5)


def test_the_same_pictures_give_the_same_plane(svm):
    truth = [number % 4 == 0 for number in range(40)]
    again = fit_zoom_svm([photo(zoomed, number) for number, zoomed in enumerate(truth)], truth)
    assert np.array_equal(again.weight, svm.weight)


def test_contours_in_numbers():
    bright = np.zeros((SIDE_PX, SIDE_PX), bool)
    bright[:, :24] = True
    square = np.array([[10, 10], [10, 34], [34, 34], [34, 10], [10, 10]], float)  # closed, 24 px a side
    cut = np.array([[0, 50], [48, 50]], float)  # from border to border
    count, together, longest, box, open_, border, share = _contour_numbers([square, cut], bright)
    assert (count, open_) == (2, 1)
    assert (together, longest) == pytest.approx(((96 + 48) / 96, 1.0))
    assert (box, share) == pytest.approx((24 * 24 / 96**2, 0.25))
    assert border == pytest.approx((24 + 24 + 96 + 0) / (4 * 96))
    assert _contour_numbers([], bright)[:5].tolist() == [0] * 5


def test_features_are_one_length_for_every_picture():
    lengths = {len(zoom_features(image)) for image in (photo(True, 0), Image.new("RGB", (300, 40), "white"))}
    assert lengths == {7 * 7 * 4 * 9 + 7}
