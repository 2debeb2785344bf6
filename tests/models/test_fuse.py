"""Fused convolutions: the same function and the same gradient as PyTorch's own layers, in every geometry."""

import copy

import pytest
import torch
from torch import nn

from presoftmax.models.fast._activations import activation_of, relu6_
from presoftmax.models.fast._fuse import fuse
from presoftmax.models.fast._fused_convolution import FusedConvolution
from presoftmax.models.fast._simplify import simplified
from tests.models.test_fast_path import batch_normed, padded, residual

GEOMETRIES = {
    "3 by 3": (8, 12, 3, {"padding": 1}),
    "1 by 1": (8, 12, 1, {"bias": False}),
    "oblong": (8, 4, (3, 1), {"padding": (1, 0)}),
    "dilated": (8, 4, 3, {"padding": 2, "dilation": 2}),
    "in groups": (8, 12, 3, {"padding": 1, "groups": 4}),
    "each channel by itself": (8, 8, 5, {"padding": 2, "groups": 8}),
    "padded beyond its kernel": (8, 4, 1, {"padding": 1}),
    "with a stride": (8, 4, 3, {"padding": 1, "stride": 2}),
    "with a stride, each by itself": (8, 8, 4, {"padding": 1, "stride": 2, "groups": 8}),
    "of an image": (3, 8, 3, {"padding": 1}),
    "of an image, as ResNet begins": (3, 8, 7, {"padding": 3, "stride": 2}),
    "of an image, as AlexNet begins": (3, 8, 11, {"padding": 2, "stride": 4}),
    "of an image, leaving pixels out": (3, 8, 2, {"stride": 3}),
    "of an image, oblong": (3, 8, (5, 3), {"padding": (2, 0), "stride": 2}),
    "of an image, two strides": (3, 8, 3, {"stride": (2, 1)}),
}


@pytest.mark.parametrize("size", [(17, 17), (18, 23)])
@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES.keys())
@pytest.mark.parametrize("after", [None, nn.ReLU, nn.ReLU6])
def test_a_fused_convolution_is_its_parts(geometry, after, size):
    inputs, outputs, kernel, options = geometry
    torch.manual_seed(0)
    convolution = nn.Conv2d(inputs, outputs, kernel, **options).requires_grad_(False)
    fused = FusedConvolution(convolution, activation_of(after))
    with torch.no_grad():
        other_shape = convolution(torch.zeros(2, inputs, *size)).shape
    for summed in (False, True):
        results = []
        for network in (convolution, fused):
            torch.manual_seed(1)
            images = torch.randn(2, inputs, *size, requires_grad=True)
            other = 4 * torch.randn(other_shape).requires_grad_() if summed else None
            if network is fused:
                output = fused(images, other)
            else:
                output = convolution(images) + other if summed else convolution(images)
                output = after()(output) if after else output
            leaves = [images, other] if summed else [images]
            results.append([output, *torch.autograd.grad((output * torch.randn(output.shape)).sum(), leaves)])
        with torch.no_grad():
            torch.testing.assert_close(fused(images, other), results[1][0], rtol=0, atol=0)
        for got, expected in zip(*reversed(results), strict=True):
            torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["3 by 3", "with a stride, each by itself", "of an image, as ResNet begins"])
def test_a_fused_convolution_in_bfloat16_takes_any_images(name):
    inputs, outputs, kernel, options = GEOMETRIES[name]
    convolution = nn.Conv2d(inputs, outputs, kernel, **options).requires_grad_(False)
    fused = FusedConvolution(copy.deepcopy(convolution).bfloat16())
    images = torch.randn(2, inputs, 16, 16, requires_grad=True)
    results = []
    for network in (convolution, fused):
        output = network(images)
        (gradient,) = torch.autograd.grad(output.float().square().sum(), images)
        results.append((output.float(), gradient))
    assert fused(images).dtype == torch.bfloat16
    for got, expected in zip(*reversed(results), strict=True):
        torch.testing.assert_close(got, expected, rtol=0.05, atol=0.05 * float(expected.detach().abs().max()))


class Shared(nn.Module):
    """A sum whose gradient goes to several layers, which none of them may write over."""

    def __init__(self):
        super().__init__()
        self.one, self.two, self.three = (nn.Conv2d(width, 6, 3, padding=1) for width in (3, 6, 3))
        self.four, self.head = nn.Conv2d(6, 6, 1), nn.Linear(6 * 64, 5)

    def forward(self, x):
        first = torch.relu(self.one(x))
        kept = self.two(first) + first
        third = torch.relu(self.three(x))
        last = torch.relu(self.four(torch.relu(self.four(kept + third))) + third)
        return self.head(last.flatten(1))


def shared():
    torch.manual_seed(5)
    return Shared().eval()


@pytest.mark.parametrize("make", [batch_normed, residual, padded, shared])
def test_a_fused_network_is_the_same_function_with_the_same_gradient(make):
    network, results = make(), []
    fast = simplified(network)
    fuse(fast)
    assert any(isinstance(module, FusedConvolution) for module in fast.modules())
    assert not any(type(module) is nn.Conv2d for module in fast.modules())
    for each in (network, fast, fast):
        torch.manual_seed(2)
        images = torch.rand(3, 3, 8, 8, requires_grad=True)
        logits = each(images)
        results.append((logits, torch.autograd.grad(logits.square().sum(), images)[0]))
    for found in results[1:]:
        for got, expected in zip(found, results[0], strict=True):
            torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)


def test_gradients_are_written_over_only_where_nobody_else_has_them():
    fast = simplified(shared())
    fuse(fast)
    calls = {node.target: node for node in fast.graph.nodes if node.op == "call_module"}
    owns = [fast.get_submodule(name).owns_gradient for name in calls if name.startswith("fused")]
    # first (summed where it came from), kept (into a sum), third (two sums), the inner four, the last into the head
    assert owns == [False, False, False, True, False]
    chain = simplified(batch_normed())
    fuse(chain)
    assert [m.owns_gradient for m in chain.modules() if isinstance(m, FusedConvolution)] == [True, False]


def test_relu6_in_place_keeps_what_comes_out_and_no_copy():
    values = torch.tensor([-1.0, 0.0, 3.0, 6.0, 7.0], requires_grad=True)
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t.data_ptr()) or t, lambda t: t):
        result = relu6_(values * 1)
    assert saved == [result.data_ptr()]
    result.sum().backward()
    assert values.grad.tolist() == [0.0, 0.0, 1.0, 0.0, 0.0]
    with torch.no_grad():
        written = values.clone()
        assert relu6_(written) is written
        traced = torch.jit.trace(lambda x: relu6_(x * 1), values)
    assert torch.equal(written, result)
    assert torch.equal(traced(values), result)
