"""Every score against numbers worked out by hand: a formula with a wrong sign, order or class is noticed here."""

import math
from collections import Counter
from dataclasses import dataclass

import pytest
import torch

from presoftmax import scores
from presoftmax.errors import ScoreError
from presoftmax.scores.natural import NaturalReference, Tail, TopLogits

FEWEST_ROWS = 2


@dataclass(frozen=True)
class Row:
    """One example: its logits, what is known of it, and what the score is."""

    score: str
    logits: list[float]
    value: float
    label: int | None = None
    targets: list[int] | None = None
    natural: NaturalReference | None = None

    def facts(self):
        return scores.Facts(
            None if self.label is None else torch.tensor([self.label]),
            None if self.targets is None else torch.tensor([self.targets]),
            self.natural,
        )


def natural(shape):
    """CA1 of 1 to 10 with a tail from 8 on; two largest logits around 4 and 2, of quadratic form x² + xy + 2 y²."""
    tail = Tail(tuple(float(value) for value in range(1, 11)), threshold=8.0, share=0.2, shape=shape, scale=2.0)
    return NaturalReference("by hand", 3, 10, {}, tail, TopLogits((4.0, 2.0), ((1.0, 0.5), (0.5, 2.0))))


# The tail beyond 8: (1 + (x - 8) / 4)^-2 for the one of shape 1/2, exp(-(x - 8) / 2) for the one of shape 0.
HEAVY, LIGHT = natural(shape=0.5), natural(shape=0.0)

