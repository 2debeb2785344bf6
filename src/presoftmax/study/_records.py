"""What the records of a study's folder hold: looked at as they are read, so that no reader meets something else."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from presoftmax.errors import first_line
from presoftmax.storage import DamagedError, read_record

__all__ = ["ChunkRecord", "HeartbeatRecord", "SelectionRecord", "UnitRecord", "VariantsRecord", "read_checked"]

_Count = Annotated[int, Field(ge=0, le=10**15)]
_Number = Annotated[float, Field(ge=0, le=10**15, allow_inf_nan=False)]


class _Record(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class _Skipped(_Record):
    file: str
    reason: str


class SelectionRecord(_Record):
    """Which images were chosen."""

    ids: Annotated[list[str], Field(min_length=1)]
    looked_at: _Count
    chunks: Annotated[int, Field(ge=1, le=10**6)]
    num_classes: _Count
    classes: list[str] | None
    skipped: list[_Skipped]


class ChunkRecord(_Record):
    """What came of some candidates."""

    ids: list[str]
    looked_at: _Count
    num_classes: _Count
    skipped: list[_Skipped]
    files: dict[str, str]


class UnitRecord(_Record):
    """What is known of a unit besides its files."""

    examples: list[str]
    image_iterations: _Count
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    batch_size: _Count
    batch_halved: _Count = 0
    unanswered: dict[str, _Count] = Field(default_factory=dict)
    variants: dict[str, str] = Field(default_factory=dict)
    files: dict[str, str]


class VariantsRecord(_Record):
    """How networks are run."""

    precision: str
    variants: dict[str, str]


class HeartbeatRecord(_Record):
    """How fast a run is: samples are seconds at work and images done by then."""

    written: Annotated[float, Field(ge=0, le=10**11, allow_inf_nan=False)]
    at_work: bool
    left: _Number
    samples: Annotated[list[Annotated[list[_Number], Field(min_length=2, max_length=2)]], Field(min_length=1)]


def read_checked(path: Path, kind: type[BaseModel]) -> dict[str, Any]:
    """A record of a kind, as plain values.

    Raises:
        DamagedError: it is not as it was written, or holds something else.
        FileNotFoundError: there is no such file.
    """
    content = read_record(path)
    try:
        kind.model_validate(content)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"]))
        raise DamagedError(f"{path}: damaged, {where}: {first_line(ValueError(problem['msg']))}") from error
    return content
