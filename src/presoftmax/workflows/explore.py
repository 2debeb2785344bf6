"""Look at a finished run or study: a page of this machine, or a folder of files for any web server."""

from collections.abc import Callable
from pathlib import Path

from presoftmax.data import as_path
from presoftmax.errors import RunError
from presoftmax.explorer import Material, View, new_token, run_material, serve, write_bundle
from presoftmax.study import StudyFolder
from presoftmax.study.report import study_material

__all__ = ["bundle_run", "explore_run", "material_of"]


def material_of(path: str | Path) -> Material:
    """What there is to look at in a folder: that of a demo, a trace, a study, or of judged examples.

    Raises:
        RunError: the folder is none of these.
        StudyError: a study that has not run to its end.
    """
    folder = as_path(path, "run")
    if not folder.is_dir():
        raise RunError(f"{folder}: no such folder; give that of a demo, a study, or of what 'presoftmax score' wrote")
    return study_material(folder) if StudyFolder.is_one(folder) else run_material(folder)


def explore_run(path: str | Path, port: int, ready: Callable[[str], None]) -> None:
    """Serve the page of a run to this machine until Ctrl-C; ``ready`` is told its address.

    Raises:
        PresoftmaxError: what cannot be looked at, a port that is taken, or the extra ``explore`` is not installed.
    """
    serve(View.of(material_of(path)), new_token(), port, ready)


def bundle_run(path: str | Path, folder: str | Path) -> Path:
    """Write the page of a run as static files; see `presoftmax.explorer.write_bundle`."""
    return write_bundle(material_of(path), folder)
