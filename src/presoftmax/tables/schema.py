"""The columns of the tables, `STEPS`, `TRANSFERS` and those of a study: their types, their units and what they mean.

Every frame and every Parquet file of the package has exactly these columns. ``python -m presoftmax.tables`` prints them
as the Markdown page of the documentation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

__all__ = [
    "NATURAL",
    "NOISE",
    "NOT_FINITE",
    "STEPS",
    "TABLES",
    "TOP",
    "TRANSFERS",
    "Column",
    "markdown",
    "polars_schema",
]

TOP = 5
"""How many of the largest logits are kept."""

NOT_FINITE = -1
"""The predicted class where a model's answer was NaN or infinite."""


@dataclass(frozen=True)
class Column:
    """One column: its name, its type, its unit (empty for none) and its meaning."""

    name: str
    dtype: pl.DataType
    unit: str
    meaning: str


_CLASSES = pl.List(pl.Int32())
_LOGITS = pl.List(pl.Float32())
_FLOAT32, _FLOAT64, _INT32, _STRING, _BOOL = pl.Float32(), pl.Float64(), pl.Int32(), pl.String(), pl.Boolean()

_KEYS = (
    Column("attack", _STRING, "", "name of the attack"),
    Column("source", _STRING, "", "name of the source model, whose gradient made the example"),
    Column("example", _STRING, "", "id of the image"),
    Column("iteration", _INT32, "steps", "0 is the untouched image"),
)

_TOP_LOGITS = tuple(
    Column(f"ca{i}", _FLOAT32, "logit", f"logit number {i} from the top; null beyond the classes")
    for i in range(1, TOP + 1)
)

STEPS: tuple[Column, ...] = (
    *_KEYS,
    Column("label", _INT32, "class", "true class"),
    Column("targets", _CLASSES, "class", "classes that the attack drives up, the first one first"),
    Column("predicted", _INT32, "class", "top class of the source; -1 where its answer was not finite"),
    Column(
        "confidence",
        _FLOAT32,
        "probability",
        "softmax probability of the top class in float32, as everyone reports it",
    ),
    *_TOP_LOGITS,
    *(Column(f"class{i}", _INT32, "class", f"class of `ca{i}`") for i in range(2, TOP + 1)),
    Column("target_logits", _LOGITS, "logit", "logit of each target, in the order of `targets`"),
    Column("logsumexp", _FLOAT64, "nats", "log of the sum of exp over all logits"),
    Column(
        "log_odds",
        _FLOAT64,
        "nats",
        "exact log-odds of the top class, z_1 - logsumexp(others); never saturates",
    ),
    Column("margin", _FLOAT64, "logit", "ca1 - ca2"),
    Column("group_log_odds", _FLOAT64, "nats", "log-odds of all targets together against all other classes"),
    Column(
        "misclassification_log_odds",
        _FLOAT64,
        "nats",
        "log-odds of anything but the true class, log((1 - p_y) / p_y)",
    ),
    Column("true_margin", _FLOAT64, "logit", "largest logit of a wrong class minus that of the true class"),
    Column(
        "best_group_log_odds",
        _FLOAT64,
        "nats",
        "log-odds of the best group of largest logits against the rest (score `best_group_log_odds`)",
    ),
    Column("negative_entropy", _FLOAT64, "nats", "sum of p log p"),
    Column("negative_renyi_entropy", _FLOAT64, "nats", "log of the sum of p squared"),
    Column("saturated", _BOOL, "", "whether the float32 confidence is exactly 1"),
    Column("logits_mean", _FLOAT64, "logit", "mean over the classes"),
    Column("logits_std", _FLOAT64, "logit", "standard deviation over the classes (population)"),
    Column(
        "changed",
        _FLOAT32,
        "share",
        "share of pixels of which this step changed any channel of the 8-bit image",
    ),
    Column(
        "gradient_vanished",
        _BOOL,
        "",
        "whether the objective's gradient here is zero in every pixel, or in the logit of the class that a "
        "cross-entropy is about; false at the last iteration, from which no step is taken",
    ),
    Column("l0", _INT32, "values", "pixel values (of C x H x W) that differ from the clean image"),
    Column("l1", _FLOAT64, "grey levels", "L1 norm of the perturbation of the 8-bit image"),
    Column("l2", _FLOAT64, "grey levels", "L2 norm"),
    Column("linf", _INT32, "grey levels", "L-infinity norm"),
    Column(
        "float_predicted",
        _INT32,
        "class",
        "top class at the float image; only in the `final` mode, null otherwise",
    ),
    Column("float_confidence", _FLOAT32, "probability", "confidence at the float image; likewise"),
    Column("float_ca1", _FLOAT32, "logit", "largest logit at the float image; likewise"),
    Column("float_log_odds", _FLOAT64, "nats", "log-odds of the top class at the float image; likewise"),
    Column("float_target_logits", _LOGITS, "logit", "logit of each target at the float image; likewise"),
)