ROWS = (
    Row("confidence", [1, 0, 0], 0.5761168847658291),  # 1 / (1 + 2 e^-1)
    Row("confidence", [0, 2, 1, 2], 0.3994863046503028),  # 1 / (2 + e^-1 + e^-2): two on top
    Row("confidence", [-3.5, -3.5, -3.5, -3.5], 0.25),
    Row("confidence", [0, 20, 0], 1.0),  # 1 - 4e-9, to float32 exactly 1
    Row("ca1", [-2, 3.140625, 1.5], 3.140625),
    Row("ca1", [-9, -7.421875, -7.5, -8.25], -7.421875),
    Row("ca1", [0, 1, 2, 523.015625], 523.015625),
    Row("log_odds", [0, 1, 0], 0.3068528194400547),  # 1 - log 2
    Row("log_odds", [2, 1, 0, 2], -0.4076059644443803),  # 2 - log(e^2 + e + 1): a tie on top, each is the other's rival
    Row("log_odds", [0, 0, 0, 0], -1.0986122886681098),  # -log 3
    Row("log_odds", [100, 0, 0, 0], 98.90138771133189),  # 100 - log 3, where the float32 confidence is 1
    Row("margin", [1.5, 4.640625, 2.265625], 2.375),
    Row("margin", [7.25, -1, 7.25, 0], 0.0),
    Row("margin", [-300.5, 0, 600.25, 1.0625], 599.1875),
    Row("logsumexp", [1, 0, 0], 1.5514447139320511),  # log(e + 2)
    Row("logsumexp", [0, 0, 0, 0, 0], 1.6094379124341003),  # log 5
    Row("logsumexp", [0, 800, 799], 800.3132616875182),  # 800 + log(1 + e^-1)
    Row("logsumexp", [-801, -2000, -800], -799.6867383124818),  # -800 + log(1 + e^-1)
    Row("misclassification_log_odds", [1, 0, 2], 1.1269280110429725, label=0),  # log(1 + e^2) - 1
    Row("misclassification_log_odds", [1, 0, 2], -0.6867383124817772, label=2),  # log(e + 1) - 2
    Row("misclassification_log_odds", [3, 3, 3], 0.6931471805599453, label=1),  # log 2
    Row("misclassification_log_odds", [500, 0, 499, -40], 500.3132616875182, label=1),  # 500 + log(1 + e^-1)
    Row("misclassification_log_odds", [60, 0, 0], -59.306852819440055, label=0),  # log 2 - 60
    Row("true_margin", [1, 0.25, 2.140625], 1.140625, label=0),  # 2.140625 - 1
    Row("true_margin", [1, 0.25, 2.140625], -1.140625, label=2),  # 1 - 2.140625: it is right
    Row("true_margin", [5, -2, 5, 0], 0.0, label=2),
    Row("true_margin", [-250.5, 400.25, 3], 650.75, label=0),
    Row("group_log_odds", [2, 1, 0, 0], 1.6201145069582775, targets=[0, 1]),  # 2 + log(1 + e^-1) - log 2
    Row("group_log_odds", [0, 1, 0], 0.3068528194400547, targets=[1, 1]),  # 1 - log 2: a repeat counts once
    Row("group_log_odds", [0, 3, -2, 1, 3], 3.631695664636541, targets=[4, 1, 3]),  # log(2 e^3 + e) - log(1 + e^-2)
    Row("group_log_odds", [2, -3, 0, -4], -4.81366632352475, targets=[1, 3]),  # log(e^-3 + e^-4) - log(e^2 + 1)
    # 523 + log(1 + e^-0.5) - 14 - log(1 + e^-14)
    Row("group_log_odds", [14, 522.5, 0, 523], 509.47407615265173, targets=[3, 1]),
    Row("best_group_log_odds", [1, 5, 0], 3.686738312481777),  # one: 5 - log(e + 1)
    Row("best_group_log_odds", [0, 5, 0, 4.5], 4.780929803620161),  # two: log(e^5 + e^4.5) - log 2
    # three: log(e^6 + e^5.5 + e^5) - log(1 + 2 e^-1)
    Row("best_group_log_odds", [-1, 5.5, 0, 6, 5, -1], 6.1288249567096835),
    Row("best_group_log_odds", [4, -1, 0, 4], 4.3798854930417225),  # a tie on top: 4 + log 2 - log(1 + e^-1)
    Row("best_group_log_odds", [0, 2, 1], 0.6867383124817772),  # of equal gaps the first: 2 - log(e + 1)
    # 523 + log(1 + e^-0.5) - 14 - log(1 + 3 e^-14)
    Row("best_group_log_odds", [0, 522.5, 14, 523, 0, 0], 509.47407448959706),
    Row("best_group_log_odds", [4, 0, 3.5], 4.474076984180107),  # all but one: 4 + log(1 + e^-0.5)
    Row("best_group_log_odds", [9] * 10 + [0] * 3, 10.203972804325936),  # 9 + log 10 - log 3
    # Of eleven none of the first ten gaps is above 0, so the group is one class: 9 - log(10 e^9 + 2)
    Row("best_group_log_odds", [9] * 11 + [0] * 2, -2.3026097746502684),
    Row("negative_entropy", [2.5, 2.5, 2.5, 2.5], -1.3862943611198906),  # -log 4
    Row("negative_entropy", [0, 1, 0], -0.9753278291662220),  # 1 / (1 + 2 e^-1) - log(e + 2)
    Row("negative_entropy", [2, 1, 0, -1], -0.9475369639754256),  # p of 0.643914, 0.236883, 0.087144, 0.032059
    Row("negative_entropy", [40, 0, 0], -3.483650489339103e-16),  # about -2 (1 + 40) e^-40
    Row("negative_renyi_entropy", [2.5, 2.5, 2.5, 2.5], -1.3862943611198906),  # -log 4
    Row("negative_renyi_entropy", [0, 1, 0], -0.8633446616422177),  # log(e^2 + 2) - 2 log(e + 2)
    Row("negative_renyi_entropy", [2, 1, 0, -1], -0.7353014581616084),  # log of the sum of their squares
    Row("negative_renyi_entropy", [40, 0, 0], -1.6993417021166356e-17),  # about -4 e^-40
    Row("tail", [0, 0.5, -3], 0.0, natural=HEAVY),  # below all: -log(11 / 11)
    Row("tail", [5, 0, 5], 0.4519851237430572, natural=HEAVY),  # 6 of 10 are 5 or more: -log(7 / 11)
    Row("tail", [0, 1, 8], 1.0116009116784799, natural=HEAVY),  # at the threshold, 3 of 10: -log(4 / 11)
    Row("tail", [12, 0, 0], 2.995732273553991, natural=HEAVY),  # -log(0.2 * (1 + 1)^-2) = log 20
    Row("tail", [12, 0, 0], 3.6094379124341004, natural=LIGHT),  # log 5 + 4 / 2
    Row("tail", [0, 1008, 0], 12.660343790697668, natural=HEAVY),  # log 5 + 2 log 251
    Row("tail", [0, 1008, 0], 501.6094379124341, natural=LIGHT),  # log 5 + 1000 / 2
    Row("top_k_distance", [0, 4, 2], 0.0, natural=HEAVY),
    Row("top_k_distance", [2, 5, 4], 3.3166247903553998, natural=HEAVY),  # off by (1, 2): √(1 + 2 + 8)
    Row("top_k_distance", [3, 1, 2], 1.0, natural=LIGHT),  # off by (-1, 0)
    Row("top_k_distance", [3, -9, 3], 1.4142135623730951, natural=HEAVY),  # a tie, off by (-1, 1): √(1 - 1 + 2)
    Row("top_k_distance", [2, 1004, 2], 1000.0, natural=HEAVY),  # off by (1000, 0)
)

