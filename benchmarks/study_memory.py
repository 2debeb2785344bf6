"""Peak memory of running a study against the number of images and iterations: it should not grow with either.

    python benchmarks/study_memory.py [--images 64 640] [--steps 20 200]

Two small networks on random 32-pixel images, each study in a process of its own; prints peak memory as JSON.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from presoftmax.study import LocalEngine, StudyConfig, run_study

MODELS = """
import torch
from torch import nn

def net(seed):
    torch.manual_seed(seed)
    layers = [nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(4), nn.Flatten(), nn.Linear(1024, 10)]
    network = nn.Sequential(*layers)
    network[-1].bias.data[0] += 100
    return network

def one(): return net(0)
def two(): return net(1)
"""


def prepare(folder: Path, images: int) -> None:
    (folder / "models.py").write_text(MODELS)
    pixels = np.random.default_rng(0).integers(0, 256, (images, 3, 32, 32), dtype=np.uint8)
    np.savez(folder / "images.npz", images=pixels, labels=np.zeros(images, dtype=np.int64))


def run(images: int, steps: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        prepare(folder, images)
        attacks = [{"kind": "over-optimized", "steps": steps, "targets": [1]}]
        config = StudyConfig.model_validate(
            {
                "models": [f"{folder}/models.py:one", f"{folder}/models.py:two"],
                "images": {"path": str(folder / "images.npz"), "count": images},
                "attacks": attacks,
                "shard": 32,
                "gallery": 0,
            }
        )
        run_study(config, folder / "out", LocalEngine(["cpu"]))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs=2, default=(64, 640))
    parser.add_argument("--steps", type=int, nargs=2, default=(20, 200))
    parser.add_argument("--one", type=int, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        run(*options.one)
        return
    few, many = options.images
    short, long = options.steps
    found = []
    for images, steps in ((few, short), (many, short), (few, long)):
        command = [sys.executable, __file__, "--one", str(images), str(steps)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found.append({"images": images, "steps": steps, "peak_mib": round(float(done.stdout), 1)})
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
