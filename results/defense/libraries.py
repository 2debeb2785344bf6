"""Adversarial images of two other libraries, on the images that a defense's evaluation attacks.

python results/defense/libraries.py STUDY.toml FOLDER, where the study's paths are relative to; needs torchattacks and
foolbox (benchmarks/peers.txt). For the first source of the study.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import foolbox
import numpy as np
import torch
import torchattacks
from torch import Tensor, nn

from presoftmax import select_correct
from presoftmax.attacks import to_pixels
from presoftmax.study import ModelNames, StudyConfig, candidates_of, load_panel


class Plain(nn.Module):
    """The classifier as a network of [0, 1] images, which is what the libraries take."""

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(images)


def made(network: nn.Module, images: Tensor, labels: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Each attack's images, by the file's name."""
    yield "torchattacks-pgd", torchattacks.PGD(network, eps=8 / 255, alpha=2 / 255, steps=10)(images, labels)
    yield "torchattacks-mifgsm", torchattacks.MIFGSM(network, eps=8 / 255, alpha=2 / 255, steps=10)(images, labels)
    wrapped = foolbox.PyTorchModel(network, bounds=(0, 1))
    attacks: dict[str, tuple[Any, Any]] = {
        "foolbox-deepfool": (foolbox.attacks.L2DeepFoolAttack(steps=50), None),
        "foolbox-pgd-l2": (foolbox.attacks.L2ProjectedGradientDescentAttack(steps=20), 1.0),
    }
    for name, (attack, epsilon) in attacks.items():
        _, clipped, _ = attack(wrapped, images, labels, epsilons=epsilon)
        yield name, clipped


def main(study: Path, folder: Path) -> None:
    """Write the files."""
    config = StudyConfig.load(study)
    panel = load_panel(ModelNames.of(config), "cpu")
    pool, order = candidates_of(config, panel.sources[0])
    pieces = (pool.read(order[start : start + 32]) for start in range(0, len(order), 32))
    chosen = select_correct(pieces, panel.models, config.defense.attacked).images
    folder.mkdir(parents=True, exist_ok=True)
    network = Plain(panel.sources[0]).eval().requires_grad_(False)
    torch.manual_seed(0)
    for name, images in made(network, chosen.images.float() / 255, chosen.labels):
        np.savez(folder / f"{name}.npz", images=to_pixels(images.detach()).numpy(), labels=chosen.labels.numpy())
        print(name, len(images))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