RANGES = {
    "any real number": lambda classes: (-math.inf, math.inf),
    "at least 0": lambda classes: (0, math.inf),
    "at least -log(M - 1)": lambda classes: (-math.log(classes - 1), math.inf),
    "[1/M, 1]": lambda classes: (1 / classes, 1),
    "[-log M, 0]": lambda classes: (-math.log(classes), 0),
}


def close_to(row):
    """Exact where it is 0 or 1; else to nearly all digits of float64, for the confidence of float32."""
    exact = row.value in (0, 1)
    return pytest.approx(row.value, rel=0 if exact else 1e-6 if row.score == "confidence" else 1e-12, abs=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.score}-{row.value:.6g}")
def test_the_score_is_the_number_worked_out_by_hand(row, dtype):
    found = scores.compute(row.score, torch.tensor([row.logits], dtype=dtype), row.facts())
    assert found.dtype == torch.float64
    assert found.tolist() == [close_to(row)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.score}-{row.value:.6g}")
def test_the_number_is_in_the_range_that_is_stated(row):
    least, most = RANGES[scores.SCORES[row.score].range](len(row.logits))
    assert least - 1e-12 <= row.value <= most


def test_every_score_has_its_rows():
    rows = Counter(row.score for row in ROWS)
    assert set(rows) == set(scores.SCORES)
    assert min(rows.values()) >= FEWEST_ROWS


@pytest.mark.parametrize("score", scores.SCORES.values(), ids=lambda score: score.name)
def test_a_score_says_its_unit_its_range_and_what_fools_it(score):
    assert all((score.formula, score.unit, score.fooled_by, score.source))
    assert score.range in RANGES


@pytest.mark.parametrize("score", [score for score in scores.SCORES.values() if score.needs], ids=lambda s: s.name)
def test_a_score_needs_what_it_says(score):
    row = next(row for row in ROWS if row.score == score.name)
    known = [name for name in ("labels", "targets", "natural") if getattr(row.facts(), name) is not None]
    assert tuple(known) == score.needs
    with pytest.raises(ScoreError, match=f"the score {score.name} needs {score.needs[0]}"):
        scores.compute(score.name, torch.tensor([row.logits]))


def test_the_tail_that_is_fitted():
    """Of 0 to 19, the 5 largest exceed 14 by 1 to 5: a law that would end, so an exponential one of mean 3."""
    tail = Tail.fit(torch.arange(20).flip(0).double().numpy())
    assert tail.values == tuple(range(20))
    assert (tail.threshold, tail.share, tail.shape, tail.scale) == (14, 0.25, 0, 3)


def test_the_top_logits_that_are_fitted():
    """Variances 2/3 and 8/3, mean 5/3: shrunk by a tenth, 0.9 * 2/3 + 0.1 * 5/3 = 23/30 and 0.9 * 8/3 + 1/6 = 77/30."""
    top = TopLogits.fit(torch.tensor([[2.0, 0.0], [4.0, 0.0], [3.0, 2.0], [3.0, -2.0]], dtype=torch.float64))
    assert top.mean == (3, 0)
    assert top.precision[0] == pytest.approx((1.304347826086956, 0))  # 30 / 23
    assert top.precision[1] == pytest.approx((0, 0.3896103896103896))  # 30 / 77
