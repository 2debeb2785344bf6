"""Several networks as one: their logits, or their probabilities, averaged."""

from collections.abc import Sequence
from enum import StrEnum

import torch
from torch import Tensor, nn

from presoftmax.data import Preprocessing
from presoftmax.models._arguments import check_pixels
from presoftmax.models.checks import ask, check_logits, check_same_classes
from presoftmax.models.classifier import Classifier
from presoftmax.models.variants import AS_GIVEN, ModelVariant

__all__ = ["Averaged", "Ensemble"]


class Averaged(StrEnum):
    """What of its members an ensemble averages."""

    LOGITS = "logits"
    PROBABILITIES = "probabilities"


class Ensemble(Classifier):
    """A classifier of several, made by `presoftmax.ensemble`. Each gets the [0, 1] images and normalizes them itself.

    Attributes:
        weights: of the members, positive, of sum 1.
        averaged: what is averaged.
    """

    def __init__(
        self, members: Sequence[Classifier], weights: Sequence[float], averaged: Averaged, name: str, checked: bool
    ) -> None:
        super().__init__(
            nn.ModuleList(members),
            name=name,
            std=_std(members),
            preprocessing=_preprocessing(members),
            classes=next((member.classes for member in members if member.classes is not None), None),
        )
        self.weights, self.averaged = tuple(weights), averaged
        self._checked = checked
        variants = {member.variant for member in members}
        self.variant = variants.pop() if len(variants) == 1 else AS_GIVEN

    @property
    def members(self) -> list[Classifier]:
        """The networks, in order."""
        return [member for member in self.network.children() if isinstance(member, Classifier)]

    def with_members(self, members: Sequence[Classifier]) -> "Ensemble":
        """The same ensemble of networks that compute the same functions."""
        return Ensemble(members, self.weights, self.averaged, self.name, self._checked)

    def with_network(self, network: nn.Module, variant: ModelVariant) -> "Ensemble":
        """The same ensemble around a list of networks, each of which knows its own variant."""
        return self.with_members([member for member in network.children() if isinstance(member, Classifier)])

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``(N, M)`` of images uint8 (0 to 255) or float (0 to 1) ``(N, 3, H, W)``."""
        check_pixels(images)
        logits = [ask(member, images) for member in self.members]
        if not self._checked:
            self._check([each.detach() for each in logits], len(images))
        shown = torch.stack([each.to(self.device) for each in logits])
        weights = shown.new_tensor(self.weights).view(-1, 1, 1)
        if self.averaged is Averaged.LOGITS:
            return (weights * shown).sum(dim=0)
        scale = shown.logsumexp(dim=2, keepdim=True)
        # The log of the mean probability, moved to where the members' logits are.
        return (weights.log() + shown - scale).logsumexp(dim=0) + (weights * scale).sum(dim=0)

    def _check(self, logits: Sequence[Tensor], count: int) -> None:
        """Once, since a member without logits would go unseen in a mean."""
        for member, each in zip(self.members, logits, strict=True):
            check_logits(member, each, count)
        # Members may have the same name.
        named = zip(range(1, len(logits) + 1), self.members, logits, strict=True)
        check_same_classes({f"{i}. {member.name}": each.shape[1] for i, member, each in named})
        self._checked = True


def _std(members: Sequence[Classifier]) -> list[float]:
    """The scale of an attack's steps: the members' own where they share it, else the mean of theirs."""
    stds = torch.stack([member.std.flatten().cpu() for member in members])
    return (stds[0] if bool((stds == stds[0]).all()) else stds.mean(dim=0)).tolist()


def _preprocessing(members: Sequence[Classifier]) -> Preprocessing:
    """How photos are read: as the member with the largest images wants them; the others resize what they get."""
    return max((member.preprocessing for member in members), key=lambda each: each.size or 0)
