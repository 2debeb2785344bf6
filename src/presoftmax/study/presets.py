"""Studies that are ready to run: the paper's, and a small one of models that come from the package registry."""

import json
import re
import tomllib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from presoftmax.data import check_location
from presoftmax.errors import StudyError
from presoftmax.models import check_source
from presoftmax.study.config import StudyConfig

__all__ = ["PANELS", "preset", "template"]

PANELS: dict[str, dict[str, Any]] = {
    "paper": {
        "title": "The paper's study: AlexNet, VGG-16 and ResNet-50",
        "models": ["torchvision/alexnet", "torchvision/vgg16", "torchvision/resnet50"],
    },
    "efficientnet-lite": {
        "title": "EfficientNet-Lite0, Lite1 and Lite2",
        "models": ["efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"],
    },
}
"""Models by the name of the panel."""


def template(models: Sequence[str] = (), images: str | None = None, labels: str | None = None) -> str:
    """A commented ``study.toml``: the paper's study, or one of these models and images.

    Args:
        models: names for `presoftmax.load_model`, as they are to be written; the paper's when left out.
        images: where the images are; to be filled in when left out.
        labels: CSV of labels of a flat folder.

    Raises:
        StudyError: labels without images, a name that cannot be written, or no study with these.
        ModelError: a model that does not exist, or cannot be a source.
        DataError: images or labels that do not exist.
    """
    text = files("presoftmax.study").joinpath("template.toml").read_text(encoding="utf-8")
    if labels is not None and images is None:
        raise StudyError("labels go with images; say where these are, too")
    for name in models:
        check_source(name)
    if images is not None:
        check_location(images, labels)
    given = {"models = ": list(models) or None, "path = ": images, "# labels = ": labels}
    for beginning, value in given.items():
        if value is not None:
            text = _filled(text, beginning, value)
    try:
        StudyConfig.model_validate(tomllib.loads(text))
    except ValidationError as error:
        raise StudyError(_problem(error)) from error
    return text


def _filled(text: str, beginning: str, value: str | list[str]) -> str:
    """The one line that begins so, with another value."""
    names = [value] if isinstance(value, str) else value
    try:
        "".join(names).encode()
    except UnicodeEncodeError:
        raise StudyError(f"{names}: no text, which a study's file is; rename what is called so") from None
    # JSON's strings are TOML's, but for one character.
    written = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    line = f"{beginning.removeprefix('# ')}{written}"
    return re.sub(f"^{beginning}.*$", lambda _: line, text, count=1, flags=re.MULTILINE)


def _problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    return f"{'.'.join(map(str, problem['loc']))}: {problem['msg'].removeprefix('Value error, ')}"


def preset(
    panel: str, imagenet: str | None, images: int | None, steps: int | None, precision: str | None = None
) -> StudyConfig:
    """The paper's two attacks on a panel.

    Args:
        panel: a name of `PANELS`, or a study's TOML file, of which images, steps and precision may be changed.
        imagenet: folder of ImageNet; the sample photos when left out, except for the paper's own panel.
        images: how many; 2,500 when left out.
        steps: iterations; 500 when left out.
        precision: ``exact`` or ``fast``; ``exact`` when left out.

    Raises:
        StudyError: no such panel, or no images for it.
    """
    if panel in PANELS:
        if imagenet is None and panel == "paper":
            raise StudyError(
                "the paper's images are ImageNet's validation set: --imagenet DIR, a folder with val/ and its 1,000 "
                "class folders (image-net.org has it); without it, --panel efficientnet-lite runs on sample photos "
                "that come with pip install 'presoftmax[demo]'"
            )
        content = {
            **PANELS[panel],
            "images": {"path": imagenet or "samples"},
            "attacks": [{"kind": "over-optimized"}, {"kind": "multi-class"}],
        }
    elif Path(panel).is_file():
        content = StudyConfig.load(Path(panel)).values()
        content["images"] |= {"path": imagenet, "labels": None} if imagenet else {}
    else:
        raise StudyError(f"no panel {panel!r}: {', '.join(PANELS)}, or a study's TOML file")
    if images is not None:
        content["images"]["count"] = images
    if precision is not None:
        content["precision"] = precision
    if steps is not None:
        for attack in content["attacks"]:
            attack["steps"] = steps
    try:
        return StudyConfig.model_validate(content)
    except ValidationError as error:
        raise StudyError(_problem(error)) from error
