"""The loop against an independent, slow, obvious float64 implementation of both attacks."""

import numpy as np
import pytest
import torch

import presoftmax as ps
from presoftmax.attacks import Attack
from tests.conftest import CLASSES, Tiny, make_set

MEAN, STD = np.array([0.4, 0.5, 0.3]), np.array([0.2, 0.3, 0.25])
MODES = ("every-step", "straight-through", "final")


def naive(network, pixels, targets, steps, alpha, weights, mode, space):
    """One image at a time, one backward pass per target class, in normalized or pixel coordinates throughout."""
    shape = (3, 1, 1)
    network = network.double()
    floats = pixels.astype(np.float64) / 255
    float_trail, pixel_trail = [], [pixels]
    for _ in range(steps):
        rounded = pixel_trail[-1].astype(np.float64) / 255
        seen = floats if mode == "final" else rounded
        x = torch.tensor((seen - MEAN.reshape(shape)) / STD.reshape(shape))[None].requires_grad_()
        logits = network(x)[0]
        gradients = [torch.autograd.grad(logits[t], x, retain_graph=True)[0][0].numpy() for t in targets]
        multipliers = weights(logits.detach()[list(targets)].tolist()) if weights else [alpha]
        move = sum(m * g for m, g in zip(multipliers, gradients, strict=True))
        # x is normalized: one unit of it is STD in pixels. In pixel space the gradient is taken by the chain rule.
        move = move * STD.reshape(shape) if space == "normalized" else move / STD.reshape(shape)
        floats = np.clip((rounded if mode == "every-step" else floats) + move, 0, 1)
        float_trail.append(floats)
        pixel_trail.append(np.rint(floats * 255).astype(np.uint8))
    return float_trail, pixel_trail


def paper_rule(logits):
    """The class with the lower logit gets 0.1, the other one 0.05."""
    return [0.1, 0.05] if logits[0] < logits[1] else [0.05, 0.1]


def near_edge(floats):
    grey = np.asarray(floats) * 255
    return bool((np.abs(grey - np.floor(grey) - 0.5) < 1e-4).any())


CASES = [
    (kind, mode, space)
    for kind in ("over-optimized", "multi-class")
    for mode in MODES
    for space in ("normalized", "pixel")
]


@pytest.mark.parametrize(("kind", "mode", "space"), CASES)
def test_ten_iterations_equal_the_naive_implementation(kind, mode, space, normalized):
    photos = make_set(Tiny(), count=3)
    size = 0.2 if space == "normalized" else 0.004
    compared = 0
    trace = ps.trace(build(kind, 10, size, mode, space), normalized(Tiny()), photos, keep="all")
    partial = [ps.trace(build(kind, t, size, mode, space), normalized(Tiny()), photos) for t in range(1, 11)]
    targets = np.array(trace.steps.filter(iteration=0)["targets"].to_list())
    for i in range(len(photos)):
        rule = (lambda logits: [10 * size * w for w in paper_rule(logits)]) if kind == "multi-class" else None
        floats, pixels = naive(Tiny(), photos.images[i].numpy(), targets[i], 10, 3 * size, rule, mode, space)
        for t in range(1, 11):
            if near_edge(floats[:t]):
                break
            np.testing.assert_allclose(partial[t - 1].float_images[i].numpy(), floats[t - 1], atol=1e-5, rtol=0)
            np.testing.assert_array_equal(trace.images_at(t)[i].numpy(), pixels[t])
            compared += 1
    assert compared >= 15
    moved = (trace.images_at(10).int() - photos.images.int()).abs()
    assert moved.float().mean() > 0.5, "the attack must really move the images for this to test anything"


def build(kind: str, steps: int, size: float, mode: str, space: str) -> Attack:
    if kind == "over-optimized":
        return ps.attacks.over_optimized(steps, 3 * size, mode, space)
    return ps.attacks.multi_class(steps, 2, (0.5 * size, size), "rank", mode, space)


def test_targets_are_never_the_true_class(photos, tiny):
    trace = ps.trace(ps.attacks.multi_class(1, classes=CLASSES - 1), tiny, photos)
    for row in trace.steps.iter_rows(named=True):
        assert sorted([row["label"], *row["targets"]]) == list(range(CLASSES))
