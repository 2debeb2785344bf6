"""What one attack came to on every example, read off a trace or off judged examples alike."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from presoftmax.data import ImageSet
from presoftmax.errors import DataError
from presoftmax.models import distinct_names

__all__ = ["Outcome", "outcomes_of"]

_SCORES = ["predicted", "confidence", "ca1", "misclassification_log_odds", "l2", "linf"]


@dataclass(frozen=True)
class Outcome:
    """One attack's examples.

    Attributes:
        attack: its name.
        source: name of the model that they were made on.
        images: the clean ones, with labels and ids.
        examples: a row each: ``example, label, right_before, adversarial``, the scores of the adversarial image, and
            ``clean_ca1``.
        shown: a row per example and victim: ``example, victim, right_before, misclassified``.
    """

    attack: str
    source: str
    images: ImageSet
    examples: pl.DataFrame
    shown: pl.DataFrame

    @property
    def victims(self) -> list[str]:
        """Their names, in order."""
        return self.shown["victim"].unique(maintain_order=True).to_list()


def outcomes_of(results: Any) -> list[Outcome]:
    """An outcome for each result; see `presoftmax.analysis.worst_case`.

    Raises:
        DataError: none, or a trace that did not reach its last iteration.
        TypeError: something else than traces and judged examples.
    """
    if isinstance(results, Mapping):
        named = [(str(name), result) for name, result in results.items()]
    elif isinstance(results, Iterable) and not isinstance(results, str | bytes):
        given = list(results)
        names = distinct_names(_own_name(result) for result in given)
        named = list(zip(names, given, strict=True))
    else:
        raise TypeError(f"worst_case takes several results, as a list or as {{name: result}}, not {_kind(results)}")
    if not named:
        raise DataError("worst_case: there are no results")
    return [_outcome(name, result) for name, result in named]


def _own_name(result: Any) -> str:
    return str(result.job.attack.name) if _is_trace(result) else "attack"


# Traces and judged examples are made further up in the house; they are known by what they have.
def _is_trace(result: Any) -> bool:
    return all(hasattr(result, name) for name in ("job", "steps", "transfers", "complete"))


def _is_judged(result: Any) -> bool:
    return all(hasattr(result, name) for name in ("examples", "table", "transfers", "natural", "source"))


def _outcome(name: str, result: Any) -> Outcome:
    if _is_trace(result):
        return _of_trace(name, result)
    if _is_judged(result):
        return _of_judged(name, result)
    hint = "; judge what the attack returned: rec.judge(adversarial)" if hasattr(result, "judge") else ""
    raise TypeError(f"worst_case takes traces and what ps.judge gives, not {_kind(result)}{hint}")


def _kind(result: Any) -> str:
    return type(result).__name__


def _of_trace(name: str, trace: Any) -> Outcome:
    if not trace.complete:
        raise DataError(f"worst_case: {name} was interrupted: its last iteration is not there for every example")
    last = trace.job.attack.steps
    clean, end = (trace.steps.filter(pl.col("iteration") == at) for at in (0, last))
    before, after = (trace.transfers.filter(pl.col("iteration") == at) for at in (0, last))
    clean = clean.select("example", right_before=pl.col("predicted") == pl.col("label"), clean_ca1="ca1")
    # -1 stands for answers that were not finite, which fool nobody.
    fooled = (pl.col("predicted") >= 0) & (pl.col("predicted") != pl.col("label"))
    examples = end.join(clean, on="example", maintain_order="left").with_columns(
        adversarial=fooled & pl.col("right_before")
    )
    answers = before.join(examples.select("example", "label"), on="example").select(
        "example", "victim", right_before=(pl.col("predicted") == pl.col("label"))
    )
    return _made(name, trace.job.source.name, trace.job.examples, examples, answers, after)


def _of_judged(name: str, judged: Any) -> Outcome:
    natural = judged.natural
    own = natural.filter(pl.col("model") == judged.source).select("example", clean_ca1="ca1")
    right = pl.col("predicted_clean") == pl.col("label")
    examples = judged.table.join(own, on="example", maintain_order="left").with_columns(right_before=right)
    answers = natural.select("example", victim="model", right_before=pl.col("predicted") == pl.col("label"))
    return _made(name, judged.source, judged.examples.clean, examples, answers, judged.transfers)


def _made(
    name: str, source: str, images: ImageSet, examples: pl.DataFrame, answers: pl.DataFrame, shown: pl.DataFrame
) -> Outcome:
    shown = shown.join(answers, on=["example", "victim"], how="left", maintain_order="left")
    columns = ["example", "label", "right_before", "adversarial", *_SCORES, "clean_ca1"]
    return Outcome(
        name,
        source,
        images,
        examples.select(columns),
        shown.select("example", "victim", "right_before", "misclassified"),
    )
