"""Weights and images with which the paper's exact configuration runs where its own cannot be had.

    python results/paper-architectures/prepare.py FOLDER

Writes ``FOLDER/{alexnet,vgg16,resnet50}.safetensors`` (torchvision's architectures as they are initialized, the bias of
one class raised so that all three agree on every image) and ``FOLDER/images.npz``: sample photos under that class.
"""

import sys
from pathlib import Path

import numpy as np
import torch
import torchvision
from safetensors.torch import save_file

import presoftmax as ps

CLASS = 207
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    photos = ps.samples("imagenet").images
    for name in ("alexnet", "vgg16", "resnet50"):
        torch.manual_seed(0)
        network = torchvision.models.get_model(name, weights=None).eval()
        head = network.fc if name == "resnet50" else network.classifier[-1]
        with torch.no_grad():
            logits = ps.Classifier(network, mean=MEAN, std=STD)(photos)
            head.bias[CLASS] += 1.1 * (logits.amax() - logits[:, CLASS].amin())
        save_file(network.state_dict(), folder / f"{name}.safetensors")
    np.savez(folder / "images.npz", images=photos.numpy(), labels=np.full(len(photos), CLASS))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
