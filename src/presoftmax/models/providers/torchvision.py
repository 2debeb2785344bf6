"""torchvision's classification models, with their own weights, preprocessing and class names."""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from presoftmax.errors import ModelError
from presoftmax.models.providers.provider import Listed, Request

if TYPE_CHECKING:
    from torch import nn

    from presoftmax.models.classifier import Classifier

__all__ = ["Torchvision"]

_PREFIX = "torchvision/"


class Torchvision:
    """``torchvision/NAME``, by default with the weights ``IMAGENET1K_V1`` (the paper's), where there are such."""

    def is_for(self, request: Request) -> bool:
        """Whether the name begins so."""
        return request.path.startswith(_PREFIX)

    def accepts(self, request: Request) -> bool:
        """Whether torchvision has a classification model of that name."""
        return self.is_for(request) and _plain(request) in _names()

    def load(self, request: Request) -> "Classifier":
        """Build the network; its weights are downloaded by torchvision, or read from a local file."""
        import torchvision

        from presoftmax.data import Preprocessing
        from presoftmax.models._weights import load_weights
        from presoftmax.models.classifier import Classifier

        request.check_options("weights", "classes")
        name, file = _plain(request), request.weights_file()
        weights = _weights(request)
        if file is not None or request.options.get("weights") == "random":
            network: nn.Module = torchvision.models.get_model(name, weights=None, **_build_options(request))
            if file is not None:
                load_weights(network, file, request.path)
        else:
            network = _download(request, name, weights)
        preset = weights.transforms()
        preprocessing = Preprocessing(preset.crop_size[0], preset.resize_size[0], preset.interpolation.value)
        classes = weights.meta["categories"] if request.num_classes() in (None, 1000) else None
        return Classifier(network, mean=preset.mean, std=preset.std, preprocessing=preprocessing, classes=classes)

    def short_name(self, request: Request) -> str:
        """The name without its options."""
        return request.path

    def absolute_path(self, request: Request) -> str:
        """The path, which is no file."""
        return request.path

    def list(self) -> Iterable[Listed]:
        """All classification models; those whose default weights are in the download cache are available."""
        for name in _names():
            weights = _weights(Request.parse(_PREFIX + name))
            cached = _cache_path(weights.url).is_file()
            yield Listed(_PREFIX + name, cached, "" if cached else "a download on first use, or ?weights=FILE")


def _plain(request: Request) -> str:
    return request.path.removeprefix(_PREFIX)


def _names() -> list[str]:
    import torchvision

    names: list[str] = torchvision.models.list_models(module=torchvision.models)
    return names


def _build_options(request: Request) -> dict[str, Any]:
    """What torchvision sets itself only when it is the one to load the weights."""
    options: dict[str, Any] = {}
    if _plain(request) in ("googlenet", "inception_v3"):
        options = {"transform_input": True, "aux_logits": True, "init_weights": False}
    if (classes := request.num_classes()) is not None:
        options["num_classes"] = classes
    return options


def _weights(request: Request) -> Any:
    """The entry of torchvision's weights enum that the request asks for, else V1, else the default."""
    import torchvision

    entries = torchvision.models.get_model_weights(_plain(request)).__members__
    asked = request.options.get("weights")
    if asked is not None and asked != "random" and request.weights_file() is None:
        if asked not in entries:
            near = get_close_matches(asked, entries, n=1)
            raise ModelError(
                f"model {request.name!r}: no weights {asked!r}{f'; near: {near[0]}' if near else ''}; "
                f"there are {', '.join(entries)}, random, or a file"
            )
        return entries[asked]
    return entries.get("IMAGENET1K_V1", next(iter(entries.values())))


def _download(request: Request, name: str, weights: Any) -> "nn.Module":
    import torchvision

    if request.num_classes() not in (None, len(weights.meta["categories"])):
        raise ModelError(f"model {request.name!r}: classes= goes with a weights file or weights=random")
    try:
        network: nn.Module = torchvision.models.get_model(name, weights=weights)
    except (OSError, RuntimeError) as error:
        raise ModelError(
            f"model {request.name!r}: its weights could not be fetched ({error}); "
            f"fetch {Path(urlparse(weights.url).path).name} elsewhere and give {request.path}?weights=FILE"
        ) from error
    return network


def _cache_path(url: str) -> Path:
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(url).path).name
