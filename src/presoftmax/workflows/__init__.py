"""What each command does, callable from Python."""

from typing import TYPE_CHECKING

from presoftmax.errors import face

if TYPE_CHECKING:
    from presoftmax.workflows.audit import Audit, run_audit
    from presoftmax.workflows.defense import DefenseEvaluation, evaluate_defense
    from presoftmax.workflows.demo import Demo, DemoInterruptedError, DemoWatcher, run_demo
    from presoftmax.workflows.explore import bundle_run, explore_run, material_of
    from presoftmax.workflows.guard import CheckedImages, FittedGuard, check_images, fit_guard
    from presoftmax.workflows.predict import StudyPrediction, evaluate_prediction, fit_predictor
    from presoftmax.workflows.score import Scoring, run_scoring
    from presoftmax.workflows.settings import DemoSettings, ScoreSettings

__all__ = [
    "Audit",
    "CheckedImages",
    "DefenseEvaluation",
    "Demo",
    "DemoInterruptedError",
    "DemoSettings",
    "DemoWatcher",
    "FittedGuard",
    "ScoreSettings",
    "Scoring",
    "StudyPrediction",
    "bundle_run",
    "check_images",
    "evaluate_defense",
    "evaluate_prediction",
    "explore_run",
    "fit_guard",
    "fit_predictor",
    "material_of",
    "run_audit",
    "run_demo",
    "run_scoring",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = face(__name__, __all__)
