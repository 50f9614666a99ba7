"""Names in a recipe to parts that fit together: the one place that knows sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atlas.model.config import ModelConfig
from atlas.model.encoders import build_encoder, rebuild_encoder
from atlas.model.flat import FlatModel
from atlas.model.heads import build_head
from atlas.records import TreeArrays


def assemble(config: ModelConfig, tree: TreeArrays, description: Mapping[str, Any] | None = None) -> FlatModel:
    """The model of a recipe over a tree.

    Without `description` the encoder gets the weights that the recipe names; with it (from a model folder) the same
    network comes back with random weights, ready to be filled. Raises WeightsError and RecipeError.
    """
    parts = config.encoder
    encoder = build_encoder(parts) if description is None else rebuild_encoder(parts, description)
    head = build_head(config.head, encoder.channels, int(tree.is_answer.sum()))
    return FlatModel(encoder, head, tree, average_flips=config.scoring.average_flips)
