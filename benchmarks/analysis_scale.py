"""The analysis of a study of the paper's size: 7.5 million `steps` rows, 15 million `transfers` rows, synthesized.

    python benchmarks/analysis_scale.py [--images 2500] [--steps 500] [--runs 3]

Writes the study's folder in a temporary place, then looks it over (claims with bootstrap intervals, curves, rankings,
noise) in a process of its own for each run, and prints seconds and peak memory as JSON. Figures are not drawn.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl

from presoftmax.analysis import log_spaced
from presoftmax.study import ModelNames, Results, StudyFolder, preset, summarize, units_of
from presoftmax.tables import NATURAL, NOISE, STEPS, TRANSFERS, polars_schema


def synthesize(place: Path, images: int, steps: int) -> dict[str, int]:
    """A finished study of the paper's panel whose numbers are drawn, not computed."""
    config = preset("paper", "imagenet", images, steps)
    names = ModelNames.of(config)
    folder = StudyFolder.start(place, config)
    ids = [f"n{i:08d}/ILSVRC2012_val_{i:08d}" for i in range(images)]
    natural = _natural(ids, names.labels)
    about = {"looked_at": images, "num_classes": 1000, "skipped": []}
    folder.write_chunk(0, {"natural.parquet": _bytes(natural)}, {"ids": ids, **about})
    folder.write_selection({"ids": ids, "chunks": 1, "classes": None, **about})
    generator = np.random.default_rng(0)
    spent = {"image_iterations": 0, "seconds": 0.0, "batch_size": 1}
    rows = dict.fromkeys(("steps", "transfers"), 0)
    for unit in units_of(config, names, images):
        mine = ids[unit.shard * config.shard : (unit.shard + 1) * config.shard]
        victims = [name for name in names.labels if name != unit.source]
        k = 1 if unit.attack == "over-optimized" else 2
        tables = _tables(generator, unit.attack, unit.source, victims, mine, steps, k)
        folder.write_unit(unit, {f"{n}.parquet": _bytes(t) for n, t in tables.items()}, {"examples": mine, **spent})
        for name in rows:
            rows[name] += tables[name].height
    return rows


def _tables(generator, attack, source, victims, ids, steps, k):
    shape = (len(ids), steps + 1)
    time_axis = np.arange(steps + 1)
    ca1 = 15 + np.cumsum(generator.uniform(-0.1, 0.4, shape), axis=1)
    odds = 0.3 * (ca1 - 15) + generator.normal(0, 1, shape)
    confidence = (1 / (1 + np.exp(-np.clip(odds, -30, 30)))).astype(np.float32)
    if k > 1:
        confidence = np.clip(0.5 + generator.normal(0, 0.05, shape), 0, 1).astype(np.float32)
    columns = {
        "attack": attack, "source": source,
        "example": np.repeat(ids, steps + 1), "iteration": np.tile(time_axis, len(ids)),
        "label": 1, "targets": [[2, 3][:k]] * (len(ids) * (steps + 1)), "predicted": 2,
        "confidence": confidence.ravel(), "saturated": (confidence == 1).ravel(),
        "changed": (generator.random(shape) < 0.9).astype(np.float32).ravel(),
        "linf": generator.integers(1, 50, shape).ravel(), "gradient_vanished": False, "probe": False,
    }  # fmt: skip
    drawn = generator.normal(0, 5, (20, *shape)) + 0.1 * time_axis
    number = 0
    values = {"ca1": ca1, "log_odds": odds}
    data = {}
    for column in STEPS:
        if column.name in columns:
            data[column.name] = columns[column.name]
        elif not column.name.startswith("float_") and "target_logits" not in column.name:
            number += column.name not in values
            data[column.name] = values.get(column.name, drawn[number % 20]).ravel()
    frame = pl.DataFrame(
        {n: v if isinstance(v, np.ndarray | list) else [v] * shape[0] * shape[1] for n, v in data.items()}
    )
    missing = [pl.lit(None).alias(c.name) for c in STEPS if c.name not in data]
    step_rows = frame.with_columns(missing).select(pl.col(c.name).cast(c.dtype) for c in STEPS)
    shown = []
    for victim in victims:
        hit = generator.random(shape) < 0.9 * time_axis / steps
        hit |= np.maximum.accumulate(hit, axis=1) & (generator.random(shape) < 0.9)
        shown.append(
            step_rows.select("attack", "source", "example", "iteration", "confidence", "ca1", "log_odds").with_columns(
                pl.lit(victim).alias("victim"), pl.Series("misclassified", hit.ravel()),
                pl.Series("predicted", np.where(hit, 2, 1).ravel()),
                pl.Series("targeted", (hit & (generator.random(shape) < 0.3)).ravel()),
                pl.Series("label_logit", ca1.ravel()), pl.lit(None).alias("target_logits"),
                pl.Series("misclassification_log_odds", odds.ravel()), pl.Series("group_log_odds", odds.ravel()),
            )
        )  # fmt: skip
    transfers = pl.concat(shown).select(pl.col(c.name).cast(c.dtype) for c in TRANSFERS)
    some = transfers.filter(pl.col("iteration").is_in(log_spaced(steps, 12))).with_columns(l2=pl.lit(1000.0))
    noise = some.select(pl.col(c.name).cast(c.dtype) for c in NOISE)
    return {"steps": step_rows, "transfers": transfers, "noise": noise}


def _natural(ids, models):
    generator = np.random.default_rng(1)
    parts = []
    for model in models:
        top = -np.sort(-generator.normal(10, 4, (len(ids), 5)), axis=1)
        values = {"example": ids, "model": [model] * len(ids), "label": 1, "predicted": 1, "confidence": 0.9}
        values |= {f"ca{i + 1}": top[:, i] for i in range(5)} | {"log_odds": top[:, 0], "logsumexp": top[:, 0]}
        values["misclassification_log_odds"] = -top[:, 0]
        parts.append(pl.DataFrame(values, strict=False).select(pl.col(c.name).cast(c.dtype) for c in NATURAL))
    return pl.concat(parts).match_to_schema(polars_schema(NATURAL))


def _bytes(frame):
    buffer = BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def analyze(place: Path) -> None:
    """One run, in a process of its own: seconds of opening (with checksums) and of the analysis, peak memory."""
    started = time.perf_counter()
    results = Results.of(StudyFolder.open(place))
    opened = time.perf_counter()
    summary = summarize(results)
    done = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"verify_s": opened - started, "analysis_s": done - opened, "peak_gib": peak,
                      "measured": len(summary.claims.measured)}))  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=2500)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--analyze", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.analyze:
        analyze(options.analyze)
        return
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / "study"
        rows = synthesize(place, options.images, options.steps)
        size = sum(path.stat().st_size for path in place.rglob("*.parquet")) / 1e9
        command = [sys.executable, __file__, "--analyze", str(place)]
        runs = [json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                for _ in range(options.runs)]  # fmt: skip
    median = {name: round(float(np.median([run[name] for run in runs])), 2) for name in runs[0]}
    print(json.dumps({**rows, "gigabytes": round(size, 2), "runs": len(runs), "median": median}, indent=1))


if __name__ == "__main__":
    main()
