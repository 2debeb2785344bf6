"""A fitted predictor as a JSON file: no pickle, and refused where it is another thing."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from presoftmax.analysis.prediction import CLEAN_VICTIM, FEATURES, LeftOut, Logistic, Recalibration
from presoftmax.data import as_path
from presoftmax.errors import DataError, first_line
from presoftmax.storage import replace_text
from presoftmax.strength.predictor import Calibration, FittedOn, TransferPredictor

__all__ = ["load_predictor", "save_predictor"]

_KIND, _VERSION = "presoftmax transfer predictor", 1
_MOST_BYTES = 10_000_000
_WHAT = "a predictor's file"

_Finite = Annotated[float, Field(allow_inf_nan=False)]
_Numbers = list[_Finite]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Logistic(_Record):
    mean: _Numbers
    std: list[Annotated[float, Field(gt=0, allow_inf_nan=False)]]
    weights: _Numbers
    intercept: _Finite

    def built(self) -> Logistic:
        return Logistic(np.array(self.mean), np.array(self.std), np.array(self.weights), self.intercept)


class _About(_Record):
    title: str
    classes: Annotated[int, Field(ge=2)]
    sources: list[str]
    victims: list[str]
    attacks: list[str]
    images: int
    trials: int
    base_rate: _Finite


class _Recalibration(_Record):
    offset: _Finite
    slope: _Finite


class _Calibration(_Record):
    victim: str
    probes: Annotated[int, Field(ge=1)]
    change: _Recalibration

    def built(self) -> Calibration:
        return Calibration(self.victim, self.probes, Recalibration(**self.change.model_dump()))


class _LeftOut(_Record):
    area: _Finite | None
    low: _Finite | None
    high: _Finite | None
    calibration_error: _Finite | None
    transferred_images: Annotated[int, Field(ge=0)]


class _Predictor(_Record):
    kind: Literal["presoftmax transfer predictor"]
    version: int
    criterion: Literal["misclassified", "targeted"]
    columns: list[str]
    fitted: _Logistic
    resampled: Annotated[list[_Logistic], Field(min_length=1)]
    lowest: _Numbers
    highest: _Numbers
    about: _About
    left_out: _LeftOut | None
    calibration: _Calibration | None


def save_predictor(predictor: TransferPredictor, path: str | Path) -> None:
    """Write a predictor as JSON, with what it was fitted on."""
    path = as_path(path, _WHAT)
    content = {"kind": _KIND, "version": _VERSION, **asdict(predictor)}
    replace_text(path, json.dumps(content, indent=1, default=lambda array: array.tolist(), allow_nan=False) + "\n")


def load_predictor(path: str | Path) -> TransferPredictor:
    """Read what `save_predictor` wrote.

    Raises:
        DataError: no such file, another kind of file, another version, or one that is not whole.
    """
    path = as_path(path, _WHAT)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"{path}: larger than any predictor ({_MOST_BYTES // 10**6} MB)")
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not a transfer predictor ({first_line(error)})") from error
    if not isinstance(content, dict) or content.get("kind") != _KIND:
        raise DataError(f"{path}: not a transfer predictor; 'presoftmax predict fit' makes one")
    if content.get("version") != _VERSION:
        raise DataError(f"{path}: version {content.get('version')} of a predictor; this presoftmax reads {_VERSION}")
    try:
        return _built(_Predictor.model_validate(content))
    except (ValidationError, ValueError) as error:
        raise DataError(f"{path}: not whole ({_problem(error)})") from error


def _built(read: _Predictor) -> TransferPredictor:
    columns = tuple(read.columns)
    if columns not in (FEATURES, (*FEATURES, CLEAN_VICTIM)):
        raise ValueError("columns: not those of this version")
    regressions = [read.fitted, *read.resampled]
    numbers: list[list[float]] = [read.lowest, read.highest]
    numbers += [part for each in regressions for part in (each.mean, each.std, each.weights)]
    if any(len(each) != len(columns) for each in numbers):
        raise ValueError(f"some list has not {len(columns)} numbers, one for each column")
    return TransferPredictor(
        criterion=read.criterion,
        columns=columns,
        fitted=read.fitted.built(),
        resampled=tuple(each.built() for each in read.resampled),
        lowest=np.array(read.lowest),
        highest=np.array(read.highest),
        about=FittedOn(**_tuples(read.about.model_dump())),
        left_out=None if read.left_out is None else LeftOut(**read.left_out.model_dump()),
        calibration=None if read.calibration is None else read.calibration.built(),
    )


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(each) if isinstance(each, list) else each for name, each in values.items()}


def _problem(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return first_line(error)
