import pytest

from atlas.evaluate.predictions import read_predictions
from atlas.taxonomy.tree import Taxonomy

from .synthetic import row, write

#: Six pictures of five products; every figure of them is worked out by hand in the tests.
#: 1 right · 2 wrong at level 2 · 3 wrong at level 1, its name right · 4 right · 5 right · 6 failed
CASES = [
    ("a", "Men > Shirts", "Men > Shirts"),
    ("b", "Men > Shirts", "Men > Jeans"),
    ("c", "Men > Jeans", "Women > Jeans"),
    ("d", "Women > Jeans", "Women > Jeans"),
    ("e", "Women > Dresses", "Women > Dresses"),
    ("e", "Women > Dresses", None),
]


@pytest.fixture
def tree():
    return Taxonomy([("Men", "Shirts"), ("Men", "Jeans"), ("Women", "Jeans"), ("Women", "Dresses")])


@pytest.fixture
def six_file(tmp_path, tree):
    rows = [
        row(product, truth, guess or "", tree, view=place, error=None if guess else "not a picture")
        for place, (product, truth, guess) in enumerate(CASES)
    ]
    return write(tmp_path / "six.parquet", rows, tree)


@pytest.fixture
def six(six_file):
    return read_predictions(six_file)
