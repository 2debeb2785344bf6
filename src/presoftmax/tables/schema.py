"""The columns of every table that is written: their types, their units and what they mean.

Every frame and every Parquet file of the package has exactly these columns; those of scores come from their registry.
``python -m presoftmax.tables`` prints them as the Markdown page of the documentation.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import polars as pl

from presoftmax.scores import RECORDED, SCORES, Score

__all__ = [
    "ATTEMPTS",
    "COPIES",
    "CURVES",
    "DETECTIONS",
    "EXAMPLES",
    "EXPECTED",
    "FIRST_FOOLED",
    "FRAMES",
    "NATURAL",
    "NATURAL_STATISTICS",
    "NOISE",
    "NOT_FINITE",
    "SCORE_COLUMNS",
    "STEPS",
    "STRENGTH",
    "SURVIVAL",
    "TABLES",
    "TOP",
    "TRANSFERS",
    "WORST_CASE",
    "WORST_CASE_TRANSFERS",
    "Column",
    "markdown",
    "polars_schema",
    "with_scores",
]

TOP = 5
"""How many of the largest logits are kept."""

NOT_FINITE = -1
"""The predicted class where a model's logits were NaN or infinite."""


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


def _column_of(score: Score) -> Column:
    meaning = score.formula or f"the score `{score.name}`"
    return Column(score.name, _FLOAT32 if score.single else _FLOAT64, score.unit, meaning)


SCORE_COLUMNS: tuple[Column, ...] = tuple(_column_of(score) for score in RECORDED)
"""A column for each recorded score; see `presoftmax.scores`."""

_LOWER_LOGITS = tuple(
    Column(f"ca{i}", _FLOAT32, "logit", f"logit number {i} from the top; null beyond the classes")
    for i in range(2, TOP + 1)
)

_PREDICTED = Column("predicted", _INT32, "class", "top class of the source; -1 where its logits were not finite")
_LABEL = Column("label", _INT32, "class", "true class")
_NORMS = (
    Column("l0", _INT32, "values", "pixel values (of C x H x W) that differ from the clean image"),
    Column("l1", _FLOAT64, "grey levels", "L1 norm of the perturbation of the 8-bit image"),
    Column("l2", _FLOAT64, "grey levels", "L2 norm"),
    Column("linf", _INT32, "grey levels", "L-infinity norm"),
)

_AGAINST_THE_TRUE_CLASS = (
    Column(
        "misclassification_log_odds",
        _FLOAT64,
        "nats",
        "logsumexp of the wrong classes' logits minus the true class's: above 0, the wrong ones have more of the mass",
    ),
    Column(
        "group_log_odds",
        _FLOAT64,
        "nats",
        "logsumexp of the targets' logits minus that of the other classes; null where the attack has none",
    ),
)
"""By these any victim can serve as a surrogate of another."""

STEPS: tuple[Column, ...] = (
    *_KEYS,
    _LABEL,
    Column("targets", _CLASSES, "class", "classes that the attack drives up, the first one first; empty for none"),
    _PREDICTED,
    *SCORE_COLUMNS,
    *_LOWER_LOGITS,
    *(Column(f"class{i}", _INT32, "class", f"class of `ca{i}`") for i in range(2, TOP + 1)),
    Column("target_logits", _LOGITS, "logit", "logit of each target, in the order of `targets`"),
    Column("saturated", _BOOL, "", "whether the float32 confidence is exactly 1"),
    Column("logits_mean", _FLOAT64, "logit", "mean over the classes"),
    Column("logits_std", _FLOAT64, "logit", "standard deviation over the classes (population)"),
    Column("changed", _FLOAT32, "share", "share of pixels of which this step changed any channel of the 8-bit image"),
    Column(
        "gradient_vanished",
        _BOOL,
        "",
        "whether the objective's gradient here is zero in every pixel, or in the logit of the class that a "
        "cross-entropy is about; false at the last iteration, from which no step is taken; null where a recorded "
        "attack took no gradient",
    ),
    Column(
        "probe",
        _BOOL,
        "",
        "whether a recorded attack only looked at this image, a transformed copy beyond its bound: its norms are null; "
        "null where no bound is known",
    ),
    *_NORMS,
    Column("float_predicted", _INT32, "class", "top class at the float image; only in the `final` mode, else null"),
    Column("float_confidence", _FLOAT32, "probability", "confidence at the float image; likewise"),
    Column("float_ca1", _FLOAT32, "logit", "largest logit at the float image; likewise"),
    Column("float_log_odds", _FLOAT64, "nats", "log-odds of the top class at the float image; likewise"),
    Column("float_target_logits", _LOGITS, "logit", "logit of each target at the float image; likewise"),
)


