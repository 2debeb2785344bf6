"""Attacks put together by name: an objective, an update and a ball, of this package or of the user's own."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from presoftmax.attacks._checks import MOST_TARGETS, positive, whole
from presoftmax.attacks.attack import Attack
from presoftmax.attacks.constraints import Constraint, L2Ball, LinfBall, Unconstrained
from presoftmax.attacks.objectives import (
    DLR,
    CarliniWagner,
    CrossEntropy,
    LevelTargets,
    Objective,
    RankedTargets,
    TargetLogit,
    TargetMargin,
    as_objective,
)
from presoftmax.attacks.paper import multi_class, over_optimized
from presoftmax.attacks.popular import POPULAR
from presoftmax.attacks.spaces import Space
from presoftmax.attacks.updates import (
    AdamStep,
    GradientStep,
    MomentumSignStep,
    NesterovSignStep,
    NormalizedStep,
    SignStep,
    Update,
)
from presoftmax.choices import Discretization, choice
from presoftmax.errors import AttackError
from presoftmax.extensions import Loaded, call, is_python_name, load_object, takes_two

__all__ = ["ATTACKS", "OBJECTIVES", "UPDATES", "composed", "load_attack"]

OBJECTIVES: dict[str, Callable[..., Objective]] = {
    "target-logit": TargetLogit,
    "ranked-targets": RankedTargets,
    "level-targets": LevelTargets,
    "target-margin": TargetMargin,
    "cross-entropy": CrossEntropy,
    "carlini-wagner": CarliniWagner,
    "dlr": DLR,
}
"""Objectives by name."""

UPDATES: dict[str, Callable[..., Update]] = {
    "gradient": GradientStep,
    "sign": SignStep,
    "normalized": NormalizedStep,
    "momentum-sign": MomentumSignStep,
    "nesterov-sign": NesterovSignStep,
    "adam": AdamStep,
}
"""Updates by name; each takes its step size first."""

Piece = TypeVar("Piece")

_BALLS: dict[str, Callable[[float], Constraint]] = {"linf": LinfBall, "l2": L2Ball}


def composed(
    objective: str | Objective | Callable[..., Any] = "target-logit",
    update: str | Update = "gradient",
    steps: int = 100,
    alpha: float = 0.15,
    epsilon: float | None = None,
    norm: str = "linf",
    classes: int = 1,
    discretization: str = Discretization.STRAIGHT_THROUGH,
    space: str | None = None,
    name: str = "composed",
) -> Attack:
    """An attack of an objective and an update.

    Args:
        objective: a name of `OBJECTIVES`, an `Objective`, a function ``(logits (N, M), goal) -> (N,)``, or
            ``FILE.py:NAME`` of such a one (or of a class or function without arguments that gives one).
        update: a name of `UPDATES`, an `Update`, or ``FILE.py:NAME`` of one, or of a class or function that takes the
            step size.
        steps: iterations.
        alpha: step size.
        epsilon: radius of the ball around the clean image, in [0, 1] units; anywhere when left out.
        norm: of the ball, ``"linf"`` or ``"l2"``.
        classes: target classes; 0 for a function that is not about targets.
        discretization: when the image is rounded.
        space: units of the step; [0, 1] pixels inside a ball, the source's normalized input otherwise.
        name: how tables call it.

    Raises:
        AttackError: a name that is not known, a file that cannot be used, a value that makes no sense.
    """
    if norm not in _BALLS:
        raise AttackError(f"norm must be one of {', '.join(_BALLS)}, got {norm!r}")
    whole("classes", classes, 0, MOST_TARGETS)
    positive("alpha", alpha)
    units = space or (Space.NORMALIZED if epsilon is None else Space.PIXEL)
    return Attack(
        name=name,
        objective=_objective(objective, targeted=classes > 0),
        update=_update(update, alpha),
        steps=steps,
        num_targets=classes,
        constraint=Unconstrained() if epsilon is None else _BALLS[norm](epsilon),
        discretization=choice(Discretization, discretization, "discretization"),
        space=choice(Space, units, "space"),
    )


ATTACKS: dict[str, Callable[..., Attack]] = {
    "over-optimized": over_optimized,
    "multi-class": multi_class,
    "composed": composed,
    **POPULAR,
}
"""Every attack of the package by name."""


def load_attack(name: str, optional: Mapping[str, Any] | None = None, **settings: Any) -> Attack:
    """An attack of `ATTACKS`, or of the user's own: ``FILE.py:NAME`` of an `Attack`, or of a function that gives one.

    Args:
        name: which one.
        optional: settings that are passed where they are taken.
        settings: those that must be.

    Raises:
        AttackError: no such attack, something else than an attack, or settings that it does not take.
    """
    further = dict(optional or {})
    if not is_python_name(name):
        build = _of_name(ATTACKS, name, "attack")
        return _built(name, build, settings | _taken(build, further))
    loaded = load_object(name, "attack", AttackError)
    if isinstance(loaded.value, Attack):
        known = {each.name for each in fields(Attack)}
        if settings.keys() - known:
            raise AttackError(f"{loaded.what} is an Attack, not a function: it takes no {min(settings.keys() - known)}")
        return replace(loaded.value, **settings, **{key: value for key, value in further.items() if key in known})
    found = call(loaded, **settings, **(_taken(loaded.value, further) if callable(loaded.value) else {}))
    if not isinstance(found, Attack):
        raise AttackError(f"{loaded.what} gave {type(found).__name__}, no Attack")
    return found


def _built(name: str, build: Callable[..., Attack], settings: dict[str, Any]) -> Attack:
    try:
        return build(**settings)
    except TypeError as error:
        raise AttackError(f"{name}: {error}") from error


def _taken(build: Callable[..., Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Those of the settings that a function takes."""
    parameters = inspect.signature(build).parameters
    anything = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    return {name: value for name, value in settings.items() if anything or name in parameters}


