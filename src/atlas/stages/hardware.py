"""What a training run stands on: device, precision, processes, and how long a step takes here."""

from __future__ import annotations

import contextlib
import os
import platform
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import broadcast_object_list
from torch import nn

from atlas.storage import claim_output

#: bf16 must be this much faster than fp32 to be chosen. Where it is worth having it is far beyond, so that the choice
#: does not hang on the noise of one measurement.
BF16_GAIN = 1.3


class Estimate(NamedTuple):
    """What one step costs."""

    step_s: float
    memory_bytes: int  # of the whole run: of the accelerator where there is one, else of the process


def make_accelerator(precision: str) -> Accelerator:
    """Accelerate's view of this machine, calculating in "bf16" (weights stay fp32) or "fp32"."""
    on_cpu = not torch.cuda.is_available()
    if on_cpu:
        torch.use_deterministic_algorithms(True)
        # Else every tensor is filled with NaN before its first use, which costs some hundredths of a training step.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    AcceleratorState._reset_state()  # an earlier run may have had another precision
    return Accelerator(cpu=on_cpu, mixed_precision="bf16" if precision == "bf16" else "no")


@cache
def faster_precision() -> str:
    """What "auto" stands for here: "bf16" where it is clearly faster than "fp32".

    The processor's flags do not tell: some have bf16 instructions that are slower than fp32's. A convolution is timed.
    """
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    if not (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()):
        return "fp32"  # emulated
    plain, short = _convolution_s(torch.float32), _convolution_s(torch.bfloat16)
    return "bf16" if plain > BF16_GAIN * short else "fp32"


def loading_threads(accelerator: Accelerator) -> int:
    """Threads that decode pictures: few where they share the processor with the model."""
    return max(1, torch.get_num_threads() // 2) if accelerator.device.type == "cpu" else 12


def claim_together(
    accelerator: Accelerator, output: Path, *, resume: bool, overwrite: bool, inputs: tuple[Path, ...]
) -> Path:
    """`claim_output` done by one process for all; a refusal reaches each of them."""
    answer: list[Any] = [None]
    if accelerator.is_main_process:
        try:
            answer = [claim_output(output, resume=resume, overwrite=overwrite, inputs=inputs)]
        except Exception as error:
            answer = [error]
    if accelerator.num_processes > 1:
        broadcast_object_list(answer)
    if isinstance(answer[0], Exception):
        raise answer[0]
    part: Path = answer[0]
    return part


def estimate_step(model: nn.Module, step: Callable[[], None]) -> Estimate:
    """Time and memory of `step`, a forward and backward pass of `model`; the fastest of three counts."""
    times = []
    for _ in range(3):
        started = time.monotonic()
        step()
        times.append(time.monotonic() - started)
    weights = sum(parameter.numel() for parameter in model.parameters())
    on_cpu = not torch.cuda.is_available()
    memory: int = psutil.Process().memory_info().rss if on_cpu else torch.cuda.max_memory_allocated()
    return Estimate(min(times), memory + 8 * weights)  # the optimizer's two moments, float32, are still to come


def machine() -> dict[str, Any]:
    """What the figures of a run rest on: processor, its cores, torch and the threads that it uses."""
    return {
        "processor": torch.cuda.get_device_name() if torch.cuda.is_available() else _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
    }


def _processor() -> str:
    """The processor's own name where the system tells it."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        return names[0] if names else platform.processor()
    return platform.processor() or "unknown"


def _convolution_s(kind: torch.dtype) -> float:
    """Process time of one convolution and its gradients, the least of four."""
    layer = nn.Conv2d(64, 64, 3, padding=1, bias=False, dtype=kind).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    pixels = torch.zeros(8, 64, 24, 24, dtype=kind).contiguous(memory_format=torch.channels_last).requires_grad_()
    times = []
    for _ in range(4):
        started = time.process_time()
        layer(pixels).sum().backward()
        times.append(time.process_time() - started)
    return min(times)
