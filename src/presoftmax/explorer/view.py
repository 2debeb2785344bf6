"""What the page asks for, as plain values: an overview, a frame for each stop of the slider, one example at a time."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from presoftmax.analysis import log_spaced, without_probes
from presoftmax.explorer.material import Key, Material
from presoftmax.explorer.pictures import png_of, small
from presoftmax.explorer.tables import FRAME_COLUMNS, MEASURES, Tables, tabulate
from presoftmax.tables import NOT_FINITE
from presoftmax.text import LINE, printable

__all__ = ["View"]

_TOP = 5
_NAME = 240
_CONFIDENCE_DIGITS = 8  # the float32 before 1 is 0.99999994: only what is exactly 1 reads 1
_DIGITS = 5
_THUMBNAIL = 56
_LOWEST = 0.05
_BULK, _FAR = 0.998, 1.5


@dataclass(frozen=True)
class View:
    """The answers of the explorer, whoever asks: a file, a folder of files, or a server.

    Attributes:
        material: what it is made of.
        tables: the small tables.
        shown: which examples there are, by their ``n``; their order is that of the page.
        longest: how many iterations of an example are given at most.
    """

    material: Material
    tables: Tables
    shown: Sequence[int]
    longest: int = 1200

    @classmethod
    def of(cls, material: Material, most: int | None = None, longest: int = 1200) -> "View":
        """Of all examples, or of so many, evenly taken from every attack and source."""
        tables = tabulate(material)
        return cls(material, tables, _evenly(tables.examples, most), longest)

    # The whole.

    def overview(self) -> dict[str, Any]:
        """All that the page needs before anything is chosen."""
        rows = self._examples
        attacks, sources = (rows[name].unique(maintain_order=True).to_list() for name in ("attack", "source"))
        return {
            "title": printable(self.material.title, LINE),
            "steps": self.material.steps_are_iterations,
            "notes": [printable(note, LINE) for note in self.material.notes],
            "total": self.tables.examples.height,
            "attacks": _names(attacks),
            "sources": _names(sources),
            "victims": _names(self.tables.victims),
            "classes": None if self.material.classes is None else _names(self.material.classes),
            "iterations": self.tables.iterations,
            "measures": [name for name in MEASURES if self._extents[name] is not None],
            "extents": self._extents,
            "natural": [self._natural(source) for source in sources],
            "examples": {
                "id": _names(rows["example"].to_list()),
                "thumb": [int(bool(self.material.pictures.kept(self.key(n)))) for n in range(rows.height)],
                "attack": [attacks.index(name) for name in rows["attack"]],
                "source": [sources.index(name) for name in rows["source"]],
                **{
                    name: rows[name].to_list()
                    for name in (
                        "label", "targets", "last", "halted_at", "vanished_at", "first_source", "firsts", "victims",
                    )
                },
            },
        }  # fmt: skip

    @cached_property
    def _examples(self) -> pl.DataFrame:
        return self.tables.examples[list(self.shown)]

    @cached_property
    def _extents(self) -> dict[str, list[float] | None]:
        """Of each measure the lowest value, the highest that is drawn in its place, and the highest.

        A few values far above all others would press those together: they are drawn at the edge.
        """
        found: dict[str, list[float] | None] = {}
        for name in MEASURES:
            values = self.tables.frames.select(name).filter(pl.col(name).is_finite())
            ends = (pl.col(name).min(), pl.col(name).quantile(_BULK).alias("bulk"), pl.col(name).max().alias("most"))
            low, bulk, most = values.select(ends).collect().row(0)
            far = low is not None and most - low > _FAR * (bulk - low)
            found[name] = None if low is None else [_number(low), _number(bulk if far else most), _number(most)]
        return found

    def _natural(self, source: str) -> dict[str, list[float]]:
        """Of each measure that is known of natural images: its 5th percentile, median and largest value."""
        given = self.material.natural
        if given is None:
            own = self.tables.examples.filter(pl.col("source") == source).unique("example")["n"]
            rows = self.tables.frames.filter(pl.col("iteration") == 0, pl.col("n").is_in(own.implode())).collect()
        else:
            rows = given.filter(pl.col("model") == source)
        if "predicted" in rows.columns:
            rows = rows.filter(pl.col("predicted") != NOT_FINITE)
        found = {}
        for name in ("ca1", "log_odds", "margin", "group_log_odds", "misclassification_log_odds"):
            values = rows[name].drop_nulls().drop_nans() if name in rows.columns else pl.Series(dtype=pl.Float64)
            if len(values):
                ends = values.quantile(_LOWEST), values.median(), values.max()
                found[name] = [_number(end) for end in ends]
        return found

    # One stop of the slider.

    def frame(self, position: int) -> dict[str, Any]:
        """Every example at one stop of the slider.

        Raises:
            IndexError: there is no such stop.
        """
        at = self.tables.iterations[_position(position, len(self.tables.iterations))]
        rows = self.tables.frames.filter(pl.col("iteration") == at).sort("n").collect()
        rows = rows[list(self.shown)]
        columns = {name: _values(name, rows[name]) for name in FRAME_COLUMNS if name not in MEASURES}
        measures = {name: _values(name, rows[name]) for name in MEASURES if self._extents[name] is not None}
        return {"iteration": at, **columns, **measures}

    # One example.

    def key(self, position: int) -> Key:
        """Which example stands at a position; raises IndexError where none does."""
        row = self._examples.row(_position(position, self._examples.height), named=True)
        return Key(row["attack"], row["source"], row["example"])

    def example(self, position: int) -> dict[str, Any]:
        """One example, iteration by iteration.

        Raises:
            IndexError: there is none.
        """
        key = self.key(position)
        part = self.material.parts[self._examples["part"][position]]
        mine = [pl.col(name) == getattr(key, name) for name in ("attack", "source", "example")]
        rows = without_probes(part.steps.filter(*mine)).sort("iteration").collect()
        at = self._bounded(rows["iteration"].to_list())
        rows = rows.filter(pl.col("iteration").is_in(at))
        shown = part.transfers.filter(*mine).select("victim", "iteration", "predicted", "misclassified", "targeted")
        names = [name for name in ("confidence", *MEASURES, "logsumexp", "l2", "linf") if name in rows.columns]
        return {
            "iterations": at,
            **{name: _values(name, rows[name]) for name in names},
            "predicted": rows["predicted"].to_list(),
            "classes": _lists(rows, ["predicted", *(f"class{i}" for i in range(2, _TOP + 1))]),
            "logits": [[_number(z) for z in row] for row in _lists(rows, [f"ca{i}" for i in range(1, _TOP + 1)])],
            "target_logits": _targets(rows),
            "label_logit": _label_logits(rows),
            "states": self._states(shown.collect(), at),
            "kept": self.material.pictures.kept(key),
        }

    def _bounded(self, iterations: list[int]) -> list[int]:
        """At most `longest` of an example's iterations, log-spaced; the slider's stops always."""
        if len(iterations) <= self.longest:
            return iterations
        places = set(log_spaced(len(iterations) - 1, self.longest))
        stops = set(self.tables.iterations)
        return [at for place, at in enumerate(iterations) if place in places or at in stops]

    def _states(self, shown: pl.DataFrame, at: list[int]) -> list[list[Any]]:
        """Per victim: its number, and a letter for each iteration: right (0), fooled (1), as a target (2), x, -."""
        number = {name: place for place, name in enumerate(self.tables.victims)}
        found: dict[int, dict[int, str]] = {}
        for row in shown.iter_rows(named=True):
            found.setdefault(number[row["victim"]], {})[row["iteration"]] = _state(row)
        return [[victim, "".join(states.get(i, "-") for i in at)] for victim, states in sorted(found.items())]

    # Images.

    def image(self, position: int, iteration: int, side: int | None = None) -> bytes | None:
        """A kept image as PNG, no larger than ``side``; None where there is none.

        Raises:
            IndexError: there is no such example.
        """
        pixels = self.material.pictures.pixels(self.key(position), iteration)
        return None if pixels is None else png_of(small(pixels, side))

    def thumbnail(self, position: int) -> bytes | None:
        """The last kept image of an example, small."""
        kept = self.material.pictures.kept(self.key(position))
        return self.image(position, kept[-1], _THUMBNAIL) if kept else None


def _evenly(examples: pl.DataFrame, most: int | None) -> list[int]:
    """Positions of at most so many examples, as many of each attack and source, evenly spaced among theirs."""
    if most is None or examples.height <= most:
        return list(range(examples.height))
    groups = [part["n"].to_list() for part in examples.partition_by("attack", "source", maintain_order=True)]
    chosen: list[int] = []
    for left, group in zip(range(len(groups), 0, -1), sorted(groups, key=len), strict=True):
        count = min(len(group), (most - len(chosen)) // left)
        chosen.extend(group[place * len(group) // count] for place in range(count))
    return sorted(chosen)


def _position(position: int, count: int) -> int:
    if not 0 <= position < count:
        raise IndexError(position)
    return position


def _names(names: Iterable[Any]) -> list[str]:
    return [printable(name, _NAME) for name in names]


def _number(value: Any, digits: int = _DIGITS) -> Any:
    """A finite number, rounded; anything else is null: JSON knows no NaN."""
    return round(float(value), digits) if value is not None and math.isfinite(value) else None


def _values(name: str, column: pl.Series) -> list[Any]:
    if not column.dtype.is_float():
        return column.cast(pl.Int8).to_list() if column.dtype == pl.Boolean else column.to_list()
    digits = _CONFIDENCE_DIGITS if name == "confidence" else _DIGITS
    known = column.cast(pl.Float64)
    finite = known.is_finite().fill_null(False)
    return known.round(digits).to_frame("v").select(pl.when(finite).then("v"))["v"].to_list()


def _lists(rows: pl.DataFrame, names: Sequence[str]) -> list[list[Any]]:
    there = [name for name in names if name in rows.columns]
    return [list(row) for row in rows.select(there).iter_rows()]


def _targets(rows: pl.DataFrame) -> list[list[Any]]:
    if "target_logits" not in rows.columns:
        return []
    return [[_number(z) for z in row or ()] for row in rows["target_logits"].to_list()]


def _label_logits(rows: pl.DataFrame) -> list[Any]:
    """The true class's logit, of which the tables hold the log-odds against it and the logsumexp of all logits."""
    if not {"logsumexp", "misclassification_log_odds"} <= set(rows.columns):
        return []
    found = []
    for total, odds in rows.select("logsumexp", "misclassification_log_odds").iter_rows():
        known = total is not None and odds is not None and math.isfinite(total) and math.isfinite(odds)
        found.append(_number(total - _softplus(odds)) if known else None)
    return found


def _softplus(value: float) -> float:
    return max(value, 0.0) + math.log1p(math.exp(-abs(value)))


def _state(row: dict[str, Any]) -> str:
    if row["predicted"] == NOT_FINITE:
        return "x"
    if row["targeted"]:
        return "2"
    return "1" if row["misclassified"] else "0"
