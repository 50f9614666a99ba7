import torch

from atlas.stages.hardware import make_accelerator


def test_a_second_run_may_have_another_precision():
    before = torch.are_deterministic_algorithms_enabled()
    try:
        assert [make_accelerator(precision).mixed_precision for precision in ("fp32", "bf16", "fp32")] == [
            "no",
            "bf16",
            "no",
        ]
    finally:
        torch.use_deterministic_algorithms(before)
