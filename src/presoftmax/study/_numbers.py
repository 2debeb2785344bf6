"""The numbers of a study's file: whole where whole is meant, finite, and no larger than means something.

No text and no true or false stands for a number, but for a fraction (``"8/255"``) where sizes are written so.
"""

from collections.abc import Mapping
from fractions import Fraction
from math import isfinite
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

__all__ = ["Class", "Count", "Counts", "Number", "Positive", "Seconds", "Settings", "Share", "Side", "Size", "Steps"]

LARGEST = 1e12
_DEEPEST = 20


def fraction(value: Any) -> Any:
    """A fraction, as the field writes them (``"8/255"``), as a number; anything else as it is."""
    if isinstance(value, str) and "/" in value:
        try:
            return float(Fraction(value.replace(" ", "")))
        except (ValueError, ArithmeticError) as error:
            raise ValueError(f"{value[:40]!r} is not a fraction such as 8/255") from error
    return value


def _not_tiny(value: float) -> float:
    if value < 1 / LARGEST:
        raise ValueError(f"a number this small is none in float32; at least {1 / LARGEST:g}")
    return value


def _plain(value: Any, depth: int = 0) -> Any:
    """Settings of a user's own function: they are written into ``study.json``, which knows no infinity and no date."""
    if depth > _DEEPEST:
        raise ValueError(f"settings are nested more than {_DEEPEST} deep")
    if isinstance(value, Mapping):
        return {name: _plain(each, depth + 1) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, depth + 1) for each in value]
    if isinstance(value, float) and not isfinite(value):
        raise ValueError(f"a number must be finite, got {value}")
    if isinstance(value, int) and abs(value) > LARGEST:
        raise ValueError("a whole number must be at most 10^12")
    if not isinstance(value, str | int | float | None):
        raise ValueError(f"a setting is a text, a number, true or false, or a list or table of such, not {value}")
    return fraction(value)


_Above = Annotated[float, Field(strict=True, gt=0, le=LARGEST, allow_inf_nan=False)]
Positive = Annotated[_Above, AfterValidator(_not_tiny)]
Number = Annotated[float, Field(strict=True, ge=0, le=LARGEST, allow_inf_nan=False)]
Share = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
Size = Annotated[Positive, BeforeValidator(fraction)]
Seconds = Annotated[float, Field(strict=True, ge=0.1, le=86400, allow_inf_nan=False)]
Steps = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Count = Annotated[int, Field(strict=True, ge=1, le=10_000_000)]
Counts = Annotated[int, Field(strict=True, ge=0, le=10_000_000)]
Side = Annotated[int, Field(strict=True, ge=1, le=10_000)]
Class = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
Settings = Annotated[dict[str, Any], AfterValidator(_plain)]
