"""What recording costs: the loop's time over the bare time of the same forward and backward passes.

Both do the same passes on the same models and images, in turns within one process; the ratio is the median of those of
the single rounds.

    python benchmarks/loop_overhead.py [--rounds 7] [--json FILE]
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import torch
from torch import nn

import presoftmax as ps
from presoftmax.models import Classifier
from presoftmax.versions import versions


@dataclass(frozen=True)
class Case:
    name: str
    source: Classifier
    victims: list[Classifier]
    images: ps.ImageSet
    steps: int


@dataclass(frozen=True)
class Result:
    case: str
    images: int
    steps: int
    victims: int
    bare_ms: float
    loop_ms: float
    ratio: float
    ratio_low: float
    ratio_high: float


def small_network(classes: int = 10) -> nn.Module:
    """A CIFAR-sized network with the cost of a small ResNet or VGG."""
    torch.manual_seed(0)
    widths = (3, 32, 32, 64, 64, 128, 128)
    layers: list[nn.Module] = []
    for i, (inp, out) in enumerate(pairwise(widths)):
        layers += [nn.Conv2d(inp, out, 3, padding=1), nn.ReLU(), *([nn.MaxPool2d(2)] if i % 2 else [])]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(128 * 16, classes))


def cases() -> list[Case]:
    small = [Classifier(small_network(), name=f"small{i}") for i in range(3)]
    tiny_photos = ps.samples("cifar10")
    source, *victims = ps.load_models("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")
    photos = ps.samples("imagenet").select(range(4))
    return [
        Case("32 px, small network, no victim", small[0], [], tiny_photos, 60),
        Case("32 px, small network, two victims", small[0], small[1:], tiny_photos, 60),
        Case("224 px, EfficientNet-Lite0, no victim", source, [], photos, 15),
        Case("224 px, EfficientNet-Lite0, two victims", source, victims, photos, 15),
    ]


def bare(case: Case) -> None:
    """The passes of the loop and nothing else: steps + 1 looks, steps gradients."""
    images = case.images.images.to(case.source.device)
    floats = images.float() / 255
    for step in range(case.steps + 1):
        leaf = floats.detach().requires_grad_(step < case.steps)
        logits = case.source(leaf)
        if step < case.steps:
            torch.autograd.grad(logits[:, 0].sum(), leaf)
        with torch.no_grad():
            for victim in case.victims:
                victim(images)
    _wait(case.source)


def loop(case: Case) -> None:
    attack = ps.attacks.over_optimized(case.steps, 0.15)
    ps.trace(attack, case.source, case.images, victims=case.victims, batch_size=len(case.images))
    _wait(case.source)


def _wait(model: Classifier) -> None:
    if model.device.type == "cuda":
        torch.cuda.synchronize(model.device)


def measure(case: Case, rounds: int) -> Result:
    for model in (case.source, *case.victims):
        model.eval().requires_grad_(False)
    times: dict[str, list[float]] = {"bare": [], "loop": []}
    functions: dict[str, Callable[[Case], None]] = {"bare": bare, "loop": loop}
    for function in functions.values():
        function(case)
    for _ in range(rounds):
        for name, function in functions.items():
            start = time.perf_counter()
            function(case)
            times[name].append(time.perf_counter() - start)
    ratios = sorted(b / a for a, b in zip(times["bare"], times["loop"], strict=True))
    medians = {name: 1000 * statistics.median(values) for name, values in times.items()}
    return Result(
        case.name, len(case.images), case.steps, len(case.victims), medians["bare"], medians["loop"],
        statistics.median(ratios), ratios[0], ratios[-1],
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", help="write the results there too")
    options = parser.parse_args()
    results = [measure(case, options.rounds) for case in cases()]
    print("| case | images | steps | bare passes (ms) | loop (ms) | median ratio | ratios seen |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for r in results:
        print(
            f"| {r.case} | {r.images} | {r.steps} | {r.bare_ms:.0f} | {r.loop_ms:.0f} | {r.ratio:.3f} | "
            f"{r.ratio_low:.3f} to {r.ratio_high:.3f} |"
        )
    machine = {**versions(), "system": platform.system(), "threads": str(torch.get_num_threads())}
    print(f"\n{', '.join(f'{name} {value}' for name, value in machine.items())}")
    if options.json:
        found = {"machine": machine, "rounds": options.rounds, "results": [asdict(result) for result in results]}
        Path(options.json).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
