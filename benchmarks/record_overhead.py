"""What `ps.record` costs an attack: its time with and without recording, in turns, within one process.

    python benchmarks/record_overhead.py [--rounds 7] [--images 8] [--steps 5]

A plain sign attack on EfficientNet-Lite0 (extra `demo`), no victims; the ratio is the median of those of the rounds.
"""

import argparse
import json
import statistics
import time
import warnings

import torch
from torch import Tensor, nn

import presoftmax as ps


def attack(model: nn.Module, images: Tensor, labels: Tensor, steps: int) -> Tensor:
    adversarial = images.clone()
    for _ in range(steps):
        adversarial = adversarial.detach().requires_grad_(True)
        loss = nn.functional.cross_entropy(model(adversarial), labels, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, adversarial)
        adversarial = (adversarial + 2 / 255 * gradient.sign()).clamp(0, 1)
    return adversarial.detach()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--steps", type=int, default=5)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    model = ps.load_model("efficientnet_lite0", "cpu")
    photos = ps.select_correct([ps.samples("imagenet")], [model], options.images).images
    floats = photos.images.float() / 255
    plain_s, recorded_s = [], []
    for number in range(options.rounds + 1):
        started = time.perf_counter()
        plain = attack(model, floats, photos.labels, options.steps)
        between = time.perf_counter()
        with ps.record(model, photos.images, photos.labels):
            recorded = attack(model, floats, photos.labels, options.steps)
        done = time.perf_counter()
        if not torch.equal(plain, recorded):
            raise SystemExit("recording changed the attack's output")
        if number:  # the first round warms up
            plain_s.append(between - started)
            recorded_s.append(done - between)
    ratios = [b / a for a, b in zip(plain_s, recorded_s, strict=True)]
    print(
        json.dumps(
            {
                "images": len(photos),
                "steps": options.steps,
                "plain_s": round(statistics.median(plain_s), 3),
                "recorded_s": round(statistics.median(recorded_s), 3),
                "ratio": round(statistics.median(ratios), 3),
                "ratios": [round(min(ratios), 3), round(max(ratios), 3)],
            }
        )
    )


if __name__ == "__main__":
    main()
