"""What is to be run: an attack, a source, victims and images, checked before the first pass."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, TypedDict, Unpack

import torch
from torch import Tensor

from presoftmax.attacks import Attack, check_targets, to_pixels
from presoftmax.choices import Precision, choice
from presoftmax.data import ImageSet, as_images, as_labels
from presoftmax.errors import AttackError, DataError, check_keywords, warn
from presoftmax.models import (
    Classifier,
    Model,
    WeightWatch,
    accelerate,
    as_source,
    as_victims,
    worth_accelerating,
)
from presoftmax.printing import Printed
from presoftmax.scores import Score, as_scores
from presoftmax.storage import versions
from presoftmax.tables import STEPS
from presoftmax.tracing._arguments import as_attack, as_class_numbers, as_iterations, as_names, flag, whole
from presoftmax.tracing._gradients import differentiable, gradients
from presoftmax.tracing._limits import check_budget, check_stop, passes_of

__all__ = ["Job", "JobOptions", "default_batch_size", "prepare"]

# As many images of 224 by 224, and as many small ones, as pay, measured; more only take more memory. In bfloat16 small
# batches lose more time.
_BATCHES: dict[str, dict[Precision, tuple[int, int]]] = {
    "cpu": {Precision.EXACT: (4, 64), Precision.FAST: (8, 128)},
    "gpu": {Precision.EXACT: (64, 1024), Precision.FAST: (64, 1024)},
}


# In grey levels; what float16 costs.
_OFF_THE_LATTICE = 0.1


class JobOptions(TypedDict, total=False):
    """The keywords that `prepare` and `trace` share; see `trace`."""

    victims: Any
    targets: Any
    ids: Sequence[str] | None
    seed: int
    batch_size: int | None
    keep: Iterable[int] | Literal["all"]
    precision: str
    accelerate: bool | None
    scores: Any
    stop_at: float | None
    budget: int | None


@dataclass(frozen=True, repr=False)
class Job(Printed):
    """A checked attack on checked images; `presoftmax.tracing.stream` runs it. Made by `prepare`.

    ``watch`` is there once the networks are `accelerated`, whose weights it watches.
    """

    attack: Attack
    source: Classifier
    victims: tuple[Model, ...]
    victim_names: tuple[str, ...]
    examples: ImageSet
    targets: Tensor | None
    seed: int
    batch_size: int
    keep: frozenset[int]
    precision: Precision = Precision.EXACT
    scores: tuple[Score, ...] = ()
    stop_at: float | None = None
    budget: int | None = None
    watch: WeightWatch | None = field(default=None, repr=False)

    def describe(self) -> dict[str, Any]:
        """All settings and versions as plain values, as they go into the files."""
        return {
            "attack": self.attack.describe(),
            "source": self.source.name,
            "victims": list(self.victim_names),
            "images": len(self.examples),
            "targets": self._where_targets_come_from(),
            "seed": self.seed,
            "batch_size": self.batch_size,
            "precision": self.precision.value,
            "stop_at": self.stop_at,
            "budget": self.budget,
            "source_passes": passes_of(self.attack),
            "variants": self.variants(),
            "device": str(self.source.device),
            "versions": versions(),
        }

    def variants(self) -> dict[str, str]:
        """How each network is run, by its name in the tables."""
        named = zip((self.source.name, *self.victim_names), (self.source, *self.victims), strict=True)
        return {name: str(model.variant) for name, model in named if isinstance(model, Classifier)}

    @property
    def batches(self) -> int:
        """Number of batches."""
        return -(-len(self.examples) // self.batch_size)

    @property
    def passes(self) -> int:
        """Batches that each model sees."""
        return self.batches * (self.attack.steps + 1)

    def accelerated(self) -> "Job":
        """The same job with every network as fast as its length is worth; see `presoftmax.models.accelerate`."""
        images = self.examples.images[: self.batch_size]
        faster = partial(accelerate, images=images, precision=self.precision, passes=self.passes)
        victims = tuple(faster(victim, gradient=False) for victim in self.victims)
        source = as_source(faster(self.source, gradient=True))
        watch = WeightWatch((source, *victims))
        return replace(self, source=source, victims=victims, watch=watch)

    def _where_targets_come_from(self) -> str:
        if self.attack.num_targets == 0:
            return "none"
        return "drawn" if self.targets is None else "given"


@dataclass(frozen=True)
class _Options:
    """`JobOptions` with their defaults."""

    victims: Any = ()
    targets: Any = None
    ids: Sequence[str] | None = None
    seed: int = 0
    batch_size: int | None = None
    keep: Iterable[int] | Literal["all"] = ()
    precision: str = Precision.EXACT
    accelerate: bool | None = None
    scores: Any = ()
    stop_at: float | None = None
    budget: int | None = None


@gradients()
def prepare(attack: Attack, source: Any, images: Any, labels: Any = None, **options: Unpack[JobOptions]) -> Job:
    """Check everything that can be checked before the first pass; arguments as for `trace`."""
    check_keywords("trace", options, JobOptions.__annotations__)
    attack, given = as_attack(attack), _Options(**options)
    batch_size = None if given.batch_size is None else whole("batch_size", given.batch_size, least=1)
    wanted, kept = flag("accelerate", given.accelerate), as_iterations(given.keep, attack.steps)
    stop_at, budget = check_stop(given.stop_at), check_budget(attack, given.budget)
    precision = choice(Precision, given.precision, "precision")
    white_box = differentiable(as_source(source))
    examples = _examples(images, labels, as_names(given.ids))
    victims = as_victims(given.victims, taken=[white_box.name])
    views = len(attack.views)
    job = Job(
        attack=attack,
        source=white_box,
        victims=tuple(victims.values()),
        victim_names=tuple(victims),
        examples=examples,
        targets=_targets(attack, examples, given.targets),
        seed=whole("seed", given.seed),
        batch_size=batch_size or default_batch_size(examples, white_box.device, precision, views),
        keep=kept,
        precision=precision,
        scores=as_scores(given.scores, taken=[column.name for column in STEPS]),
        stop_at=stop_at,
        budget=budget,
    )
    wanted = worth_accelerating(job.passes, precision) if wanted is None else wanted
    return job.accelerated() if wanted else job


def default_batch_size(examples: ImageSet, device: torch.device, precision: Precision, views: int = 1) -> int:
    """Examples attacked at a time where nothing else is asked for; fewer where several views are in memory at once."""
    height, width = examples.images.shape[-2:]
    large, most = _BATCHES.get(device.type, _BATCHES["gpu"])[precision]
    return max(1, min(most, large * 224**2 // (height * width)) // views)


def _examples(images: Any, labels: Any, ids: Sequence[str] | None) -> ImageSet:
    if isinstance(images, ImageSet):
        if labels is not None or ids is not None:
            raise DataError("an ImageSet brings its own labels and ids")
        examples = images
    else:
        given = as_images(images)
        known = given.labels if labels is None else as_labels(labels)
        if known is None:
            raise DataError("labels are missing: trace(attack, source, images, labels)")
        examples = ImageSet.from_arrays(_rounded(given.pixels), known, given.ids if ids is None else ids)
    if len(examples) == 0:
        raise DataError("there are no images to attack")
    return examples


def _rounded(images: Tensor) -> Tensor:
    """Floats in [0, 1] as 8-bit images, which is said where it changes them."""
    if images.dtype == torch.uint8:
        return images
    pixels = to_pixels(images)
    off = float((images * 255 - pixels).abs().max()) if len(images) else 0.0
    if off > _OFF_THE_LATTICE:
        warn(f"the clean images are up to {off:.2f} grey levels off the 8-bit ones; they are rounded to these")
    return pixels


def _targets(attack: Attack, examples: ImageSet, targets: Any) -> Tensor | None:
    if targets is None:
        return None
    if attack.num_targets == 0:
        raise AttackError(f"{attack.name} is untargeted: it takes no targets")
    # The number of classes is only known from the first logits; the shape is settled here.
    most = torch.iinfo(torch.int32).max
    return check_targets(as_class_numbers(targets), examples.ids, examples.labels, most, attack.num_targets)
