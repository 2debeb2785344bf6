"""Every file of ``examples/`` runs as its reader would run it: by itself, on the command line, in a study."""

import importlib.util
import json
import math
import re
import runpy
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from matplotlib.figure import Figure

from presoftmax.attacks import load_attack
from presoftmax.attacks.composed import composed
from presoftmax.errors import AttackError, ModelError, PresoftmaxWarning, ScoreError
from presoftmax.extensions import load_object
from presoftmax.models.catalog import load_victim
from presoftmax.scores import NaturalReference, load_scores
from presoftmax.strength import DISTORTIONS
from presoftmax.study import LocalEngine, Results, StudyConfig, ranking_rows, run_study
from presoftmax.study.report import StudyReport, write_study_report
from presoftmax.workflows import evaluate_defense

EXAMPLES = Path(__file__).parents[1] / "examples"
MODULES = ("tiny", "own_model", "judge")  # what the examples import of each other
SPEC = re.compile(r"own_\w+\.py:\w+")


def numbers(text: str) -> list[float]:
    return [float(each) for each in re.findall(r"-?\d+(?:\.\d+)?", text)]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A copy of the examples with their pictures, where everything of this file is written."""
    folder = tmp_path_factory.mktemp("examples") / "examples"
    shutil.copytree(EXAMPLES, folder, ignore=shutil.ignore_patterns("__pycache__", *ignored()))
    run(folder, "tiny.py")
    return folder


def ignored() -> list[str]:
    return [line.rstrip("/") for line in (EXAMPLES / ".gitignore").read_text().splitlines()]


def run(folder: Path, name: str) -> None:
    """Run a file as ``python NAME`` does in its folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(folder)
        for module in MODULES:
            patch.delitem(sys.modules, module, raising=False)
        runpy.run_path(str(folder / name), run_name="__main__")
        for module in MODULES:
            sys.modules.pop(module, None)


@pytest.fixture
def printed(place, capsys, monkeypatch):
    monkeypatch.chdir(place)

    def call(name: str) -> list[str]:
        run(place, name)
        return capsys.readouterr().out.splitlines()

    return call


@pytest.fixture
def command(cli, place, monkeypatch):
    """A command in the folder of the examples."""
    monkeypatch.chdir(place)
    return cli


def _own_objective(lines):
    (lead, gap), (quiet, small) = map(numbers, lines)
    assert lines[0].startswith("lead:")
    assert lines[1].startswith("quiet:")
    assert lead > 1
    assert quiet > 1
    assert small < 0.7 * gap


def _own_update(lines):
    (fooled, *_, everywhere, of), (also, few, _) = ([*numbers(line)] for line in lines)
    assert lines[1].startswith("FewPixels")
    assert fooled == also == 100
    assert everywhere > 0.9 * of
    assert few < 0.1 * of


def _own_attack(lines):
    iterations, distances, wrong = zip(*map(numbers, lines), strict=True)
    assert iterations == (0, 10, 20)
    assert distances[0] == 0
    assert max(distances) == round(0.03 * 255)
    assert wrong[-1] > wrong[0] + 20


def _own_score(lines):
    rows = [numbers(line) for line in lines[:3]]
    assert [row[0] for row in rows] == [0, 10, 20]
    assert rows[0][2] < rows[1][2] < rows[2][2]
    assert "crosses, confidence 1.00" in lines[3]
    assert numbers(lines[3])[0] > rows[2][2]


def _transfers(lines):
    rows = [numbers(line) for line in lines]
    assert [row[0] for row in rows] == [0, 10, 20]
    assert rows[0][1] < 50
    assert rows[2][1] > 80


def _own_model(lines):
    assert "cousin wrong" in lines[0]
    _transfers(lines)


def _own_victim(lines):
    assert "the service wrong" in lines[0]
    _transfers(lines)


def _tiny(lines):
    assert lines == ["40 pictures of 8 classes: photos/ with labels.csv, images.npz"]


def _judge(lines):
    assert lines[0] == "40 examples made on source"
    assert lines[1].startswith("  adversarial after saving")
    assert "of 40)" in lines[1]
    assert any(line.startswith("  fools cousin, which was right before") for line in lines)
    assert lines[-1].startswith("  confidence, median")
    assert Path("judged/score.html").is_file()


