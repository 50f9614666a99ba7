import copy

import torch

from atlas.model.averaging import start_average, update_average
from atlas.model.optimizer import build_optimizer, restore_state, set_rates, state_tensors
from atlas.model.schedule import Rates


def network() -> torch.nn.Sequential:
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Flatten(), torch.nn.Linear(16, 2)
    )


def optimizer_of(model, **options):
    options = {"encoder_rate": 0.1, "weight_decay": 0.5, "decay_all": False, "second_momentum": 0.99} | options
    return build_optimizer(model, model[0].parameters(), **options)


def learn(model, optimizer, seed):
    torch.manual_seed(seed)
    set_rates(optimizer, Rates(0.01, 0.9))
    optimizer.zero_grad()
    model(torch.randn(5, 3, 4, 4)).square().sum().backward()
    optimizer.step()


def test_groups_separate_encoder_and_decay():
    optimizer = optimizer_of(network())
    set_rates(optimizer, Rates(1.0, 0.8))
    seen = {(g["lr"], g["weight_decay"]): sum(p.numel() for p in g["params"]) for g in optimizer.param_groups}
    assert seen == {(0.1, 0.5): 108, (0.1, 0.0): 4, (1.0, 0.0): 4 + 4 + 2, (1.0, 0.5): 32}
    assert {g["betas"] for g in optimizer.param_groups} == {(0.8, 0.99)}


def test_decay_all_spares_nothing():
    assert {g["weight_decay"] for g in optimizer_of(network(), decay_all=True).param_groups} == {0.5}


def test_a_restored_optimizer_goes_on_bit_for_bit():
    model = network().to(memory_format=torch.channels_last)
    optimizer = optimizer_of(model)
    learn(model, optimizer, 1)
    twin = copy.deepcopy(model)
    twin_optimizer = optimizer_of(twin)
    restore_state(twin_optimizer, {name: tensor.contiguous() for name, tensor in state_tensors(optimizer).items()})
    for seed in (2, 3):
        learn(model, optimizer, seed)
        learn(twin, twin_optimizer, seed)
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), twin.state_dict().values(), strict=True))


def test_rmsprop_steps_by_the_root_of_the_mean_square():
    """By hand: s = .9 s + .1 g^2, w = w - rate g / (sqrt(s) + 1e-7)."""
    layer = torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        layer.weight.fill_(1.0)
    optimizer = build_optimizer(
        layer, [], encoder_rate=1.0, weight_decay=0.0, decay_all=False, second_momentum=0.9, method="rmsprop"
    )
    weight, square = 1.0, 0.0
    for gradient in (2.0, -1.0, 0.5):
        set_rates(optimizer, Rates(0.1, 0.0))
        layer.weight.grad = torch.tensor([[gradient]])
        optimizer.step()
        square = 0.9 * square + 0.1 * gradient**2
        weight -= 0.1 * gradient / (square**0.5 + 1e-7)
        assert abs(layer.weight.item() - weight) < 1e-6


def test_a_restored_rmsprop_goes_on_bit_for_bit():
    model = network()
    optimizer = optimizer_of(model, weight_decay=0.0, method="rmsprop")
    learn(model, optimizer, 1)
    twin = copy.deepcopy(model)
    twin_optimizer = optimizer_of(twin, weight_decay=0.0, method="rmsprop")
    restore_state(twin_optimizer, state_tensors(optimizer))
    learn(model, optimizer, 2)
    learn(twin, twin_optimizer, 2)
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), twin.state_dict().values(), strict=True))


def test_the_average_lags_behind_and_starts_quickly():
    model = torch.nn.Linear(1, 1)
    with torch.no_grad():
        model.weight.fill_(0.0)
    average = start_average(model)
    with torch.no_grad():
        model.weight.fill_(1.0)
    update_average(average, model, decay=0.999, step=0)  # the early decay is (1 + 0) / (10 + 0)
    assert float(average.weight) == torch.tensor(0.9)
    for step in (10_000, 10_001):
        update_average(average, model, decay=0.5, step=step)
    assert abs(float(average.weight) - 0.975) < 1e-6
    assert not any(parameter.requires_grad for parameter in average.parameters())
