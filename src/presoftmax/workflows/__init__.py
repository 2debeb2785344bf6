"""What each command does, callable from Python."""

from presoftmax.workflows.audit import Audit, run_audit
from presoftmax.workflows.demo import Demo, DemoInterruptedError, DemoSettings, DemoWatcher, run_demo
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
    "evaluate_prediction",
    "fit_predictor",
    "run_audit",
    "run_demo",
    "run_scoring",
]
