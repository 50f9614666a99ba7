"""The whole state of a training run in one file, so that a killed run goes on as if nothing had happened."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from atlas.dataset.schema import DatasetFolder
from atlas.errors import BundleError, UsageError
from atlas.model.optimizer import restore_state, state_tensors
from atlas.recipe import to_mapping
from atlas.stages.hardware import faster_precision
from atlas.stages.recipes import Recipe
from atlas.storage import atomic_file

STATE_FILE = "state.safetensors"
BEST_FILE = "best.safetensors"
#: Changes whenever the same recipe on the same data would give other weights.
TRAINING_VERSION = 1


@dataclass
class Position:
    """Where a run stands: `step` batches of `epoch` are done (both counted from 0)."""

    fingerprint: str
    precision: str
    epoch: int = 0
    step: int = 0
    core_s: float = 0.0
    pictures: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)


def find_position(data: DatasetFolder, recipe: Recipe, unfinished: Path | None) -> Position:
    """Where to go on in `unfinished`, with the precision it was begun with, or the start of a new run.

    Raises UsageError when the unfinished run is that of another recipe or data set.
    """
    fingerprint, wanted = _fingerprint(data, recipe), recipe.training.precision
    position = _load_position(unfinished) if unfinished is not None else None
    if position is None:
        return Position(fingerprint, faster_precision() if wanted == "auto" else wanted)
    if position.fingerprint != fingerprint:
        raise UsageError(
            f"{unfinished} was begun with another recipe, data set or version: repeat those, or use --overwrite"
        )
    return position


def _fingerprint(data: DatasetFolder, recipe: Recipe) -> str:
    """What must be the same for a run to be taken up: recipe, data set, version of the training code."""
    content = json.dumps([TRAINING_VERSION, to_mapping(recipe), data.digest, data.taxonomy.digest], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def save_state(
    folder: Path, position: Position, model: nn.Module, average: nn.Module | None, optimizer: Optimizer
) -> None:
    """Write weights, their running average, the optimizer's memory and the position as one file, atomically."""
    tensors = _prefixed("model", model.state_dict()) | _prefixed("optimizer", state_tensors(optimizer))
    if average is not None:
        tensors |= _prefixed("average", average.state_dict())
    save_tensors(folder / STATE_FILE, tensors, {"position": json.dumps(asdict(position))})


def _load_position(folder: Path) -> Position | None:
    """Where the run in this folder stands; None when nothing was saved yet. Raises BundleError for a damaged file."""
    file = folder / STATE_FILE
    if not file.exists():
        return None
    with _reading(file) as stored:
        return Position(**json.loads(stored.metadata()["position"]))


def load_state(folder: Path, model: nn.Module, average: nn.Module | None, optimizer: Optimizer) -> None:
    """Put the saved tensors back where they came from. Raises BundleError for a damaged file."""
    with _reading(folder / STATE_FILE) as stored:
        tensors = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118 - not a dict
        model.load_state_dict(_without("model", tensors))
        if average is not None:
            average.load_state_dict(_without("average", tensors))
        restore_state(optimizer, _without("optimizer", tensors))


@contextmanager
def _reading(file: Path) -> Iterator[Any]:
    try:
        with safe_open(str(file), framework="pt") as stored:
            yield stored
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise BundleError(f"{file} is damaged ({error}): start again with --overwrite") from error


def save_tensors(file: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Write tensors as safetensors, atomically and always in the same order."""
    whole = {name: tensors[name].detach().cpu().contiguous() for name in sorted(tensors)}
    with atomic_file(file) as part:
        save_file(whole, part, metadata)


def _prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def _without(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}
