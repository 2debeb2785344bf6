"""Studies: many images, models and attacks, on one machine or many, whatever interrupts them."""

from presoftmax.study.config import StudyConfig
from presoftmax.study.engines.local import LocalEngine
from presoftmax.study.engines.ray import RayEngine
from presoftmax.study.folder import StudyFolder, Unit
from presoftmax.study.plan import Plan, make_plan
from presoftmax.study.presets import preset, template
from presoftmax.study.results import Results, claims_content
from presoftmax.study.run import StudyWatcher, run_study
from presoftmax.study.status import Status, status_of
from presoftmax.study.summary import Overview, look_over

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
    "Unit",
    "claims_content",
    "look_over",
    "make_plan",
    "preset",
    "run_study",
    "status_of",
    "template",
]
