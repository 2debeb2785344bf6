"""timm's models, with their own weights, preprocessing and class names (extra ``timm``)."""

from collections.abc import Iterable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from presoftmax.errors import ModelError, first_line
from presoftmax.models.providers.provider import Listed, Request, require_package

if TYPE_CHECKING:
    from torch import nn

    from presoftmax.models.classifier import Classifier

__all__ = ["Timm"]

_PREFIX = "timm/"
_INSTALL = "pip install 'presoftmax[timm]'"


class Timm:
    """``timm/NAME`` or ``timm/NAME.TAG``, where the tag picks one of the model's pretrained weights."""

    def is_for(self, request: Request) -> bool:
        """Whether the name begins so."""
        return request.path.startswith(_PREFIX)

    def accepts(self, request: Request) -> bool:
        """Whether timm has a model of that name; any name is taken where timm is missing, so that it is said."""
        if not self.is_for(request):
            return False
        if find_spec("timm") is None:
            return True
        import timm

        return bool(timm.is_model(_plain(request)))

    def load(self, request: Request) -> "Classifier":
        """Build the network; its weights are downloaded by timm, or read from a local file."""
        request.check_options("weights", "classes")
        require_package("timm", request.name, _INSTALL)
        import timm

        from presoftmax.models._weights import load_weights

        file, asked = request.weights_file(), request.options.get("weights")
        if asked not in (None, "random") and file is None:
            raise ModelError(f"model {request.name!r}: weights={asked} is no file; timm's own are timm/NAME.TAG")
        options: dict[str, Any] = {} if request.num_classes() is None else {"num_classes": request.num_classes()}
        pretrained = asked is None
        try:
            network: nn.Module = timm.create_model(_plain(request), pretrained=pretrained, **options)
        except Exception as error:  # the hub's client has many kinds of its own for "no network"
            raise ModelError(
                f"model {request.name!r}: could not be built or its weights not be fetched "
                f"({first_line(error)}); a local file goes {request.path}?weights=FILE"
            ) from error
        if file is not None:
            load_weights(network, file, request.path)
        return _classifier(network)

    def short_name(self, request: Request) -> str:
        """The name without its options."""
        return request.path

    def absolute_path(self, request: Request) -> str:
        """The path, which is no file."""
        return request.path

    def list(self) -> Iterable[Listed]:
        """All models of timm; whether their weights are in the hub's cache is not asked, there are too many."""
        if find_spec("timm") is None:
            yield Listed(_PREFIX + "NAME", False, _INSTALL)
            return
        import timm

        for name in timm.list_models():
            yield Listed(_PREFIX + name, False, "a download on first use, or ?weights=FILE")


def _plain(request: Request) -> str:
    return request.path.removeprefix(_PREFIX)


def _classifier(network: "nn.Module") -> "Classifier":
    from timm.data import resolve_data_config

    from presoftmax.data import Preprocessing
    from presoftmax.models.classifier import Classifier

    preset = resolve_data_config({}, model=network)
    size = preset["input_size"][-1]
    interpolation = "bilinear" if preset["interpolation"] == "bilinear" else "bicubic"
    preprocessing = Preprocessing(size, round(size / preset["crop_pct"]), interpolation)
    return Classifier(
        network, mean=preset["mean"], std=preset["std"], preprocessing=preprocessing, classes=_class_names(network)
    )


def _class_names(network: Any) -> tuple[str, ...] | None:
    from timm.data import ImageNetInfo, infer_imagenet_subset

    subset = infer_imagenet_subset(network)
    if subset is None:
        return None
    info = ImageNetInfo(subset)
    return tuple(info.index_to_description(index) for index in range(info.num_classes()))
