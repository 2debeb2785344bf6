"""A black box as victim: a function without arguments that returns a callable from 8-bit images to logits.

Command line (``python tiny.py`` makes the photos)::

    presoftmax score adversarial.npz --source own_model.py:source --victims own_victim.py:service

TOML::

    victims = ["own_victim.py:service"]

Python: ``ps.trace(attack, source, images, labels, victims={"service": service()})``
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from torch import Tensor

import presoftmax as ps


def service() -> Callable[[Tensor], np.ndarray]:
    """Stands for the client of a service: it gets images with 16 levels a channel, and its answers are rounded."""
    # A file that is named FILE.py:NAME does not see its neighbors; but it can name them likewise.
    hidden = ps.load_model(f"{Path(__file__).with_name('own_model.py')}:cousin", device="cpu")

    def ask(images: Tensor) -> np.ndarray:
        return hidden(images // 16 * 16 + 8).detach().numpy().round(2)

    return ask


if __name__ == "__main__":
    from own_model import source
    from tiny import photos

    images, labels = photos()
    attack = ps.attacks.over_optimized(steps=20)
    trace = ps.trace(attack, source(), images, labels, victims={"service": service()})
    for row in ps.analysis.transfer_by_iteration(trace.transfers)[::10].iter_rows(named=True):
        print(f"iteration {row['iteration']}: the {row['victim']} is wrong on {100 * row['misclassified']:.0f} % of {row['examples']} images")
