"""An update of your own: how gradients become a step. It is a value; what it remembers goes from step to step.

Command line (``python tiny.py`` makes the photos)::

    presoftmax demo --update own_update.py:FewPixels --alpha 0.1 --source own_model.py:source \
        --victims own_model.py:cousin --photos photos --labels labels.csv

TOML, in a table ``[[attacks]]``; alpha becomes its first setting::

    kind = "composed"
    update = "own_update.py:FewPixels"
    alpha = 0.1

Python: ``ps.attacks.composed(update=FewPixels(0.1, share=0.02))``
"""

from dataclasses import dataclass

import torch
from torch import Tensor

import presoftmax as ps
from presoftmax.attacks import Gradients, SignStep, Update


@dataclass(frozen=True)
class FewPixels(Update):
    """Sign steps of momentum, but only where it is among the largest."""

    size: float
    share: float = 0.05
    decay: float = 0.9

    def start(self, images: Tensor) -> Tensor:
        """No momentum yet."""
        return torch.zeros_like(images)

    def step(self, gradients: Gradients, state: Tensor) -> tuple[Tensor, Tensor]:
        """The step that is added to the images ``(N, C, H, W)``, and the momentum for the next one."""
        momentum = self.decay * state + gradients[0]
        least = momentum.abs().flatten(1).quantile(1 - self.share, dim=1)
        return self.size * momentum.sign() * (momentum.abs() >= least.view(-1, 1, 1, 1)), momentum


if __name__ == "__main__":
    from own_model import source
    from tiny import photos

    images, labels = photos()
    for update in (SignStep(0.1), FewPixels(0.1)):
        trace = ps.trace(ps.attacks.composed(update=update, steps=20), source(), images, labels)
        last = trace.steps.filter(iteration=20)
        print(f"{type(update).__name__}: a step moves {100 * last['changed'].mean():.0f} % of the values, L2 {last['l2'].mean():.1f}, "
              f"{100 * last['hit'].mean():.0f} % in the target class")
