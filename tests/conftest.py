"""What holds for every test: one thread a process, repeatable examples, no network."""

import os
import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.striped import tiny_recipe, write_pictures

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "HF_HUB_OFFLINE"):
    os.environ.setdefault(name, "1")

settings.register_profile(
    "atlas", deadline=None, max_examples=60, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("atlas")


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that reaches for another machine fails at once; browser tests talk to their own on this one."""

    def refuse(self: socket.socket, address: object) -> None:
        local = self.family == getattr(socket, "AF_UNIX", None) or (
            isinstance(address, tuple) and address[0] in ("127.0.0.1", "::1", "localhost")
        )
        if not local:
            raise OSError(f"a test reached for the network: {address}")
        return real(self, address)

    real = socket.socket.connect
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(scope="session")
def small_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of striped pictures: 5 leaves on 2 or 3 levels, 12 products each, split by Atlas."""
    from atlas.stages.build import BuildOptions, build

    folder = tmp_path_factory.mktemp("small")
    build(write_pictures(folder / "pictures", 12), folder / "dataset", BuildOptions(splits="60/20/20"))
    return folder / "dataset"


@pytest.fixture(scope="session")
def small_model(small_dataset: Path) -> Path:
    """A model folder trained on it for a few steps, by recipe `fast` made tiny."""
    pytest.importorskip("torch")
    from atlas.stages.train import train_model

    train_model(small_dataset, small_dataset.parent / "model", tiny_recipe("training.epochs=2"))
    return small_dataset.parent / "model"
