"""Studies: many images, models and attacks, on one machine or many, whatever interrupts them."""

from presoftmax.study.config import StudyConfig
from presoftmax.study.folder import StudyFolder
from presoftmax.study.run import run_study

__all__ = ["StudyConfig", "StudyFolder", "run_study"]
