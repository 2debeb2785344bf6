"""Every claim on tables small enough to judge by hand: the value, and the verdict on each side of the threshold."""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import pytest

from presoftmax.analysis import by_source
from presoftmax.analysis.claims import (
    CLAIM_COLUMNS,
    CLAIMS,
    Evidence,
    Measurement,
    everywhere,
    judge,
    ranks_transfer,
)
from presoftmax.analysis.prediction import ModelFacts, Points, evaluate
from presoftmax.analysis.prediction.points import OWN
from presoftmax.tables import schema

HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "not measurable here"
NATURAL = 40.0
THRESHOLDS = {
    "C1": 0.5, "C2": 1.1, "C3": 0.5, "C4": 10, "C5": 0.5, "C6": 0.75, "C7": 1, "C8": 0.5, "C9": 0, "C10": 1, "C11": 0,
    "C12": 0,
}  # fmt: skip
CONSTANT = [name for name in CLAIM_COLUMNS if name != "hit"]
ONCE_FOOLED = "with_such_a_pair_once_fooled_and_by_0.01"


@dataclass(frozen=True)
class Example:
    """One trajectory, a word or a digit per iteration; it transfers, and hits a target, where the digit is 1."""

    ca1: str = "10 20 30 50"
    confidence: str = "0.5 0.5 0.5 0.5"
    transfers: str = "0000"
    hits: str = ""
    log_odds: str = ""

    def steps(self):
        """Column to value, of each iteration; all other columns are 1."""
        length = len(self.transfers)
        columns = self.ca1, self.confidence, self.log_odds or "1 " * length
        numbers = ([float(word) for word in words.split()] for words in columns)
        for ca1, confidence, log_odds, hit in zip(*numbers, self.hits or "0" * length, strict=True):
            values = {"ca1": ca1, "confidence": confidence, "saturated": confidence == 1, "predicted": int(hit)}
            yield dict.fromkeys(CONSTANT, 1) | values | {"misclassification_log_odds": log_odds}


@dataclass(frozen=True)
class Attack:
    """An attack on classes 1 to k, away from class 0; the examples are numbered from ``first`` on.

    ``also`` is how its examples transfer to a victim w besides v.
    """

    examples: list[Example]
    k: int = 1
    also: str = ""
    iterations: tuple[int, ...] = ()
    first: int = 0

    @property
    def name(self):
        return "single" if self.k == 1 else "several"

    def rows(self):
        """Rows of the tables of steps and of transfers."""
        steps, transfers = [], []
        for number, example in enumerate(self.examples, self.first):
            shown = {"v": example.transfers} | ({"w": self.also} if self.also else {})
            for i, values in enumerate(example.steps()):
                iteration = self.iterations[i] if self.iterations else i
                keys = {"attack": self.name, "source": "s", "example": f"e{number:02d}", "iteration": iteration}
                steps.append(keys | values | {"targets": list(range(1, self.k + 1))})
                for victim, flags in shown.items():
                    said = {"predicted": 9, "misclassified": flags[i] == "1", "targeted": False}
                    transfers.append(keys | {"victim": victim} | said)
        return steps, transfers


def one(*groups, **about):
    """An attack on one class, of groups of equal examples: (how many, example)."""
    return (Attack([example for count, example in groups for _ in range(count)], **about),)


def several(*groups, k=2, **about):
    return one(*groups, k=k, **about)


@dataclass(frozen=True)
class Row:
    """A claim on attacks, of which the last is looked at: what is measured, whether it holds, on how many examples."""

    claim: str
    what: str
    attacks: tuple[Attack, ...] | Points
    value: float | None
    verdict: str
    examples: int
    details: dict[str, float | None] = field(default_factory=dict)
    threshold: float | None = None
    natural: float | None = NATURAL
    subject: str = ""

    @property
    def bound(self):
        return THRESHOLDS[self.claim] if self.threshold is None else self.threshold


def trajectories(attack):
    steps, transfers = attack.rows()
    types = schema.polars_schema(schema.STEPS)
    frame = pl.DataFrame(steps, schema={name: types[name] for name in steps[0]})
    return next(by_source(frame, pl.DataFrame(transfers), CLAIM_COLUMNS))


