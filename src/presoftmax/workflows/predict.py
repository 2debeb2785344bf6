"""Fit a predictor of transfer to a study, and evaluate how well transfer can be told in one."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from presoftmax.analysis import TransferCriterion
from presoftmax.analysis.prediction import Evaluation, LeftOut, evaluate
from presoftmax.data import as_path
from presoftmax.errors import DataError
from presoftmax.printing import Printed
from presoftmax.strength import TransferPredictor, judge_predictor, load_predictor, save_predictor
from presoftmax.study import Results, points_of
from presoftmax.study.report import write_prediction

__all__ = ["StudyPrediction", "evaluate_prediction", "fit_predictor"]


@dataclass(frozen=True, repr=False)
class StudyPrediction(Printed):
    """How well transfer can be told in a study.

    Attributes:
        folder: of the study.
        evaluation: of every method.
        predictor: what a given predictor is worth there, if any was given.
        fitted_to: victims of the study that it was fitted to: of these its worth is no test.
    """

    folder: Path
    evaluation: Evaluation
    predictor: LeftOut | None
    fitted_to: tuple[str, ...] = ()

    def values(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        return {
            **asdict(self.evaluation),
            "predictor": self.predictor and asdict(self.predictor),
            "fitted_to": list(self.fitted_to),
        }


def fit_predictor(
    study: str | Path, out: str | Path, criterion: TransferCriterion = "misclassified", with_clean_victim: bool = False
) -> TransferPredictor:
    """Fit a predictor to a finished study and write it as JSON.

    Args:
        study: its folder.
        out: file to write; there must be none yet.
        criterion: what counts as transferred.
        with_clean_victim: also use the victim's log-odds of the clean image.

    Raises:
        StudyError: the study is not finished.
        DataError: nothing can be fitted, or there is such a file.
    """
    out = as_path(out, "out")
    if out.exists():
        raise DataError(f"{out}: exists already")
    results = Results.of(study)
    title, classes = results.config.title, _classes(results)
    predictor = TransferPredictor.fit(points_of(results), classes, title, criterion, with_clean_victim)
    save_predictor(predictor, out)
    return predictor


def evaluate_prediction(study: str | Path, predictor: str | Path | None = None) -> StudyPrediction:
    """Evaluate every method in a finished study, and a predictor that was fitted elsewhere.

    Writes ``prediction.json``, ``prediction.md`` and the figures to ``prediction/`` in the study's folder.

    Raises:
        StudyError: the study is not finished.
        DataError: the predictor is of models with another number of classes.
    """
    given = None if predictor is None else load_predictor(predictor)
    results = Results.of(study)
    points = points_of(results)
    judged = None if given is None else judge_predictor(given, points, _classes(results))
    evaluation = evaluate(points)
    write_prediction(results.folder.path / "prediction", evaluation)
    known = () if given is None else tuple(name for name in results.names.labels if name in given.about.victims)
    return StudyPrediction(results.folder.path, evaluation, judged, known)


def _classes(results: Results) -> int:
    selection = results.folder.selection() or {}
    return int(selection["num_classes"])
