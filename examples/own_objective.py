"""An objective of your own: what an attack drives up. A function will do; one that compares views is an `Objective`.

Three ways (the dots stand for what is in README.md)::

    presoftmax demo --objective own_objective.py:lead ...  # on the command line
    objective = "own_objective.py:lead"                    # in a study's TOML, for kind = "composed"
    ps.attacks.composed(lead, steps=20)                    # in Python
"""

from torch import Tensor

import presoftmax as ps
from presoftmax.attacks import Attack, Draws, Goal, GradientStep, Identity, Objective


def lead(logits: Tensor, goal: Goal) -> Tensor:
    """How far the target is ahead of the mean of all classes: logits ``(N, M)`` to ``(N,)``."""
    return logits.gather(1, goal.targets[:, :1])[:, 0] - logits.mean(dim=1)


class Quiet(Objective):
    """Against a defense that raises alarm where the answer to a mirrored copy differs."""

    def __call__(self, logits: Tensor, goal: Goal) -> Tensor:
        """The lead in the first of the views ``(V, N, M)``, less the distance from the last."""
        return lead(logits[0], goal) - (logits[0] - logits[-1]).abs().mean(dim=1)


def mirrored(images: Tensor, draws: Draws) -> Tensor:
    """A view: what the source is shown besides the image. Views belong to an attack, such as the next one."""
    return images.flip(3)


quiet = Attack("quiet", Quiet(), GradientStep(0.15), steps=20, views=(Identity(), mirrored))


if __name__ == "__main__":
    from tiny import photos, source

    net = source()
    for attack in (ps.attacks.composed(lead, steps=20, name="lead"), quiet):
        trace = ps.trace(attack, net, *photos())
        gap = (net(trace.images) - net(trace.images.flip(3))).abs().mean()
        log_odds = trace.steps.filter(iteration=20)["group_log_odds"].mean()
        print(f"{attack.name}: log-odds of the target {log_odds:.1f}, gap to the mirrored copy {gap:.1f}")
