"""Where the time of the fast path goes, and what else was tried to shorten it.

    python -m benchmarks.tried [--compile]

On the CPU, ResNet-50 (random weights) and EfficientNet-Lite0 (extra ``demo``), 8 images: the share of convolutions in
forward and gradient, and their speed; TorchScript's inference graph; convolutions of 1 by 1 as matrix products; with
``--compile`` also ``torch.compile``, which takes a minute.
"""

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

import presoftmax as ps
from presoftmax.host_memory import freed_memory_kept
from presoftmax.models import on_usual_path
from presoftmax.versions import versions

IMAGES, ROUNDS = 8, 7
CONVOLUTIONS = ("aten::mkldnn_convolution", "aten::convolution_backward")


def forward(network: nn.Module, images: Tensor) -> Tensor:
    with torch.no_grad():
        return network(images)


def gradient(network: nn.Module, images: Tensor) -> Tensor:
    leaf = images.detach().requires_grad_(True)
    return torch.autograd.grad(network(leaf)[:, 0].sum(), leaf)[0]


def in_turns(functions: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Median milliseconds of each."""
    taken: dict[str, list[float]] = {name: [] for name in functions}
    for function in functions.values():
        function()
    for _ in range(ROUNDS):
        for name, function in functions.items():
            started = time.perf_counter()
            function()
            taken[name].append(1000 * (time.perf_counter() - started))
    return {name: statistics.median(values) for name, values in taken.items()}


def where(name: str, network: nn.Module, images: Tensor) -> None:
    """Share and speed of the convolutions."""
    gradient(network, images)
    with FlopCounterMode(display=False) as counter:
        network(images.detach().requires_grad_(True))[:, 0].sum().backward()  # autograd.grad is not counted
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        for _ in range(3):
            gradient(network, images)
    events = seen.key_averages()
    total = sum(event.self_cpu_time_total for event in events)
    in_convolutions = sum(event.self_cpu_time_total for event in events if event.key in CONVOLUTIONS)
    speed = 3 * counter.get_total_flops() / in_convolutions / 1000
    print(f"{name}: {100 * in_convolutions / total:.0f} % of forward and gradient in convolutions, {speed:.0f} GFLOP/s")


def torchscript(name: str, network: nn.Module, images: Tensor) -> None:
    with torch.no_grad():
        frozen = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(network, images)))
    taken = in_turns({"fast path": lambda: forward(network, images), "jit": lambda: forward(frozen, images)})
    print(f"{name}, forward: TorchScript takes {taken['jit'] / taken['fast path']:.2f} of the fast path's time")


def compiled(name: str, network: nn.Module, images: Tensor) -> None:
    started = time.perf_counter()
    module = torch.compile(network)
    forward(module, images)
    gradient(module, images)
    print(f"{name}: compiling took {time.perf_counter() - started:.0f} s")
    for what in (forward, gradient):
        runs = {"fast path": lambda what=what: what(network, images), "it": lambda what=what: what(module, images)}
        taken = in_turns(runs)
        print(f"{name}, {what.__name__}: compiled takes {taken['it'] / taken['fast path']:.2f} of the fast path's time")


def one_by_one() -> None:
    """The pointwise convolutions of ResNet-50, forward."""
    ratios = []
    for inputs, outputs, side in ((64, 256, 56), (256, 64, 56), (512, 128, 28), (1024, 256, 14), (512, 2048, 7)):
        images = torch.randn(IMAGES, inputs, side, side).to(memory_format=torch.channels_last)
        weight, bias = torch.randn(outputs, inputs, 1, 1).to(memory_format=torch.channels_last), torch.randn(outputs)
        rows, matrix = images.permute(0, 2, 3, 1).reshape(-1, inputs), weight.reshape(outputs, inputs).t().contiguous()
        taken = in_turns({
            "convolution": lambda x=images, w=weight, b=bias: torch.conv2d(x, w, b),
            "product": lambda x=rows, w=matrix, b=bias: torch.addmm(b, x, w),
        })  # fmt: skip
        ratios.append(taken["product"] / taken["convolution"])
    print(f"1 by 1 convolutions as matrix products take {min(ratios):.2f} to {max(ratios):.2f} of oneDNN's time")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compile", action="store_true", help="try torch.compile, too")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    images = torch.randn(IMAGES, 3, 224, 224)
    models = {
        "ResNet-50": on_usual_path(ps.load_model("torchvision/resnet50?weights=random", "cpu")).network,
        "EfficientNet-Lite0": ps.load_model("efficientnet_lite0", "cpu").network,
    }
    with freed_memory_kept():
        for name, network in models.items():
            where(name, network, images)
            torchscript(name, network, images)
        with torch.no_grad():
            one_by_one()
        if options.compile:
            compiled("EfficientNet-Lite0", models["EfficientNet-Lite0"], images)
    print(f"\n{', '.join(f'{name} {version}' for name, version in versions().items())}")


if __name__ == "__main__":
    main()
