"""A guard as a file: JSON, or safetensors; no pickle, versioned, and refused for another model."""

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from presoftmax.attacks import Identity
from presoftmax.data import as_path
from presoftmax.defense.answers import answers_of
from presoftmax.defense.detector import Detector
from presoftmax.defense.guard import Guard
from presoftmax.defense.registry import make_detector
from presoftmax.errors import DataError, first_line
from presoftmax.models import as_model, load_victim
from presoftmax.printing import Printed
from presoftmax.storage import replace_file, replace_text

__all__ = ["GuardFile", "load_guard", "read_guard", "save_guard"]

_KIND, _VERSION = "presoftmax guard", 1
_MOST_BYTES = 500_000_000
_WHAT = "a guard's file"
_PROBES = 4
_TOLERANCE = 0.02
_DETECTOR, _ABOUT = "detector.", ("model", "spec", "detector", "fpr", "size", "classes", "natural", "images")


@dataclass(frozen=True, repr=False)
class GuardFile(Printed):
    """What a file of a guard says.

    Attributes:
        model: name of the model that it was fitted on.
        spec: how to load it (`presoftmax.load_model`); None where it has no name for that.
        detector: name of the detector (`make_detector`).
        fpr: share of natural images that may be flagged.
        size: ``(H, W)`` of the images it was fitted on.
        classes: how many classes the model has.
        natural: how many natural images it was fitted on and calibrated with.
        images: where they came from.
        arrays: what the detector has learned, by name.
        probe: the model's logits of fixed images ``(4, M)``, by which it is known again.
    """

    model: str
    spec: str | None
    detector: str
    fpr: float
    size: tuple[int, int]
    classes: int
    natural: int
    images: str
    arrays: dict[str, Tensor]
    probe: Tensor

    def guard(self, model: Any = None) -> Guard:
        """The guard, around the model it was fitted on, or around a model that answers as that one does.

        Args:
            model: as for `presoftmax.judge`; the one that the file names when left out.

        Raises:
            DataError: it is another model.
        """
        if model is None and self.spec is None:
            raise DataError(f"this guard was fitted on {self.model}, which has no name to load it by; give the model")
        looked = load_victim(str(self.spec)) if model is None else as_model(model)
        self._check(looked)
        detector = make_detector(self.detector)
        restore(detector, self.arrays)
        return Guard(looked, detector, self.fpr)

    def _check(self, model: Any) -> None:
        logits = probe(model, self.size)
        if logits.shape[1] != self.classes:
            raise DataError(
                f"this guard was fitted on {self.model} with {self.classes} classes, not on {model.name} with "
                f"{logits.shape[1]}"
            )
        off = float((logits - self.probe).abs().max() / self.probe.std().clamp_min(1e-6))
        if not off <= _TOLERANCE:
            raise DataError(
                f"this guard was fitted on {self.model}; {model.name} answers otherwise (logits of fixed images are "
                f"{off:.2g} standard deviations off): fit a guard of its own"
            )


def save_guard(guard: Guard, path: str | Path, size: tuple[int, int], name: str, spec: str | None, images: str) -> None:
    """Write a guard, as its ending says: ``.json``, or ``.safetensors``.

    Args:
        guard: fitted.
        path: file to write.
        size: ``(H, W)`` of the images it was fitted on.
        name: of its detector, as for `make_detector`.
        spec: how to load its model, if it has a name.
        images: where the natural images came from.
    """
    path = as_path(path, _WHAT)
    logits = probe(guard.model, size)
    arrays = {_DETECTOR + key: value.contiguous().cpu() for key, value in guard.detector.state_dict().items()}
    arrays["probe"] = logits.contiguous()
    natural = 2 * len(guard.detector.calibration)
    values = (guard.model.name, spec, name, guard.fpr, list(size), logits.shape[1], natural, images)
    about = {"kind": _KIND, "version": _VERSION, **dict(zip(_ABOUT, values, strict=True))}
    if path.suffix == ".safetensors":
        content = save(arrays, {"presoftmax": json.dumps(about)})
        replace_file(path, lambda target: target.write_bytes(content))
    elif path.suffix == ".json":
        written = {**about, "arrays": {key: _encoded(value) for key, value in arrays.items()}}
        replace_text(path, json.dumps(written, indent=1) + "\n")
    else:
        raise DataError(f"{path}: a guard is written as .json or .safetensors")