def with_scores(columns: Sequence[Column], scores: Iterable[Score]) -> tuple[Column, ...]:
    """The columns of a table, with those of a user's own scores at the end."""
    return (*columns, *map(_column_of, scores))


TRANSFERS: tuple[Column, ...] = (
    *_KEYS,
    Column("victim", _STRING, "", "name of the model that the example was shown to"),
    Column("predicted", _INT32, "class", "top class of the victim; -1 where its logits were not finite"),
    Column("confidence", _FLOAT32, "probability", "softmax probability of the victim's top class in float32"),
    Column("ca1", _FLOAT32, "logit", "the victim's largest logit"),
    Column("target_logits", _LOGITS, "logit", "the victim's logit of each target"),
    Column("label_logit", _FLOAT32, "logit", "the victim's logit of the true class"),
    Column("log_odds", _FLOAT64, "nats", "exact log-odds of the victim's top class"),
    *_AGAINST_THE_TRUE_CLASS,
    Column(
        "misclassified", _BOOL, "", "whether the victim's top class differs from the true class (the paper's transfer)"
    ),
    Column(
        "targeted", _BOOL, "", "whether the victim's top class is one of the targets; null where the attack has none"
    ),
)

NOISE: tuple[Column, ...] = (
    *_KEYS,
    Column("victim", _STRING, "", "name of the model that the noise was shown to"),
    Column("l2", _FLOAT64, "grey levels", "L2 norm of the noise, as near as 8-bit images allow to that of the example"),
    Column(
        "misclassified",
        _BOOL,
        "",
        "whether the victim's top class for the clean image with noise is not the true class",
    ),
    Column("targeted", _BOOL, "", "whether it is one of the attack's targets; null where the attack has none"),
)

NATURAL: tuple[Column, ...] = (
    Column("example", _STRING, "", "id of the image"),
    Column("model", _STRING, "", "name of the model"),
    _LABEL,
    Column("predicted", _INT32, "class", "top class; -1 where the logits were not finite"),
    *(column for column in SCORE_COLUMNS if column.name in ("confidence", "ca1")),
    *_LOWER_LOGITS,
    *(column for column in SCORE_COLUMNS if column.name in ("log_odds", "logsumexp", "misclassification_log_odds")),
)

COPIES: tuple[Column, ...] = (
    *_KEYS,
    Column("model", _STRING, "", "name of the model that saw the copy: the source, or a victim"),
    Column("copy", _STRING, "", "what was done to the image; see `presoftmax.strength.COPIES`"),
    *_AGAINST_THE_TRUE_CLASS,
)

EXPECTED: tuple[Column, ...] = (
    *_KEYS,
    Column("victim", _STRING, "", "name of the model that is spoken of; neither it nor its family is asked"),
    Column("expected_misclassified", _FLOAT64, "", "the rule of `presoftmax.scores.expected_transfer`"),
    Column("expected_targeted", _FLOAT64, "", "likewise, of a targeted transfer; null where the attack has no targets"),
)

_DETECTOR = (
    Column("detector", _STRING, "", "name of the detector; see `presoftmax.defense.DETECTORS`"),
    Column("statistic", _FLOAT64, "", "its statistic, the larger the more suspicious; infinite for broken logits"),
    Column("p_value", _FLOAT64, "", "how rare at least it is among natural images that nothing was fitted to"),
)

