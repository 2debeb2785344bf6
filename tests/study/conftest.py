from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from presoftmax.report.figures import style
from presoftmax.study.config import StudyConfig
from presoftmax.study.engines.local import LocalEngine
from presoftmax.study.folder import StudyFolder
from presoftmax.study.results import Results
from presoftmax.study.run import run_study
from tests.study.panel import SIZE, Net

FRAGILE = range(1, 9)
PANEL = Path(__file__).parent / "panel.py"


def model(name: str) -> str:
    return f"{PANEL}:{name}"


@pytest.fixture(autouse=True, scope="module")
def _small_figures():
    """Figures of reports at a low resolution: it only takes time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(style._STYLE, "savefig.dpi", 60)
        yield


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """90 images labeled by the first network; some of them are such that `fragile` breaks on them."""
    path = tmp_path_factory.mktemp("pictures") / "images.npz"
    images = np.random.default_rng(0).integers(0, 250, (90, 3, SIZE, SIZE), dtype=np.uint8)
    images[FRAGILE, :, -1] = 255
    with torch.no_grad():
        labels = Net()(torch.from_numpy(images).float() / 255).argmax(dim=1).numpy()
    np.savez(path, images=images, labels=labels)
    return path


@pytest.fixture
def study(pictures: Path):
    """Build a config; settings can be changed."""

    def build(**changes: Any) -> StudyConfig:
        content: dict[str, Any] = {
            "models": [model("one"), model("two"), model("three")],
            "images": {"path": str(pictures), "count": 16},
            "attacks": [
                {"kind": "over-optimized", "steps": 12, "alpha": 0.02, "discretization": "straight-through"},
                {"kind": "multi-class", "steps": 12, "alpha": [0.01, 0.02], "discretization": "straight-through"},
            ],
            "shard": 6,
            "gallery": 2,
        }
        return StudyConfig.model_validate(content | changes)

    return build


def run(config: StudyConfig, out: Path, **options: Any) -> StudyFolder:
    return run_study(config, out, LocalEngine(["cpu"]), **options)


def tables(folder: StudyFolder) -> tuple[pl.DataFrame, ...]:
    """All rows of a finished study, in a fixed order."""
    results = Results.of(folder)
    frames = []
    for name in ("steps", "transfers", "noise"):
        parts = [getattr(results, name)(*group).collect() for group in results.groups()]
        keys = ["attack", "source", "example", "iteration", *(["victim"] if name != "steps" else [])]
        frames.append(pl.concat(parts).sort(keys))
    return tuple(frames)
