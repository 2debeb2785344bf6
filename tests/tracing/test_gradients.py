"""Sources with and without a gradient, traced in any mode; and networks that are as they were, whatever happens."""

from contextlib import nullcontext

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

import presoftmax as ps
from presoftmax.errors import ModelError, PresoftmaxError, PresoftmaxWarning
from tests.conftest import CLASSES, Tiny, make_set

ATTACK = ps.attacks.over_optimized(steps=3, alpha=0.05)
ATTACKS = (ATTACK, ps.attacks.pgd(steps=3), ps.attacks.di_fgsm(steps=3), ps.attacks.carlini_wagner(steps=3))
MODES = {"grad": nullcontext, "no_grad": torch.no_grad, "inference_mode": torch.inference_mode}


@pytest.mark.parametrize("accelerate", [False, True])
@pytest.mark.parametrize("made", MODES)
@pytest.mark.parametrize("traced", MODES)
def test_a_trace_is_the_same_in_any_mode(made, traced, accelerate):
    expected = ps.trace(ATTACK, Tiny(), make_set(Tiny()), victims=[Tiny(1)], accelerate=accelerate)
    with MODES[made]():
        source, victim = Tiny(), ps.Classifier(Tiny(1), mean=0.0)
        images, labels = (each.clone() for each in make_set(source))
        ids = make_set(source).ids
    with MODES[traced]():
        trace = ps.trace(ATTACK, source, images, labels, ids=ids, victims=[victim, source], accelerate=accelerate)
    assert torch.equal(trace.images, expected.images)
    assert not any(tensor.is_inference() for tensor in (trace.images, trace.float_images))
    assert all(parameter.requires_grad for parameter in source.parameters())


def test_the_caller_keeps_its_mode_between_blocks():
    seen = []
    with torch.no_grad():
        ps.trace(ATTACK, Tiny(), make_set(Tiny()), on_block=lambda _: seen.append(torch.is_grad_enabled()))
    assert set(seen) == {False}


LOSING = {
    "detached image": lambda net, x: net(x.detach()),
    "detached image, weights with gradient": lambda net, x: net(x.detach()) + torch.zeros(1, requires_grad=True),
    "detached logits": lambda net, x: net(x).detach(),
    "no_grad inside": lambda net, x: torch.no_grad()(net)(x),
    "inference_mode inside": lambda net, x: torch.inference_mode()(net)(x),
    "rounded image": lambda net, x: net((x * 255).round() / 255),
    "image as bytes": lambda net, x: net((x * 255).to(torch.uint8) / 255),
    "argmax": lambda net, x: 3.0 * nn.functional.one_hot(net(x).argmax(1), CLASSES) - 1,
    "rounded logits": lambda net, x: net(x).round(),
    "sign": lambda net, x: net(x).sign() + torch.linspace(-1, 1, CLASSES),
    "numpy": lambda net, x: torch.from_numpy(net(x).detach().numpy()),
    "constant": lambda net, x: 0 * net(x) + torch.arange(-3.0, CLASSES - 3),
}


class Losing(Tiny):
    def __init__(self, how):
        super().__init__()
        self.how = how

    def forward(self, x):
        return LOSING[self.how](super().forward, x)


@pytest.mark.parametrize("accelerate", [False, True])
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
@pytest.mark.parametrize("how", LOSING)
def test_a_source_without_gradient_is_named_before_anything_comes_of_it(how, attack, accelerate):
    blocks = []
    with pytest.raises(ModelError, match=r"^source lost has (no|a) gradient [^\n]*$"):
        ps.trace(attack, {"lost": Losing(how)}, make_set(Tiny()), on_block=blocks.append, accelerate=accelerate)
    assert not blocks


@pytest.mark.parametrize("how", LOSING)
def test_as_a_victim_it_is_used_as_it_is(how):
    trace = ps.trace(ATTACK, Tiny(), make_set(Tiny()), victims=[Losing(how)], accelerate=False)
    assert trace.complete


class Flat(Tiny):
    """Has a gradient nearly everywhere, but none at black images."""

    def forward(self, x):
        return super().forward(torch.relu(x - 0.01)) + torch.linspace(-1, 1, CLASSES)


def test_a_network_that_is_flat_at_one_image_has_a_gradient():
    with pytest.warns(PresoftmaxWarning, match="vanished"):
        trace = ps.trace(ATTACK, Flat(), torch.zeros((1, 3, 6, 6), dtype=torch.uint8), [0], accelerate=False)
    assert trace.complete


class Breaking(nn.Module):
    """Raises at its k-th forward or backward pass."""

    def __init__(self, forward_at=None, backward_at=None):
        super().__init__()
        self.inner = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(0.1), Tiny())
        self.left = {"forward": forward_at, "backward": backward_at}
        self.inner[0].eval()
        self.inner[2].conv.weight.requires_grad_(False)
        self.inner.register_forward_hook(lambda *_: None)

    def count(self, kind):
        if self.left[kind] is not None:
            self.left[kind] -= 1
            if self.left[kind] < 0:
                raise OSError("the cable was pulled")

    def forward(self, x):
        self.count("forward")
        if x.requires_grad:
            x.register_hook(lambda _: self.count("backward"))
        return self.inner(x)


def state(model):
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return {
        "training": [module.training for module in model.modules()],
        "hooks": [len(getattr(module, each)) for module in model.modules() for each in hooks],
        "parameters": [
            (p.requires_grad, p.device, p.dtype, p.grad is None, p.sum().item()) for p in model.parameters()
        ],
        "buffers": [(buffer.device, buffer.dtype, buffer.sum().item()) for buffer in model.buffers()],
        "grad mode": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
    }


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    where=st.sampled_from(["source forward", "source backward", "victim forward", "on_block", "nowhere"]),
    at=st.integers(0, 4),
    attack=st.sampled_from(ATTACKS),
    accelerate=st.booleans(),
    mode=st.sampled_from(sorted(MODES)),
)
def test_networks_are_as_they_were_whatever_happens(where, at, attack, accelerate, mode):
    source = Breaking(*{"source forward": (at, None), "source backward": (None, at)}.get(where, ()))
    victim = Breaking(at) if where == "victim forward" else Breaking()
    before = state(source), state(victim)

    def on_block(_):
        if where == "on_block":
            raise KeyboardInterrupt

    raised = None
    try:
        with MODES[mode]():
            ps.trace(attack, source, make_set(Tiny()), victims=[victim], on_block=on_block, accelerate=accelerate)
    except (PresoftmaxError, KeyboardInterrupt) as error:
        raised = error
        # While the error is handled, too: its traceback still holds the frames.
        assert (state(source), state(victim)) == before
    assert (state(source), state(victim)) == before
    if isinstance(raised, PresoftmaxError):
        assert "the cable was pulled" in str(raised)
        assert "\n" not in str(raised)
