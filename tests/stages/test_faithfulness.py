"""Faithfulness on a scorer that looks at one corner, and whose light points there, elsewhere, or nowhere."""

import numpy as np
import pytest
from PIL import Image

from atlas.errors import NothingDoneError
from atlas.stages.categorizer import Categorizer
from atlas.stages.faithfulness import RANDOM_DRAWS, measure_faithfulness

from .fake_model import COLOURS, FakeScorer, encoded, write_dataset


class Corner(FakeScorer):
    """Nearest colour of the upper left quarter; says that it looked at `lit` (rows, columns) of a 4x4 grid."""

    def __init__(self, folder, lit=None):
        super().__init__(folder)
        self.lit = lit

    def score_pixels(self, pixels):
        corner = pixels[:, :, :8, :8].mean(axis=(2, 3), keepdims=True).round().astype(np.uint8)
        return super().score_pixels(np.ascontiguousarray(np.broadcast_to(corner, pixels.shape)))

    def light(self, pixels, nodes):
        if self.lit is None:
            return None
        light = np.zeros((len(pixels), 2, 4, 4), dtype=np.float32)
        light[:, :, *self.lit] = 0.25
        return light


def cornered(path, side_px=16):
    image = Image.new("RGB", (side_px, side_px), (128, 128, 128))
    image.paste(COLOURS[path], (0, 0, side_px // 2, side_px // 2))
    return image


@pytest.fixture
def dataset(tmp_path):
    rows = [
        {"path": list(path), "image": encoded(cornered(path)), "product_id": f"{at}-{'-'.join(path)}"}
        for at in range(3)
        for path in COLOURS
        if path != ("Grey",)
    ]
    rows += [{"path": ["Grey"], "image": b"damaged", "product_id": "damaged"}]
    rows += [{"path": ["Red", "Dark"], "image": encoded(cornered(("Red", "Dark"))), "product_id": "0-Red-Dark"}]
    return write_dataset(tmp_path / "data", rows)


UPPER_LEFT, LOWER_RIGHT = (slice(0, 2), slice(0, 2)), (slice(2, 4), slice(2, 4))


def test_light_on_what_decides_is_faithful(dataset, tmp_path):
    found = measure_faithfulness(Categorizer(Corner(tmp_path, UPPER_LEFT)), dataset, "dev", 100, draws=50)
    assert (found["evidence"], found["grid"], found["hidden_cells"]) == ("attention", [4, 4], 3)
    assert found["products"] == 12  # one picture of each, none of the damaged one
    assert found["random_draws"] == RANDOM_DRAWS
    assert [level["level"] for level in found["levels"]] == [1, 2]
    assert all(level["reached"] and level["ratio"] > 2 for level in found["levels"])


def test_light_elsewhere_is_not(dataset, tmp_path):
    found = measure_faithfulness(Categorizer(Corner(tmp_path, LOWER_RIGHT)), dataset, "dev", 100, draws=50)
    assert not any(level["reached"] for level in found["levels"])
    assert all(level["brightest"] == pytest.approx(0, abs=1e-6) for level in found["levels"])


def test_a_model_without_light_is_measured_by_hiding(dataset, tmp_path):
    found = measure_faithfulness(Categorizer(Corner(tmp_path)), dataset, "dev", 4, draws=50)
    assert (found["evidence"], found["grid"], found["products"]) == ("occlusion", [8, 8], 4)
    assert all(level["reached"] for level in found["levels"])


def test_the_seed_decides_the_sample(dataset, tmp_path):
    categorizer = Categorizer(Corner(tmp_path, UPPER_LEFT))
    first, again, other = (
        measure_faithfulness(categorizer, dataset, "dev", 3, draws=20, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again != other


def test_nothing_to_hide_is_said(tmp_path):
    folder = write_dataset(tmp_path / "data", [{"path": ["Grey"], "image": b"damaged"}])
    with pytest.raises(NothingDoneError, match="no picture that can be scored"):
        measure_faithfulness(Categorizer(Corner(tmp_path)), folder, "dev", 3)
