"""An attack of your own: a function of whatever settings you like that returns an `Attack`.

Command line, with its own settings (``python tiny.py`` makes the photos)::

    presoftmax demo --attack own_attack.py:creeping --source own_model.py:source --victims own_model.py:cousin \
        --photos photos --labels labels.csv

TOML::

    [[attacks]]
    kind = "own_attack.py:creeping"
    steps = 20
    settings = { epsilon = 0.05 }

Python: ``ps.trace(creeping(steps=20), source, images, labels)``
"""

import presoftmax as ps
from presoftmax.attacks import Attack, InputDiversity, LinfBall, NesterovSignStep, Smoothed, TargetMargin, UniformNoise


def creeping(steps: int = 30, epsilon: float = 0.06, discretization: str = "straight-through") -> Attack:
    """Momentum that looks ahead, smoothed, from a random start inside a ball, on changed copies: towards a margin."""
    return Attack(
        name="creeping",
        objective=TargetMargin(),
        update=Smoothed(NesterovSignStep(2 * epsilon / steps), side=3),
        steps=steps,
        constraint=LinfBall(epsilon),
        discretization=discretization,
        space="pixel",
        start=UniformNoise(epsilon),
        views=(InputDiversity(probability=0.7),),
    )


if __name__ == "__main__":
    from own_model import cousin, source
    from tiny import photos

    images, labels = photos()
    for attack in (ps.attacks.pgd(steps=30, epsilon=0.06, goal="targeted"), creeping()):
        trace = ps.trace(attack, source(), images, labels, victims={"cousin": cousin()})
        steps, shown = trace.steps.filter(iteration=30), trace.transfers.filter(iteration=30)
        print(f"{attack.name}: L-infinity {steps['linf'].max():.3f}, margin ...")