NATURAL_STATISTICS: tuple[Column, ...] = (
    Column("source", _STRING, "", "name of the guarded model"),
    Column("control", _STRING, "", "what was done to the natural image; see `presoftmax.defense.CONTROLS`"),
    Column("example", _STRING, "", "id of the natural image, which no detector was fitted to"),
    *_DETECTOR,
)

DETECTIONS: tuple[Column, ...] = (
    *_KEYS,
    Column("moment", _STRING, "", "why it was looked at: first fools, first prints 1.00, on the way, given"),
    *_DETECTOR,
)

ATTEMPTS: tuple[Column, ...] = (
    *_KEYS,
    Column("attacker", _STRING, "", "how the attack was made to pass; unaware: not at all"),
    Column("restart", _INT32, "", "number of the run, from 0"),
    Column("misclassification_log_odds", _FLOAT64, "nats", "the source's; above 0 it is wrong"),
    Column("l2", _FLOAT64, "grey levels", "L2 norm of the perturbation"),
    Column("linf", _INT32, "grey levels", "largest change of any channel of a pixel"),
    Column("fooled", pl.List(pl.String()), "", "names of the victims whose top class is not the true class"),
    *_DETECTOR,
)

STRENGTH: tuple[Column, ...] = (
    Column("example", _STRING, "", "id of the image"),
    _LABEL,
    Column("predicted_clean", _INT32, "class", "top class of the source for the clean image"),
    _PREDICTED,
    Column("fooled_as_given", _BOOL, "", "whether the source is wrong about the image as it was given"),
    Column("fooled", _BOOL, "", "whether the source is wrong about it rounded to 8 bits; all scores are of that image"),
    Column("confidence_as_given", _FLOAT32, "probability", "confidence of the image as it was given"),
    *SCORE_COLUMNS,
    *_LOWER_LOGITS,
    Column("true_probability", _FLOAT64, "probability", "softmax probability of the true class, in float64"),
    *_NORMS,
    Column("log_tail_probability", _FLOAT64, "nats", "log of the probability that a natural image has such a CA1"),
    Column("largest_natural_ca1", _FLOAT64, "logit", "largest CA1 of any natural image"),
    Column("natural_images", _INT32, "images", "how many natural images that stands on"),
    Column("verdict", _STRING, "", "level of strength; one of `presoftmax.strength.LEVELS`"),
    Column(
        "adversarial", _BOOL, "", "whether the source was right about the clean image and is wrong about the 8-bit one"
    ),
    Column("over_optimized", _BOOL, "", "whether an adversarial image's CA1 is beyond `largest_natural_ca1`"),
    Column("disguised", _BOOL, "", "whether such a one looks weak: a confidence below 0.9"),
    Column("because", _STRING, "", "why"),
    Column(
        "rank",
        _INT32,
        "",
        "among the adversarial images, by the misclassification log-odds; 1 is the strongest; null for the others",
    ),
    Column("rank_by_confidence", _INT32, "", "likewise, by the confidence"),
    Column(
        "expected_transfer",
        _FLOAT64,
        "",
        "how far it is to be expected to fool a model that was not asked; see `presoftmax.scores.expected_transfer`; "
        "null without surrogates",
    ),
    Column("rank_by_expected_transfer", _INT32, "", "among the adversarial images; null without surrogates"),
    Column(
        "transfer_probability", _FLOAT64, "probability", "that it fools a victim, by a fitted predictor; null without"
    ),
    Column("transfer_probability_low", _FLOAT64, "probability", "lower end of its 95 % interval"),
    Column("transfer_probability_high", _FLOAT64, "probability", "upper end"),
    Column("outside_fit", _BOOL, "", "whether the example lies outside what the predictor was fitted on"),
)

SURVIVAL: tuple[Column, ...] = (
    Column("example", _STRING, "", "id of the image"),
    Column("distortion", _STRING, "", "what the image went through; see `presoftmax.strength.DISTORTIONS`"),
    Column("fooled", _BOOL, "", "whether the source is still wrong about it"),
)

