import json
import shutil

import pytest

from atlas.bundle import CALIBRATION, CONFIG, add_onnx, open_bundle, write_calibration
from atlas.errors import BundleError


@pytest.fixture
def model(small_model, tmp_path):
    return shutil.copytree(small_model, tmp_path / "model")


def edit_config(model, **changes):
    config = json.loads((model / CONFIG).read_text())
    (model / CONFIG).write_text(json.dumps(config | changes))


def test_a_model_folder_opens(model):
    bundle = open_bundle(model)
    assert len(bundle.taxonomy.leaves) == 5
    assert (bundle.image.height_px, bundle.image.width_px) == (40, 32)
    assert bundle.calibration is None
    assert not bundle.has_onnx


def test_the_card_is_one_that_the_hub_reads(model):
    from huggingface_hub import ModelCard

    results = ModelCard.load(model / "README.md").data.eval_results
    assert [result.metric_type for result in results] == ["accuracy"] * 3


@pytest.mark.parametrize("name", ["model.safetensors", "taxonomy.txt", "config.json"])
def test_a_missing_file_is_named(model, name):
    (model / name).unlink()
    with pytest.raises(BundleError, match=name):
        open_bundle(model)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_cut_file_is_named(model, name):
    file = model / name
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(BundleError, match=rf"{name}.* damaged"):
        open_bundle(model)


def test_a_tree_edited_by_hand_is_refused_with_what_to_do(model):
    file = model / "taxonomy.txt"
    file.write_text(file.read_text().replace("Jeans", "Denims"))
    with pytest.raises(BundleError, match=r"taxonomy.txt .* train again"):
        open_bundle(model)


def test_a_tree_in_another_order_is_refused(model):
    file = model / "taxonomy.txt"
    file.write_text("\n".join(reversed(file.read_text().splitlines())) + "\n")
    with pytest.raises(BundleError, match=r"taxonomy.txt"):
        open_bundle(model)


def test_a_changed_recipe_is_noticed(model):
    config = json.loads((model / CONFIG).read_text())
    config["recipe"]["image"]["height_px"] = 99
    (model / CONFIG).write_text(json.dumps(config))
    with pytest.raises(BundleError, match="ids do not fit"):
        open_bundle(model)


@pytest.mark.parametrize(
    ("content", "says"),
    [("[]", "not Atlas's"), ("{}", "not Atlas's"), ("{", "damaged"), ('{"architectures": ["ViT"]}', "not Atlas's")],
)
def test_a_foreign_config_is_refused(model, content, says):
    (model / CONFIG).write_text(content)
    with pytest.raises(BundleError, match=says):
        open_bundle(model)


def test_a_later_format_asks_for_an_update(model):
    edit_config(model, format=99)
    with pytest.raises(BundleError, match="update"):
        open_bundle(model)


def test_a_config_cannot_point_outside_its_folder(model):
    edit_config(model, files={"../../etc/passwd": "0" * 64})
    with pytest.raises(BundleError, match="lists other files"):
        open_bundle(model)


def test_no_folder_and_no_model_are_told_apart(tmp_path):
    with pytest.raises(BundleError, match="is not a folder"):
        open_bundle(tmp_path / "nothing")
    with pytest.raises(BundleError, match=r"has no config\.json"):
        open_bundle(tmp_path)


def test_a_recipe_without_its_tables_is_refused(model):
    for recipe in ({}, [], {"image": 3}):
        edit_config(model, recipe=recipe)
        with pytest.raises(BundleError, match="recipe"):
            open_bundle(model)


def test_a_stop_while_an_onnx_file_is_replaced_leaves_a_sound_folder(model, tmp_path, monkeypatch):
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    add_onnx(open_bundle(model), tmp_path / "one")
    bundle = open_bundle(model)
    assert bundle.has_onnx

    def stop(file):
        raise KeyboardInterrupt

    monkeypatch.setattr("atlas.bundle.sha256_file", stop)
    with pytest.raises(KeyboardInterrupt):
        add_onnx(bundle, tmp_path / "two")
    monkeypatch.undo()
    assert not open_bundle(model).has_onnx


def test_a_calibration_comes_back_and_is_sealed(model):
    write_calibration(open_bundle(model), {"version": 1, "image": {"temperatures": [1.5]}})
    assert open_bundle(model).calibration["image"] == {"temperatures": [1.5]}
    file = model / CALIBRATION
    file.write_text(file.read_text().replace("1.5", "9.5"))
    with pytest.raises(BundleError, match="atlas calibrate"):
        open_bundle(model)


def test_another_models_calibration_is_refused(model):
    bundle = open_bundle(model)
    write_calibration(bundle, {"version": 1})
    content = json.loads((model / CALIBRATION).read_text())
    (model / CALIBRATION).write_text(json.dumps(content | {"model_id": "somebody else"}))
    with pytest.raises(BundleError, match="atlas calibrate"):
        open_bundle(model)


@pytest.fixture
def mapped_model(model, tmp_path):
    """The model as training writes it from a data set with a mapping."""
    from atlas.bundle import write_bundle
    from atlas.taxonomy.mapping import Mapping, MappingRow

    bundle = open_bundle(model)
    mapping = Mapping((MappingRow("acme", ("Herren",), ("Men",), "confirmed"),))
    config = json.loads((model / CONFIG).read_text())
    write_bundle(
        tmp_path / "mapped",
        weights=model / "model.safetensors",
        taxonomy=bundle.taxonomy,
        recipe=config["recipe"],
        encoder=config["encoder"],
        training=config["training"],
        card="",
        mapping=mapping,
    )
    return tmp_path / "mapped"


def test_a_mapping_comes_back_and_leaves_the_models_id_alone(model, mapped_model):
    bundle = open_bundle(mapped_model)
    assert bundle.mapping is not None
    assert bundle.mapping.store_path_of("acme", ("Men", "Jeans")) == ("Herren",)
    assert bundle.model_id == open_bundle(model).model_id
    assert open_bundle(model).mapping is None
    assert "mapping.csv" in json.loads((mapped_model / CONFIG).read_text())["files"]


def test_a_mapping_edited_by_hand_or_missing_is_noticed(mapped_model):
    file = mapped_model / "mapping.csv"
    file.write_text(file.read_text().replace("Herren", "Homme"))
    with pytest.raises(BundleError, match=r"mapping\.csv is damaged or was changed"):
        open_bundle(mapped_model)
    file.unlink()
    with pytest.raises(BundleError, match=r"mapping\.csv is missing"):
        open_bundle(mapped_model)
