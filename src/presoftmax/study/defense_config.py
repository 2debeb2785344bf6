"""What ``presoftmax guard evaluate`` does with a study: its table ``[defense]``."""

from typing import Annotated

from pydantic import Field

from presoftmax.study._numbers import Count
from presoftmax.study.attack_config import Strict

__all__ = ["DefenseConfig", "GivenExamples"]

_MOST = 1000
_Names = Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=_MOST)]


class GivenExamples(Strict):
    """Adversarial images of another library, to be told from natural ones as well.

    Attributes:
        name: how tables call them.
        source: the model that they were made on, as in ``models``.
        images: file of arrays with images and their true labels.
    """

    name: Annotated[str, Field(min_length=1, max_length=60)]
    source: str
    images: str


class DefenseConfig(Strict):
    """What is fitted, what attacks it, and how much.

    Attributes:
        natural: natural images to fit to and to hold out; those of the study that are not attacked when left out.
        fit: how many of them are fitted to.
        held_out: how many others say what is flagged of natural and of harmlessly changed images.
        attacked: how many images are attacked.
        detectors: names, or sums of them (``mahalanobis+energy``); all when left out.
        against: detectors that the attackers want to pass; the default detector when left out.
        attackers: ``penalized``, ``selective``, ``orthogonal``, ``mimicry`` (of the logits), ``noise-mimicry`` and
            ``copies-mimicry``; all when left out.
        priced: attacks, by name, that the attackers are made of; all when left out.
        restarts: how often each attacker runs; any of its iterates may pass.
        controls: further natural images, none of which may be flagged: place by name.
        given: adversarial images of other libraries.
    """

    natural: str | None = None
    fit: Count = 1000
    held_out: Count = 400
    attacked: Count = 100
    detectors: _Names = Field(default_factory=list)
    against: _Names = Field(default_factory=lambda: ["fisher"])
    attackers: _Names = Field(default_factory=list)
    priced: _Names = Field(default_factory=list)
    restarts: Annotated[int, Field(strict=True, ge=1, le=100)] = 1
    controls: Annotated[dict[str, str], Field(max_length=_MOST)] = Field(default_factory=dict)
    given: Annotated[list[GivenExamples], Field(max_length=_MOST)] = Field(default_factory=list)
