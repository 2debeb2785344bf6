"""An ONNX file as a victim, run by onnxruntime."""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from presoftmax.errors import ModelError, first_line
from presoftmax.models.providers.provider import Listed, Request, require_package

if TYPE_CHECKING:
    from presoftmax.models.classifier import BlackBox

__all__ = ["Onnx"]

_FATAL = 4


class Onnx:
    """``FILE.onnx``: one input ``(N, 3, H, W)`` or ``(N, H, W, 3)``, and an output with logits ``(N, M)``.

    It gets [0, 1] images in the float format that its input declares (grey levels, where it declares whole numbers);
    with ``?normalize=imagenet`` after the usual mean and std. Where its input has a fixed size, images are resized to
    it; where it has a fixed batch, they are shown in such batches. ``?output=NAME`` picks one of several outputs.
    """

    def is_for(self, request: Request) -> bool:
        """Whether the name is that of an ONNX file."""
        return request.path.endswith(".onnx")

    def accepts(self, request: Request) -> bool:
        """Whether the name is that of an ONNX file."""
        return self.is_for(request)

    def load(self, request: Request) -> "BlackBox":
        """Start a session on the file."""
        request.check_options("normalize", "output")
        require_package("onnxruntime", request.name, "pip install 'presoftmax[onnx]'")
        import onnxruntime

        from presoftmax.models.classifier import BlackBox
        from presoftmax.models.providers._onnx_session import OnnxSession

        path = Path(request.path).expanduser()
        if not path.is_file():
            raise ModelError(f"model {request.name!r}: no file {path}")
        normalize = request.options.get("normalize", "none")
        if normalize not in ("none", "imagenet"):
            raise ModelError(f"model {request.name!r}: normalize is none or imagenet, not {normalize}")
        try:
            options = onnxruntime.SessionOptions()
            # What goes wrong is raised, too, and said in one line.
            options.log_severity_level = _FATAL
            session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has a class of its own for every kind of failure
            raise ModelError(f"model {request.name!r}: not a usable ONNX file ({first_line(error)})") from error
        return BlackBox(OnnxSession(session, request.name, normalize == "imagenet", request.options.get("output")))

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
