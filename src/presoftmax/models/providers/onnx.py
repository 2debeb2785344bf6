"""An ONNX file as a victim, run by onnxruntime."""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from presoftmax.data import resized
from presoftmax.errors import ModelError, first_line
from presoftmax.models.classifier import BlackBox
from presoftmax.models.providers.provider import Listed, Request, require_package

__all__ = ["Onnx"]

_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class Onnx:
    """``FILE.onnx``: one input ``(N, 3, H, W)``, logits ``(N, M)`` as its first output.

    It gets [0, 1] images (8-bit ones, where its input is declared so); with ``?normalize=imagenet`` after the usual
    mean and std. Where its input has a fixed size, images are resized to it.
    """

    def accepts(self, request: Request) -> bool:
        """Whether the name is that of an ONNX file."""
        return request.path.endswith(".onnx")

    def load(self, request: Request) -> BlackBox:
        """Start a session on the file."""
        request.check_options("normalize")
        require_package("onnxruntime", request.name, "pip install 'presoftmax[onnx]'")
        import onnxruntime

        path = Path(request.path).expanduser()
        if not path.is_file():
            raise ModelError(f"model {request.name!r}: no file {path}")
        normalize = request.options.get("normalize", "none")
        if normalize not in ("none", "imagenet"):
            raise ModelError(f"model {request.name!r}: normalize is none or imagenet, not {normalize}")
        try:
            session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has a class of its own for every kind of failure
            raise ModelError(f"model {request.name!r}: not a usable ONNX file ({first_line(error)})") from error
        return BlackBox(_Session(session, normalize == "imagenet"))

    def short_name(self, request: Request) -> str:
        """The file's name, without the folder and the ending."""
        return Path(request.path).stem

    def absolute_path(self, request: Request) -> str:
        """The file's absolute path."""
        return str(Path(request.path).expanduser().absolute())

    def list(self) -> Iterable[Listed]:
        """The form of the name."""
        there = find_spec("onnxruntime") is not None
        yield Listed("FILE.onnx", there, "" if there else "pip install 'presoftmax[onnx]' (a victim only)")


class _Session:
    def __init__(self, session: Any, normalize: bool) -> None:
        self._session, self._normalize = session, normalize
        entry = session.get_inputs()[0]
        self._input, self._bytes = entry.name, "uint8" in entry.type
        height_width = entry.shape[2:] if len(entry.shape) == 4 else []
        fixed = len(height_width) == 2 and all(isinstance(side, int) for side in height_width)
        self._size: tuple[int, int] | None = (height_width[0], height_width[1]) if fixed else None

    def __call__(self, images: Tensor) -> Any:
        pixels = images.float() / 255
        pixels = resized(pixels, self._size) if self._size else pixels
        if self._bytes:
            pixels = (pixels * 255).round().to(torch.uint8)
        elif self._normalize:
            mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in _IMAGENET)
            pixels = (pixels - mean) / std
        return self._session.run(None, {self._input: pixels.numpy()})[0]
