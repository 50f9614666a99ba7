"""The reference in `benchmarks/` that predictions are compared with: wide enough, it finds what exact scoring says."""

import importlib.util
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from atlas.images import ImageConfig, read_pixels
from atlas.model.assemble import assemble
from atlas.model.config import DecoderConfig, EncoderConfig, ModelConfig
from atlas.model.decoding import expand
from atlas.model.plan import END, START
from atlas.records import Batch
from atlas.taxonomy.tree import Taxonomy

from ..taxonomy.trees import taxonomies

FILE = Path(__file__).parents[2] / "benchmarks" / "old_way.py"
TREE = Taxonomy(
    [("Men", "Jeans"), ("Men",), ("Women", "Tops", "Shirts"), ("Women", "Tops", "Vests"), ("Women", "Skirts")]
)
IMAGE = ImageConfig(40, 32)


@pytest.fixture(scope="module")
def old_way():
    spec = importlib.util.spec_from_file_location("old_way", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def spread_model(tree, seed=0, grid=3):
    """A tiny path model whose names are far apart."""
    torch.manual_seed(seed)
    decoder = DecoderConfig("lstm", size=8, embedding=4, attention=6, grid=grid, dropout=0.0)
    model = assemble(ModelConfig(EncoderConfig("resnet18", "none", width=4), decoder=decoder), tree.arrays).eval()
    torch.nn.init.normal_(model.decoder.vocabulary.weight, std=3)
    return model


@given(tree=taxonomies(), seed=st.integers(0, 9), grid=st.sampled_from([0, 3]))
@settings(max_examples=25)
def test_a_wide_beam_finds_the_path_that_exact_scoring_says(old_way, tree, seed, grid):
    model = spread_model(tree, seed, grid)
    features = torch.randn(3, model.encoder.channels, 2, 2, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        log_mass = expand(model.decoder, features, model.plan)
    wide = old_way.OldWay(model, tree, IMAGE, beams=len(tree.answers))
    for row in range(3):
        found = wide.decode(features[row : row + 1])
        assert found.log_probability == pytest.approx(float(log_mass[row].max()), abs=1e-4)
        assert float(log_mass[row, tree.node(found.path)]) == pytest.approx(found.log_probability, abs=1e-4)


def test_a_narrow_beam_may_lose_the_best_path(old_way):
    tree = Taxonomy([*(("A", name) for name in "CDEFG"), ("B", "H")])
    model = spread_model(tree)
    torch.nn.init.zeros_(model.decoder.vocabulary.weight)
    torch.nn.init.zeros_(model.decoder.vocabulary.bias)
    with torch.no_grad():
        model.decoder.vocabulary.bias[tree.vocabulary.index("A")] = 0.4  # A is likelier, but has five leaves
    features = torch.randn(1, model.encoder.channels, 2, 2)
    likelier = 1 / (1 + math.exp(-0.4))
    for beams, first, share in ((1, "A", likelier / 5), (2, "B", 1 - likelier)):
        found = old_way.OldWay(model, tree, IMAGE, beams=beams).decode(features)
        assert found.path[0] == first
        assert math.exp(found.log_probability) == pytest.approx(share, rel=1e-4)


def test_left_to_all_names_a_path_has_its_share_of_them(old_way):
    model = spread_model(TREE)
    features = torch.randn(1, model.encoder.channels, 2, 2)
    best = {}
    with torch.no_grad():
        for node in TREE.answers:
            state, seen = model.decoder.start(features)
            words = [*(TREE.vocabulary.index(name) for name in TREE.paths[node]), END]
            total = 0.0
            for before, word in itertools.pairwise([START, *words]):
                told = model.decoder.advance(state, torch.tensor([[before]]), seen)
                state = told.state
                total += float(model.decoder.vocabulary(told.hidden)[0, 0].log_softmax(0)[word])
            best[TREE.paths[node]] = total
    found = old_way.OldWay(model, TREE, IMAGE, beams=9, held=False).decode(features)
    assert found.path == max(best, key=best.get)
    assert found.log_probability == pytest.approx(best[found.path], abs=1e-4)


def test_a_file_is_read_as_atlas_reads_it(old_way, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    model = spread_model(TREE)
    batch = Batch(torch.from_numpy(np.array(read_pixels(tmp_path / "a.png", IMAGE))).permute(2, 0, 1)[None])
    with torch.no_grad():
        log_mass = model.score(batch)
    found = old_way.OldWay(model, TREE, IMAGE, beams=9).predict(tmp_path / "a.png")
    assert found.path == TREE.paths[int(log_mass.argmax())]
    assert found.log_probability == pytest.approx(float(log_mass.max()), abs=1e-4)
