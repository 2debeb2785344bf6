"""What each command does, callable from Python."""

from presoftmax.workflows.audit import Audit, run_audit
from presoftmax.workflows.demo import Demo, DemoInterruptedError, DemoSettings, DemoWatcher, run_demo
from presoftmax.workflows.explore import bundle_run, explore_run, material_of
from presoftmax.workflows.predict import StudyPrediction, evaluate_prediction, fit_predictor
from presoftmax.workflows.score import ScoreSettings, Scoring, run_scoring

__all__ = [
    "Audit",
    "Demo",
    "DemoInterruptedError",
    "DemoSettings",
    "DemoWatcher",
    "ScoreSettings",
    "Scoring",
    "StudyPrediction",
    "bundle_run",
    "evaluate_prediction",
    "explore_run",
    "fit_predictor",
    "material_of",
    "run_audit",
    "run_demo",
    "run_scoring",
]
