"""How far can a model's confidence be trusted on natural images, and what are natural logits? An audit from Python.

``python audit.py`` prints what the logits say, and writes ``natural.json`` for ``presoftmax score --natural``.
"""

import torch

import presoftmax as ps

if __name__ == "__main__":
    from judge import pgd
    from own_model import source
    from tiny import photos

    net, (images, labels) = source(), photos(200)
    with torch.no_grad():
        logits = net(images)

    trust = ps.scores.assess(logits, labels)
    low, *_, high = trust.ranges["ca1"].values()
    print(f"{trust.images} images, {100 * trust.accuracy:.0f} % right, CA1 from {low:.1f} to {high:.1f}")
    print(f"confidence exactly 1 in float32 for {100 * trust.exactly_one['float32']:.0f} %")
    print(f"cross-entropy has no gradient in the top logit for {100 * trust.gradient_zero_in_top:.0f} %")

    reference = ps.NaturalReference.fit(net.name, logits)
    reference.save("natural.json")

    # Others are measured against it: examples of an attack, for instance.
    adversarial = pgd(net, images[:40] / 255, labels[:40])
    judged = ps.judge(net, images[:40], adversarial, labels[:40], natural="natural.json")
    print(judged)
