"""Names in a recipe to parts that fit together: the one place that knows sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from atlas.model.attention import LstmDecoder
from atlas.model.config import ModelConfig
from atlas.model.encoders import build_encoder, rebuild_encoder
from atlas.model.flat import FlatModel
from atlas.model.heads import build_head
from atlas.model.path import PathModel
from atlas.model.plan import SPECIAL_TOKENS
from atlas.model.transformer import TransformerDecoder
from atlas.records import TreeArrays

#: Either kind takes (batch, target) to a loss and scores a batch to log node masses.
Model: TypeAlias = FlatModel | PathModel
DECODERS: dict[str, type[LstmDecoder | TransformerDecoder]] = {"lstm": LstmDecoder, "transformer": TransformerDecoder}


def assemble(config: ModelConfig, tree: TreeArrays, description: Mapping[str, Any] | None = None) -> Model:
    """The model of a recipe over a tree.

    Without `description` the encoder gets the weights that the recipe names; with it (from a model folder) the same
    network comes back with random weights, ready to be filled. Raises WeightsError and RecipeError.
    """
    parts = config.encoder
    encoder = build_encoder(parts) if description is None else rebuild_encoder(parts, description)
    flips = config.scoring.average_flips
    if config.decoder.kind == "flat":
        head = build_head(config.head, encoder.channels, int(tree.is_answer.sum()))
        return FlatModel(encoder, head, tree, flips)
    words = max(int(tree.token.max()) + 1, SPECIAL_TOKENS)
    decoder = DECODERS[config.decoder.kind](config.decoder, encoder.channels, words)
    return PathModel(encoder, decoder, tree, config.decoder, flips)
