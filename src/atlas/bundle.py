"""A model folder and the record of it. Plain files, each with its SHA-256; nothing is ever unpickled. No torch here."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from atlas.errors import BundleError, DataError, RecipeError, TaxonomyError
from atlas.images import ImageConfig
from atlas.recipe import from_mapping
from atlas.storage import read_json, sha256_file, write_json, write_text
from atlas.taxonomy.files import format_taxonomy, read_taxonomy
from atlas.taxonomy.mapping import Mapping as StoreMapping
from atlas.taxonomy.mapping_file import format_mapping, read_mapping
from atlas.taxonomy.tree import Taxonomy

FORMAT = 1
CONFIG = "config.json"
WEIGHTS = "model.safetensors"
TAXONOMY = "taxonomy.txt"
MAPPING = "mapping.csv"
CALIBRATION = "calibration.json"
CARD = "README.md"
ONNX = "model.onnx"


@dataclass(frozen=True)
class Bundle:
    """An opened model folder, every file of it checked.

    `recipe` and `encoder` are the tables that assemble the network again; `training` says on what and how it learned;
    `calibration` holds temperatures and promises by mode, or is None before `atlas calibrate`; `mapping` says paths in
    stores' own words, or is None where the data set was built without one.
    """

    folder: Path
    taxonomy: Taxonomy
    recipe: Mapping[str, Any]
    encoder: Mapping[str, Any]
    image: ImageConfig
    model_id: str
    training: Mapping[str, Any] = field(default_factory=dict)
    calibration: Mapping[str, Any] | None = None
    has_onnx: bool = False
    mapping: StoreMapping | None = None


def write_bundle(
    folder: Path,
    *,
    weights: Path,
    taxonomy: Taxonomy,
    recipe: Mapping[str, Any],
    encoder: Mapping[str, Any],
    training: Mapping[str, Any],
    card: str,
    mapping: StoreMapping | None = None,
) -> None:
    """Write a model folder from a finished weights file. The caller gives it its final name once this returns."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    shutil.copyfile(weights, folder / WEIGHTS)
    write_text(folder / TAXONOMY, format_taxonomy(taxonomy))
    write_text(folder / CARD, card)
    if mapping is not None:
        write_text(folder / MAPPING, format_mapping(mapping))
    files = {name: sha256_file(folder / name) for name in (WEIGHTS, TAXONOMY, MAPPING) if (folder / name).exists()}
    config = {
        "format": FORMAT,
        "model_id": _model_id(files, recipe),
        "taxonomy_id": taxonomy.digest,
        "recipe": recipe,
        "encoder": encoder,
        "training": training,
        "files": files,
    }
    write_json(folder / CONFIG, config)


def open_bundle(folder: Path) -> Bundle:
    """The model folder as a record. Raises BundleError that names the file that is missing, cut, changed or foreign."""
    folder = Path(folder)
    config = _read_config(folder)
    for name, expected in config["files"].items():
        _check_file(folder / name, expected)
    try:
        taxonomy = read_taxonomy(folder / TAXONOMY)
        mapping = read_mapping(folder / MAPPING) if MAPPING in config["files"] else None
        image = from_mapping(ImageConfig, config["recipe"]["image"], f"{folder / CONFIG}: recipe.image")
    except (TaxonomyError, RecipeError) as error:
        raise BundleError(f"{folder}: {error}") from error
    except (KeyError, TypeError) as error:
        raise BundleError(f"{folder / CONFIG} is not Atlas's: its recipe says nothing of the image") from error
    if taxonomy.digest != config["taxonomy_id"] or config["model_id"] != _model_id(config["files"], config["recipe"]):
        raise BundleError(f"{folder / CONFIG} was changed: its ids do not fit its content; copy the model folder again")
    return Bundle(
        folder=folder,
        taxonomy=taxonomy,
        recipe=config["recipe"],
        encoder=config["encoder"],
        image=image,
        model_id=config["model_id"],
        training=config["training"],
        calibration=_read_calibration(folder, config["model_id"]),
        has_onnx=ONNX in config["files"],
        mapping=mapping,
    )