CURVES: tuple[Column, ...] = (
    Column("attack", _STRING, "", "name of the attack"),
    Column("source", _STRING, "", "name of the source model"),
    Column("victim", _STRING, "", "name of the victim"),
    Column("cleaned", _BOOL, "", "whether only the examples count that had transferred at the last iteration"),
    Column("iteration", _INT32, "steps", "0 is the untouched image"),
    Column("examples", pl.UInt32(), "images", "how many examples the row stands on"),
    Column("transferability", _FLOAT64, "percent", "share of the examples that fool the victim"),
    *(
        Column(f"{score.name}{end}", _FLOAT64, score.unit, meaning.format(score.name))
        for score in RECORDED
        if score.curved
        for end, meaning in (
            ("", "mean of `{}` over the examples"),
            ("_low", "lower end of the 95 % interval of the mean of `{}`; null for a single example"),
            ("_high", "upper end; likewise"),
        )
    ),
)

FIRST_FOOLED: tuple[Column, ...] = (
    *_KEYS[:3],
    Column("model", _STRING, "", "name of the model that was fooled: the source itself, or a victim"),
    Column(
        "first_misclassified",
        _INT32,
        "steps",
        "first iteration at which its top class is a wrong one; null: never",
    ),
    Column("first_targeted", _INT32, "steps", "first at which its top class is one of the targets; null: never"),
    *(
        replace(column, meaning=f"the source's at `first_misclassified`: {column.meaning}; null where that is")
        for column in SCORE_COLUMNS
        if column.name in ("confidence", "ca1", "misclassification_log_odds")
    ),
)

_OF_THE_STRONGEST = ("confidence", "ca1", "misclassification_log_odds")

WORST_CASE: tuple[Column, ...] = (
    _KEYS[1],
    _KEYS[2],
    _LABEL,
    Column("right_before", _BOOL, "", "whether the source was right about the clean image"),
    Column(
        "adversarial", _BOOL, "", "whether that, and any attack's 8-bit image fools it; all below is null where not"
    ),
    Column("adversarial_attacks", _INT32, "attacks", "how many of the attacks do; 0 where none does"),
    Column("attack", _STRING, "", "the strongest of them, by the misclassification log-odds"),
    _PREDICTED,
    *(column for column in SCORE_COLUMNS if column.name in _OF_THE_STRONGEST),
    *_NORMS[2:],
)

WORST_CASE_TRANSFERS: tuple[Column, ...] = (
    _KEYS[1],
    _KEYS[2],
    Column("victim", _STRING, "", "name of the model that the examples were shown to"),
    _LABEL,
    Column("right_before", _BOOL, "", "whether the victim was right about the clean image"),
    Column("misclassified", _BOOL, "", "whether any attack's example makes its top class a wrong one"),
    Column("attacks", pl.List(_STRING), "", "the attacks that do"),
)

EXAMPLES: tuple[Column, ...] = (
    Column("n", _INT32, "", "number of the example: 0, 1, ..., in the order of the study"),
    *_KEYS[:3],
    _LABEL,
    Column("targets", pl.List(_INT32), "class", "classes that the attack drives up; empty for none"),
    Column("last", _INT32, "steps", "last iteration"),
    Column("halted_at", _INT32, "steps", "from when on no pixel changed any more; null: never"),
    Column("vanished_at", _INT32, "steps", "first iteration at which the gradient vanished; null: never"),
    Column("first_source", _INT32, "steps", "first iteration at which the source is wrong; null: never"),
    Column("firsts", pl.List(_INT32), "steps", "likewise of each victim, in the order of the metadata"),
    Column("victims", _INT32, "models", "how many victims it was shown to"),
    Column("part", _INT32, "", "number of the study's unit that has its rows"),
)

