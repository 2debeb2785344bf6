"""Every public name is there, and importing the package does not load PyTorch."""

import subprocess
import sys

import pytest

import presoftmax as ps


@pytest.mark.parametrize("name", ps.__all__)
def test_public_names_load(name):
    assert getattr(ps, name) is not None


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="no attribute 'magnitude'"):
        _ = ps.magnitude
    assert set(ps.__all__) <= set(dir(ps))


def test_the_import_is_light():
    code = "import sys, presoftmax; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


PACKAGES = ("attacks", "scores", "models", "data", "numerics", "strength", "analysis", "defense", "study")


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_shows_what_it_offers_and_tells_near_names(package):
    face = getattr(ps, package)
    assert dir(face) == sorted(face.__all__)
    for name in face.__all__:
        wrong = f"{name}s"
        if not hasattr(face, wrong):
            with pytest.raises(AttributeError, match=rf"presoftmax.{package} has no '{wrong}'; did you mean .*{name}"):
                getattr(face, wrong)
    with pytest.raises(AttributeError, match=rf"^presoftmax.{package} has no 'qqqqqqqqqq'$"):
        face.qqqqqqqqqq  # noqa: B018
    assert not hasattr(face, "__path_of_nothing__")
