"""Studies: many images, models and attacks, on one machine or many, whatever interrupts them."""

from presoftmax.study.config import StudyConfig
from presoftmax.study.engines.local import LocalEngine
from presoftmax.study.engines.ray import RayEngine
from presoftmax.study.folder import StudyFolder
from presoftmax.study.overview import Overview, look_over
from presoftmax.study.plan import Plan, make_plan
from presoftmax.study.presets import preset
from presoftmax.study.results import Results
from presoftmax.study.run import StudyWatcher, run_study
from presoftmax.study.status import Status, status_of

__all__ = [
    "LocalEngine",
    "Overview",
    "Plan",
    "RayEngine",
    "Results",
    "Status",
    "StudyConfig",
    "StudyFolder",
    "StudyWatcher",
    "look_over",
    "make_plan",
    "preset",
    "run_study",
    "status_of",
]