def measurement(row):
    """The one of the last attack, on the victim v."""
    if isinstance(row.attacks, Points):
        (chosen,) = [each for each in ranks_transfer(evaluate(row.attacks)) if each.subject == row.subject]
        return chosen
    natural = {} if row.natural is None else {"s": row.natural}
    found = judge(map(trajectories, row.attacks), Evidence({"several": "single"}, natural, 50, {})).of(row.claim)
    of_attack = [each for each in found if each.attack in (row.attacks[-1].name, "all")]
    (chosen,) = [each for each in of_attack if each.victim in (None, "v") and row.subject in ("", each.subject)]
    return chosen


SURE, UNSURE = Example(confidence="0.5 1 1 1"), Example(confidence="0.5 0.5 0.5 0.5")
SURE_ONCE = Example(confidence="0.5 0.5 1 0.5")

C1 = [
    Row("C1", "half of them", one((5, SURE), (5, UNSURE)), 0.5, HOLDS, 10),
    Row("C1", "fewer than half", one((5, SURE), (6, UNSURE)), 5 / 11, FAILS, 11),
    # Four from iteration 1, six from iteration 2.
    Row("C1", "exactly 1 in between is not at the end", one((4, SURE), (6, SURE_ONCE)), 0.4, FAILS, 10,
        {"ever_saturated": 1, "median_first_saturated_iteration": 2, "mean_final_confidence": 0.7}),
    Row("C1", "too few", one((9, SURE)), 1, UNKNOWN, 9),
]  # fmt: skip


def rising(ca1):
    """The confidence is exactly 1 from the second iteration on."""
    return Example(ca1, "0.5 1 1 1")


NEVER_SURE, SURE_AT_THE_END = Example("10 20 30 90"), Example("10 20 30 90", "0.5 0.5 0.5 1")
FROM_BELOW = rising("-5 -2 0 90")

C2 = [
    Row("C2", "11 / 10", one((10, rising("5 10 30 11"))), 1.1, HOLDS, 10),
    Row("C2", "10.75 / 10", one((10, rising("5 10 30 10.75"))), 1.075, FAILS, 10),
    # (6 * 1.25 + 5 * 0.5) / 11 = 0.91
    Row("C2", "the median is above, the mean below", one((6, rising("2 16 16 20")), (5, rising("2 16 16 8"))),
        1.25, HOLDS, 11, {"share_that_rises": 6 / 11, "mean_ca1_at_saturation": 16}),
    # (6 * 1 + 5 * 9) / 11 = 4.6
    Row("C2", "the median is below, the mean above", one((6, rising("2 10 16 10")), (5, rising("2 10 16 90"))),
        1, FAILS, 11, {"share_that_rises": 5 / 11}),
    Row("C2", "those that say nothing are left out",
        one((10, rising("2 8 16 12")), (1, NEVER_SURE), (2, SURE_AT_THE_END), (3, FROM_BELOW)), 1.5, HOLDS, 10),
    Row("C2", "only at the very end", one((12, SURE_AT_THE_END)), None, UNKNOWN, 0),
    Row("C2", "too few", one((9, rising("2 8 16 12")), (9, NEVER_SURE)), 1.5, UNKNOWN, 9),
]  # fmt: skip

BEYOND, AS_FAR, BELOW = Example("1 50 60 40.5"), Example("1 50 60 40"), Example("1 50 60 39.5")

C3 = [
    Row("C3", "half of them", one((5, BEYOND), (5, BELOW)), 0.5, HOLDS, 10, {"mean_final_ca1": 40}),
    Row("C3", "as far is not beyond", one((5, BEYOND), (6, AS_FAR)), 5 / 11, FAILS, 11),
    Row("C3", "several classes", several((12, AS_FAR)), 0, FAILS, 12, {"largest_natural_ca1": 40}),
    Row("C3", "nothing natural is known", one((12, BEYOND)), None, UNKNOWN, 12, natural=None),
]


def transferring(transfers, confidence="0.5 0.5 1 1 1", ca1="10 20 30 40 50"):
    return Example(ca1, confidence, transfers)


EARLY, LATE, NEVER = transferring("01111"), transferring("00011"), transferring("00000", "0 0 0 0 0")
ALMOST_SURE = transferring("00011", "0 0 0.96875 1 1")

