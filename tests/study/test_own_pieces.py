"""Attacks, objectives, updates and scores of a user's own file: what goes wrong is said in a line, with their name."""

import pytest
import torch

import presoftmax as ps
from presoftmax import attacks
from presoftmax.errors import AttackError, PresoftmaxError, ScoreError, StudyError
from presoftmax.study import Results, StudyConfig, StudyFolder, status_of
from presoftmax.study.report import write_study_report
from tests.study.conftest import model, run

FILE = """
import torch
from neighbor import SIZE
from presoftmax import attacks

def attack(size=SIZE, steps=3):
    return attacks.Attack("mine", attacks.TargetLogit(), attacks.GradientStep(size), steps)

ready = attacks.bim(steps=20)
not_an_attack = 3

def wrong():
    return "nothing"

def raising():
    raise KeyError("oops")

def loss(logits, goal):
    return logits.gather(1, goal.labels[:, None]).neg()[:, 0]

def scalar(logits, goal):
    return logits.sum()

def detached(logits, goal):
    return logits[:, 0].detach()

def failing(logits, goal):
    return logits[:, 99]

class Step(attacks.Update):
    def __init__(self, size):
        self.size = size
    def step(self, gradients, state):
        return self.size * gradients[0], state

class Broken(attacks.Update):
    def step(self, gradients, state):
        return gradients[0]

def height(logits, facts):
    return logits.amax(dim=1)

def matrix(logits, facts):
    return logits
"""


@pytest.fixture
def mine(tmp_path):
    (tmp_path / "neighbor.py").write_text("SIZE = 0.02\n")
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    return lambda name: f"{path}:{name}"


def own(study, mine, **changes):
    content = {
        "models": [model("one"), model("two")],
        "images": {**study().values()["images"], "count": 4},
        "attacks": [{"kind": mine("attack"), "settings": {"size": "1/50"}, "steps": 2}],
        "scores": [mine("height")],
        "shard": 4,
    }
    return StudyConfig.model_validate(content | changes)


