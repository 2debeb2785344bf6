"""Figures are drawn at a low resolution here: it only takes time."""

import pytest

from presoftmax.report.figures import style


@pytest.fixture(autouse=True, scope="module")
def _small_figures():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(style._STYLE, "savefig.dpi", 40)
        yield
