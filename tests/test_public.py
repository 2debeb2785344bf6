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
