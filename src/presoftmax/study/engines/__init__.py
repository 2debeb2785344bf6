"""Where tasks are run: on this machine, or on many by Ray. Both have the shape of `Engine`."""

from typing import TYPE_CHECKING

from presoftmax.errors import face

if TYPE_CHECKING:
    from presoftmax.study.engines.engine import Engine, Tasks, Work, closing
    from presoftmax.study.engines.local import LocalEngine
    from presoftmax.study.engines.ray import RayEngine
    from presoftmax.study.engines.ray_logs import ray_apart, ray_log

__all__ = ["Engine", "LocalEngine", "RayEngine", "Tasks", "Work", "closing", "ray_apart", "ray_log"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = face(__name__, __all__)
