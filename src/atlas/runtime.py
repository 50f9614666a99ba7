"""A model folder as a scorer of pixels: torch where it is installed, ONNX Runtime without it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import numpy as np

from atlas.bundle import ONNX, WEIGHTS, Bundle
from atlas.decide.posterior import ways
from atlas.errors import BundleError, MissingExtraError, RecipeError, UsageError
from atlas.records import Batch

if TYPE_CHECKING:
    from numpy.typing import NDArray

Engine = Literal["auto", "torch", "onnx"]
#: Outputs of an exported network; the second one is optional.
LOG_MASS, LIGHT = "log_mass", "light"


class Written(NamedTuple):
    """What a path decoder writes when nothing holds it to the tree."""

    tokens: NDArray[np.int64]  # (B, L) names, then the end, then padding
    probability: NDArray[np.float32]  # (B,), of the whole sequence
    novelty: NDArray[np.float32]  # (B,), the mass on children that the tree lacks


class Scorer(Protocol):
    """What turns pixels into node masses, whatever calculates it."""

    bundle: Bundle
    engine: str

    def score_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The log of each node's own mass (B, N), not calibrated, for pixels (B, 3, H, W) of the bundle's size."""

    def features(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What the encoder sees of pixels (B, 3, H, W), averaged over the picture: (B, C).

        Raises MissingExtraError where the network is a file that gives no features.
        """

    def light(self, pixels: NDArray[np.uint8], nodes: NDArray[np.int64]) -> NDArray[np.float32] | None:
        """Where the model looked for each level of these nodes (B,): (B, D, h, w); None where it cannot tell."""

    def write(self, pixels: NDArray[np.uint8], beams: int) -> Written | None:
        """The best path that the model writes freely for pixels (B, 3, H, W); None where it writes none."""


def open_scorer(bundle: Bundle, engine: Engine = "auto", *, bf16: bool = False) -> Scorer:
    """A scorer for an opened model folder.

    "auto" takes torch where it is installed and else the folder's ONNX file; `bf16` is torch's alone. Raises
    UsageError, MissingExtraError or BundleError that say what to do, install or export.
    """
    has_torch = importlib.util.find_spec("torch") is not None and importlib.util.find_spec("transformers") is not None
    if engine == "torch" or (engine == "auto" and has_torch):
        if not has_torch:
            raise MissingExtraError("train", "predicting with torch")
        return TorchScorer(bundle, bf16)
    if engine not in ("auto", "onnx"):
        raise UsageError(f"engine {engine!r}: use 'auto', 'torch' or 'onnx'")
    if bf16:
        raise UsageError("bf16 is for torch: leave it out, or pip install 'atlas-categorizer[train]'")
    if not bundle.has_onnx:
        raise BundleError(
            f"{bundle.folder} has no {ONNX}: run `atlas export {bundle.folder} --onnx` where torch is installed, "
            "or pip install 'atlas-categorizer[train]' here"
        )
    return OnnxScorer(bundle)


class TorchScorer:
    """The network itself, on the accelerator where there is one."""

    engine = "torch"

    def __init__(self, bundle: Bundle, bf16: bool = False) -> None:
        """Assemble the network and fill in the folder's weights; raises BundleError when they do not fit each other.

        With `bf16` it calculates in bfloat16 where that loses little: about twice as fast where processor or
        accelerator have it, slower where they only imitate it.
        """
        import torch

        from atlas.model.encoders import fold_norms

        self.bundle = bundle
        self.bf16 = bf16
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model = load_model(bundle)
        fold_norms(self.model.encoder)
        self.model.to(self.device, memory_format=torch.channels_last)

    def score_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See Scorer."""
        with self._calculating():
            log_mass = self.model.score(self._batch(pixels))
        return np.asarray(log_mass.float().cpu().numpy())

    def features(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See Scorer; the mean with the mirrored picture's where the model scores so."""
        with self._calculating():
            seen = self._batch(pixels).pixels
            views = [seen, seen.flip(3)] if self.model.average_flips else [seen]
            pooled = sum(self.model.encoder(view).float().mean(dim=(2, 3)) for view in views) / len(views)
        return np.asarray(pooled.cpu().numpy())

    def light(self, pixels: NDArray[np.uint8], nodes: NDArray[np.int64]) -> NDArray[np.float32] | None:
        """See Scorer."""
        import torch

        if not hasattr(self.model, "light"):
            return None
        with self._calculating():
            light = self.model.light(self._batch(pixels), torch.from_numpy(nodes).to(self.device))
        return np.asarray(light.float().cpu().numpy())

    def write(self, pixels: NDArray[np.uint8], beams: int) -> Written | None:
        """See Scorer."""
        if not hasattr(self.model, "write"):
            return None
        with self._calculating():
            batch = self._batch(pixels)
            tokens, log_probability = self.model.write(batch, beams)
            novelty = self.model.novelty(batch)
        return Written(*(part.cpu().numpy() for part in (tokens[:, 0], log_probability[:, 0].exp(), novelty)))

    @contextmanager
    def _calculating(self) -> Iterator[None]:
        import torch

        with torch.inference_mode(), torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            yield

    def _batch(self, pixels: NDArray[np.uint8]) -> Batch:
        import torch

        return Batch(torch.from_numpy(pixels).to(self.device).contiguous(memory_format=torch.channels_last))


class OnnxScorer:
    """The exported network in ONNX Runtime; needs neither torch nor transformers."""

    engine = "onnx"

    def __init__(self, bundle: Bundle, file: Path | None = None) -> None:
        """Open the folder's ONNX file, or another one of the same model; raises BundleError when it cannot be run."""
        import onnxruntime

        self.bundle = bundle
        file = file or bundle.folder / ONNX
        self._only_asked = onnxruntime.RunOptions()
        self._only_asked.only_execute_path_to_fetches = True  # masses cost the same with and without light in the file
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        try:
            self.session = onnxruntime.InferenceSession(
                str(file), options, providers=onnxruntime.get_available_providers()
            )
        except Exception as error:  # its errors share no base class
            raise BundleError(f"{file} cannot be run ({error}): export it again") from error

    def score_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See Scorer."""
        return self._run(LOG_MASS, pixels)

    def features(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:  # noqa: ARG002
        """Never returns: raises MissingExtraError, for an exported network gives masses alone."""
        raise MissingExtraError("train", "looking at a model's features, which its ONNX file does not give,")

    def light(self, pixels: NDArray[np.uint8], nodes: NDArray[np.int64]) -> NDArray[np.float32] | None:
        """See Scorer; None where the file was exported without evidence."""
        if LIGHT not in [output.name for output in self.session.get_outputs()]:
            return None
        tree = self.bundle.taxonomy.arrays
        inner = tree.end > np.arange(len(tree.end)) + 1
        chosen_at = np.maximum(ways(nodes, tree)[:, :-1], 0)  # (B, D), the node at whose step each level is chosen
        place = (np.cumsum(inner) - 1)[chosen_at]  # where that node stands among the inner ones
        light: NDArray[np.float32] = self._run(LIGHT, pixels)[np.arange(len(nodes))[:, None], place]
        return light  # (B, D, h, w) of (B, I, h, w)

    def _run(self, output: str, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        (found,) = self.session.run([output], {"pixels": np.ascontiguousarray(pixels)}, self._only_asked)
        return np.asarray(found, dtype=np.float32)

    def write(self, pixels: NDArray[np.uint8], beams: int) -> None:
        """None: the file holds no way to write."""


def load_model(bundle: Bundle) -> Any:
    """The torch model of a folder, ready to score. Raises BundleError when weights and recipe do not fit."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from atlas.model.assemble import assemble
    from atlas.model.config import ModelConfig
    from atlas.recipe import from_mapping

    parts = {name: bundle.recipe.get(name, {}) for name in ("encoder", "head", "decoder", "scoring")}
    try:
        model = assemble(from_mapping(ModelConfig, parts), bundle.taxonomy.arrays, bundle.encoder)
        model.load_state_dict(load_file(bundle.folder / WEIGHTS))
    except (RecipeError, RuntimeError, KeyError, TypeError, ValueError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise BundleError(f"{bundle.folder}: weights and recipe do not fit each other ({reason})") from error
    return model.eval()