def _record_attack(lines):
    (_, clean, before), (_, *_), (last, confidence, after) = (numbers(line) for line in lines[:3])
    assert last == 10
    assert confidence > clean
    assert before < 0
    assert after > 5
    assert lines[3] == "40 examples made on cousin"


def _record_attack_by_ourselves(lines):
    assert lines[0] == "torchattacks is not installed: the loop of judge.py stands in for it"
    _record_attack(lines[1:])


def _judge_folder(lines):
    assert lines[0] == "40 examples made on source"
    survived = {line.split()[1].rstrip(":"): numbers(line)[-1] for line in lines if line.startswith("after ")}
    assert list(survived) == list(DISTORTIONS)
    assert survived["png"] == survived["rounding"] == 100
    assert survived["jpeg75"] < 80
    assert len(list(Path("after").glob("*.png"))) == len(list(Path("before").glob("*.png"))) == 40


def _run_study(lines):
    ran = [line for line in lines if " on own_model:" in line]
    assert len(ran) == 6
    assert all(numbers(line)[-1] > 60 for line in ran)
    assert [line.split(":")[0] for line in lines[-12:]] == [f"C{number}" for number in range(1, 13)]


def _audit(lines):
    images, right, low, high = numbers(lines[0].replace("CA1", ""))
    assert (images, right) == (200, 100)
    assert low < high
    assert any(line.startswith("  beyond 200 natural images") for line in lines)
    assert NaturalReference.load(Path("natural.json")).model == "source"


CHECKS = {
    "judge.py": _judge,
    "record_attack.py": _record_attack,
    "judge_folder.py": _judge_folder,
    "run_study.py": _run_study,
    "audit.py": _audit,
    "own_objective.py": _own_objective,
    "own_update.py": _own_update,
    "own_attack.py": _own_attack,
    "own_score.py": _own_score,
    "own_model.py": _own_model,
    "own_victim.py": _own_victim,
    "tiny.py": _tiny,
}


@pytest.mark.filterwarnings("ignore:what is natural:presoftmax.errors.PresoftmaxWarning")
@pytest.mark.parametrize("name", CHECKS)
def test_each_runs_by_itself_and_says_what_it_should(printed, name):
    if name == "record_attack.py" and importlib.util.find_spec("torchattacks") is None:
        pytest.skip("torchattacks is not installed; the test below records a loop in its place")
    CHECKS[name](printed(name))