TRANSFERS: tuple[Column, ...] = (
    *_KEYS,
    Column("victim", _STRING, "", "name of the model that the example was shown to"),
    Column("predicted", _INT32, "class", "top class of the victim; -1 where its answer was not finite"),
    Column("confidence", _FLOAT32, "probability", "softmax probability of the victim's top class in float32"),
    Column("ca1", _FLOAT32, "logit", "the victim's largest logit"),
    Column("target_logits", _LOGITS, "logit", "the victim's logit of each target"),
    Column("label_logit", _FLOAT32, "logit", "the victim's logit of the true class"),
    Column("log_odds", _FLOAT64, "nats", "exact log-odds of the victim's top class"),
    Column(
        "misclassified",
        _BOOL,
        "",
        "whether the victim's top class differs from the true class (the paper's transfer)",
    ),
    Column("targeted", _BOOL, "", "whether the victim's top class is one of the targets"),
)

NOISE: tuple[Column, ...] = (
    *_KEYS,
    Column("victim", _STRING, "", "name of the model that the noise was shown to"),
    Column(
        "l2",
        _FLOAT64,
        "grey levels",
        "L2 norm of the noise, as near as the 8-bit lattice allows to that of the example",
    ),
    Column(
        "misclassified",
        _BOOL,
        "",
        "whether the victim's top class for the clean image with noise is not the true class",
    ),
    Column("targeted", _BOOL, "", "whether it is one of the attack's targets"),
)

NATURAL: tuple[Column, ...] = (
    Column("example", _STRING, "", "id of the image"),
    Column("model", _STRING, "", "name of the model"),
    Column("label", _INT32, "class", "true class"),
    Column("predicted", _INT32, "class", "top class; -1 where the answer was not finite"),
    Column("confidence", _FLOAT32, "probability", "softmax probability of the top class in float32"),
    *_TOP_LOGITS,
    Column("log_odds", _FLOAT64, "nats", "exact log-odds of the top class"),
    Column("logsumexp", _FLOAT64, "nats", "log of the sum of exp over all logits"),
)

TABLES: dict[str, tuple[tuple[Column, ...], str]] = {
    "steps": (STEPS, "one row per example and iteration, about the source"),
    "transfers": (TRANSFERS, "one row per example, iteration and victim"),
    "noise": (
        NOISE,
        "random noise of the same L2 norm, one row per example, shown iteration and victim (studies only)",
    ),
    "natural": (NATURAL, "one row per clean image that was looked at and model (studies only)"),
}


def polars_schema(columns: Sequence[Column]) -> pl.Schema:
    """The columns as a polars schema."""
    return pl.Schema({column.name: column.dtype for column in columns})


def markdown() -> str:
    """All tables as Markdown."""
    parts = ["# The tables\n\nWritten by `python -m presoftmax.tables`.\n"]
    for title, (columns, rows) in TABLES.items():
        parts.append(f"\n## `{title}`: {rows}\n\n| column | type | unit | meaning |\n| --- | --- | --- | --- |\n")
        parts += [f"| `{c.name}` | {c.dtype} | {c.unit} | {c.meaning} |\n" for c in columns]
    return "".join(parts)
