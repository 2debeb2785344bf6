"""A score of your own: how strong an example is, from its logits. It is recorded and ranked beside all others.

Three ways (the dots stand for what is in README.md)::

    presoftmax demo --scores own_score.py:ahead ...                      # on the command line, also of presoftmax score
    scores = ["own_score.py:ahead"]                                      # in a study's TOML
    ps.trace(attack, source, images, labels, scores=[ahead])             # in Python, also of ps.strength.measure
"""

import numpy as np
from torch import Tensor

import presoftmax as ps


@ps.scores.score(formula="max_{j != y} z_j - mean(z)", unit="logit", needs=("labels",))
def ahead(logits: Tensor, facts: ps.scores.Facts) -> Tensor:
    """How far the best wrong class is ahead of the mean: logits ``(N, M)`` to ``(N,)``; larger must mean stronger."""
    wrong = logits.scatter(1, facts.labels[:, None], float("-inf"))
    return wrong.amax(dim=1) - logits.mean(dim=1)


if __name__ == "__main__":
    from tiny import photos, source

    images, labels = photos()
    trace = ps.trace(ps.attacks.over_optimized(steps=20), source(), images, labels, scores=[ahead])
    for iteration in (0, 10, 20):
        rows = trace.steps.filter(iteration=iteration)
        print(f"iteration {iteration}: confidence {rows['confidence'].mean():.2f}, ahead {rows['ahead'].mean():.1f}")
    best = trace.judge().table.sort("ahead", descending=True).row(0, named=True)
    print(f"the furthest ahead, by {best['ahead']:.1f}: {best['verdict']}, confidence {best['confidence']:.2f}")
    np.savez("adversarial.npz", images=trace.images.numpy(), clean=images.numpy(), labels=labels.numpy())
