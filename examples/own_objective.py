"""An objective of your own: what an attack drives up. A function will do; one that compares views is an `Objective`.

Command line (``python tiny.py`` makes the photos)::

    presoftmax demo --objective own_objective.py:lead --source own_model.py:source --victims own_model.py:cousin \
        --photos photos --labels labels.csv

TOML, in a table ``[[attacks]]``::

    kind = "composed"
    objective = "own_objective.py:lead"

Python: ``ps.attacks.composed(lead)``, or with views: ``ps.attacks.Attack(objective=Quiet(), views=VIEWS, ...)``
"""

from torch import Tensor

import presoftmax as ps
from presoftmax.attacks import Draws, Goal, GradientStep, Identity, Objective


def lead(logits: Tensor, goal: Goal) -> Tensor:
    """How far the target is ahead of the mean of all classes, ``(N,)``."""
    return logits.gather(1, goal.targets[:, :1])[:, 0] - logits.mean(dim=1)


class Quiet(Objective):
    """For a defense that also looks at a mirrored copy, and raises alarm where the answers differ."""

    def __call__(self, logits: Tensor, goal: Goal) -> Tensor:
        """The target's lead, less the distance between the answers to the first and the last view."""
        return lead(logits[0], goal) - (logits[0] - logits[-1]).abs().mean(dim=1)


def mirrored(images: Tensor, draws: Draws) -> Tensor:
    """A view: what the source is shown beside the image."""
    return images.flip(3)


VIEWS = (Identity(), mirrored)

if __name__ == "__main__":
    from own_model import source
    from tiny import photos

    images, labels = photos()
    net = source()
    attacks = (
        ps.attacks.composed(lead, steps=20, name="lead"),
        ps.attacks.Attack(name="quiet", objective=Quiet(), update=GradientStep(0.15), steps=20, views=VIEWS),
    )
    for attack in attacks:
        trace = ps.trace(attack, net, images, labels)
        gap = (net(trace.images) - net(trace.images.flip(3))).abs().mean()
        hit = trace.steps.filter(iteration=20)["hit"].mean()
        print(f"{attack.name}: {100 * hit:.0f} % end in the target class; the mirrored copy differs by {gap:.2f} logits")
