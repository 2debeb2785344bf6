"""What was tried to better the rule, and did not, or hardly.

    python results/prediction/variants.py STUDY_FOLDER

Writes ``variants.md`` beside this file: the area under the ROC curve of variants of the rule in a finished study, in
cells (same source, attack, iteration and victim), and what each gains over the rule.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from presoftmax.analysis.prediction import CRITERIA, METHODS, RULE, Cells, Strictness, Trials, auroc, clean_victim
from presoftmax.scores import signed_log
from presoftmax.strength import COPIES
from presoftmax.study import Results, StudyFolder, points_of

Values = npt.NDArray[np.float64]
KEYS = ["attack", "source", "example", "iteration"]
LOG_ODDS = {"misclassified": "misclassification_log_odds", "targeted": "group_log_odds"}


def mean(values: Values) -> Values:
    """Over the surrogates that were asked."""
    known = np.isfinite(values)
    total: Values = np.where(known, values, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return total


def squashed(how: Callable[[Values], Values]) -> Callable[[Values, Values], Values]:
    return lambda surrogates, own: mean(how(surrogates)) + 0.5 * how(own)


SQUASHED = {
    "linear": squashed(lambda x: x),
    "cut at 3 scales": squashed(lambda x: np.clip(x, -3, 3)),
    "tanh(x / 2)": squashed(lambda x: np.tanh(x / 2)),
    "square root": squashed(lambda x: np.sign(x) * np.sqrt(np.abs(x))),
    "slog(4 x)": squashed(lambda x: signed_log(4 * x)),
    "median of the surrogates": lambda s, own: np.nan_to_num(_median(signed_log(s))) + 0.5 * signed_log(own),
}


def variants(trials: Trials, copies: pl.DataFrame) -> dict[str, Values]:
    """Numbers of each trial, by name."""
    points, criterion = trials.points, trials.criterion
    asked = trials.of_surrogates(points.scaled(criterion))
    own = points.scaled_copies(criterion)[trials.row]
    image = points.scaled(criterion)[trials.row, trials.source]
    clean = points.clean / points.models.scales
    base, rule = mean(signed_log(asked)), METHODS[RULE](trials)
    raw = trials.of_surrogates(points.odds[criterion])
    found = {
        "the rule": rule,
        "surrogates alone": base,
        "own copies weigh 0.25": base + 0.25 * signed_log(own),
        "own copies weigh 1": base + signed_log(own),
        "the image itself, no copies": base + 0.5 * signed_log(image),
        "no scales": mean(signed_log(raw)) + 0.5 * signed_log(own),
        **{name: how(asked, own) for name, how in SQUASHED.items()},
        "+ 0.3 of the weakest surrogate": rule + 0.3 * _extreme(signed_log(asked), np.fmin),
        "+ 0.3 of the strongest": rule + 0.3 * _extreme(signed_log(asked), np.fmax),
        "rise since the clean image": mean(signed_log(asked - trials.of_surrogates(clean)))
        + 0.5 * signed_log(own - clean[trials.row, trials.source]),
        "+ 0.2 of the surrogates' clean margins": rule + 0.2 * mean(signed_log(trials.of_surrogates(clean))),
        "+ 0.2 of the source's clean margin": rule + 0.2 * signed_log(clean[trials.row, trials.source]),
        "+ 0.3 log L2": rule + 0.3 * np.log1p(points.own["l2"][trials.row]),
        **over_iterations(trials, rule),
    }
    for names in ([name] for name in COPIES):
        found[f"of the copies only {names[0]}"] = base + 0.5 * signed_log(mean_copy(trials, copies, names))
    rest = [name for name in COPIES if name != "half"]
    found["of the copies all but half"] = base + 0.5 * signed_log(mean_copy(trials, copies, rest))
    found["+ 0.5 of the victim's clean margin (a query)"] = rule + 0.5 * signed_log(clean_victim(trials))
    return found


def over_iterations(trials: Trials, rule: Values) -> dict[str, Values]:
    """The rule over the iterations so far: mean, largest, smallest, and with its last rise."""
    points = trials.points
    keys = {name: getattr(points, name)[trials.row] for name in KEYS}
    frame = pl.DataFrame({**keys, "victim": trials.victim, "rule": rule}).with_row_index("i")
    group = ["attack", "source", "example", "victim"]
    value = pl.col("rule")
    told = (
        frame.sort(*group, "iteration")
        .with_columns(
            (value.cum_sum().over(group) / value.cum_count().over(group)).alias("mean over the iterations so far"),
            value.cum_max().over(group).alias("largest so far"),
            value.cum_min().over(group).alias("smallest so far"),
            (value + 0.3 * (value - value.shift(1).over(group)).fill_null(0)).alias("+ 0.3 of the last rise"),
        )
        .sort("i")
    )
    return {name: told[name].to_numpy() for name in told.columns if name not in frame.columns}


def mean_copy(trials: Trials, copies: pl.DataFrame, names: list[str]) -> Values:
    """The source's log-odds over some of the copies, in units of its scale."""
    points, column = trials.points, LOG_ODDS[trials.criterion]
    means = copies.filter(pl.col("copy").is_in(names)).group_by(KEYS).agg(pl.col(column).mean())
    keys = pl.DataFrame({name: getattr(points, name) for name in KEYS}).cast({"iteration": pl.Int32})
    told = keys.join(means, on=KEYS, how="left", maintain_order="left")[column].cast(pl.Float64).to_numpy()
    scaled: Values = told[trials.row] / points.models.scales[trials.source]
    return scaled


def _extreme(values: Values, which: np.ufunc) -> Values:
    return np.nan_to_num(which.reduce(values, axis=1))


def _median(values: Values) -> Values:
    return np.ma.median(np.ma.masked_invalid(values), axis=1).filled(np.nan)  # type: ignore[no-untyped-call,no-any-return]


def table(study: Path) -> str:
    """The Markdown table."""
    results = Results.of(StudyFolder.open(study))
    points = points_of(results)
    parts = [results.copies(*group).collect() for group in results.groups()]
    copies = pl.concat(parts).filter(pl.col("model") == pl.col("source"))
    areas: dict[str, dict[str, float]] = {}
    for criterion in CRITERIA:
        trials = Trials.of(points, criterion)
        cells: Cells = trials.cells(Strictness.CELL)
        for name, values in variants(trials, copies).items():
            areas.setdefault(name, {})[criterion] = auroc(values, cells, rounds=0).value or float("nan")
    lines = ["| variant | misclassified | gain | targeted | gain |", "| --- | --- | --- | --- | --- |"]
    for name, mine in areas.items():
        told = (f"{mine[c]:.3f} | {mine[c] - areas['the rule'][c]:+.3f}" for c in CRITERIA)
        lines.append(f"| {name} | {' | '.join(told)} |")
    return "\n".join(lines) + "\n"


HEAD = """# What was tried to better the rule

Made with `python results/prediction/variants.py STUDY_FOLDER` of the study of [cifar10.md](cifar10.md). Area under the
ROC curve in cells: same source, attack, iteration and victim. The rule is the mean over the surrogates of slog(L / m),
plus half of slog(mean over copies of L / m) of the source; see [docs/prediction.md](../../docs/prediction.md).

"""

if __name__ == "__main__":
    (Path(__file__).parent / "variants.md").write_text(HEAD + table(Path(sys.argv[1])), encoding="utf-8")
