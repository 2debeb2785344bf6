"""What is given to `trace`, told apart by kind: each refusal is a line that names the argument and what it wants."""

from collections.abc import Iterable
from math import inf, isfinite
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from presoftmax.attacks import Attack
from presoftmax.errors import AttackError, DataError
from presoftmax.text import printable

__all__ = ["as_attack", "as_class_numbers", "as_iterations", "as_names", "callable_or_none", "finite", "flag", "whole"]


def as_attack(given: Any) -> Attack:
    """The attack; raises `TypeError` where it is none, which may be its name, what makes one, or another argument."""
    if isinstance(given, Attack):
        return given
    if isinstance(given, str):
        name = printable(repr(given))
        raise TypeError(f"trace takes an Attack, not the text {name}; attacks.load_attack({name}) gives one")
    if callable(given) and not isinstance(given, torch.nn.Module) and hasattr(given, "__name__"):
        raise TypeError(f"trace takes an Attack, not what makes one; call it: {given.__name__}(...)")
    raise TypeError(f"trace(attack, source, images, labels): the first is an Attack, not {_said(given)}")


def as_names(given: Any) -> tuple[str, ...] | None:
    """Names of the examples, where there are some."""
    if given is None:
        return None
    return tuple(map(str, _several("ids: expected a name for each image, as a list", given)))


def as_iterations(given: Iterable[int] | Literal["all"], steps: int) -> frozenset[int]:
    """Iterations whose images are kept, the last one included."""
    if isinstance(given, str) and given == "all":
        return frozenset(range(steps + 1))
    several = _several('keep: expected iterations, as a list, or "all"', given)
    kept = {whole("keep", each) for each in several} | {steps}
    outside = sorted(each for each in kept if not 0 <= each <= steps)
    if outside:
        raise AttackError(f"keep: iterations are 0 to {steps}, got {_shown(outside)}")
    return frozenset(kept)


def as_class_numbers(given: Any) -> Tensor:
    """Target classes as whole numbers, in the shape in which they are given."""
    try:
        values = given.detach().cpu() if isinstance(given, Tensor) else torch.as_tensor(np.asarray(given))
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(
            f"targets: expected class numbers, as a list, an array or a tensor, got {_said(given)}"
        ) from error
    if values.dtype == torch.bool or values.is_floating_point() or values.is_complex():
        kind = str(values.dtype).removeprefix("torch.")
        raise AttackError(f"targets must be integers, the numbers of classes, got {kind} {tuple(values.shape)}")
    if values.numel() and int(values.min()) < 0:
        raise AttackError(f"targets: {int(values.min())} is no class: they are counted from 0")
    return values


def whole(name: str, given: Any, least: int | None = None) -> int:
    """A whole number, of Python or NumPy, or a tensor that is one."""
    single = isinstance(given, Tensor) and given.ndim == 0 and not given.is_floating_point()
    number = given.item() if single else given
    if isinstance(number, bool | np.bool_) or not isinstance(number, Integral):
        raise TypeError(f"{name}: expected a whole number, got {_said(given)}")
    if least is not None and number < least:
        raise DataError(f"{name} must be at least {least}, got {_shown(number)}")
    return int(number)


def finite(name: str, given: Any) -> float:
    """A finite number, of Python or NumPy, or a tensor that is one."""
    number = given.item() if isinstance(given, Tensor) and given.ndim == 0 else given
    if isinstance(number, bool) or not isinstance(number, Real):
        raise TypeError(f"{name}: expected a number, got {_said(given)}")
    try:
        found = float(number)
    except OverflowError:  # an int beyond every float
        found = inf
    if not isfinite(found):
        raise AttackError(f"{name} must be a finite number, got {_said(given)}")
    return found


def flag(name: str, given: Any) -> bool | None:
    """True, False or None."""
    if given is None or isinstance(given, bool | np.bool_):
        return given if given is None else bool(given)
    raise TypeError(f"{name}: expected True, False or None, got {_said(given)}")


def callable_or_none(name: str, given: Any) -> Any:
    """Something to be called, or None."""
    if given is not None and not callable(given):
        raise TypeError(f"{name}: expected a function, got {_said(given)}")
    return given


def _several(wanted: str, given: Any) -> list[Any]:
    """Many things; an array without axes is only one, though it can be asked for more."""
    if isinstance(given, Iterable) and not isinstance(given, str | bytes) and getattr(given, "ndim", None) != 0:
        return list(given)
    raise TypeError(f"{wanted}, got {_said(given)}")


def _said(given: Any) -> str:
    """What was given, in a few words."""
    kind = type(given).__name__
    if isinstance(given, str | bytes | int | float):
        return f"{kind} {_shown(given)}"
    return f"the class {given.__name__}" if isinstance(given, type) else kind


def _shown(given: Any) -> str:
    try:
        return printable(repr(given), 40)
    except ValueError:  # an int of more digits than Python prints
        return "of thousands of digits"
