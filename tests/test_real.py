"""The real models and photos of the demo extra: what is saved is what was recorded."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

import presoftmax as ps

pytestmark = pytest.mark.real


def through_png(image):
    buffer = io.BytesIO()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(buffer, format="PNG")
    return torch.from_numpy(np.array(Image.open(buffer))).permute(2, 0, 1)


@pytest.mark.parametrize("mode", ["every-step", "straight-through", "final"])
def test_a_reread_png_gives_the_recorded_logits_bit_for_bit(mode, real):
    (source, *victims), photos = real
    trace = ps.trace(ps.attacks.over_optimized(2, 0.3, mode), source, photos, victims=victims)
    images = torch.stack([through_png(image) for image in trace.images])
    assert torch.equal(images, trace.images)
    last = trace.steps.filter(iteration=2)
    with torch.no_grad():
        assert last["ca1"].to_list() == source(images).amax(1).tolist()
        for victim in victims:
            shown = trace.transfers.filter(iteration=2, victim=victim.name)
            assert shown["ca1"].to_list() == victim(images).amax(1).tolist()


def test_the_attack_raises_the_target_and_the_paper_s_effect_begins(real):
    (source, *_), photos = real
    trace = ps.trace(ps.attacks.over_optimized(8, 0.3), source, photos)
    clean, end = (trace.steps.filter(iteration=i) for i in (0, 8))
    raised = [b[0] - a[0] for a, b in zip(clean["target_logits"], end["target_logits"], strict=True)]
    assert min(raised) > 5
    assert end["misclassification_log_odds"].mean() > clean["misclassification_log_odds"].mean() + 5
