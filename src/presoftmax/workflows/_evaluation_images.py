"""Which images a defense's evaluation attacks, fits to and holds out: apart from each other, in a random order."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from presoftmax.attacks import seed_of
from presoftmax.data import ImageSet, Pool
from presoftmax.errors import DataError, StudyError, warn
from presoftmax.models import Classifier, Model
from presoftmax.study import DefenseConfig, StudyConfig, candidates_of, preprocessing_of
from presoftmax.tracing import select_correct
from presoftmax.workflows._natural_images import image_pieces

__all__ = ["EvaluationImages", "evaluation_images"]

_PIECE = 32
_FEWEST_FIT, _FEWEST_HELD_OUT = 10, 5


@dataclass(frozen=True)
class EvaluationImages:
    """Attacked images, natural ones to fit to, others to hold out, and further natural ones by name."""

    attacked: ImageSet
    fit: ImageSet
    held_out: ImageSet
    controls: dict[str, ImageSet]


def evaluation_images(study: StudyConfig, first: Classifier, models: Sequence[Model]) -> EvaluationImages:
    """The images of a study's ``[defense]``.

    Natural images are looked at in an order that depends on the seed and their ids alone, and not on who gets them
    right: what is held out comes from where the fitted ones come from. Equal images are never on both sides.

    Raises:
        StudyError: too few natural images.
    """
    plan = study.defense
    framing = preprocessing_of(study, first.preprocessing)
    pool, order = candidates_of(study, first)
    attacked = select_correct(_read(pool, order), models, plan.attacked).images
    if plan.natural is None:
        others = [at for at in order if pool.ids[at] not in set(attacked.ids)]
        others.sort(key=lambda at: seed_of(study.seed, "natural", pool.ids[at]))
        natural = _whole(study.images.path, _read(pool, others[: plan.fit + plan.held_out]))
    else:
        natural = _whole(plan.natural, image_pieces(plan.natural, first, None, framing))
        natural = natural.select(_shuffled(natural.ids, study.seed))
    natural = _without(natural, _pixels(attacked), "[defense] natural: attacked, too")
    fit = _to_fit(len(natural), plan)
    used = natural.select(range(fit))
    held_out = natural.select(range(fit, min(fit + plan.held_out, len(natural))))
    held_out = _without(held_out, _pixels(used), "[defense] natural: twice, so fitted to as well as held out")
    _check(plan, len(attacked), len(used), len(held_out))
    controls = {
        name: _without(
            _whole(place, image_pieces(place, first, None, framing)),
            _pixels(used),
            f"[defense] controls {name}: fitted to",
        )
        for name, place in plan.controls.items()
    }
    return EvaluationImages(attacked, used, held_out, controls)


def _to_fit(natural: int, plan: DefenseConfig) -> int:
    """How many are fitted to; where there are too few for both, a third is held out."""
    return min(plan.fit, max(natural - plan.held_out, 2 * natural // 3))


def _check(plan: DefenseConfig, attacked: int, fit: int, held_out: int) -> None:
    if fit < _FEWEST_FIT or held_out < _FEWEST_HELD_OUT:
        raise StudyError(
            f"{fit + held_out} natural images besides the attacked ones: {_FEWEST_FIT} to fit to and "
            f"{_FEWEST_HELD_OUT} to hold out are the fewest, and 1,000 and more are recommended; attack fewer, or name "
            "others in [defense] natural"
        )
    counts = {"attacked": (attacked, plan.attacked), "fit": (fit, plan.fit), "held_out": (held_out, plan.held_out)}
    fewer = [f"{name} {there} of {wanted}" for name, (there, wanted) in counts.items() if there < wanted]
    if fewer:
        warn(f"fewer images than [defense] asks for: {', '.join(fewer)}")


def _pixels(images: ImageSet) -> set[bytes]:
    return {image.numpy().tobytes() for image in images.images}


def _without(images: ImageSet, taken: set[bytes], why: str) -> ImageSet:
    """Those whose pixels are not among others; how many are left out is said."""
    keep = [i for i, image in enumerate(images.images) if image.numpy().tobytes() not in taken]
    if len(keep) < len(images):
        warn(f"{why}: {len(images) - len(keep)} of {len(images)} images left out")
    return images.select(keep)


def _shuffled(ids: Sequence[str], seed: int) -> list[int]:
    return sorted(range(len(ids)), key=lambda at: seed_of(seed, "natural", ids[at]))


def _read(pool: Pool, order: Sequence[int]) -> Iterator[ImageSet]:
    for start in range(0, len(order), _PIECE):
        yield pool.read(order[start : start + _PIECE])


def _whole(place: str, pieces: Iterable[ImageSet]) -> ImageSet:
    found = [piece for piece in pieces if len(piece)]
    if not found:
        raise DataError(f"{place}: no natural images that can be used")
    return ImageSet.concatenate(place, found)
