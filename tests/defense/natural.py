"""Natural logits made on the spot: of an imagined model, and of a tiny one."""

import torch
from torch import Tensor

from presoftmax.defense import Detector

CLASSES = 7


def natural_logits(count: int, seed: int = 0, views: int = 1, classes: int = CLASSES) -> Tensor:
    """Logits ``(V, N, M)``: some class on top by a margin that varies, every view a little off the image."""
    generator = torch.Generator().manual_seed(seed)
    own = torch.randint(classes, (count,), generator=generator)
    logits = torch.randn(count, classes, generator=generator, dtype=torch.float64)
    logits[torch.arange(count), own] += 4 + 2 * torch.rand(count, generator=generator, dtype=torch.float64)
    off = 0.3 * torch.randn(views, count, classes, generator=generator, dtype=torch.float64)
    off[0] = 0
    return logits + off


def fitted(detector: Detector, count: int = 400, seed: int = 0) -> Detector:
    return detector.fit(logits=natural_logits(count, seed, len(detector.views)))
