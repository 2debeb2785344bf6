"""What a study is: models, images, attacks. Read from TOML, checked before anything runs."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator, model_validator

from presoftmax.choices import Copies, Precision
from presoftmax.data import as_path
from presoftmax.errors import AttackError, PresoftmaxError, StudyError, first_line
from presoftmax.printing import Printed, brief, first_few
from presoftmax.study._numbers import Count, Counts, Seconds, Side
from presoftmax.study.attack_config import AttackConfig, Strict
from presoftmax.study.defense_config import DefenseConfig

__all__ = ["VICTIM_TIMEOUT", "ImagesConfig", "StudyConfig"]

_MOST = 1000  # models, attacks and the like
_MOST_BYTES = 10_000_000
Families = Annotated[dict[str, Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=_MOST)]
_TAGS = {"over-optimized", "multi-class", "composed", "popular", "file"}


VICTIM_TIMEOUT = 300.0
"""Seconds that a black box has for an answer: a batch of 64 images of a service that takes seconds for each."""
_CHANGES_NOTHING = ("victim_timeout", "families", "defense")


class ImagesConfig(Strict):
    """Where the images come from, and how many of those that all models get right are attacked.

    Attributes:
        path: see `presoftmax.data.open_pool`.
        labels: CSV of labels for a flat folder.
        count: images to attack; all that can be found when fewer.
        size: side in pixels they are brought to; the first model's when left out.
        resize: length of the shorter side before the crop; the first model's own when left out.
    """

    path: str
    labels: str | None = None
    count: Count = 2500
    size: Side | None = None
    resize: Side | None = None


class StudyConfig(Printed, Strict):
    """A whole study. Everything in it changes what comes out; what does not (device, engine) is an option of the run.

    Attributes:
        title: heading of the report.
        seed: for the order in which images are looked at, for target classes and noise.
        precision: ``exact`` or ``fast``; see `presoftmax.models.accelerate`.
        models: names for `presoftmax.load_model`; each is a source, and a victim of all others.
        victims: further models that are only victims (black boxes, for instance).
        victim_timeout: seconds that a black box has for each answer; it is asked three times. No result depends on it.
        images: where the images come from.
        attacks: run on every source, or on those named in ``sources``.
        scores: scores of one's own, each ``FILE.py:NAME``, recorded and ranked beside those of the package.
        shard: images per unit of work, which is what a crash can cost.
        noise: show every victim random noise of the same L2 norm, as a control.
        copies: who sees changed copies of the images (noise, shifts, compression): ``none``, ``source`` or ``all``;
            what the prediction of transfer stands on.
        families: architecture family of each model, by its name in ``models`` or ``victims``; each is of its own when
            left out. A victim's transfer is never predicted from one of its family. Only the report depends on it.
        final_images: keep the adversarial images of the last iteration.
        gallery: number of examples of which about a dozen iterations are kept as images, for the figures.
        defense: what ``presoftmax guard evaluate`` does with it; no result of the study depends on it.
    """

    title: str = "How misleading is the softmax?"
    seed: Annotated[int, Field(strict=True, ge=-(2**63), lt=2**63)] = 0
    precision: Precision = Precision.EXACT
    models: Annotated[list[str], Field(min_length=1, max_length=_MOST)]
    victims: Annotated[list[str], Field(max_length=_MOST)] = Field(default_factory=list)
    victim_timeout: Seconds = VICTIM_TIMEOUT
    images: ImagesConfig
    attacks: Annotated[list[AttackConfig], Field(min_length=1, max_length=_MOST)]
    scores: Annotated[list[str], Field(max_length=_MOST)] = Field(default_factory=list)
    shard: Count = 50
    noise: bool = True
    copies: Copies = Copies.SOURCE
    families: Families = Field(default_factory=dict)
    final_images: bool = True
    gallery: Counts = 4
    defense: DefenseConfig = DefenseConfig()

    def _lines(self) -> Iterator[str]:
        yield f"StudyConfig {brief(self.title)}"
        yield f"  models: {first_few(self.models)}"
        if self.victims:
            yield f"  victims: {first_few(self.victims)}"
        yield f"  attacks: {first_few([attack.label for attack in self.attacks])}"
        images = f"{self.images.count} of {brief(self.images.path)}"
        yield f"  images: {images}; precision {self.precision}, seed {self.seed}"

    @field_validator("models", "victims")
    @classmethod
    def _no_repeats(cls, names: list[str]) -> list[str]:
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name!r} is named twice")
        return names

    @model_validator(mode="after")
    def _fits_together(self) -> "StudyConfig":
        names = [attack.label for attack in self.attacks]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"attacks: two are called {name!r}; give each a name of its own")
        for number, attack in enumerate(self.attacks):
            unknown = set(attack.sources or ()) - set(self.models)
            if unknown:
                raise ValueError(f"attacks.{number}.sources: {min(unknown)!r} is not among the models")
            if attack.is_of_the_package:
                _check_attack(number, attack)
        known = [attack.label for attack in self.attacks]
        for name in self.defense.priced:
            if name not in known:
                raise ValueError(f"defense.priced: no attack is called {name!r}")
        for given in self.defense.given:
            if given.source not in self.models:
                raise ValueError(f"defense.given: {given.source!r} is not among the models")
        for name in self.families:
            if name not in (*self.models, *self.victims):
                raise ValueError(f"families: {name!r} is not among the models")
        for name in self.victims:
            if name in self.models:
                raise ValueError(f"victims: {name!r} is among the models already, and so a victim of all others")
        return self

    @classmethod
    def load(cls, path: str | Path) -> "StudyConfig":
        """Read a TOML file.

        Raises:
            StudyError: no such file, not TOML, an unknown key, a wrong type or value (with the line).
            DataError: a text that is no path.
        """
        path = as_path(path, "a study's TOML file")
        try:
            if path.stat().st_size > _MOST_BYTES:
                raise StudyError(f"{path}: larger than any study ({_MOST_BYTES // 10**6} MB)")
            text = path.read_text(encoding="utf-8")
            content = tomllib.loads(text)
        except OSError as error:
            raise StudyError(f"{path}: {error.strerror}") from error
        except RecursionError as error:
            raise StudyError(f"{path}: nested too deeply") from error
        except ValueError as error:  # not UTF-8, not TOML, a number of more digits than Python reads
            raise StudyError(f"{path}: not TOML ({first_line(error)})") from error
        try:
            config = cls.model_validate(content)
        except ValidationError as error:
            raise StudyError(_first_problem(path, text, error)) from error
        try:
            config.check_own_pieces()
        except (PresoftmaxError, ValueError) as error:
            raise StudyError(f"{path}: {error}") from error
        return config

    def check_own_pieces(self) -> None:
        """Load what is the user's own: attacks, objectives, updates, scores.

        A study's folder is read without it, since files may have moved when it is looked at.

        Raises:
            PresoftmaxError: a file or a name that is not there, or is something else.
            ValueError: targets of another number than the attack takes.
        """
        for number, attack in enumerate(self.attacks):
            if not attack.is_of_the_package:
                try:
                    _check_attack(number, attack)
                except PresoftmaxError as error:
                    raise StudyError(f"attacks.{number}: {error}") from error
        if self.scores:
            from presoftmax.scores import load_scores
            from presoftmax.tables import STEPS

            load_scores(self.scores, taken=[column.name for column in STEPS])

    def attacks_on(self, model: str) -> list[AttackConfig]:
        """The attacks of which this model is a source."""
        return [attack for attack in self.attacks if attack.sources is None or model in attack.sources]

    def values(self) -> dict[str, Any]:
        """All settings, defaults filled in, as plain values."""
        return self.model_dump(mode="json")

    def differences(self, other: "StudyConfig") -> list[str]:
        """The settings on which results depend in which two studies differ, each as ``KEY: this, that``."""
        ours, theirs = _flat(self.values()), _flat(other.values())
        return [
            f"{key}: {ours.get(key)!r} here, {theirs.get(key)!r} there"
            for key in sorted(ours.keys() | theirs.keys())
            if key.split(".")[0] not in _CHANGES_NOTHING and ours.get(key) != theirs.get(key)
        ]


def _check_attack(number: int, attack: AttackConfig) -> None:
    try:
        count = attack.build().num_targets
    except AttackError as error:
        key = next((name for name in type(attack).model_fields if str(error).startswith(f"{name} ")), "")
        if not key:
            raise
        raise ValueError(f"attacks.{number}.{key}: {error}") from error
    if attack.targets is not None and len(attack.targets) != count:
        raise ValueError(f"attacks.{number}.targets: {len(attack.targets)} given, the attack takes {count}")


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        return {path: value}
    return {key: leaf for name, each in items for key, leaf in _flat(each, f"{path}.{name}".lstrip(".")).items()}


def _first_problem(path: Path, text: str, error: ValidationError) -> str:
    """The first thing wrong, with its line in the file, in one sentence."""
    problem = error.errors()[0]
    location = [part for part in problem["loc"] if part not in _TAGS]
    message = problem["msg"].removeprefix("Value error, ")
    # Our own checks see several settings at once, and begin with the one that is wrong.
    if problem["type"] in ("value_error", "attack_kind") and (found := re.match(r"([\w.]+): ", message)):
        location += [int(part) if part.isdecimal() else part for part in found[1].split(".")]
        message = message[found.end() :]
    if problem["type"] == "extra_forbidden":
        message = "there is no such setting"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    where = ".".join(map(str, location))
    line = _line_of(text, location)
    return f"{path}{f':{line}' if line else ''}: {f'{where}: ' if where else ''}{message}{more}"


def _line_of(text: str, location: list[int | str]) -> int | None:
    """Number of the line on which a setting stands, or its table begins; None where neither is written."""
    if not location:
        return None
    table, key = str(location[0]), location[-1]
    index = location[1] if len(location) > 1 and isinstance(location[1], int) else 0
    header, seen, found = "", -1, None
    for number, line in enumerate(text.splitlines(), start=1):
        if heading := re.match(r"\s*\[+\s*([\w.-]+)\s*\]+", line):
            header = heading[1]
            seen += header == table
            if header == table and seen == index:
                found = number
        elif assigned := re.match(r"\s*\"?([\w-]+)\"?\s*=", line):
            inside = header == table and max(seen, 0) == index
            if (inside and assigned[1] == key) or (not header and assigned[1] == table):
                return number
    return found
