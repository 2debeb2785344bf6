"""A score of your own: how strong an example is, from its logits. It is recorded and ranked beside the others.

Command line (``python tiny.py`` makes the photos)::

    presoftmax demo --scores own_score.py:ahead --source own_model.py:source --victims own_model.py:cousin \
        --photos photos --labels labels.csv

and ``presoftmax score adversarial.npz --scores own_score.py:ahead ...``. TOML::

    scores = ["own_score.py:ahead"]

Python: ``ps.trace(..., scores=[ahead])``, ``ps.strength.measure(..., scores=[ahead])``
"""

from torch import Tensor

import presoftmax as ps


@ps.scores.score(
    formula="max_{j != y} z_j - mean(z)", unit="logit", needs=("labels",), fooled_by="several classes that rise together"
)
def ahead(logits: Tensor, facts: ps.scores.Facts) -> Tensor:
    """How far the best wrong class is ahead of the mean of all; larger must mean stronger."""
    wrong = logits.scatter(1, facts.labels[:, None], float("-inf"))
    return wrong.amax(dim=1) - logits.mean(dim=1)


if __name__ == "__main__":
    from own_model import source
    from tiny import photos

    images, labels = photos()
    trace = ps.trace(ps.attacks.over_optimized(steps=20), source(), images, labels, scores=[ahead])
    print(trace.steps)
    examples = ps.strength.Examples(trace.images, trace.job.examples)
    found = ps.strength.measure(examples, source(), scores=[ahead]).strength
    print(found.columns)
