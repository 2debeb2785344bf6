"""A library that is imported when something of it is first asked for."""

from importlib import import_module
from typing import Any

__all__ = ["deferred"]


class _Deferred:
    """Stands for a module; what was asked for once is kept, so that it costs no more than the module's own would."""

    def __init__(self, module: str) -> None:
        self.__module = module

    def __getattr__(self, name: str) -> Any:
        value = getattr(import_module(self.__module), name)
        setattr(self, name, value)
        return value


def deferred(module: str) -> Any:
    """What stands for a module until it is used.

    It is written beside the import that a type checker reads::

        if TYPE_CHECKING:
            import torch
        else:
            torch = deferred("torch")
    """
    return _Deferred(module)
