"""Where models come from: one file for each source, all with the shape of `Provider`."""

from presoftmax.models.providers.efficientnet_lite import EfficientNetLite
from presoftmax.models.providers.onnx import Onnx
from presoftmax.models.providers.provider import Listed, Provider, Request, require_package
from presoftmax.models.providers.python_file import PythonFile
from presoftmax.models.providers.timm import Timm
from presoftmax.models.providers.torchvision import Torchvision

__all__ = [
    "PROVIDERS",
    "EfficientNetLite",
    "Listed",
    "Onnx",
    "Provider",
    "PythonFile",
    "Request",
    "Timm",
    "Torchvision",
    "require_package",
]

PROVIDERS: tuple[Provider, ...] = (EfficientNetLite(), Torchvision(), Timm(), PythonFile(), Onnx())
"""All of them; the first that accepts a name loads it."""
