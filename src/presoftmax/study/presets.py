"""Studies that are ready to run: the paper's, and a small one of models that come from the package registry."""

from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from presoftmax.errors import StudyError
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


def template() -> str:
    """A commented ``study.toml`` of the paper's study."""
    return files("presoftmax.study").joinpath("template.toml").read_text(encoding="utf-8")


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
        problem = error.errors()[0]
        raise StudyError(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}") from error
