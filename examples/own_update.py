"""An update of your own: how gradients become a step. What it remembers goes from step to step, as its state.

Three ways (the dots stand for what is in README.md)::

    presoftmax demo --update own_update.py:FewPixels --alpha 0.1 ...  # on the command line; alpha becomes its size,
    update = "own_update.py:FewPixels"                                # as in a study's TOML, for kind = "composed"
    ps.attacks.composed(update=FewPixels(0.1, share=0.02))            # in Python
"""

from dataclasses import dataclass

import torch
from torch import Tensor

import presoftmax as ps
from presoftmax.attacks import Gradients, SignStep, Update


@dataclass(frozen=True)
class FewPixels(Update):
    """Sign steps of the momentum, but only where it is among the largest of the image."""

    size: float
    share: float = 0.05
    decay: float = 0.9

    def start(self, images: Tensor) -> Tensor:
        """No momentum yet."""
        return torch.zeros_like(images)

    def step(self, gradients: Gradients, state: Tensor) -> tuple[Tensor, Tensor]:
        """What is added to the images ``(N, C, H, W)``, and the next state."""
        momentum = self.decay * state + gradients[0]
        least = momentum.abs().flatten(1).quantile(1 - self.share, dim=1)
        return self.size * momentum.sign() * (momentum.abs() >= least.view(-1, 1, 1, 1)), momentum


if __name__ == "__main__":
    from tiny import photos, source

    for update in (SignStep(0.1), FewPixels(0.1)):
        last = ps.trace(ps.attacks.composed(update=update, steps=20), source(), *photos()).steps.filter(iteration=20)
        fooled = (last["predicted"] != last["label"]).mean()
        print(f"{type(update).__name__}: fools {100 * fooled:.0f} %, {last['l0'].mean():.0f} of 768 values changed")