C4 = [
    Row("C4", "9 in 10 before, all at the end", one((9, EARLY), (1, LATE)), 10, HOLDS, 10,
        {"iteration": 2, "transferability_at_0.99": 90, "ca1_rise": 20}),
    Row("C4", "10 in 11 before", one((10, EARLY), (1, LATE)), 100 / 11, FAILS, 11),
    Row("C4", "those that never transfer count only among all", one((4, EARLY), (6, LATE), (10, NEVER)), 60, HOLDS, 10,
        {"iteration": 2, "transferability_at_0.99": 40, "mean_confidence_at_the_end_all_examples": 0.5,
         "transferability_at_that_iteration_all_examples": 20, "transferability_at_the_end_all_examples": 50}),
    Row("C4", "CA1 as before", one((10, transferring("00011", ca1="10 20 30 40 30"))), 100, FAILS, 10, {"ca1_rise": 0}),
    Row("C4", "CA1 falls", one((10, transferring("00011", ca1="10 20 50 30 40"))), 100, FAILS, 10, {"ca1_rise": -10}),
    # (5 * 0.96875 + 6 * 1) / 11 = 0.986 at iteration 2, though half of them are sure.
    Row("C4", "the mean is high one later", one((5, ALMOST_SURE), (6, EARLY)), 0, FAILS, 11,
        {"iteration": 3, "transferability_at_0.99": 100}),
    Row("C4", "0.9921875 is high", one((10, transferring("00011", "0 0 0.9921875 1 1"))), 100, HOLDS, 10,
        {"iteration": 2}),
    Row("C4", "0.984375 is not", one((10, transferring("00011", "0 0 0.984375 1 1"))), 0, FAILS, 10, {"iteration": 3}),
    Row("C4", "by iteration, not position", one((10, LATE), iterations=(0, 1, 7, 20, 55)), 100, HOLDS, 10,
        {"iteration": 7}),
    Row("C4", "high only at the end", one((10, transferring("01111", "0 0 0 0 1"))), None, UNKNOWN, 10),
    Row("C4", "nothing transfers", one((12, NEVER)), None, UNKNOWN, 0),
    Row("C4", "too few transfer", one((9, LATE), (3, NEVER)), 100, UNKNOWN, 9),
]  # fmt: skip

DISGUISED = Example("10 20 25 30", "0.5 0.875 0.75 0.875")  # from the second to the third
AT_A_DISTANCE = Example("10 4 12 13", "0.875 0.25 0.5 0.75")  # from the first to the third, of no two neighbors
OPEN = Example("10 20 25 30", "0.5 0.75 0.75 0.875")
AS_HIGH = Example("10 20 20 30", "0.5 0.875 0.75 0.875")
LOWER = Example("10 20 15 30", "0.5 0.875 0.75 0.875")
SURE_IN_THE_END = Example("10 20 25 30", "0.5 0.875 0.75 1")
SEEN = Example("10 20 25 30", "0.5 0.875 0.75 0.875", hits="0110")
NOT_YET_FOOLED = Example("10 20 25 30", "0.5 0.875 0.75 0.875", hits="0010")
HARDLY_SEEN = Example("10 20 25 30", "0.5 0.875 0.8671875 0.875", hits="1111")  # falls by 0.0078

C5 = [
    Row("C5", "half of them", several((3, DISGUISED), (2, AT_A_DISTANCE), (5, OPEN)), 0.5, HOLDS, 10,
        {"with_such_a_pair": 0.5, "final_confidence_below_1": 1, "mean_final_confidence": 0.85, ONCE_FOOLED: 0}),
    Row("C5", "fewer than half", several((5, DISGUISED), (6, OPEN)), 5 / 11, FAILS, 11),
    Row("C5", "CA1 must be higher", several((5, AS_HIGH), (6, LOWER)), 0, FAILS, 11),
    Row("C5", "and it ends below 1", several((4, DISGUISED), (6, SURE_IN_THE_END)), 0.4, FAILS, 10,
        {"with_such_a_pair": 1, "final_confidence_below_1": 0.4}),
    Row("C5", "by how much, and when", several((4, SEEN), (3, NOT_YET_FOOLED), (3, HARDLY_SEEN)), 1, HOLDS, 10,
        {ONCE_FOOLED: 0.4}),
    # Of those that transfer, from iteration 1 on: (0.875 + 0.625 + 0.75) / 3.
    Row("C5", "the confidence over the transfer axis",
        several((6, Example("1 2 3 4", "0.5 0.875 0.625 0.75", "0011")), (6, Example("1 2 3 4", "0.5 1 0.5 0.5"))),
        1, HOLDS, 12, {"mean_confidence_over_transfer": 0.75}),
    Row("C5", "too few", several((9, DISGUISED)), 1, UNKNOWN, 9),
]  # fmt: skip