def write_calibration(bundle: Bundle, calibration: Mapping[str, Any]) -> None:
    """Write `calibration.json`, tied to this model and sealed by its own checksum. An older one is replaced."""
    sealed = {**calibration, "model_id": bundle.model_id}
    write_json(bundle.folder / CALIBRATION, {**sealed, "sha256": _seal(sealed)})


def add_onnx(bundle: Bundle, file: Path) -> None:
    """Take an exported network into the folder; it counts only while `config.json` lists it.

    An older one is struck off the list first: the folder is sound wherever this is stopped.
    """
    config = _read_config(bundle.folder)
    if config["files"].pop(ONNX, None):
        write_json(bundle.folder / CONFIG, config)
    file.replace(bundle.folder / ONNX)
    config["files"][ONNX] = sha256_file(bundle.folder / ONNX)
    write_json(bundle.folder / CONFIG, config)


def _read_config(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise BundleError(f"{folder} is not a folder: give a model folder made by `atlas train`")
    if not (folder / CONFIG).is_file():
        raise BundleError(f"{folder} has no {CONFIG}: it is not a model folder made by `atlas train`")
    try:
        config = read_json(folder / CONFIG)
    except (DataError, UnicodeDecodeError) as error:
        raise BundleError(f"{folder / CONFIG} is damaged: {error}") from error
    wanted = {"format", "model_id", "taxonomy_id", "recipe", "encoder", "training", "files"}
    if not isinstance(config, dict) or not wanted <= config.keys():
        raise BundleError(
            f"{folder / CONFIG} is not Atlas's: it lacks the keys of a model folder made by `atlas train`"
        )
    if config["format"] != FORMAT:
        raise BundleError(
            f"{folder} has format {config['format']}, this version reads {FORMAT}: update atlas-categorizer"
        )
    _check_names(folder, config["files"])
    return config


def _check_names(folder: Path, files: Any) -> None:
    """A foreign config must not make us read outside its folder."""
    if not isinstance(files, dict) or not {WEIGHTS, TAXONOMY} <= files.keys() <= {WEIGHTS, TAXONOMY, MAPPING, ONNX}:
        raise BundleError(f"{folder / CONFIG} is not Atlas's: 'files' lists other files than a model folder has")


def _check_file(file: Path, expected: str) -> None:
    if not file.is_file():
        raise BundleError(f"{file} is missing: copy the whole model folder again")
    if sha256_file(file) != expected:
        hint = "a tree cannot be changed by hand, train again for another one; or copy the folder again"
        raise BundleError(
            f"{file} is damaged or was changed: {hint if file.name == TAXONOMY else 'copy the folder again'}"
        )


def _read_calibration(folder: Path, model_id: str) -> dict[str, Any] | None:
    file = folder / CALIBRATION
    if not file.exists():
        return None
    try:
        calibration = read_json(file)
        sealed = {key: value for key, value in calibration.items() if key != "sha256"}
        intact = calibration["sha256"] == _seal(sealed) and calibration["model_id"] == model_id
    except (DataError, UnicodeDecodeError, AttributeError, KeyError) as error:
        raise BundleError(f"{file} is damaged: remove it, then run `atlas calibrate` again") from error
    if not intact:
        raise BundleError(
            f"{file} was changed or belongs to another model: remove it, then run `atlas calibrate` again"
        )
    return sealed


def _seal(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _model_id(files: Mapping[str, str], recipe: Mapping[str, Any]) -> str:
    """Twelve digits that name what decides a prediction: weights, tree and recipe."""
    return _seal({"files": {name: files[name] for name in (WEIGHTS, TAXONOMY)}, "recipe": recipe})[:12]
