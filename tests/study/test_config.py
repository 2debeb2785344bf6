"""A study's TOML: what is wrong is said with its line."""

import pytest

from presoftmax import attacks
from presoftmax.errors import StudyError
from presoftmax.study.config import StudyConfig
from presoftmax.study.presets import preset, template

GOOD = """
models = ["torchvision/alexnet", "torchvision/vgg16"]
seed = 3

[images]
path = "photos"
count = 20

[[attacks]]
kind = "over-optimized"
steps = 10

[[attacks]]
kind = "multi-class"
classes = 3
steps = 10
"""


def load(tmp_path, text):
    path = tmp_path / "study.toml"
    path.write_text(text)
    return StudyConfig.load(path)


def test_defaults_are_the_papers(tmp_path):
    config = load(tmp_path, GOOD)
    single, several = config.attacks
    assert (single.alpha, single.discretization) == (0.15, "every-step")
    assert (several.alpha, several.classes) == ((0.05, 0.1), 3)
    assert single.build().name == "over-optimized"
    assert several.build().num_targets == 3


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("seed = 3", "sead = 3", 3, "sead: there is no such setting"),
        ("seed = 3", 'seed = "three"', 3, "seed: .*integer"),
        ("count = 20", "count = 0", 7, "images.count: .*greater than or equal to 1"),
        ("count = 20", "amount = 20", 7, "images.amount: there is no such setting"),
        ("steps = 10\n\n", "steps = 10\nclasses = 2\n\n", 12, "attacks.0.classes: there is no such setting"),
        ("classes = 3", "classes = 1", 15, "attacks.1.classes: .*greater than or equal to 2"),
        (
            'kind = "multi-class"',
            'kind = "fgsm"',
            14,
            "attacks.1.kind: an attack has one of over-optimized",
        ),
        ("classes = 3", "alpha = [0.2, 0.1]", None, "smaller one first"),
        ("classes = 3", "targets = [4]", 15, "attacks.1.targets: 1 given, the attack takes 2"),
        ("classes = 3", 'sources = ["torchvision/resnet50"]', 15, "attacks.1.sources: .*not among the models"),
        ('kind = "multi-class"\nclasses = 3', 'kind = "over-optimized"', 9, "two are called 'over-optimized'"),
        ('"torchvision/vgg16"', '"torchvision/alexnet"', 2, "models: 'torchvision/alexnet' is named twice"),
        ("seed = 3", 'victims = ["torchvision/alexnet"]', 3, "victims: .*among the models already"),
        ("models = [", "models = [[", None, "not TOML"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, old, new, line, words):
    assert old in GOOD
    with pytest.raises(StudyError, match=words) as caught:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert "\n" not in str(caught.value)
    if line is not None:
        assert f"study.toml:{line}:" in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(StudyError, match="nowhere.toml: No such file"):
        StudyConfig.load(tmp_path / "nowhere.toml")


def test_differences_name_the_setting(tmp_path):
    one = load(tmp_path, GOOD)
    other = load(tmp_path, GOOD.replace("classes = 3", "classes = 4").replace("seed = 3", "seed = 4"))
    assert one.differences(one) == []
    assert one.differences(other) == ["attacks.1.classes: 3 here, 4 there", "seed: 3 here, 4 there"]


def test_the_template_is_the_papers_study(tmp_path):
    config = load(tmp_path, template())
    paper = preset("paper", "/path/to/imagenet", None, None)
    assert config.differences(paper.model_copy(update={"title": config.title})) == []
    assert (config.images.count, [attack.steps for attack in config.attacks]) == (2500, [500, 500])


def test_the_papers_panel_needs_imagenet_and_offers_another():
    with pytest.raises(StudyError, match="--imagenet DIR.*--panel efficientnet-lite"):
        preset("paper", None, None, None)
    small = preset("efficientnet-lite", None, 4, 5, "fast")
    assert small.precision == "fast"
    assert (small.images.path, small.images.count, small.attacks[1].steps) == ("samples", 4, 5)
    with pytest.raises(StudyError, match="no panel 'nothing'"):
        preset("nothing", None, None, None)


def test_a_file_is_a_panel_too(tmp_path):
    (tmp_path / "mine.toml").write_text(GOOD)
    config = preset(str(tmp_path / "mine.toml"), "elsewhere", 7, None)
    assert (config.images.path, config.images.count, config.attacks[0].steps) == ("elsewhere", 7, 10)


POPULAR_ONE = """
[[attacks]]
kind = "di-fgsm"
steps = 4
epsilon = "8/255"
alpha = 0.01
probability = 0.7
goal = "targeted"
"""


def test_popular_attacks_are_what_their_functions_build(tmp_path):
    attack = load(tmp_path, GOOD + POPULAR_ONE).attacks[2]
    expected = attacks.di_fgsm(steps=4, epsilon=8 / 255, alpha=0.01, probability=0.7, goal="targeted")
    assert attack.build() == expected
    assert attack.build().num_targets == 1
    assert load(tmp_path, GOOD + POPULAR_ONE.replace('goal = "targeted"', "")).attacks[2].build().num_targets == 0


def test_every_popular_attack_can_be_part_of_a_study(tmp_path):
    for kind, make in attacks.POPULAR.items():
        text = f'{GOOD}\n[[attacks]]\nkind = "{kind}"\n'
        assert load(tmp_path, text).attacks[2].build() == make()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("probability = 0.7", "kappa = 3.0", "study.toml:23: attacks.2.kappa: di-fgsm has no such setting"),
        ('"8/255"', '"8/0"', "study.toml:21: attacks.2.epsilon: '8/0' is not a fraction"),
        ('"8/255"', "-1", "study.toml:21: attacks.2.epsilon: .*greater than 0"),
        ("probability = 0.7", "probability = 7", "study.toml:23: attacks.2.probability: .*less than or equal to 1"),
    ],
)
def test_settings_of_popular_attacks_that_make_no_sense(tmp_path, old, new, words):
    with pytest.raises(StudyError, match=words):
        load(tmp_path, GOOD + POPULAR_ONE.replace(old, new))