def ending(confidence):
    return Example(confidence=f"0.5 1 1 {confidence}")


C6 = [
    Row("C6", "half-way from 1/2 to 1", several((5, ending(0.5)), (5, ending(1))), 0.75, HOLDS, 10,
        {"one_over_k": 0.5, "share_below_halfway": 0.5, "median_final_confidence": 0.75}),
    Row("C6", "of two, nearer to 1", several((10, ending(0.765625))), 0.765625, FAILS, 10),
    Row("C6", "half-way from 1/4 to 1", several((12, ending(0.625)), k=4), 0.625, HOLDS, 12, threshold=0.625),
    Row("C6", "of four, nearer to 1", several((12, ending(0.75)), k=4), 0.75, FAILS, 12, threshold=0.625),
    Row("C6", "nearer to 1/5", several((12, ending(0.25)), k=5), 0.25, HOLDS, 12, threshold=0.6),
]  # fmt: skip

C7 = [
    Row("C7", "30 / 40", one((10, Example("1 2 3 40"))) + several((10, Example("1 2 3 30"))), 0.75, HOLDS, 10,
        {"iteration": 3, "mean_ca1_several": 30, "mean_ca1_one": 40}),
    Row("C7", "30 / 30", one((10, Example("1 2 3 30"))) + several((10, Example("9 9 9 30"))), 1, FAILS, 10),
    Row("C7", "40 / 32", one((10, Example("1 2 3 32"))) + several((10, Example("1 2 3 40")), k=3), 1.25, FAILS, 10),
    # (5 * 10 + 5 * 50) / (5 * 5 + 5 * 75); the mean of 2 and 2/3 is above 1.
    Row("C7", "of the means", one((5, Example("1 2 3 5")), (5, Example("1 2 3 75")))
        + several((5, Example("1 2 3 10")), (5, Example("1 2 3 50"))), 0.75, HOLDS, 10),
    # 30 / 40 at iteration 20, of examples 2 to 11.
    Row("C7", "at the last iteration of both, of the examples of both",
        one((2, Example("1 1 1 1")), (10, Example("2 4 40 80")), iterations=(0, 5, 20, 60))
        + several((10, Example("1 2 3 30")), (2, Example("1 1 1 1")), iterations=(0, 2, 5, 20), first=2),
        0.75, HOLDS, 10, {"iteration": 20}),
    Row("C7", "no example of both", one((10, BEYOND)) + several((10, BELOW), first=10), None, UNKNOWN, 0),
    Row("C7", "too few of both", one((9, Example("1 2 3 40"))) + several((12, Example("1 2 3 30"))), 0.75, UNKNOWN, 9),
]  # fmt: skip

STAYS, LEAVES, RETURNS = (Example(transfers=flags) for flags in ("0011", "0110", "0101"))
AT_THE_END, NOWHERE = (Example(transfers=flags) for flags in ("0001", "0000"))

C8 = [
    Row("C8", "half of them", one((5, STAYS), (5, LEAVES)), 0.5, FAILS, 10),
    # 11 of the 16 that another iteration follows stay for it; of the 12 + 15 later iterations 12 + 10 transfer.
    Row("C8", "more than half", one((6, STAYS), (5, LEAVES)), 6 / 11, HOLDS, 11,
        {"per_next_iteration": 11 / 16, "share_of_later_iterations": 22 / 27}),
    Row("C8", "what comes back did not stay", one((4, STAYS), (6, RETURNS)), 0.4, FAILS, 10),
    Row("C8", "what has no later iteration is left out",
        one((6, STAYS), (4, LEAVES), (5, AT_THE_END), (5, NOWHERE)), 0.6, HOLDS, 10),
    Row("C8", "several classes", several((10, STAYS), (1, RETURNS)), 10 / 11, HOLDS, 11),
    Row("C8", "only at the end", one((10, AT_THE_END)), None, UNKNOWN, 0),
    Row("C8", "too few", one((9, STAYS), (3, AT_THE_END)), 1, UNKNOWN, 9),
]  # fmt: skip