@pytest.mark.filterwarnings("ignore:what is natural:presoftmax.errors.PresoftmaxWarning")
def test_the_recording_needs_no_other_library(printed, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    _record_attack_by_ourselves(printed("record_attack.py"))


def test_none_is_left_out():
    files = {path.name for path in EXAMPLES.glob("*.py")}
    assert files == set(CHECKS)
    table = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    for name in (*files, "own_study.toml"):
        assert f"| [{name}]({name}) |" in table
    for name in files:
        assert f"| `python {name}` |" in table
        assert len((EXAMPLES / name).read_text(encoding="utf-8").splitlines()) <= 45


def test_what_their_texts_name_is_there(place, monkeypatch):
    monkeypatch.chdir(place)
    named = {spec for path in EXAMPLES.glob("*.*") for spec in SPEC.findall(path.read_text(encoding="utf-8"))}
    assert len(named) >= 7
    for spec in named:
        load_object(spec, "piece", AttackError)


def readme_commands(name: str) -> list[list[str]]:
    """The arguments of the commands of that name in the README."""
    block = re.search(r"```bash\n(.*?)```", (EXAMPLES / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    lines = block[1].replace("\\\n", " ").splitlines()
    return [words[1:] for words in map(shlex.split, lines) if words[:2] == ["presoftmax", name]]


def finished(command, *arguments):
    code, out, errors = command(*arguments, "--json")
    assert code == 0, errors
    return json.loads(out)


def test_the_demo_takes_an_attack_an_objective_an_update_and_a_score(command, tmp_path, monkeypatch):
    monkeypatch.setattr(Figure, "savefig", lambda _, path, **__: Path(path).touch())  # drawing is most of the time
    (arguments,) = readme_commands("demo")
    assert {"--attack", "--objective", "--update", "--scores", "--source", "--victims"} < set(arguments)
    found = finished(command, *arguments, "--out", tmp_path / "out")
    assert (found["source"], found["victims"], found["images"]) == ("own_model:source", ["own_model:cousin"], 8)
    assert list(found["attacks"]) == ["diverse-margin", "lead"]
    table = tmp_path / "out" / "steps.parquet"
    described = json.loads(pl.read_parquet_metadata(table)["presoftmax"])["attacks"]["lead"]["attack"]
    assert described["objective"]["function"] == {"kind": "lead"}
    assert described["update"] == {"kind": "FewPixels", "size": 0.1, "share": 0.05, "decay": 0.9}
    inside, few = (pl.read_parquet(table).filter(attack=name) for name in found["attacks"])
    assert inside["linf"].max() == round(0.03 * 255)
    assert few["l0"].max() < 0.2 * 768
    assert _lead(few, 20) > _lead(few, 0) + 1
    for steps in (inside, few):
        assert steps.filter(iteration=20)["ahead"].mean() > steps.filter(iteration=0)["ahead"].mean() + 1


def test_the_demo_takes_a_black_box_as_victim(command, tmp_path):
    code, _, errors = command(*_demo(victims="own_victim.py:service"), "--steps", "2", "--out", tmp_path / "out")
    assert code == 0, errors


def test_finished_images_are_judged_with_a_score_and_a_black_box(command, printed, tmp_path):
    printed("own_score.py")
    (arguments,) = readme_commands("score")
    found = finished(command, *arguments, "--out", tmp_path / "out")
    assert list(found["transfer"]) == ["own_victim:service"]
    fooled = found["transfer"]["own_victim:service"]["all"]
    assert fooled["hits"] > 0.8 * fooled["of"]
    assert len(found["examples"]) == 40
    assert all(row["ahead"] > 2 for row in found["examples"])


def _lead(steps: pl.DataFrame, iteration: int) -> float:
    """What the objective of the examples drives up, from the columns of the table."""
    lead = pl.col("target_logits").list.first().cast(pl.Float64) - pl.col("logits_mean")
    return steps.filter(iteration=iteration).select(lead.mean()).item()


@dataclass(frozen=True)
class Study:
    results: Results
    report: StudyReport

    def steps(self, attack: str) -> pl.DataFrame:
        sources = ("own_model:source", "own_model:cousin")
        return pl.concat(self.results.steps(attack, source).collect() for source in sources)


@pytest.fixture(scope="module")
def study(place):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        folder = run_study(StudyConfig.load(Path("own_study.toml")), place / "study", LocalEngine(["cpu"]))
        results = Results.of(folder)
        return Study(results, write_study_report(results))


ATTACKS = {"over-optimized", "diverse_margin", "lead-in-few-pixels"}


def test_a_study_records_every_piece(study):
    assert {attack for attack, _ in study.results.groups()} == ATTACKS
    assert study.results.own_scores() == ("ahead",)
    transfers = study.results.transfers("diverse_margin", "own_model:source").collect()
    assert set(transfers["victim"]) == {"own_model:cousin", "own_victim:service"}
    for attack in ATTACKS:
        steps = study.steps(attack)
        assert steps["ahead"].is_finite().all()
        assert steps.filter(iteration=12)["ahead"].mean() > steps.filter(iteration=0)["ahead"].mean() + 1
    # The settings reach the user's own attack, and the objective and the update do what they say.
    assert study.steps("diverse_margin")["linf"].max() == math.ceil(0.05 * 255)
    few = study.steps("lead-in-few-pixels")
    assert 0.04 * 768 < few.filter(iteration=1)["l0"].max() < 0.06 * 768
    assert _lead(few, 12) > _lead(few, 0) + 1


def test_its_report_ranks_the_score_and_judges_the_attacks(study):
    rows = ranking_rows(study.report.summary)
    assert {row["attack"] for row in rows if row["score"] == "ahead" and row["across"] is not None} == ATTACKS
    content = json.loads(study.report.claims.read_text(encoding="utf-8"))
    within = {(row["attack"], row["victim"]): row["within"]["ahead"] for row in content["rankings"]}
    assert {attack for attack, _ in within} == ATTACKS
    assert within["diverse_margin", "own_victim:service"] > 0.3
    measured = {each["attack"] for claim in content["claims"].values() for each in claim["measured"]}
    assert measured >= ATTACKS
    assert content["claims"]["C8"]["verdict"] == "holds"
    composed_of = next(each for each in content["config"]["attacks"] if each["name"] == "lead-in-few-pixels")
    assert (composed_of["objective"], composed_of["update"]) == ("own_objective.py:lead", "own_update.py:FewPixels")
    page = study.report.page.read_text(encoding="utf-8")
    assert all(f"<td>{name}</td>" in page for name in (*ATTACKS, "ahead"))


def _demo(source: str = "own_model.py:source", victims: str = "own_model.py:cousin") -> list[str]:
    return ["demo", "--source", source, "--victims", victims, "--photos", "photos", "--labels", "labels.csv"]


# Of each option: a name that is not in a file, and something else than what is wanted.
WRONG = {
    "--attack": ("own_attack.py:nothing", "own_model.py:source"),
    "--objective": ("own_objective.py:nothing", "own_attack.py:diverse_margin"),
    "--update": ("own_update.py:nothing", "own_objective.py:quiet"),
    "--scores": ("own_score.py:nothing", "own_objective.py:quiet"),
    "--source": ("own_model.py:nothing", "own_attack.py:diverse_margin"),
    "--victims": ("own_victim.py:nothing", "own_objective.py:quiet"),
}


@pytest.mark.parametrize("option", WRONG)
def test_what_cannot_be_used_is_named_in_one_line(command, option):
    for spec in ("nowhere.py:anything", *WRONG[option]):
        code, out, errors = command(*_demo(), option, spec, "--out", "failed", "--json")
        last = errors.splitlines()[-1]
        assert code == 2, errors
        assert last.startswith("presoftmax: error: ")
        assert spec in last
        assert out == ""
        assert "Traceback" not in errors
        assert not Path("failed").exists()


PYTHON = {
    "--attack": (load_attack, AttackError),
    "--objective": (lambda spec: composed(objective=spec), AttackError),
    "--update": (lambda spec: composed(update=spec), AttackError),
    "--scores": (lambda spec: load_scores([spec]), ScoreError),
    "--victims": (load_victim, ModelError),
}


@pytest.mark.parametrize("option", PYTHON)
def test_it_is_an_error_of_its_kind_in_python(place, monkeypatch, option):
    monkeypatch.chdir(place)
    load, error = PYTHON[option]
    for spec in ("nowhere.py:anything", *WRONG[option]):
        with pytest.raises(error, match=re.escape(spec)):
            load(spec)


@pytest.mark.parametrize("number", range(3))
def test_a_study_names_it_before_anything_runs(command, number):
    good, option = [("own_attack.py:diverse_margin", "--attack"), ("own_objective.py:lead", "--objective"),
                    ("own_score.py:ahead", "--scores")][number]  # fmt: skip
    text = Path("own_study.toml").read_text(encoding="utf-8")
    for spec in ("nowhere.py:anything", *WRONG[option]):
        Path("wrong.toml").write_text(text.replace(good, spec), encoding="utf-8")
        code, _, errors = command("run", "wrong.toml", "--out", "failed")
        assert code == 2, errors
        assert spec in errors.splitlines()[-1]
        assert not Path("failed").exists()


def test_the_defense_runs_with_other_models_and_pictures(place, monkeypatch):
    """With the models of the extra `demo` it takes a minute or two; with a little network it says as much."""
    monkeypatch.chdir(place)
    text = Path("defense.toml").read_text(encoding="utf-8")
    for old, new in (
        ("efficientnet_lite0", "own_model.py:source"),
        ("efficientnet_lite1", "own_model.py:cousin"),
        ('path = "samples"', 'path = "photos"\nlabels = "labels.csv"'),
    ):
        assert old in text
        text = text.replace(old, new)
    Path("tiny_defense.toml").write_text(text, encoding="utf-8")
    with pytest.warns(PresoftmaxWarning, match="fewer images than"):
        done = evaluate_defense(StudyConfig.load("tiny_defense.toml"), place / "defense")
    assert (done.folder / "defense.html").is_file()
    assert {price.attacker for price in done.summary.prices} == {"unaware", "selective", "mimicry", "any of them"}
