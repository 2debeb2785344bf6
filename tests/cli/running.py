"""Run a command in this process, as a shell would in a folder: PyTorch need not be imported anew for each."""

import os
import subprocess
import sys
import warnings
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

from presoftmax.cli import main


def run_main(folder: Path, arguments: Sequence[object]) -> subprocess.CompletedProcess[str]:
    """Exit status, stdout and stderr of ``presoftmax ARGUMENTS`` in a folder."""
    here, argv, show = Path.cwd(), sys.argv, warnings.showwarning
    out, errors = StringIO(), StringIO()
    status: object = 0
    os.chdir(folder)
    sys.argv = ["presoftmax", *map(str, arguments)]
    try:
        with redirect_stdout(out), redirect_stderr(errors), warnings.catch_warnings():
            warnings.simplefilter("default")
            main()
    except SystemExit as stop:
        status = stop.code or 0
    finally:
        os.chdir(here)
        sys.argv, warnings.showwarning = argv, show
    return subprocess.CompletedProcess(sys.argv, int(str(status)), out.getvalue(), errors.getvalue())
