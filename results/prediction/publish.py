"""Keep how well transfer can be told in a finished study: its tables as Markdown, its figures.

    python results/prediction/publish.py STUDY_FOLDER NAME

Writes ``results/prediction/NAME.md`` and ``NAME-*.png`` from the study's folder alone. A few minutes for a large study.
"""

import shutil
import sys
from pathlib import Path

from presoftmax.study import Results, StudyFolder
from presoftmax.workflows import evaluate_prediction

HERE = Path(__file__).parent
HEAD = """# {title}

Made with `presoftmax run results/prediction/{name}.toml --out OUT` (in the folder that its paths are relative to),
then `python results/prediction/publish.py OUT {name}`. {images} images that every model gets right, of {looked_at}
looked at. What the rows mean, and what follows, is in [docs/prediction.md](../../docs/prediction.md).

"""


def main(folder: Path, name: str) -> None:
    results = Results.of(StudyFolder.open(folder))
    evaluate_prediction(folder)
    report, selection = folder / "prediction", results.folder.selection() or {}
    figures = []
    for figure in sorted((report / "figures").glob("prediction-*.png")):
        kept = f"{name}-{figure.name.removeprefix('prediction-')}"
        shutil.copyfile(figure, HERE / kept)
        figures.append(f"![{figure.stem.replace('-', ' ')}]({kept})\n")
    about = HEAD.format(
        title=results.config.title, name=name, images=len(selection["ids"]), looked_at=selection["looked_at"]
    )
    tables = (report / "prediction.md").read_text(encoding="utf-8")
    (HERE / f"{name}.md").write_text(about + tables + "\n" + "\n".join(figures), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