def _objective(given: Any, targeted: bool) -> Objective:
    if not isinstance(given, str):
        return as_objective(given, targeted)
    if not is_python_name(given):
        return _of_name(OBJECTIVES, given, "objective")()
    loaded = load_object(given, "objective", AttackError)
    found = loaded.value
    if not isinstance(found, Objective) and not takes_two(found):
        found = call(loaded)
    if isinstance(found, Objective) or takes_two(found):
        return as_objective(found, targeted)
    raise AttackError(f"{loaded.what} gave {type(found).__name__}, no Objective and no function of logits and goal")


def _update(given: Any, alpha: float) -> Update:
    if isinstance(given, Update):
        return given
    if isinstance(given, type) and issubclass(given, Update):
        return given(alpha)  # type: ignore[call-arg]  # its step size
    if not isinstance(given, str):
        raise AttackError(f"an update is an Update or a name, not {type(given).__name__}")
    if not is_python_name(given):
        return _of_name(UPDATES, given, "update")(alpha)
    loaded = load_object(given, "update", AttackError)
    found = loaded.value if isinstance(loaded.value, Update) else _call_with_size(loaded, alpha)
    if not isinstance(found, Update):
        raise AttackError(f"{loaded.what} gave {type(found).__name__}, no Update")
    return found


def _of_name(kinds: dict[str, Callable[..., Piece]], name: str, what: str) -> Callable[..., Piece]:
    if name not in kinds:
        raise AttackError(f"no {what} {name!r}; there are {', '.join(kinds)}, or FILE.py:NAME")
    return kinds[name]


def _call_with_size(loaded: Loaded, alpha: float) -> Any:
    """A class or function of an update, which takes the step size if it takes anything."""
    parameters = list(inspect.signature(loaded.value).parameters) if callable(loaded.value) else []
    return call(loaded, **({parameters[0]: alpha} if parameters else {}))
