"""Run the notebooks on the models and photos of the extra ``demo``, and keep what they show.

Their figures are kept small, warnings without the paths of this machine, and bars of progress not at all.
"""

import hashlib
import os
import tempfile
from base64 import b64decode, b64encode
from io import BytesIO
from pathlib import Path

import nbclient
import nbformat
from jupyter_client.manager import KernelManager
from PIL import Image

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
SMALL = """
import warnings
import matplotlib
from presoftmax.report.figures import style

warnings.formatwarning = lambda message, category, *_, **__: f"{category.__name__}: {message}\\n"
matplotlib.rcParams["figure.dpi"] = 72
style._NOTEBOOK_DPI = 72
"""


def code_of(notebook: nbformat.NotebookNode) -> str:
    """What its outputs depend on, so that a test sees where it was changed and not run again."""
    code = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return hashlib.sha256(code.encode()).hexdigest()[:16]


def ran(notebook: nbformat.NotebookNode, folder: str, before: str, kernel: KernelManager | None = None) -> None:
    """Run the notebook in a folder, after code that is not kept; in a kernel that is there already, or in a new one."""
    notebook.cells.insert(0, nbformat.v4.new_code_cell(before))
    resources = {"metadata": {"path": folder}}
    nbclient.NotebookClient(notebook, km=kernel, timeout=600, resources=resources).execute()
    del notebook.cells[0]


def fewer_colors(png: str, colors: int = 96) -> str:
    """An image of a notebook in as many bytes as it needs for being looked at."""
    smaller = BytesIO()
    with Image.open(BytesIO(b64decode(png))) as image:
        image.convert("RGB").quantize(colors).save(smaller, format="PNG", optimize=True)
    return b64encode(smaller.getvalue()).decode()


def tidy(notebook: nbformat.NotebookNode) -> None:
    """Leave what is the same on another day: no times, no version of this Python, no bars, cells counted from 1."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "presoftmax": {"ran": code_of(notebook)},
    }
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(cells, 1):
        cell.metadata = {}
        cell.execution_count = number
        cell.outputs = [each for each in cell.outputs if each.output_type != "display_data" or "image/png" in each.data]
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = fewer_colors(output.data["image/png"])
            if output.output_type == "execute_result":
                output.execution_count = number


def main() -> None:
    """Run each in an empty folder, and write it where it was."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["IPYTHONDIR"] = folder
            notebook = nbformat.read(path, 4)
            ran(notebook, folder, SMALL)
        tidy(notebook)
        path.write_text(nbformat.writes(notebook, indent=1) + "\n", encoding="utf-8")
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