C9 = [
    Row("C9", "all transfer", one((6, STAYS), (4, AT_THE_END)), 0, FAILS, 10),
    Row("C9", "one does not", one((10, STAYS), (1, NOWHERE)), 1 / 11, HOLDS, 11,
        {"never_at_any_iteration": 1 / 11, "removed": 1}),
    Row("C9", "no more at the end", several((7, STAYS), (3, LEAVES)), 0.3, HOLDS, 10,
        {"never_at_any_iteration": 0, "removed": 3}),
    Row("C9", "too few", one((9, NOWHERE)), 1, UNKNOWN, 9),
]  # fmt: skip

# Of LATE, C1 to C4 hold: all saturate, 50 / 30, 50 > 40, and all the way to v lies behind iteration 2.
C10 = [
    Row("C10", "on the only pair", one((10, LATE)), 1, HOLDS, 10, {"pairs": 1}),
    Row("C10", "on both pairs", one((10, LATE), also="00011"), 1, HOLDS, 10, {"pairs": 2}),
    Row("C10", "on one of two", one((10, LATE), also="01111"), 0.5, FAILS, 10, {"pairs": 2}),
    Row("C10", "what cannot be measured counts for nothing", one((10, LATE), also="00000"), 1, HOLDS, 10, {"pairs": 2}),
    Row("C10", "with one attack of two", one((10, LATE)) + several((10, OPEN)), 0, FAILS, 10, {"pairs": 1}),
    Row("C10", "nothing is measured", one((9, LATE)), None, UNKNOWN, 0),
]

DOUBT, FAITH = "0.5 0.5 0.5", "0.75 0.75 0.75"
LOW, HIGH = "10 10 10", "20 20 20"
UP, NOT_UP = "111", "000"


def ranked(transfers, ca1=LOW, confidence=DOUBT, log_odds="1 1 1"):
    """After an iteration 0 that counts only along a trajectory."""
    return Example(f"7 {ca1}", f"0.25 {confidence}", f"0{transfers}", log_odds=f"1 {log_odds}")


def against_luck(*heights):
    """CA1 of five that transfer and of five that do not; 3 of the former are sure and 2 of the latter.

    The correlation of the confidence is (3 * 3 - 2 * 2) / (5 * 5) = 0.2.
    """
    transfers, sure = [UP] * 5 + [NOT_UP] * 5, [FAITH] * 3 + [DOUBT] * 2 + [FAITH] * 2 + [DOUBT] * 3
    examples = zip(transfers, (f"{z} {z} {z}" for z in heights), sure, strict=True)
    return (Attack([ranked(*example) for example in examples]),)


# At iteration 1 nothing transfers; at 2 the confidence is the same for all, at 3 it is luck, at 4 it tells all apart.
CHANGING = one(
    (3, ranked("0111", "9 20 20 20", "0.5 0.5 0.75 0.75", "1 1 1 1")),
    (2, ranked("0111", "9 20 20 20", "0.5 0.5 0.5 0.75", "1 1 1 1")),
    (2, ranked("0000", "9 10 10 10", "0.5 0.5 0.75 0.5", "1 1 1 1")),
    (3, ranked("0000", "9 10 10 10", "0.5 0.5 0.5 0.5", "1 1 1 1")),
)

