"""Studies: many images, models and attacks, on one machine or many, whatever interrupts them."""

from typing import TYPE_CHECKING

from presoftmax.errors import face

if TYPE_CHECKING:
    from presoftmax.study.attack_config import AttackConfig
    from presoftmax.study.config import StudyConfig
    from presoftmax.study.defense_config import DefenseConfig, GivenExamples
    from presoftmax.study.engines import Engine, LocalEngine, RayEngine
    from presoftmax.study.folder import StudyFolder
    from presoftmax.study.model_names import ModelNames
    from presoftmax.study.panel import Panel, load_panel
    from presoftmax.study.plan import Plan, make_plan
    from presoftmax.study.points import points_of
    from presoftmax.study.presets import preset, template
    from presoftmax.study.results import Results, claims_content
    from presoftmax.study.run import run_study
    from presoftmax.study.selection import candidates_of, preprocessing_of, select_images
    from presoftmax.study.status import Pace, Status, status_of
    from presoftmax.study.summary import StudySummary, noise_rows, ranking_rows, summarize, throughput
    from presoftmax.study.tasks import TaskResult, UnitTask, run_unit
    from presoftmax.study.units import Unit, check_hours, units_of
    from presoftmax.study.watcher import StudyWatcher

__all__ = [
    "AttackConfig",
    "DefenseConfig",
    "Engine",
    "GivenExamples",
    "LocalEngine",
    "ModelNames",
    "Pace",
    "Panel",
    "Plan",
    "RayEngine",
    "Results",
    "Status",
    "StudyConfig",
    "StudyFolder",
    "StudySummary",
    "StudyWatcher",
    "TaskResult",
    "Unit",
    "UnitTask",
    "candidates_of",
    "check_hours",
    "claims_content",
    "load_panel",
    "make_plan",
    "noise_rows",
    "points_of",
    "preprocessing_of",
    "preset",
    "ranking_rows",
    "run_study",
    "run_unit",
    "select_images",
    "status_of",
    "summarize",
    "template",
    "throughput",
    "units_of",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = face(__name__, __all__)
