"""Drawn pictures, and a path model that has looked at some of them: something to measure without any real data."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path as FilePath

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from atlas.bundle import write_bundle
from atlas.demo.store import draw, invent_store, jpeg
from atlas.images import ImageConfig, read_pixels
from atlas.model.assemble import assemble
from atlas.model.loss import Target
from atlas.model.path import PathModel
from atlas.recipe import to_mapping
from atlas.records import Batch
from atlas.stages.recipes import Recipe
from atlas.taxonomy.files import load_taxonomy
from atlas.taxonomy.tree import Taxonomy

#: Pictures that set the encoder's norms and teach the decoder, and steps of teaching.
TAUGHT, STEPS, BATCH = 64, 120, 32


def draw_files(folder: FilePath, count: int, seed: int = 0, scale: int = 2) -> list[FilePath]:
    """`count` pictures of different drawn products as JPEG files, 160x200 px times `scale`."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number, product in enumerate(invent_store(count, seed)):
        files.append(folder / f"{number:05d}.jpg")
        if not files[-1].exists():
            files[-1].write_bytes(jpeg(draw(product, "front", scale)))
    return files


def make_model(folder: FilePath, recipe: Recipe, pictures: FilePath, seed: int = 1) -> FilePath:
    """A model folder over the paper's 52 leaves: a random encoder, and a decoder that has learned a little.

    Random weights alone would give every path nearly the same mass, and rounding would choose between them. So batch
    norms take their statistics from drawn pictures, and the decoder learns for some steps while the encoder stays.
    """
    tree = load_taxonomy("atlas52")
    torch.manual_seed(seed)
    model = assemble(recipe.model, tree.arrays)
    assert isinstance(model, PathModel)
    pixels = read_all(draw_files(pictures, TAUGHT, seed), recipe.image)
    nodes = torch.tensor([tree.node(product.leaf.path) for product in invent_store(TAUGHT, seed)])
    set_norms(model.encoder, pixels)
    with torch.no_grad():
        features = torch.cat([model.encoder(part) for part in pixels.split(BATCH)])
    teach(model, recipe, tree, features, nodes)
    return save(folder, model, recipe, tree)


def read_all(files: Sequence[FilePath], image: ImageConfig) -> Tensor:
    """The pictures as pixels (B, 3, H, W), channels last in memory."""
    return torch.from_numpy(np.stack([read_pixels(file, image) for file in files])).permute(0, 3, 1, 2)


def set_norms(encoder: nn.Module, pixels: Tensor) -> None:
    """Let batch norms take mean and variance from these pictures (B, 3, H, W)."""
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # the plain mean over batches
    encoder.train()
    with torch.no_grad():
        for part in pixels.split(BATCH):
            encoder(part)
    encoder.eval()


def teach(model: PathModel, recipe: Recipe, tree: Taxonomy, features: Tensor, nodes: Tensor) -> None:
    """Fit the decoder to pictures with these features (B, C, h, w) and nodes (B,)."""
    pupil = PathModel(nn.Identity(), model.decoder, tree.arrays, recipe.decoder)  # type: ignore[arg-type]
    optimizer = torch.optim.Adam(pupil.parameters(), lr=2e-3)
    order = itertools.cycle(torch.arange(len(nodes)).split(BATCH))
    pupil.train()
    for rows in itertools.islice(order, STEPS):
        optimizer.zero_grad()
        pupil(Batch(features[rows]), Target(nodes[rows])).backward()
        optimizer.step()
    model.eval()


def save(folder: FilePath, model: PathModel, recipe: Recipe, tree: Taxonomy) -> FilePath:
    """The model as a folder that `atlas.load` opens."""
    weights = folder.with_suffix(".weights")
    save_file({name: part.contiguous() for name, part in model.state_dict().items()}, weights)
    write_bundle(
        folder,
        weights=weights,
        taxonomy=tree,
        recipe=to_mapping(recipe),
        encoder=model.encoder.description(),
        training={},
        card="# A model to measure with\n",
    )
    weights.unlink()
    return folder
