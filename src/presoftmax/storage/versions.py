"""What a result was made with."""

import platform
from importlib.metadata import PackageNotFoundError, version

from presoftmax._version import __version__

__all__ = ["versions"]

_PACKAGES = ("torch", "torchvision", "numpy", "polars", "pillow")


def versions() -> dict[str, str]:
    """Versions of presoftmax, Python, the machine's architecture and the packages that results depend on."""
    found = {"presoftmax": __version__, "python": platform.python_version(), "machine": platform.machine()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "missing"
    return found
