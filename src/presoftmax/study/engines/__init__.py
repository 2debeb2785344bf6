"""Where tasks are run: on this machine, or on many by Ray. Both have the shape of `Engine`."""

from presoftmax.study.engines.engine import Engine, Tasks, Work, closing
from presoftmax.study.engines.local import LocalEngine
from presoftmax.study.engines.ray import RayEngine

__all__ = ["Engine", "LocalEngine", "RayEngine", "Tasks", "Work", "closing"]