_SHOWN_MEASURES = ("misclassification_log_odds", "ca1", "log_odds", "margin", "group_log_odds")
FRAMES: tuple[Column, ...] = (
    Column("iteration", _INT32, "steps", "a stop of the slider; of an example that ended earlier, its last row stands"),
    Column("n", _INT32, "", "number of the example, as in `examples`"),
    *(
        replace(column, dtype=_FLOAT32 if name == "confidence" else _FLOAT64)
        for name in ("confidence", *_SHOWN_MEASURES)
        for column in SCORE_COLUMNS
        if column.name == name
    ),
    Column("saturated", pl.Boolean(), "", "whether the float32 confidence is exactly 1"),
    _PREDICTED,
    Column("fooled", _INT32, "models", "how many victims are fooled; null where none was asked"),
)

TABLES: dict[str, tuple[tuple[Column, ...], str]] = {
    "steps": (STEPS, "one row per example and iteration, about the source"),
    "transfers": (TRANSFERS, "one row per example, iteration and victim"),
    "noise": (
        NOISE,
        "random noise of the same L2 norm, one row per example, shown iteration and victim (studies only)",
    ),
    "copies": (
        COPIES,
        "one row per example, shown iteration, model and changed copy of the image (studies only)",
    ),
    "natural": (NATURAL, "one row per clean image that was looked at and model (studies, and `presoftmax score`)"),
    "curves": (CURVES, "one row per attack, source, victim, cleaned or not, and iteration (a study's report)"),
    "expected": (
        EXPECTED,
        "one row per example, iteration and victim (`analysis.prediction.expected_transfers`)",
    ),
    "first_fooled": (
        FIRST_FOOLED,
        "one row per attack, source, example and model (`analysis.first_fooled`)",
    ),
    "worst_case": (WORST_CASE, "one row per example, over several attacks (`analysis.worst_case`)"),
    "worst_case_transfers": (
        WORST_CASE_TRANSFERS,
        "one row per example and victim, over several attacks (`analysis.worst_case`)",
    ),
    "strength": (STRENGTH, "one row per finished example (`presoftmax score`)"),
    "examples": (EXAMPLES, "one row per example (`report/explorer/` of a study)"),
    "frames": (FRAMES, "one row per example and stop of the explorer's slider (`report/explorer/` of a study)"),
    "survival": (SURVIVAL, "one row per finished example and distortion (`presoftmax score`)"),
    "natural_statistics": (
        NATURAL_STATISTICS,
        "one row per natural image, control and detector (`presoftmax guard evaluate`)",
    ),
    "detections": (
        DETECTIONS,
        "one row per image of an attack that fools its source, and detector (`presoftmax guard evaluate`)",
    ),
    "attempts": (
        ATTEMPTS,
        "one row per image of an attacker that fools its source, and detector it is to pass (likewise)",
    ),
}


def polars_schema(columns: Sequence[Column]) -> pl.Schema:
    """The columns as a polars schema."""
    return pl.Schema({column.name: column.dtype for column in columns})


_ELSEWHERE = """\
Frames are polars. `.to_pandas()` makes a pandas frame of each (`pip install 'presoftmax[pandas]'`). CSV knows no lists:
`presoftmax.analysis.flat(frame).write_csv(FILE)` writes theirs as text, the entries separated by spaces.
"""


def markdown() -> str:
    """All tables, and the scores that are among their columns, as Markdown."""
    parts = [f"# The tables\n\nWritten by `python -m presoftmax.tables`.\n\n{_ELSEWHERE}"]
    for title, (columns, rows) in TABLES.items():
        parts.append(f"\n## `{title}`: {rows}\n\n| column | type | unit | meaning |\n| --- | --- | --- | --- |\n")
        parts += [f"| `{c.name}` | {c.dtype} | {c.unit} | {c.meaning} |\n" for c in columns]
    parts.append(
        "\n## The scores\n\nLogits z, sorted z_1 >= z_2 >= ..., true class y; larger means stronger.\n\n"
        "| score | formula | unit | range | fooled by | source |\n| --- | --- | --- | --- | --- | --- |\n"
    )
    parts += [
        f"| `{s.name}` | {s.formula} | {s.unit} | {s.range} | {s.fooled_by} | {s.source} |\n" for s in SCORES.values()
    ]
    return "".join(parts)