C11 = [
    Row("C11", "1 - 0.2", against_luck(*[20] * 5, *[10] * 5), 0.8, HOLDS, 10,
        {"across": 1, "across_confidence": 0.2, "within": 1, "within_confidence": 1}, subject="ca1"),
    Row("C11", "-1 - 0.2", against_luck(*[10] * 5, *[20] * 5), -1.2, FAILS, 10, {"across": -1}, subject="ca1"),
    Row("C11", "1 - 1", one((5, ranked(UP, HIGH, FAITH)), (5, ranked(NOT_UP, LOW, DOUBT))), 0, FAILS, 10,
        {"across": 1, "across_confidence": 1}, subject="ca1"),
    # Ranks 6 to 10 against 1 to 5: 12.5 / √(82.5 * 2.5) = 0.870388, less 0.2.
    Row("C11", "of ranks, not of values", against_luck(11, 12, 13, 14, 5000, 1, 2, 3, 4, 5), 0.6703882797784892, HOLDS,
        10, {"across": 0.8703882797784892}, subject="ca1"),
    # Ranks 9 (three), 5.5 (four) and 2 (three): 10.5 / √(73.5 * 2.5) = √0.6 = 0.774597, less 0.2.
    Row("C11", "equal values share a rank", against_luck(20, 20, 20, 15, 15, 15, 15, 10, 10, 10), 0.5745966692414834,
        HOLDS, 10, {"across": 0.7745966692414834}, subject="ca1"),
    # (0.8 + 0) / 2; CA1 by itself is 1 at iterations 2 to 4, the confidence 0.2 and 1 at 3 and 4.
    Row("C11", "the mean over iterations", CHANGING, 0.4, HOLDS, 10, {"across": 1, "across_confidence": 0.6},
        subject="ca1"),
    # Ranks 1 to 4 against 0, 0, 1, 1: 2 / √5; ranks 1, 3, 3, 3: 1 / √3.
    Row("C11", "along trajectories alone", one((10, ranked("011", "8 20 30"))), None, UNKNOWN, 10,
        {"across": None, "within": 0.8944271909999159, "within_confidence": 0.5773502691896258}, subject="ca1"),
    # Of 6 that transfer one is sure, of 5 that do not none: 1 - (1 * 5 - 5 * 0) / √(1 * 10 * 6 * 5).
    Row("C11", "of the log-odds", one((1, ranked(UP, LOW, FAITH, "3 3 3")), (5, ranked(UP, HIGH, DOUBT, "3 3 3")),
        (5, ranked(NOT_UP, LOW, DOUBT, "-1 -1 -1"))), 0.7113248654051871, HOLDS, 11,
        subject="misclassification_log_odds"),
    Row("C11", "too few", one((5, ranked(UP, HIGH, FAITH)), (4, ranked(NOT_UP, LOW, DOUBT))), 0, UNKNOWN, 9,
        subject="ca1"),
]  # fmt: skip


def shown(surrogate, transfers, confidence):
    """Examples on a, shown to the surrogate b and the victim c; the log-odds of b, in units of its scale, are given."""
    count = len(transfers)
    odds = np.stack([np.ones(count), np.array(surrogate, dtype=float), np.array(transfers) - 0.5], axis=1)
    nothing = {"misclassified": np.full(count, np.nan), "targeted": np.full(count, np.nan)}
    none = np.full((count, 3), np.nan)
    return Points(
        models=ModelFacts(("a", "b", "c"), ("a", "b", "c"), np.ones(3), np.ones((3, 2)), 12),
        attack=np.full(count, "one"),
        source=np.full(count, "a"),
        example=np.array([f"{i:02d}" for i in range(count)]),
        iteration=np.ones(count, dtype=int),
        odds={"misclassified": odds, "targeted": none},
        fooled={"misclassified": (odds > 0).astype(float), "targeted": none},
        own={name: np.ones(count) for name in ("iteration", *OWN)} | {"confidence": np.array(confidence, dtype=float)},
        copies=nothing,
        clean=-np.ones((count, 3)),
        noise=none,
    )


EVEN, AGAINST_CONFIDENCE = [1] * 10 + [0] * 10, "misclassified, against confidence"
ALIKE = [0.9] * 20
C12 = [
    # All 100 pairs in the right order, all of them tied for the confidence; the examples are those that transfer.
    Row("C12", "1 - 1/2", shown([2] * 10 + [1] * 10, EVEN, ALIKE), 0.5, HOLDS, 10, {"rule": 1, "rival": 0.5},
        subject=AGAINST_CONFIDENCE),
    Row("C12", "0 - 1/2", shown([1] * 10 + [2] * 10, EVEN, ALIKE), -0.5, FAILS, 10, {"rule": 0, "rival": 0.5},
        subject=AGAINST_CONFIDENCE),
    Row("C12", "1 - 1", shown([2] * 10 + [1] * 10, EVEN, EVEN), 0, FAILS, 10, subject=AGAINST_CONFIDENCE),
    # Beyond 37 nats 1 - p is 1 in float64: HET ties them, the rule does not.
    Row("C12", "what saturates", shown([60] * 10 + [50] * 10, EVEN, EVEN), 0.5, HOLDS, 10, {"rival": 0.5},
        subject="misclassified, against HET: mean 1 - p(true class)"),
    Row("C12", "none transfers", shown([2] * 20, [0] * 20, ALIKE), None, UNKNOWN, 0, subject=AGAINST_CONFIDENCE),
    Row("C12", "too few transfer", shown([2] * 9 + [1] * 11, [1] * 9 + [0] * 11, ALIKE), 0.5, UNKNOWN, 9,
        subject=AGAINST_CONFIDENCE),
]  # fmt: skip

