"""Commands draw their figures at a low resolution here, and measure for a moment only: both only take time."""

import pytest

from presoftmax.report.figures import style
from presoftmax.study import plan


@pytest.fixture(autouse=True, scope="module")
def _little_work():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(style._STYLE, "savefig.dpi", 60)
        patch.setattr(plan, "_MEASURE_SECONDS", 0.05)
        yield
