"""A model folder's network as an ONNX file beside it, so that prediction needs no torch."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from atlas.bundle import ONNX, add_onnx, open_bundle
from atlas.errors import BundleError, UsageError
from atlas.model.assemble import Model
from atlas.model.path import PathModel
from atlas.progress import Progress, Silent
from atlas.records import Batch
from atlas.runtime import LIGHT, LOG_MASS, OnnxScorer, load_model
from atlas.storage import part_of

#: Largest difference in log mass, above e^-20, that the exported network may show.
TOLERANCE = 2e-3
#: Largest difference in the share of light on any cell.
LIGHT_TOLERANCE = 1e-4
OPSET = 20


@dataclass(frozen=True)
class ExportSummary:
    """The exported file and how far its answers are from the network's own."""

    file: Path
    size_bytes: int
    largest_difference: float  # of log masses on random pictures
    largest_light_difference: float | None = None  # of the light on any cell; None without evidence


class _Exported(nn.Module):
    """The model's `score`, or its `score_lit`, with a tensor in and tensors out, as ONNX wants it."""

    def __init__(self, model: Model, evidence: bool) -> None:
        super().__init__()
        self.model = model
        self.outputs = [LOG_MASS, LIGHT] if evidence else [LOG_MASS]

    def forward(self, pixels: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        if LIGHT in self.outputs:
            assert isinstance(self.model, PathModel)
            return self.model.score_lit(Batch(pixels))
        return self.model.score(Batch(pixels))


def export_onnx(
    folder: Path, *, evidence: bool = False, overwrite: bool = False, progress: Progress | None = None
) -> ExportSummary:
    """Write `model.onnx` into a model folder: pixels uint8 (B, 3, H, W) in, log masses float32 (B, N) out, any B.

    With `evidence` a path decoder's file has a second output, `light` float32 (B, I, h, w): where it looks at each of
    the I inner nodes, in tree order. The file is compared with the network on random pictures before it counts. Raises
    UsageError when there is one already or a flat model has no light, and BundleError when the two disagree.
    """
    progress = progress or Silent()
    bundle = open_bundle(folder)
    if bundle.has_onnx and not overwrite:
        raise UsageError(f"{folder / ONNX} exists already: use --overwrite to replace it")
    progress.begin("export", 2)
    model = load_model(bundle)
    if evidence and not isinstance(model, PathModel):
        raise UsageError(f"{folder} is a flat model, which has no light of its own: export it without --evidence")
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (3, 3, bundle.image.height_px, bundle.image.width_px), dtype=np.uint8)
    file = part_of(folder / ONNX)
    try:
        _write(_Exported(model, evidence), torch.from_numpy(pixels), file)
        progress.advance()
        scorer = OnnxScorer(bundle, file)
        difference = _largest_difference(model, scorer, pixels)
        of_light = _largest_light_difference(model, scorer, pixels) if isinstance(model, PathModel) else None
        for found, allowed, what in ((difference, TOLERANCE, "log mass"), (of_light or 0, LIGHT_TOLERANCE, "light")):
            if found > allowed:
                raise BundleError(f"the export differs from the network by {found:.4f} in {what}: it was not kept")
        add_onnx(bundle, file)
        progress.advance()
    finally:
        file.unlink(missing_ok=True)
    return ExportSummary(folder / ONNX, (folder / ONNX).stat().st_size, difference, of_light)


def _write(network: _Exported, pixels: Tensor, file: Path) -> None:
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own internals
        torch.onnx.export(
            network.eval(),
            (pixels,),
            file,
            input_names=["pixels"],
            output_names=network.outputs,
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            opset_version=OPSET,
            external_data=False,
            verbose=False,
        )


def _largest_difference(model: Model, scorer: OnnxScorer, pixels: NDArray[np.uint8]) -> float:
    """Between network and file, for one picture and for several, where the mass is not negligible."""
    with torch.inference_mode():
        expected = model.score(Batch(torch.from_numpy(pixels))).numpy()
    found = np.concatenate([scorer.score_pixels(part) for part in (pixels[:1], pixels[1:])])
    return float(np.abs(found - expected)[expected > -20].max())


def _largest_light_difference(model: PathModel, scorer: OnnxScorer, pixels: NDArray[np.uint8]) -> float | None:
    """Between network and file, on the levels of each picture's own answer; None where the file has no light."""
    with torch.inference_mode():
        batch = Batch(torch.from_numpy(pixels))
        nodes = model.score(batch).argmax(dim=1)
        expected = model.light(batch, nodes).numpy()
    found = scorer.light(pixels, nodes.numpy())
    if found is None:
        return None
    reached = np.arange(expected.shape[1]) < scorer.bundle.taxonomy.arrays.depth[nodes.numpy()][:, None]  # (B, D)
    return float(np.abs(found - expected)[reached].max())