ROWS = [*C1, *C2, *C3, *C4, *C5, *C6, *C7, *C8, *C9, *C10, *C11, *C12]


def close_to(value):
    return None if value is None else pytest.approx(value, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.claim}: {row.what}")
def test_a_claim_is_what_was_worked_out_by_hand(row):
    found = measurement(row)
    assert found.value == close_to(row.value)
    assert found.threshold == close_to(row.bound)
    assert (found.verdict, found.examples) == (row.verdict, row.examples)
    for name, value in row.details.items():
        assert found.details[name] == close_to(value), name


def test_every_claim_has_rows_on_both_sides_and_one_at_its_threshold():
    verdicts = defaultdict(set)
    for row in ROWS:
        verdicts[row.claim].add(row.verdict)
    assert set(verdicts) == set(CLAIMS)
    assert [claim for claim, seen in verdicts.items() if not {HOLDS, FAILS} <= seen] == []
    assert {row.claim for row in ROWS if row.value == row.bound} == set(CLAIMS)


def test_every_claim_says_its_threshold_and_which_side_holds():
    own = {claim.id: claim.threshold for claim in CLAIMS.values()}
    assert own == THRESHOLDS | {"C6": 0}  # that of C6 depends on the number of classes
    assert {claim.id for claim in CLAIMS.values() if claim.below} == {"C6", "C7"}
    assert {claim.id for claim in CLAIMS.values() if claim.strict} == {"C7", "C8", "C9", "C11", "C12"}
    assert all(claim.title and claim.value and claim.rule for claim in CLAIMS.values())


def made(claim, source, victim, verdict):
    return Measurement(claim, "a", source, victim, 20, 0.6, 0.4, 0.8, 0.5, verdict, "")


def test_a_pair_counts_where_one_of_the_first_five_is_measured():
    """On a to b they hold, on b to a C4 does not, on c to a nothing is known; C9 and other victims do not matter."""
    measured = [
        made("C1", "a", None, HOLDS), made("C4", "a", "b", HOLDS), made("C9", "a", "b", FAILS),
        made("C4", "a", "z", FAILS), made("C2", "b", None, HOLDS), made("C4", "b", "a", FAILS),
        made("C5", "c", None, UNKNOWN),
    ]  # fmt: skip
    found = everywhere(measured, [("a", "b"), ("b", "a"), ("c", "a")])
    assert (found.value, found.verdict, found.details) == (0.5, FAILS, {"pairs": 2})
    assert found.sentence == ("On 1 of 2 ordered pairs all of C1 to C5 that can be measured hold; not on b to a: C4.")


@pytest.mark.parametrize("claim", [claim for claim in CLAIMS if claim != "C10"])
def test_a_pair_is_lost_by_any_of_the_first_five_and_by_no_other(claim):
    others = [made(each, "a", "b", HOLDS) for each in CLAIMS if each not in (claim, "C10")]
    found = everywhere([*others, made(claim, "a", "b", FAILS)], [("a", "b")])
    assert found.value == (0 if claim in ("C1", "C2", "C3", "C4", "C5") else 1)


def test_a_value_is_shown_in_its_unit():
    shown = {name: claim.show(0.506) for name, claim in CLAIMS.items()}
    assert {name for name, text in shown.items() if text == "51 %"} == {"C1", "C3", "C5", "C8", "C9", "C10"}
    assert {name for name, text in shown.items() if text == "0.51"} == {"C2", "C6", "C7", "C11", "C12"}
    assert (CLAIMS["C4"].show(10.4), CLAIMS["C4"].show(None)) == ("10", "–")


@pytest.mark.parametrize(
    ("claim", "value", "low", "high", "certain"),
    [
        ("C1", 0.6, 0.5, 0.8, True),  # the threshold, 0.5, is enough
        ("C1", 0.6, 0.49, 0.8, False),
        ("C1", 0.4, 0.3, 0.49, True),
        ("C8", 0.6, 0.51, 0.8, True),
        ("C8", 0.6, 0.5, 0.8, False),  # it is not
        ("C1", 0.6, None, None, False),
    ],
)
def test_a_verdict_is_certain_where_the_whole_interval_agrees(claim, value, low, high, certain):
    assert Measurement(claim, "a", "s", None, 20, value, low, high, 0.5, HOLDS, "").certain is certain
