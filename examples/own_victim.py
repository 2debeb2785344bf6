"""A black box as victim: a function without arguments that returns a callable from 8-bit images to logits.

Three ways (the dots stand for what is in README.md)::

    presoftmax score adversarial.npz --victims own_victim.py:service ...          # on the command line
    victims = ["own_victim.py:service"]                                           # in a study's TOML
    ps.trace(attack, source, images, labels, victims={"the service": service()})  # in Python
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from torch import Tensor

import presoftmax as ps


def service() -> Callable[[Tensor], np.ndarray]:
    """Stands for the client of a service that keeps 16 levels of each channel, and rounds what it answers."""
    # A file that is named FILE.py:NAME cannot always import its neighbors; it can load them likewise.
    hidden = ps.load_model(f"{Path(__file__).with_name('own_model.py')}:cousin", device="cpu")

    def ask(images: Tensor) -> np.ndarray:
        return hidden(images // 16 * 16 + 8).numpy().round(2)

    return ask


if __name__ == "__main__":
    from tiny import photos, source

    attack = ps.attacks.over_optimized(steps=20)
    trace = ps.trace(attack, source(), *photos(), victims={"the service": service()})
    for row in ps.analysis.transfer_by_iteration(trace.transfers)[::10].iter_rows(named=True):
        print(f"iteration {row['iteration']}: {row['victim']} wrong on {100 * row['misclassified']:.0f} %")
