"""Modules and names that wait until they are used."""

import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

import presoftmax
from presoftmax.lazy import deferred, offered_by

ROOT = Path(presoftmax.__file__).parent
LAZY = sorted(
    ".".join(path.parent.relative_to(ROOT.parent).parts)
    for path in ROOT.rglob("__init__.py")
    if path.parent not in (ROOT, ROOT / "lazy") and "if TYPE_CHECKING:" in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("package", LAZY)
def test_each_name_is_what_its_module_has_whichever_module_was_imported_first(package):
    for name, (module, there) in offered_by(package).items():
        value = getattr(import_module(module), there)
        assert getattr(import_module(package), name) is value
        # Else importing the module would put itself in the place of the name that it gives.
        assert not (module.startswith(f"{package}.") and module.rpartition(".")[2] == name), f"{package}.{name}"


@pytest.mark.parametrize("package", LAZY)
def test_a_face_offers_nothing_that_it_does_not_import(package):
    face = import_module(package)
    assert all(hasattr(face, name) for name in face.__all__)
    assert set(offered_by(package)) <= set(face.__all__)


def test_a_deferred_module_is_imported_when_something_of_it_is_asked_for():
    code = (
        "import sys; from presoftmax.lazy import deferred; it = deferred('colorsys')\n"
        "print('colorsys' in sys.modules, it.rgb_to_hsv(0, 0, 0)[2], 'colorsys' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "0", "True"]


def test_a_deferred_module_keeps_what_was_asked_for_and_knows_no_more_than_the_module():
    module = deferred("math")
    assert module.pi is module.pi
    assert "pi" in vars(module)
    with pytest.raises(AttributeError, match="no attribute 'tau2'"):
        _ = module.tau2
    with pytest.raises(ModuleNotFoundError):
        _ = deferred("no_such_library").anything


def test_what_an_attack_needs_imports_no_statistics():
    code = (
        "import sys, presoftmax.workflows.demo, presoftmax.study.run, presoftmax.judging.judge, presoftmax.interop\n"
        "print({'scipy', 'torchvision', 'sklearn', 'ray', 'timm'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.skipif(find_spec("torchvision") is None, reason="torchvision's file of names")
def test_class_names_are_torchvisions_and_need_no_torchvision():
    code = (
        "import sys; from presoftmax.models.providers import efficientnet_lite as module\n"
        "names = module._imagenet_classes(); here = 'torchvision' in sys.modules\n"
        "print(here, names == tuple(module._from_torchvision()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