def test_a_study_of_ones_own_pieces_alone_is_run_reported_and_read_when_the_file_is_gone(study, mine, tmp_path):
    composed = {"kind": "composed", "objective": mine("loss"), "update": mine("Step"), "steps": 2, "classes": 0}
    config = own(study, mine)
    config = own(study, mine, attacks=[*config.values()["attacks"], composed])
    folder = run(config, tmp_path / "out")
    results = Results.of(folder)
    steps = results.steps("attack", "panel:one").collect()
    assert steps["iteration"].max() == 2
    assert steps["height"].to_list() == pytest.approx(steps["ca1"].to_list())
    assert results.steps("composed", "panel:one").collect()["targets"].list.len().sum() == 0
    report = write_study_report(results)
    assert "height" in next(iter(report.summary.claims.rankings.values())).across
    (tmp_path / "mine.py").unlink()
    assert status_of(StudyFolder.open(folder.path)).finished
    write_study_report(Results.of(StudyFolder.open(folder.path)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "nowhere.py:attack"}, "attacks.0: attack 'nowhere.py:attack': no file nowhere.py"),
        ({"kind": "{mine}nix"}, "no attack 'nix' in .*mine.py; there are SIZE, attack, ready, not_an_attack, wrong"),
        ({"kind": "{mine}wrong"}, "gave str, no Attack"),
        ({"kind": "{mine}raising"}, "it raised KeyError: 'oops'"),
        ({"kind": "{mine}not_an_attack"}, "a function was expected, it is of type int"),
        ({"kind": "{mine}attack", "settings": {"sighs": 1}}, "unexpected keyword argument 'sighs'"),
        ({"kind": "{mine}ready", "settings": {"sighs": 1}}, "is an Attack, not a function: it takes no sighs"),
        ({"kind": "composed", "objective": "{mine}attack"}, "gave Attack, no Objective and no function"),
        ({"kind": "composed", "objective": "nothing"}, "no objective 'nothing'; there are target-logit"),
        ({"kind": "composed", "update": "{mine}loss"}, "gave|raised"),
        ({"kind": "composed", "update": "{mine}Step", "targets": [1, 2]}, "2 given, the attack takes 1"),
    ],
)
def test_wrong_pieces_are_refused_before_anything_runs(study, mine, tmp_path, changes, words):
    filled = {
        key: value.replace("{mine}", mine("")) if isinstance(value, str) else value for key, value in changes.items()
    }
    with pytest.raises((StudyError, ValueError), match=words):
        run(own(study, mine, attacks=[filled]), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("score", "words"),
    [
        ("attack", "no Score and no function of logits and facts"),
        ("Step", "no Score and no function of logits and facts"),
        ("not_an_attack", "of type int, no Score"),
        ("nix", "no score 'nix' in"),
    ],
)
def test_wrong_scores_are_refused_before_anything_runs(study, mine, tmp_path, score, words):
    with pytest.raises(ScoreError, match=words):
        run(own(study, mine, scores=[mine(score)]), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_steps_reach_an_attack_of_ones_own(mine):
    assert attacks.load_attack(mine("ready"), steps=3).steps == 3
    assert attacks.load_attack(mine("attack"), optional={"steps": 7, "discretization": "final"}).steps == 7
    with pytest.raises(AttackError, match="no option 'nonsense'"):
        attacks.load_attack("pgd", nonsense=1)


@pytest.mark.parametrize(
    ("objective", "update", "words"),
    [
        ("scalar", None, r"the objective FunctionLoss gave \(\) for 5 examples; expected \(5,\)"),
        ("detached", None, "gave numbers without a gradient"),
        ("failing", None, "the objective FunctionLoss raised IndexError: index 99"),
        ("loss", "Broken", "the update Broken raised ValueError: not enough values|the update Broken raised"),
    ],
)
def test_what_a_piece_raises_while_it_runs_is_said_with_its_name(mine, photos, tiny, objective, update, words):
    attack = attacks.composed(mine(objective), mine(update) if update else "gradient", steps=2, classes=0)
    with pytest.raises(AttackError, match=words):
        ps.trace(attack, tiny, photos)


def test_what_a_score_gives_is_checked(mine, photos, tiny):
    matrix = ps.scores.load_scores([mine("matrix")])
    with pytest.raises(ScoreError, match=r"the score matrix gave \(\d+, 7\) for logits \(\d+, 7\); expected \(N,\)"):
        ps.trace(attacks.over_optimized(2), tiny, photos, scores=matrix)
    with pytest.raises(ScoreError, match="needs 'naturals'; known are labels, natural, targets"):
        ps.scores.score(needs=("naturals",))(lambda logits, facts: logits[:, 0])
    two = [lambda z, facts: z[:, 0], lambda z, facts: z[:, 1]]
    assert ps.trace(attacks.over_optimized(2), tiny, photos, scores=two).steps.columns[-2:] == ["score_1", "score_2"]
    with ps.record(tiny, photos.images, photos.labels, scores=two[:1]) as recording:
        tiny(photos.images.float() / 255)
    assert recording.steps.columns[-1] == "score_1"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: attacks.Attack("a", "target-logit", attacks.GradientStep(1), 2), "an objective is an Objective or a"),
        (lambda: attacks.Attack("a", attacks.TargetLogit(), torch.sign, 2), "an update is an Update, not builtin"),
        (lambda: attacks.composed(objective=3), "an objective is an Objective or a function, not int"),
        (lambda: attacks.composed(update=3), "an update is an Update or a name, not int"),
    ],
)
def test_pieces_of_the_wrong_kind_are_refused(make, words):
    with pytest.raises(PresoftmaxError, match=words):
        make()
    with pytest.raises(TypeError, match="not the text .over-optimized.; attacks.load_attack"):
        ps.trace("over-optimized", None, None)
