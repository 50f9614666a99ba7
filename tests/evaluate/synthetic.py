"""Predictions files drawn by a small made-up model, of any size and skill."""

from __future__ import annotations

from pathlib import Path as FilePath

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from atlas.evaluate.paths import PathTable
from atlas.evaluate.rows import PredictionsFile, Rows
from atlas.taxonomy.files import format_taxonomy
from atlas.taxonomy.tree import Taxonomy, format_path

LISTED = 1e-4
ALTERNATIVES = 4
SCHEMA = pa.schema(
    {
        "product_id": pa.string(),
        "view": pa.int32(),
        "path": pa.string(),
        "probability": pa.float32(),
        "level_probabilities": pa.list_(pa.float32()),
        "answered_depth": pa.int32(),
        "alternatives": pa.list_(pa.struct({"path": pa.string(), "probability": pa.float32()})),
        "reason": pa.string(),
        "model_id": pa.string(),
        "taxonomy_id": pa.string(),
        "error": pa.string(),
        "truth": pa.string(),
        "masses": pa.list_(pa.struct({"node": pa.int32(), "mass": pa.float32()})),
        "mass_left": pa.float32(),
        "near_train": pa.bool_(),
        "title": pa.string(),
    }
)


def tree_of(leaves: int) -> Taxonomy:
    """A tree of three levels with this many leaves, some names in several places."""
    tops = ["Men", "Women", "Kids"]
    groups = ["Ethnic Wear", "Inner Wear", "Western Wear", "Footwear"]
    return Taxonomy([(tops[n % 3], groups[n // 3 % 4], f"Kind {n // 12:02d}") for n in range(leaves)])


def row(product_id, truth, guess, tree, *, masses=None, view=0, error=None, near_train=False, **other):
    """One row as `atlas predict` writes it; `masses` by path text, the guess has all of it when none are given."""
    masses = {guess: 1.0} if masses is None else masses
    names = () if error else tuple(guess.split(" > "))
    below = [
        sum(mass for path, mass in masses.items() if tuple(path.split(" > "))[: level + 1] == names[: level + 1])
        for level in range(len(names))
    ]
    rest = sorted(((mass, path) for path, mass in masses.items() if path != guess), reverse=True)
    return {
        "product_id": product_id,
        "view": view,
        "path": None if error else guess,
        "probability": None if error else masses.get(guess, 0.0),
        "level_probabilities": None if error else below,
        "answered_depth": None if error else len(names),
        "alternatives": None if error else [{"path": path, "probability": mass} for mass, path in rest],
        "model_id": "made-up",
        "taxonomy_id": tree.digest,
        "error": error,
        "truth": truth,
        "masses": None if error else [{"node": tree.node(path), "mass": mass} for path, mass in masses.items()],
        "mass_left": None if error else 1 - sum(masses.values()),
        "near_train": near_train,
    } | other


def write(file: FilePath, rows: list[dict], tree: Taxonomy, split: str = "test") -> FilePath:
    """The rows as a predictions file."""
    pq.write_table(pa.Table.from_pylist(rows, schema=_with_tree(tree, split)), file)
    return file


def write_drawn(
    file: FilePath, tree: Taxonomy, rows: int, *, seed: int = 0, skill: float = 4.5, noise: int = 1, views: int = 3,
    skill_of: dict[str, float] | None = None, near_train: float = 0.05,
) -> FilePath:  # fmt: skip
    """A file of `rows` pictures by a model whose logit of the truth is `skill` above noise.

    `seed` fixes the products and how hard each is, `noise` the model's own error: two values are two noisy copies.
    `skill_of` changes the skill for single true paths. Masses are the softmax, so the model is roughly calibrated.
    """
    products, model = np.random.default_rng(seed), np.random.default_rng((seed, noise))
    answers = np.array(tree.answers)
    share = products.dirichlet(np.full(len(answers), 0.6)) * 0.97 + 0.03 / len(answers)
    count = -(-rows // views)
    of_product = products.choice(len(answers), size=count, p=share)
    product = np.repeat(np.arange(count), views)[:rows]
    truth = of_product[product]
    logits = products.normal(size=(count, len(answers)))[product] + model.normal(size=(rows, len(answers)))
    skills = np.array([(skill_of or {}).get(format_path(tree.paths[node]), skill) for node in answers])
    logits[np.arange(rows), truth] += skills[truth]
    logits += 1.5 * (tree.arrays.parent[answers][None, :] == tree.arrays.parent[answers][truth][:, None])
    logits *= skill / 2  # the log odds of a truth that stands `skill` above noise of variance 2
    mass = np.exp(logits - logits.max(axis=1, keepdims=True))
    mass /= mass.sum(axis=1, keepdims=True)
    columns = _columns(tree, answers, mass) | {
        "product_id": [f"p{number:06d}" for number in product],
        "view": np.arange(rows) - np.searchsorted(product, product),
        "truth": [format_path(tree.paths[node]) for node in answers[truth]],
        "near_train": (products.random(count) < near_train)[product],
    }
    schema = _with_tree(tree, "test")
    arrays = [_column(columns.get(field.name), field.type, rows) for field in schema]
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), file)
    return file


def _column(values, kind: pa.DataType, rows: int) -> pa.Array:
    if values is None:
        return pa.nulls(rows, kind)
    return values.cast(kind) if isinstance(values, pa.Array) else pa.array(values, kind)


def _columns(tree: Taxonomy, answers: np.ndarray, mass: np.ndarray) -> dict:
    rows, texts = len(mass), np.array([format_path(tree.paths[node]) for node in answers])
    order = np.argsort(-mass, axis=1)[:, : ALTERNATIVES + 1]
    best = answers[order[:, 0]]
    ancestors = np.array([tree.ancestors(node) for node in answers])  # (A, 3): all leaves lie three levels deep
    chosen = ancestors[order[:, 0]]
    levels = [(mass * (ancestors[None, :, level] == chosen[:, level, None])).sum(axis=1) for level in range(3)]
    listed = mass > LISTED
    where, which = np.nonzero(listed)
    offsets = np.concatenate([[0], np.cumsum(listed.sum(axis=1))]).astype(np.int32)
    entries = pa.StructArray.from_arrays(
        [pa.array(answers[which], pa.int32()), pa.array(mass[where, which], pa.float32())], ["node", "mass"]
    )
    others = order[:, 1:]
    alternatives = pa.StructArray.from_arrays(
        [pa.array(texts[others.ravel()]), pa.array(np.take_along_axis(mass, others, 1).ravel(), pa.float32())],
        ["path", "probability"],
    )
    fixed = np.arange(rows + 1, dtype=np.int32)
    return {
        "path": [format_path(tree.paths[node]) for node in best],
        "probability": mass.max(axis=1),
        "level_probabilities": pa.ListArray.from_arrays(fixed * 3, pa.array(np.stack(levels, 1).ravel())),
        "answered_depth": np.full(rows, 3),
        "alternatives": pa.ListArray.from_arrays(fixed * others.shape[1], alternatives),
        "model_id": ["made-up"] * rows,
        "taxonomy_id": [tree.digest] * rows,
        "masses": pa.ListArray.from_arrays(offsets, entries),
        "mass_left": 1 - (mass * listed).sum(axis=1),
    }


def _with_tree(tree: Taxonomy, split: str) -> pa.Schema:
    text = format_taxonomy(tree).encode()
    return SCHEMA.with_metadata({b"atlas.taxonomy": text, b"atlas.predictions": b"1", b"atlas.split": split.encode()})


def in_memory(tree: Taxonomy, truths, guesses, products=None, views=None) -> PredictionsFile:
    """A predictions file that was never written, from node numbers; guess 0 is a failed row."""
    table = PathTable.of(tree.paths)
    number = np.array([table.number[path] for path in tree.paths])
    truth, guess = number[np.asarray(truths)], number[np.asarray(guesses)]
    products = np.arange(len(truth)) if products is None else np.asarray(products)
    names, product = np.unique(products, return_inverse=True)
    rows = Rows(
        table=table,
        product=product,
        product_ids=tuple(f"p{name}" for name in names),
        view=np.zeros(len(truth), dtype=np.int64) if views is None else np.asarray(views),
        truth=truth,
        guess=guess,
        known_no_deeper=~tree.is_answer[np.asarray(truths)],
        unknown=np.zeros(len(truth), dtype=bool),
        rank=None,
        level_probabilities=None,
        answered_depth=np.array([len(path) for path in table.paths])[guess],
        near_train=None,
    )
    return PredictionsFile(
        FilePath("made-up.parquet"), rows, tree, "test", len(truth), {}, ("made-up",), (tree.digest,)
    )
