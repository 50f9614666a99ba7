import importlib.util
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from safetensors.torch import save_file as save_model

from atlas.bundle import CONFIG, _model_id, open_bundle, write_bundle
from atlas.errors import BundleError, MissingExtraError, UsageError
from atlas.model.decoding import EXACT_INNER_NODES
from atlas.recipe import to_mapping
from atlas.runtime import open_scorer
from atlas.stages.export import export_onnx
from atlas.stages.train import train_model
from atlas.storage import sha256_file
from atlas.taxonomy.tree import Taxonomy
from tests.striped import tiny_recipe

PIXELS = np.random.default_rng(0).integers(0, 256, (7, 3, 40, 32), dtype=np.uint8)


@pytest.fixture(scope="module")
def exported(small_model, tmp_path_factory):
    folder = shutil.copytree(small_model, tmp_path_factory.mktemp("exported") / "model")
    export_onnx(folder)
    return folder


def test_torch_scores_pixels_to_rows_that_sum_to_one(small_model):
    scorer = open_scorer(open_bundle(small_model))
    log_mass = scorer.score_pixels(PIXELS)
    assert scorer.engine == "torch"
    assert log_mass.dtype == np.float32
    assert log_mass.shape == (7, len(scorer.bundle.taxonomy))
    assert np.allclose(np.exp(log_mass).sum(1), 1, atol=1e-5)


def test_onnx_says_what_torch_says_for_any_batch(exported):
    torch, onnx = (open_scorer(open_bundle(exported), engine) for engine in ("torch", "onnx"))
    for rows in (1, 2, 7):
        assert np.allclose(torch.score_pixels(PIXELS[:rows]), onnx.score_pixels(PIXELS[:rows]), atol=1e-4)


def test_a_row_does_not_depend_on_its_batch(small_model):
    scorer = open_scorer(open_bundle(small_model))
    alone = np.concatenate([scorer.score_pixels(PIXELS[row : row + 1]) for row in range(7)])
    assert np.allclose(scorer.score_pixels(PIXELS), alone, atol=1e-4)


