"""Where the time of the fast path goes, and what else was tried to shorten it.

    python -m benchmarks.tried [--compile]

On the CPU, ResNet-50 (random weights) and EfficientNet-Lite0 (extra ``demo``), 8 images: the share of convolutions in
forward and gradient, and their speed beside that of a large matrix product; what fused convolutions are worth, and
their ways to an input's gradient; the memory of the graph; TorchScript's inference graph; convolutions of 1 by 1 as
matrix products; with ``--compile`` also ``torch.compile``, which takes a minute.
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
from benchmarks.networks import CASES
from presoftmax.models import Classifier, ModelVariant, as_variant, frozen, keep_freed_memory
from presoftmax.models.fast._fused_convolution import FusedConvolution
from presoftmax.storage import versions

IMAGES, ROUNDS = 8, 7
CONVOLUTIONS = ("aten::mkldnn_convolution", "aten::convolution_backward", "mkldnn::_convolution_pointwise")
FORMATS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def forward(network: nn.Module, images: Tensor) -> Tensor:
    """Logits without a graph."""
    with torch.no_grad():
        return network(images)


def gradient(network: nn.Module, images: Tensor) -> Tensor:
    """Of one logit in the images."""
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


def path(dtype: str, *, fused: bool) -> ModelVariant:
    return ModelVariant(simplified=True, channels_last=True, fused=fused, bfloat16=dtype == "bfloat16")


def ceiling(side: int = 2048) -> None:
    """The speed of a square matrix product."""
    for dtype in FORMATS:
        a = torch.randn(side, side, dtype=FORMATS[dtype])
        milliseconds = in_turns({"product": lambda a=a: a @ a})["product"]
        print(f"a matrix product of {side} by {side}, {dtype}: {2 * side**3 / milliseconds / 1e6:.0f} GFLOP/s")


def where(model: Classifier, images: Tensor, dtype: str) -> None:
    """Share and speed of the convolutions."""
    with FlopCounterMode(display=False) as counter:
        model(images.detach().requires_grad_(True))[:, 0].sum().backward()  # autograd.grad is not counted
    fused = as_variant(model, path(dtype, fused=True))
    gradient(fused, images)
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        for _ in range(3):
            gradient(fused, images)
    events = seen.key_averages()
    total = sum(event.self_cpu_time_total for event in events)
    in_convolutions = sum(event.self_cpu_time_total for event in events if event.key in CONVOLUTIONS)
    speed = 3 * counter.get_total_flops() / in_convolutions / 1000
    print(
        f"{model.name}, {dtype}: {100 * in_convolutions / total:.0f} % of forward and gradient in convolutions, "
        f"{speed:.0f} GFLOP/s"
    )


def fusion(model: Classifier, images: Tensor, dtype: str) -> None:
    """Fused convolutions against the same path without them."""
    plain, fused = (as_variant(model, path(dtype, fused=each)) for each in (False, True))
    for what in (forward, gradient):
        runs = {"plain": lambda what=what: what(plain, images), "fused": lambda what=what: what(fused, images)}
        taken = in_turns(runs)
        print(f"{model.name}, {dtype}, {what.__name__}: fused takes {taken['fused'] / taken['plain']:.2f} of the time")


def graph(case: str, images: Tensor) -> None:
    """What autograd keeps for the gradient, of a network as people write it and of its fused copy."""
    given = Classifier(CASES[case].models()[0], name=case)
    kept = {}
    for each, model in {"as given": given, "fused": as_variant(given, path("float32", fused=True))}.items():
        sizes: dict[int, int] = {}

        def keep(tensor: Tensor, sizes: dict[int, int] = sizes) -> Tensor:
            sizes[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
            return tensor

        with frozen(model), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            model(images.detach().requires_grad_(True))
        kept[each] = sum(sizes.values()) / 2**20
    print(f"{case}, kept for the gradient: {kept['fused']:.0f} MiB, as given {kept['as given']:.0f} MiB")


LAYERS = {
    "ResNet's first convolution": (nn.Conv2d(3, 64, 7, 2, 3), 224),
    "AlexNet's first convolution": (nn.Conv2d(3, 64, 11, 4, 2), 224),
    "ResNet-50's last 3 by 3": (nn.Conv2d(512, 512, 3, 1, 1), 7),
    "ResNet-50's last 1 by 1": (nn.Conv2d(512, 2048, 1), 7),
    "EfficientNet-Lite0's second depthwise": (nn.Conv2d(96, 96, 4, 2, 1, groups=96), 112),
    "EfficientNet-Lite0's last 5 by 5": (nn.Conv2d(1152, 1152, 5, 1, 2, groups=1152), 7),
}


def layers(dtype: str) -> None:
    """The gradient of single layers in their inputs."""
    for name, (layer, side) in LAYERS.items():
        plain = layer.to(FORMATS[dtype], memory_format=torch.channels_last).requires_grad_(False)
        images = torch.randn(IMAGES, plain.in_channels, side, side).to(
            FORMATS[dtype], memory_format=torch.channels_last
        )
        fused, leaf = FusedConvolution(plain), images.requires_grad_(True)
        outputs = {"ours": fused(leaf), "theirs": plain(leaf)}
        weights = torch.randn_like(outputs["ours"])
        taken = in_turns({
            each: lambda output=output, w=weights, leaf=leaf: torch.autograd.grad(output, leaf, w, retain_graph=True)
            for each, output in outputs.items()
        })  # fmt: skip
        print(f"{name}, {dtype}, gradient: {taken['ours']:.1f} ms, PyTorch's own {taken['theirs']:.1f} ms")


def torchscript(model: Classifier, images: Tensor) -> None:
    fused = as_variant(model, path("float32", fused=True))
    with torch.no_grad():
        frozen = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model.network, images)))
    taken = in_turns({"fast path": lambda: forward(fused.network, images), "jit": lambda: forward(frozen, images)})
    print(f"{model.name}, forward: TorchScript takes {taken['jit'] / taken['fast path']:.2f} of the fast path's time")


def compiled(model: Classifier, images: Tensor) -> None:
    fused, started = as_variant(model, path("float32", fused=True)).network, time.perf_counter()
    module = torch.compile(model.network)
    forward(module, images)
    gradient(module, images)
    print(f"{model.name}: compiling took {time.perf_counter() - started:.0f} s")
    for what in (forward, gradient):
        runs = {"fast path": lambda what=what: what(fused, images), "it": lambda what=what: what(module, images)}
        ratio = (taken := in_turns(runs))["it"] / taken["fast path"]
        print(f"{model.name}, {what.__name__}: compiled takes {ratio:.2f} of the fast path's time")


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
    models = [ps.load_model(name, "cpu") for name in ("torchvision/resnet50?weights=random", "efficientnet_lite0")]
    with keep_freed_memory():
        ceiling()
        for model in models:
            for dtype in FORMATS:
                where(model, images, dtype)
                fusion(model, images, dtype)
            torchscript(model, images)
        for case in ("resnet50", "efficientnet"):
            graph(case, images)
        for dtype in FORMATS:
            layers(dtype)
        with torch.no_grad():
            one_by_one()
        if options.compile:
            compiled(models[1], images)
    print(f"\n{', '.join(f'{name} {version}' for name, version in versions().items())}")


if __name__ == "__main__":
    main()
