"""An ONNX graph as exporters write it, called as a black box: what it takes and gives is read off its declaration."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from presoftmax.data import resized
from presoftmax.errors import ModelError

__all__ = ["OnnxSession"]

_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_FLOATS = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
_GREY_LEVELS = {"tensor(uint8)": np.uint8, "tensor(int32)": np.int32, "tensor(int64)": np.int64}
_CHANNELS = 3
_NO_CHANNELS = 8
"""So long an axis is of pixels, not of channels."""


@dataclass(frozen=True)
class _Input:
    """What the graph takes.

    Attributes:
        name: of the input.
        dtype: NumPy's, of its numbers.
        grey_levels: whether it takes 0 to 255 rather than [0, 1].
        channels_last: whether it takes ``(N, H, W, 3)``.
        batch: how many images it takes at once; None where any number.
        size: height and width; None where any.
    """

    name: str
    dtype: Any
    grey_levels: bool
    channels_last: bool
    batch: int | None
    size: tuple[int, int] | None


class OnnxSession:
    """Calls a session of onnxruntime with 8-bit images ``(N, 3, H, W)`` and gives logits ``(N, M)``.

    Images are resized to a size that is fixed, put into the order of channels that is declared, and shown in batches
    of a number that is fixed, the last of which is filled up with copies.
    """

    def __init__(self, session: Any, model: str, normalize: bool, output: str | None) -> None:
        """Read the declaration.

        Args:
            session: of onnxruntime.
            model: its name, for messages.
            normalize: whether it expects ImageNet's mean and standard deviation.
            output: name of the output with the logits; the one that can only be it when left out.

        Raises:
            ModelError: inputs or outputs that cannot be images and logits, or of which several could be.
        """
        self._session, self._normalize = session, normalize
        self._input = _input(session.get_inputs(), model)
        if normalize and self._input.grey_levels:
            raise ModelError(f"model {model!r}: takes grey levels, which are not normalized; leave out normalize=")
        self._output = _output(session.get_outputs(), model, output)
        self._batch = self._input.batch

    def __call__(self, images: Tensor) -> np.ndarray[Any, Any]:
        """Logits of uint8 images on the CPU."""
        if len(images) > 1 and self._batch is None:
            try:
                return self._run(images)
            except Exception:  # onnxruntime has a class of its own for every kind of failure
                # A batch that is declared free, but that a Reshape inside fixes at the exporter's example of one.
                first = self._run(images[:1])
                self._batch = 1
                return np.concatenate([first, self(images[1:])])
        size = self._batch or len(images)
        return np.concatenate([self._run(part, size) for part in torch.split(images, max(size, 1))])

    def _run(self, images: Tensor, size: int | None = None) -> np.ndarray[Any, Any]:
        count = len(images)
        if size is not None and count < size:
            images = torch.cat([images, images[-1:].expand(size - count, -1, -1, -1)])
        (answer,) = self._session.run([self._output], {self._input.name: self._as_declared(images)})
        return _as_rows(np.asarray(answer), len(images))[:count]

    def _as_declared(self, images: Tensor) -> np.ndarray[Any, Any]:
        pixels = images.float() / 255
        pixels = resized(pixels, self._input.size) if self._input.size else pixels
        if self._input.grey_levels:
            pixels = (pixels * 255).round()
        elif self._normalize:
            mean, std = (torch.tensor(values).view(1, _CHANNELS, 1, 1) for values in _IMAGENET)
            pixels = (pixels - mean) / std
        pixels = pixels.permute(0, 2, 3, 1) if self._input.channels_last else pixels
        return np.ascontiguousarray(pixels.numpy().astype(self._input.dtype))


def _input(entries: Sequence[Any], model: str) -> _Input:
    if len(entries) != 1:
        listed = ", ".join(_told(each) for each in entries)
        raise ModelError(f"model {model!r}: has {len(entries)} inputs ({listed or 'none'}), not one of images")
    (entry,) = entries
    dtype = _FLOATS.get(entry.type, _GREY_LEVELS.get(entry.type))
    if dtype is None:
        known = ", ".join(map(_type, (*_FLOATS, *_GREY_LEVELS)))
        raise ModelError(f"model {model!r}: its input {_told(entry)} is of none of the types {known}")
    # Where no shape is declared at all, the list is empty.
    shape = [side if isinstance(side, int) and side > 0 else None for side in entry.shape] or [None] * 4
    if len(shape) != 4:
        raise ModelError(f"model {model!r}: its input {_told(entry)} has {len(shape)} axes; images are (N, 3, H, W)")
    last = _channels_last(entry, shape, model)
    height, width = shape[1:3] if last else shape[2:]
    size = (height, width) if height and width else None
    return _Input(entry.name, dtype, entry.type in _GREY_LEVELS, last, shape[0], size)


def _channels_last(entry: Any, shape: Sequence[int | None], model: str) -> bool:
    first, last = shape[1], shape[3]
    if first == _CHANNELS or (first is None and last is None):
        return False
    if last == _CHANNELS or (last is None and first is not None and first >= _NO_CHANNELS):
        return True
    if 1 in (first, last):
        raise ModelError(
            f"model {model!r}: its input {_told(entry)} takes gray images of one channel, and images here have three; "
            "export it with a first layer that makes one of them: images.mean(1, keepdim=True)"
        )
    raise ModelError(f"model {model!r}: its input {_told(entry)} has no axis of 3 channels; images are (N, 3, H, W)")


def _output(entries: Sequence[Any], model: str, asked: str | None) -> str:
    """The name of the output with the logits, where there is one reading."""
    names = [str(each.name) for each in entries]
    if asked is not None:
        if asked not in names:
            raise ModelError(f"model {model!r}: no output {asked!r}; there are {', '.join(names)}")
        return asked
    possible = [each for each in entries if _may_be_logits(each)]
    for choice in (
        [each.name for each in possible],
        [each.name for each in possible if each.name.lower() == "logits"],
        [each.name for each in possible if "logit" in each.name.lower()],
        [each.name for each in possible if not any(word in each.name.lower() for word in ("prob", "softmax"))],
    ):
        if len(choice) == 1:
            return str(choice[0])
    listed = ", ".join(_told(each) for each in entries) or "none"
    which = "none of which can be logits (N, M)" if not possible else "several of which could be the logits"
    hint = "" if not possible else f"; say which: ?output={possible[0].name}"
    raise ModelError(f"model {model!r}: its outputs are {listed}, {which}{hint}")


def _may_be_logits(entry: Any) -> bool:
    """Floats ``(N, M)``, also with axes of one element behind, or a shape that is not declared."""
    if entry.type not in (*_FLOATS, "tensor(bfloat16)"):
        return False
    return not entry.shape or len(entry.shape) == 1 or all(side == 1 for side in entry.shape[2:])


def _as_rows(answer: np.ndarray[Any, Any], count: int) -> np.ndarray[Any, Any]:
    """``(N, M)`` of ``(N, M, 1, 1)``, and of the one row ``(M,)`` of one image; anything else as it is."""
    if answer.ndim == 1 and count == 1:
        return answer[None]
    if answer.ndim > 2 and all(side == 1 for side in answer.shape[2:]):
        return answer.reshape(answer.shape[:2])
    return answer


def _told(entry: Any) -> str:
    return f"{entry.name} {_type(entry.type)} {tuple(entry.shape)}"


def _type(declared: str) -> str:
    return declared.removeprefix("tensor(").removesuffix(")")
