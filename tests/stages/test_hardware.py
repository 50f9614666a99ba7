import pytest
import torch

from atlas.stages import hardware
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


@pytest.mark.parametrize(("plain_s", "short_s", "chosen"), [(2.6, 1.0, "bf16"), (1.2, 1.0, "fp32"), (0.8, 1.0, "fp32")])
def test_auto_takes_bf16_only_where_it_is_clearly_faster(monkeypatch, plain_s, short_s, chosen):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setattr(hardware, "_convolution_s", lambda kind: plain_s if kind == torch.float32 else short_s)
    assert hardware.faster_precision.__wrapped__() == chosen
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert hardware.faster_precision.__wrapped__() == "fp32"
