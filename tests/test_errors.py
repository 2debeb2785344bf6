"""Whatever a message names, it is one line that does nothing to the terminal that shows it."""

import pickle

import pytest

from presoftmax import errors
from presoftmax.text import LINE
from tests.text.nasty import NASTY
from tests.text.test_printable import is_harmless

NAMED = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.PresoftmaxError)]


@pytest.mark.parametrize("kind", NAMED)
@pytest.mark.parametrize("name", NASTY.values(), ids=NASTY)
def test_a_message_is_a_line(kind, name):
    error = kind(f"{name}: not a folder of images")
    assert is_harmless(str(error))
    assert "\n" not in str(error)
    assert len(str(error)) <= LINE
    assert str(error).endswith(": not a folder of images")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize("name", NASTY.values(), ids=NASTY)
def test_a_warning_is_a_line(name):
    with pytest.warns(errors.PresoftmaxWarning) as seen:
        errors.warn(f"{name} is doubted")
    assert is_harmless(str(seen[0].message))
    assert "\n" not in str(seen[0].message)
    assert str(seen[0].message).endswith(" is doubted")