def test_prediction_by_onnx_imports_no_torch(exported):
    code = (
        "import sys\n"
        "for name in ('torch', 'transformers', 'safetensors'): sys.modules[name] = None\n"
        "import importlib.util as u; found = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name in ('torch', 'transformers') else found(name, *a)\n"
        "import numpy as np, atlas\n"
        f"model = atlas.load({str(exported)!r})\n"
        "print(model.predict(np.zeros((30, 20, 3), np.uint8)).path)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("('")


def test_features_are_what_the_head_looks_at(small_model):
    """A linear head on average-pooled features: masses follow from features, mirrored and not, by hand."""
    scorer = open_scorer(open_bundle(small_model))
    features = scorer.features(PIXELS)
    assert features.shape == (7, scorer.model.encoder.channels)
    assert features.dtype == np.float32
    mirrored = scorer.features(np.ascontiguousarray(PIXELS[..., ::-1]))
    assert np.allclose(features, mirrored, atol=1e-4)  # the mean of both ways round
    scorer.model.average_flips = False
    straight, turned = scorer.features(PIXELS), scorer.features(np.ascontiguousarray(PIXELS[..., ::-1]))
    assert np.allclose(features, (straight + turned) / 2, atol=1e-4)
    weight = load_file(small_model / "model.safetensors")
    logits = straight @ weight["head.linear.weight"].T + weight["head.linear.bias"]
    answers = scorer.bundle.taxonomy.arrays.is_answer
    assert np.allclose(
        scorer.score_pixels(PIXELS)[:, answers], logits - np.log(np.exp(logits).sum(1, keepdims=True)), atol=1e-3
    )


def test_an_export_gives_no_features(exported):
    with pytest.raises(MissingExtraError, match=r"features, which its ONNX file does not give.*\[train\]"):
        open_scorer(open_bundle(exported), "onnx").features(PIXELS)


def test_an_export_exists_once(exported):
    with pytest.raises(UsageError, match="--overwrite"):
        export_onnx(exported)
    assert export_onnx(exported, overwrite=True).largest_difference < 1e-3


def test_a_changed_onnx_file_is_named(exported, tmp_path):
    folder = shutil.copytree(exported, tmp_path / "model")
    (folder / "model.onnx").write_bytes(b"nothing")
    with pytest.raises(BundleError, match=r"model.onnx is damaged"):
        open_bundle(folder)


def test_without_an_export_onnx_says_how_to_get_one(small_model):
    with pytest.raises(BundleError, match="atlas export"):
        open_scorer(open_bundle(small_model), "onnx")


def test_without_torch_the_extra_is_named(small_model, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"atlas-categorizer\[train\]"):
        open_scorer(open_bundle(small_model), "torch")
    with pytest.raises(BundleError, match="atlas export"):
        open_scorer(open_bundle(small_model))


def test_an_unknown_engine_is_refused(small_model):
    with pytest.raises(UsageError, match="'auto', 'torch' or 'onnx'"):
        open_scorer(open_bundle(small_model), "tensorflow")


def test_bf16_says_nearly_the_same(small_model):
    exact, short = (
        open_scorer(open_bundle(small_model), "torch", bf16=bf16).score_pixels(PIXELS) for bf16 in (False, True)
    )
    assert short.dtype == np.float32
    assert np.allclose(np.exp(short).sum(1), 1, atol=1e-5)
    assert 0 < np.abs(np.exp(short) - np.exp(exact)).max() < 0.05


def test_bf16_is_for_torch(exported):
    with pytest.raises(UsageError, match="bf16 is for torch"):
        open_scorer(open_bundle(exported), "onnx", bf16=True)


def test_weights_of_another_network_are_refused(small_model, tmp_path):
    folder = shutil.copytree(small_model, tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    tensors["head.linear.bias"] = tensors["head.linear.bias"][:-1]
    save_file(tensors, folder / "model.safetensors")
    config = json.loads((folder / CONFIG).read_text())
    config["files"]["model.safetensors"] = sha256_file(folder / "model.safetensors")
    config["model_id"] = _model_id(config["files"], config["recipe"])
    (folder / CONFIG).write_text(json.dumps(config))
    with pytest.raises(BundleError, match="do not fit each other"):
        open_scorer(open_bundle(folder), "torch")


def test_a_flat_model_has_no_light_to_export(small_model):
    with pytest.raises(UsageError, match="no light of its own"):
        export_onnx(small_model, evidence=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_path_decoders_are_exported_with_exact_scoring_inside(small_dataset, tmp_path, kind):
    settings = (f"decoder.kind={kind}", "decoder.size=8", "embedding=4", "attention=4", "heads=2", "epochs=1")
    train_model(small_dataset, tmp_path / "model", tiny_recipe(*settings))
    assert export_onnx(tmp_path / "model").largest_difference < 1e-4
    scorer = open_scorer(open_bundle(tmp_path / "model"), "onnx")
    for rows in (1, 7):
        assert np.allclose(np.exp(scorer.score_pixels(PIXELS[:rows])).sum(1), 1, atol=1e-5)
    assert scorer.light(PIXELS, np.ones(7, dtype=np.int64)) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings", [("lstm", "decoder.grid=5"), ("transformer",), ("transformer", "keep=1")], ids="-".join
)
def test_light_is_exported_for_every_node(small_dataset, tmp_path, settings):
    small = ("decoder.size=8", "embedding=4", "attention=4", "heads=2", "epochs=1")
    recipe = tiny_recipe(f"decoder.kind={settings[0]}", *settings[1:], *small)
    train_model(small_dataset, tmp_path / "model", recipe)
    summary = export_onnx(tmp_path / "model", evidence=True)
    assert summary.largest_difference < 1e-4
    assert summary.largest_light_difference < 1e-4
    torch, onnx = (open_scorer(open_bundle(tmp_path / "model"), engine) for engine in ("torch", "onnx"))
    tree = torch.bundle.taxonomy
    assert np.allclose(torch.score_pixels(PIXELS), onnx.score_pixels(PIXELS), atol=1e-4)
    found = torch.score_pixels(PIXELS).argmax(1)  # what a search left is dark
    nodes = found if recipe.decoder.keep else np.arange(1, 8)
    light, expected = onnx.light(PIXELS, nodes), torch.light(PIXELS, nodes)
    assert light.shape == expected.shape
    for row, node in enumerate(nodes):
        depth = len(tree.paths[node])
        assert np.allclose(light[row, :depth], expected[row, :depth], atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("inner", "searched"), [(EXACT_INNER_NODES, False), (EXACT_INNER_NODES + 1, True)])
def test_exports_on_both_sides_of_the_search(tmp_path, inner, searched):
    import torch

    from atlas.model.assemble import assemble

    tree = Taxonomy([(f"n{number}", leaf) for number in range(inner - 1) for leaf in "ab"])
    recipe = tiny_recipe("decoder.kind=transformer", "decoder.size=8", "heads=2", "average_flips=false")
    torch.manual_seed(0)
    model = assemble(recipe.model, tree.arrays)
    torch.nn.init.normal_(model.decoder.vocabulary.weight)
    save_model(model.state_dict(), tmp_path / "weights")
    described = {"recipe": to_mapping(recipe), "encoder": model.encoder.description(), "training": {}, "card": "# Test"}
    write_bundle(tmp_path / "model", weights=tmp_path / "weights", taxonomy=tree, **described)
    assert export_onnx(tmp_path / "model").largest_difference < 1e-4
    torch_scorer, onnx = (open_scorer(open_bundle(tmp_path / "model"), engine) for engine in ("torch", "onnx"))
    for rows in (1, 5):
        mass = np.exp(onnx.score_pixels(PIXELS[:rows]))
        assert np.allclose(mass, np.exp(torch_scorer.score_pixels(PIXELS[:rows])), atol=1e-5)
        assert np.allclose(mass.sum(1), 1, atol=1e-4)
        assert (mass[:, ~tree.is_answer].sum(1) > 0).all() == searched  # left where the search stopped
