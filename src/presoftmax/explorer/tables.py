"""The small tables behind the explorer: a row per example, and a row per example and shown iteration."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from presoftmax.analysis import first_fooled, halted_at, log_spaced, without_probes
from presoftmax.explorer.material import Key, Material, Part, StoredTables
from presoftmax.storage import DamagedError, read_table, replace_file, scan_tables
from presoftmax.tables import EXAMPLES, FRAMES, NOT_FINITE

__all__ = ["FRAME_COLUMNS", "MEASURES", "Tables", "store_tables", "tabulate"]

MEASURES = ("misclassification_log_odds", "ca1", "log_odds", "margin", "group_log_odds")
"""Strengths that do not saturate: what may stand on the y axis."""
FRAME_COLUMNS = ("confidence", *MEASURES, "saturated", "predicted", "fooled")

_ABOUT = "presoftmax"
_KEYS = ["attack", "source", "example"]
_ALL_SHOWN = 64
"""Up to so many iterations, each of them is shown; of more, about 30."""
_SHOWN = 31
_ASKED = 8
"""Parts whose first example is asked for the iterations whose images were kept."""


@dataclass(frozen=True)
class Tables:
    """What every view begins with.

    Attributes:
        iterations: those that the slider stops at, ascending.
        victims: names, in the order of ``firsts``.
        examples: the table `examples` of `presoftmax.schema`, sorted by ``n``, which is 0, 1, ...
        frames: the table `frames`.
    """

    iterations: list[int]
    victims: list[str]
    examples: pl.DataFrame
    frames: pl.LazyFrame


def tabulate(material: Material) -> Tables:
    """The tables of any material: those that were stored with it, or made now, part by part."""
    stored = material.stored
    if stored is not None and stored.examples.is_file() and stored.frames.is_file():
        return _read(stored)
    return _tabulate(material)


def store_tables(material: Material, where: StoredTables) -> None:
    """Write the small tables of some material, each stop of the slider in a row group of its own.

    Raises:
        RunError: they cannot be written.
    """
    tables = _tabulate(material)
    about = {_ABOUT: json.dumps({"iterations": tables.iterations, "victims": tables.victims})}
    size = max(tables.examples.height, 1)
    replace_file(where.frames, lambda path: tables.frames.collect().write_parquet(path, row_group_size=size))
    replace_file(where.examples, lambda path: tables.examples.write_parquet(path, metadata=about))


def _read(stored: StoredTables) -> Tables:
    try:
        about = json.loads(pl.read_parquet_metadata(stored.examples)[_ABOUT])
        examples, frames = read_table(stored.examples), scan_tables([stored.frames])
        return Tables(list(about["iterations"]), list(about["victims"]), examples, frames)
    except (pl.exceptions.PolarsError, OSError, ValueError, KeyError) as error:
        raise DamagedError(f"{stored.examples.parent}: not as it was written; write the report again") from error


def _tabulate(material: Material) -> Tables:
    parts = material.parts
    iterations = _stops(material)
    victims = list(dict.fromkeys(name for part in parts for name in _names(part)))
    examples, frames, count = [], [], 0
    for number, part in enumerate(parts):
        rows = _source_rows(part)
        mine = _examples(part, rows, victims).with_columns(
            (pl.int_range(pl.len(), dtype=pl.Int32) + count).alias("n"), pl.lit(number, pl.Int32).alias("part")
        )
        count += mine.height
        examples.append(mine.select(pl.col(column.name).cast(column.dtype) for column in EXAMPLES))
        frames.append(_frames(part, rows, mine, iterations))
    return Tables(iterations, victims, pl.concat(examples), pl.concat(frames).sort("iteration", "n").lazy())


def _stops(material: Material) -> list[int]:
    """All iterations where there are few; else about 30, log-spaced, and those whose images were kept."""
    most = max((_last_iteration(part) for part in material.parts), default=0)
    if most < _ALL_SHOWN:
        return list(range(most + 1))
    spaced = log_spaced(most, _SHOWN)
    firsts = (part.steps.select(_KEYS).head(1).collect().rows() for part in material.parts[:_ASKED])
    kept = {at for rows in firsts for row in rows for at in material.pictures.kept(Key(*row)) if at <= most}
    return sorted({*spaced, *kept}) if len(kept) < _ALL_SHOWN else spaced


def _last_iteration(part: Part) -> int:
    found = part.steps.select(pl.col("iteration").max()).collect().item()
    return int(found or 0)


def _names(part: Part) -> list[str]:
    return part.transfers.select(pl.col("victim").unique(maintain_order=True)).collect()["victim"].to_list()


def _source_rows(part: Part) -> pl.DataFrame:
    steps = without_probes(part.steps)
    there = steps.collect_schema().names()
    own = [name for name in (*MEASURES, "confidence", "saturated", "predicted", "label", "targets") if name in there]
    others = [name for name in ("changed", "gradient_vanished") if name in there]
    missing = [pl.lit(None, pl.Float64).alias(name) for name in MEASURES if name not in there]
    return steps.select(*_KEYS, "iteration", *own, *others, *missing).collect()


def _examples(part: Part, rows: pl.DataFrame, victims: Sequence[str]) -> pl.DataFrame:
    vanished = pl.col("iteration").filter(pl.col("gradient_vanished").fill_null(False)).min().alias("vanished_at")
    about = rows.group_by(_KEYS, maintain_order=True).agg(
        pl.col("label").first(),
        pl.col("targets").first(),
        pl.col("iteration").max().alias("last"),
        vanished if "gradient_vanished" in rows.columns else pl.lit(None, pl.Int32).alias("vanished_at"),
    )
    halted = halted_at(rows.lazy()) if "changed" in rows.columns else None
    about = (
        about.with_columns(pl.lit(None, pl.Int32).alias("halted_at"))
        if halted is None
        else about.join(halted, on=_KEYS, how="left", maintain_order="left")
    )
    return about.join(_firsts(part, rows, victims), on=_KEYS, how="left", maintain_order="left")


def _firsts(part: Part, rows: pl.DataFrame, victims: Sequence[str]) -> pl.DataFrame:
    """When the source, and each victim, were first fooled; how many victims were asked."""
    needed = [*_KEYS, "iteration", "victim", "misclassified", "targeted"]
    found = first_fooled(rows.lazy(), part.transfers.select(needed)).rename({"first_misclassified": "at"})
    own = found.filter(pl.col("model") == pl.col("source")).select(*_KEYS, pl.col("at").alias("first_source"))
    others = found.filter(pl.col("model") != pl.col("source")).select(*_KEYS, "model", "at")
    asked = others.group_by(_KEYS).agg(pl.len().cast(pl.Int32).alias("victims"))
    order = pl.DataFrame({"model": list(victims)}, schema={"model": pl.String}).with_row_index("_position")
    pairs = own.select(_KEYS).join(order, how="cross").join(others, on=[*_KEYS, "model"], how="left")
    lists = pairs.sort("_position").group_by(_KEYS, maintain_order=True).agg(pl.col("at").alias("firsts"))
    wide = own.join(asked, on=_KEYS, how="left").join(lists, on=_KEYS, how="left")
    none = pl.lit([], dtype=pl.List(pl.Int32))
    return wide.with_columns(pl.col("victims").fill_null(0), pl.col("firsts").fill_null(none))


def _frames(part: Part, rows: pl.DataFrame, examples: pl.DataFrame, iterations: Sequence[int]) -> pl.DataFrame:
    stops = pl.DataFrame({"iteration": iterations}, schema={"iteration": pl.Int32})
    wanted = ["confidence", *MEASURES, "saturated", "predicted"]
    known = rows.select(*_KEYS, "iteration", pl.col("iteration").alias("_at"), *wanted).sort("iteration")
    grid = examples.select("n", *_KEYS).join(stops, how="cross").sort("iteration")
    found = grid.join_asof(known, on="iteration", by=_KEYS, strategy="backward", check_sortedness=False)
    fooled = (
        part.transfers.filter(pl.col("predicted") != NOT_FINITE)
        .group_by(*_KEYS, "iteration")
        .agg(pl.col("misclassified").sum().cast(pl.Int32).alias("fooled"))
        .rename({"iteration": "_at"})
        .collect()
    )
    found = found.join(fooled, on=[*_KEYS, "_at"], how="left")
    return found.select(pl.col(column.name).cast(column.dtype) for column in FRAMES).sort("iteration", "n")
