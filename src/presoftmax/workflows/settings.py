"""What the commands do, as values that are checked before any network is loaded."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from presoftmax.attacks import Attack, composed, load_attack, multi_class, over_optimized
from presoftmax.choices import Balance, Discretization
from presoftmax.data import as_path, check_location
from presoftmax.errors import DataError
from presoftmax.models import distinct_names

__all__ = ["DemoSettings", "ScoreSettings"]

# The paper's multi-class multipliers, 0.05 and 0.1, as shares of its over-optimized step size, 0.15.
_LOW, _HIGH = 1 / 3, 2 / 3


@dataclass(frozen=True)
class DemoSettings:
    """What `run_demo` does; the defaults tell the paper's story within minutes on two cores.

    Attributes:
        images: attack at most so many of the photos that all models classify correctly.
        steps: iterations of each attack.
        alpha: step size of the over-optimized attack; the multi-class one gets a third to two thirds of it, as in
        the paper.
        discretization: when images are rounded to 8 bits.
        classes: target classes of the multi-class attack.
        balance: how the multi-class attack balances them: the paper's rule, or logits held level.
        attack_names: attacks in place of the paper's two, each a name or ``FILE.py:FUNCTION``.
        objective: name or ``FILE.py:NAME`` of an objective, for an attack of it in place of the paper's two.
        update: name or ``FILE.py:NAME`` of an update, likewise.
        scores: scores of one's own to record, each ``FILE.py:NAME``.
        source: name of the source model.
        victims: names of the victim models.
        seed: for drawing target classes.
        photos: a folder, a file of arrays or a saved dataset in place of the sample photos.
        labels: CSV of their labels; class folders when left out.
        device: where the models run; a GPU if there is one when left out.
    """

    images: int = 16
    steps: int = 40
    alpha: float = 0.6
    discretization: str = Discretization.STRAIGHT_THROUGH
    classes: int = 2
    balance: str = Balance.RANK
    attack_names: tuple[str, ...] = ()
    objective: str | None = None
    update: str | None = None
    scores: tuple[str, ...] = ()
    source: str = "efficientnet_lite0"
    victims: tuple[str, ...] = ("efficientnet_lite1", "efficientnet_lite2")
    seed: int = 0
    photos: str | Path | None = None
    labels: str | Path | None = None
    device: str | None = None

    def attacks(self) -> tuple[Attack, ...]:
        """The paper's two, or those that are named; raises `AttackError` for a setting that makes no sense."""
        named = [self._named(name) for name in self.attack_names]
        if self.objective is not None or self.update is not None:
            objective, update = self.objective or "target-logit", self.update or "gradient"
            named.append(
                composed(
                    objective, update, self.steps, self.alpha, discretization=self.discretization,
                    name=_file_name(self.objective or self.update or ""),
                )
            )  # fmt: skip
        return _told_apart(named) or self._of_the_paper()

    def check(self) -> None:
        """Refuse settings that make no sense, and photos that are not there.

        Raises:
            AttackError: an attack that cannot be made.
            DataError: no such photos or labels.
        """
        self.attacks()
        if self.photos is not None:
            check_location(self.photos, self.labels)

    def _named(self, name: str) -> Attack:
        return load_attack(name, optional={"steps": self.steps, "discretization": self.discretization})

    def _of_the_paper(self) -> tuple[Attack, ...]:
        return (
            over_optimized(self.steps, self.alpha, self.discretization),
            multi_class(
                self.steps,
                self.classes,
                (_LOW * self.alpha, _HIGH * self.alpha),
                self.balance,
                discretization=self.discretization,
            ),
        )


def _told_apart(attacks: Sequence[Attack]) -> tuple[Attack, ...]:
    """Attacks under names that folders and tables can tell apart."""
    names = distinct_names(re.sub(r"[^\w.-]+", "_", attack.name) for attack in attacks)
    return tuple(replace(attack, name=name) for attack, name in zip(attacks, names, strict=True))


def _file_name(spec: str) -> str:
    return spec.rpartition(":")[2]


@dataclass(frozen=True)
class ScoreSettings:
    """What `run_scoring` does.

    Attributes:
        adversarial: folder of images, ``.npz``, ``.pt`` or ``.safetensors``.
        clean: the clean images, likewise; see `read_examples`.
        labels: CSV of labels of a folder of clean images.
        source: name of the model that they were made on.
        victims: names of models that they are shown to.
        surrogates: names of models that stand for those nobody can ask.
        predictor: file of a fitted predictor, if any.
        natural: ``natural.json`` of ``presoftmax audit``; the clean images stand in for it when left out.
        device: where the models run; a GPU if there is one when left out.
        scores: further scores, each ``FILE.py:NAME``.
    """

    adversarial: str | Path
    clean: str | Path | None
    labels: str | Path | None
    source: str
    victims: tuple[str, ...]
    natural: str | Path | None
    device: str | None
    scores: tuple[str, ...] = ()
    surrogates: tuple[str, ...] = ()
    predictor: str | Path | None = None

    def check(self) -> None:
        """Refuse what is not there; raises `DataError`."""
        for name in ("adversarial", "clean", "labels", "natural", "predictor"):
            given = getattr(self, name)
            path = None if given is None and name != "adversarial" else as_path(given, name)
            if path is not None and not path.exists():
                raise DataError(f"{path}: no such file or folder")