def load_guard(path: str | Path, model: Any = None) -> Guard:
    """Read a guard and its model, or put a given model under guard.

    Raises:
        DataError: no such file, another kind of file, another version, one that is not whole, or another model.
    """
    return read_guard(path).guard(model)


def read_guard(path: str | Path) -> GuardFile:
    """Read what `save_guard` wrote, without the model; raises `DataError`."""
    path = as_path(path, _WHAT)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"{path}: larger than any guard ({_MOST_BYTES // 10**6} MB)")
        about, arrays = _safetensors(path) if path.suffix == ".safetensors" else _json(path)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
    except (ValueError, RecursionError, SafetensorError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: not a guard ({first_line(error)})") from error
    if not isinstance(about, dict) or about.get("kind") != _KIND:
        raise DataError(f"{path}: not a guard; 'presoftmax guard fit' makes one")
    if about.get("version") != _VERSION:
        raise DataError(f"{path}: version {about.get('version')} of a guard; this presoftmax reads {_VERSION}")
    try:
        return _built(about, arrays)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"{path}: not whole ({first_line(error)})") from error


def _built(about: dict[str, Any], arrays: dict[str, Tensor]) -> GuardFile:
    learned = {key.removeprefix(_DETECTOR): value for key, value in arrays.items() if key.startswith(_DETECTOR)}
    height, width = (int(side) for side in about["size"])
    if not (0 < float(about["fpr"]) < 1 and 0 < height < 10_000 and 0 < width < 10_000):
        raise ValueError("a rate or a size out of range")
    found = GuardFile(
        model=str(about["model"]),
        spec=None if about["spec"] is None else str(about["spec"]),
        detector=str(about["detector"]),
        fpr=float(about["fpr"]),
        size=(height, width),
        classes=int(about["classes"]),
        natural=int(about["natural"]),
        images=str(about["images"]),
        arrays=learned,
        probe=arrays["probe"],
    )
    restore(make_detector(found.detector), learned)
    return found


def restore(detector: Detector, arrays: dict[str, Tensor]) -> None:
    """Put what was learned back into a detector of the same kind; raises `ValueError` where it is not all there."""
    modules = dict(detector.named_modules())
    for key, value in arrays.items():
        owner, _, name = key.rpartition(".")
        if not isinstance(module := modules.get(owner), Detector):
            raise ValueError(f"{key}: no part of {detector.kind}")
        if not value.is_floating_point() or not bool(value.isfinite().all()):
            raise ValueError(f"{key}: not finite numbers")
        module.keep(name, value.double())
    missing = [module.kind for module in modules.values() if isinstance(module, Detector) and not module.is_fitted]
    if missing:
        raise ValueError(f"nothing is known of {missing[0]}")


def probe(model: Any, size: tuple[int, int]) -> Tensor:
    """A model's logits float64 of four fixed images ``(4, M)``: blocks of random color, by which it is known again."""
    generator = torch.Generator().manual_seed(0)
    blocks = torch.randint(0, 256, (_PROBES, 3, 8, 8), generator=generator, dtype=torch.uint8)
    height, width = size
    rows, columns = torch.arange(height) * 8 // height, torch.arange(width) * 8 // width
    return answers_of(model, blocks[:, :, rows][..., columns], (Identity(),))[0]


def _safetensors(path: Path) -> tuple[Any, dict[str, Tensor]]:
    with safe_open(path, framework="pt") as file:
        about = json.loads((file.metadata() or {}).get("presoftmax", "{}"))
        return about, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  (no mapping)


def _json(path: Path) -> tuple[Any, dict[str, Tensor]]:
    content = json.loads(path.read_text(encoding="utf-8"))
    arrays = content.pop("arrays", {}) if isinstance(content, dict) else {}
    return content, {key: _decoded(value) for key, value in arrays.items()}


def _encoded(value: Tensor) -> dict[str, Any]:
    return {"shape": list(value.shape), "base64": b64encode(value.double().numpy().astype("<f8").tobytes()).decode()}


def _decoded(value: dict[str, Any]) -> Tensor:
    array = np.frombuffer(b64decode(value["base64"], validate=True), dtype="<f8").reshape(value["shape"])
    return torch.from_numpy(array.astype(np.float64))
