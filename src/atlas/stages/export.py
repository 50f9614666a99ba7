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
from atlas.progress import Progress, Silent
from atlas.records import Batch
from atlas.runtime import OnnxScorer, load_model
from atlas.storage import part_of

#: Largest difference in log mass, above e^-20, that the exported network may show.
TOLERANCE = 2e-3
OPSET = 20


@dataclass(frozen=True)
class ExportSummary:
    """The exported file and how far its answers are from the network's own."""

    file: Path
    size_bytes: int
    largest_difference: float  # of log masses on random pictures


class _Scored(nn.Module):
    """The model's `score` with a tensor in and a tensor out, as ONNX wants it."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        return self.model.score(Batch(pixels))


def export_onnx(folder: Path, *, overwrite: bool = False, progress: Progress | None = None) -> ExportSummary:
    """Write `model.onnx` into a model folder: pixels uint8 (B, 3, H, W) in, log masses float32 (B, N) out, any B.

    The file is compared with the network on random pictures before it counts. Raises UsageError when there is one
    already and BundleError when the two disagree.
    """
    progress = progress or Silent()
    bundle = open_bundle(folder)
    if bundle.has_onnx and not overwrite:
        raise UsageError(f"{folder / ONNX} exists already: use --overwrite to replace it")
    progress.begin("export", 2)
    model = load_model(bundle)
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (3, 3, bundle.image.height_px, bundle.image.width_px), dtype=np.uint8)
    file = part_of(folder / ONNX)
    try:
        _write(model, torch.from_numpy(pixels), file)
        progress.advance()
        difference = _largest_difference(model, OnnxScorer(bundle, file), pixels)
        if difference > TOLERANCE:
            raise BundleError(f"the export differs from the network by {difference:.4f} in log mass: it was not kept")
        add_onnx(bundle, file)
        progress.advance()
    finally:
        file.unlink(missing_ok=True)
    return ExportSummary(folder / ONNX, (folder / ONNX).stat().st_size, difference)


def _write(model: Model, pixels: Tensor, file: Path) -> None:
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own internals
        torch.onnx.export(
            _Scored(model).eval(),
            (pixels,),
            file,
            input_names=["pixels"],
            output_names=["log_mass"],
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
