"""An attack of your own: a function of whatever settings it likes that returns an `Attack`.

Three ways (the dots stand for what is in README.md)::

    presoftmax demo --attack own_attack.py:diverse_margin ...                 # on the command line
    kind = "own_attack.py:diverse_margin"                                     # in a study's TOML, with a line
    settings = { epsilon = 0.05 }                                             # of settings if need be
    ps.trace(diverse_margin(steps=10, epsilon=0.05), source, images, labels)  # in Python
"""

import presoftmax as ps
from presoftmax.attacks import Attack, InputDiversity, LinfBall, NesterovSignStep, TargetMargin, UniformNoise


def diverse_margin(steps: int = 20, epsilon: float = 0.03) -> Attack:
    """From a random start inside a ball, with momentum that looks ahead, on resized copies: towards a margin."""
    return Attack(
        name="diverse-margin",
        objective=TargetMargin(),
        update=NesterovSignStep(3 * epsilon / steps),
        steps=steps,
        constraint=LinfBall(epsilon),
        space="pixel",
        start=UniformNoise(epsilon),
        views=(InputDiversity(probability=0.7),),
    )


if __name__ == "__main__":
    from own_model import cousin, source
    from tiny import photos

    trace = ps.trace(diverse_margin(), source(), *photos(), victims={"cousin": cousin()})
    for iteration in (0, 10, 20):
        steps, shown = (table.filter(iteration=iteration) for table in (trace.steps, trace.transfers))
        wrong = 100 * shown["misclassified"].mean()
        print(f"iteration {iteration}: at most {steps['linf'].max()} grey levels away, cousin wrong on {wrong:.0f} %")
