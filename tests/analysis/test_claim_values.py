"""Every claim on tables small enough to judge by hand: the value, the threshold and the verdict, on either side of it."""

from collections import defaultdict
from dataclasses import dataclass, field

import polars as pl
import pytest

from presoftmax.analysis import by_source
from presoftmax.analysis.claims import CLAIM_COLUMNS, CLAIMS, Evidence, Measurement, everywhere, judge
from presoftmax.tables import schema

HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "not measurable here"
OTHERS = [name for name in CLAIM_COLUMNS if name != "hit"]
NATURAL = 40.0
ONCE_FOOLED = "with_such_a_pair_once_fooled_and_by_0.01"


@dataclass(frozen=True)
class Example:
    """One trajectory: its CA1 and confidence, whether it transfers and hits a target, its misclassification log-odds."""

    ca1: str = "10 20 30 50"
    confidence: str = "0.5 0.5 0.5 0.5"
    transfers: str = "0000"
    hits: str = "0000"
    odds: str = "1 1 1 1"

    def steps(self):
        """Column to value, for each iteration."""
        shown = (map(float, each.split()) for each in (self.ca1, self.confidence, self.odds))
        for ca1, confidence, odds, hit in zip(*shown, self.hits, strict=True):
            values = {"ca1": ca1, "confidence": confidence, "saturated": confidence == 1, "predicted": int(hit)}
            yield dict.fromkeys(OTHERS, 1) | values | {"misclassification_log_odds": odds}


@dataclass(frozen=True)
class Attack:
    """An attack with k targets; ``others`` is how the same examples transfer to the victim w, if there is one."""

    examples: list[Example]
    k: int = 1
    others: list[str] = field(default_factory=list)
    iterations: tuple[int, ...] = ()
    first: int = 0

    @property
    def name(self):
        return "single" if self.k == 1 else "several"

    def rows(self):
        """Rows of both tables; the targets are classes 1 to k, the true class is 0."""
        steps, transfers = [], []
        for e, example in enumerate(self.examples):
            hits = {"v": example.transfers} | ({"w": self.others[e]} if self.others else {})
            for position, values in enumerate(example.steps()):
                at = self.iterations[position] if self.iterations else position
                keys = {"attack": self.name, "source": "s", "example": f"e{self.first + e:02d}", "iteration": at}
                steps.append(keys | values | {"targets": list(range(1, self.k + 1))})
                for victim, flags in hits.items():
                    wrong = flags[position] == "1"
                    transfers.append(
                        keys | {"victim": victim, "predicted": 9, "misclassified": wrong, "targeted": False}
                    )
        return steps, transfers


def trajectories(attack):
    steps, transfers = attack.rows()
    types = schema.polars_schema(schema.STEPS)
    steps = pl.DataFrame(steps, schema={name: types[name] for name in steps[0]})
    return next(by_source(steps, pl.DataFrame(transfers), CLAIM_COLUMNS))


def judged(*attacks, natural=NATURAL):
    known = {} if natural is None else {"s": natural}
    return judge(map(trajectories, attacks), Evidence({"several": "single"}, known, 50, {}))


@dataclass(frozen=True)
class Row:
    """A claim on attacks, the last of which is looked at: what is measured, from where on it holds, whether it does."""

    claim: str
    what: str
    attacks: tuple[Attack, ...]
    value: float | None
    threshold: float
    verdict: str
    examples: int
    details: dict[str, float | None] = field(default_factory=dict)
    subject: str = ""
    natural: float | None = NATURAL
    victim: str = "v"

    def measurement(self):
        found = [
            each
            for each in judged(*self.attacks, natural=self.natural).of(self.claim)
            if each.subject == self.subject
            and each.victim in (None, self.victim)
            and each.attack in (self.attacks[-1].name, "all")
        ]
        assert len(found) == 1
        return found[0]


def single(*groups, **about):
    """An attack on one class, of groups of equal examples: (how many, example)."""
    return (Attack([each for count, each in groups for _ in range(count)], **about),)


def several(*groups, k=2, **about):
    return single(*groups, k=k, **about)


SURE, UNSURE = Example(confidence="0.5 1 1 1"), Example(confidence="0.5 0.5 0.5 0.5")
SURE_ONCE = Example(confidence="0.5 0.5 1 0.5")

C1 = [
    Row("C1", "half of them", single((5, SURE), (5, UNSURE)), 0.5, 0.5, HOLDS, 10),
    Row("C1", "fewer than half", single((5, SURE), (6, UNSURE)), 5 / 11, 0.5, FAILS, 11),
    Row(
        "C1",
        "exactly 1 in between is not at the end",
        single((4, SURE), (6, SURE_ONCE)),
        0.4,
        0.5,
        FAILS,
        10,
        # Four from iteration 1, six from iteration 2.
        {"ever_saturated": 1.0, "median_first_saturated_iteration": 2.0, "mean_final_confidence": 0.7},
    ),
    Row("C1", "too few", single((9, SURE)), 1.0, 0.5, UNKNOWN, 9),
]


def rising(ca1):
    """Confidence exactly 1 from the second iteration on."""
    return Example(ca1, "0.5 1 1 1")


NEVER_SURE = Example("10 20 30 90")
SURE_AT_THE_END = Example("10 20 30 90", "0.5 0.5 0.5 1")
FROM_BELOW = rising("-5 -2 0 90")

C2 = [
    Row("C2", "11 / 10", single((10, rising("5 10 30 11"))), 1.1, 1.1, HOLDS, 10),
    Row("C2", "10.75 / 10", single((10, rising("5 10 30 10.75"))), 1.075, 1.1, FAILS, 10),
    Row(
        "C2",
        "the median is above where the mean, (6 * 1.25 + 5 * 0.5) / 11, is not",
        single((6, rising("2 16 16 20")), (5, rising("2 16 16 8"))),
        1.25,
        1.1,
        HOLDS,
        11,
        {"share_that_rises": 6 / 11, "mean_ca1_at_saturation": 16.0},
    ),
    Row(
        "C2",
        "the median is below where the mean, (6 * 1 + 5 * 9) / 11, is not",
        single((6, rising("2 10 16 10")), (5, rising("2 10 16 90"))),
        1.0,
        1.1,
        FAILS,
        11,
        {"share_that_rises": 5 / 11},
    ),
    Row(
        "C2",
        "those that say nothing of it are left out",
        single((10, rising("2 8 16 12")), (1, NEVER_SURE), (2, SURE_AT_THE_END), (3, FROM_BELOW)),
        1.5,
        1.1,
        HOLDS,
        10,
    ),
    Row("C2", "only at the very end", single((12, SURE_AT_THE_END)), None, 1.1, UNKNOWN, 0),
    Row("C2", "too few", single((9, rising("2 8 16 12")), (9, NEVER_SURE)), 1.5, 1.1, UNKNOWN, 9),
]

BEYOND, AS_FAR, BELOW = Example("1 50 60 40.5"), Example("1 50 60 40"), Example("1 50 60 39.5")

C3 = [
    Row("C3", "half of them", single((5, BEYOND), (5, BELOW)), 0.5, 0.5, HOLDS, 10, {"mean_final_ca1": 40.0}),
    Row("C3", "as far is not beyond", single((5, BEYOND), (6, AS_FAR)), 5 / 11, 0.5, FAILS, 11),
    Row("C3", "of several classes", several((12, AS_FAR)), 0.0, 0.5, FAILS, 12, {"largest_natural_ca1": 40.0}),
    Row("C3", "nothing natural is known", single((12, BEYOND)), None, 0.5, UNKNOWN, 12, natural=None),
]


def transferring(transfers, confidence="0.5 0.5 1 1 1", ca1="10 20 30 40 50"):
    return Example(ca1, confidence, transfers, "0" * 5, "1 " * 5)


EARLY, LATE, NEVER = transferring("01111"), transferring("00011"), transferring("00000", "0 0 0 0 0")
FELL = "10 20 50 30 40"  # from the third iteration, where the confidence is high, down

C4 = [
    Row(
        "C4",
        "of the kept ones 9 in 10 before it, all at the end",
        single((9, EARLY), (1, LATE)),
        10.0,
        10.0,
        HOLDS,
        10,
        {"iteration": 2.0, "transferability_at_0.99": 90.0, "ca1_rise": 20.0},
    ),
    Row("C4", "10 in 11", single((10, EARLY), (1, LATE)), 100 / 11, 10.0, FAILS, 11),
    Row(
        "C4",
        "those that never transfer count only where all do",
        single((4, EARLY), (6, LATE), (10, NEVER)),
        60.0,
        10.0,
        HOLDS,
        10,
        {
            "iteration": 2.0,
            "transferability_at_0.99": 40.0,
            "transferability_at_that_iteration_all_examples": 20.0,
            "transferability_at_the_end_all_examples": 50.0,
            "mean_confidence_at_the_end_all_examples": 0.5,
        },
    ),
    Row(
        "C4",
        "CA1 as high as before",
        single((10, transferring("00011", ca1="10 20 30 40 30"))),
        100.0,
        10.0,
        FAILS,
        10,
        {"ca1_rise": 0.0},
    ),
    Row("C4", "CA1 falls", single((10, transferring("00011", ca1=FELL))), 100.0, 10.0, FAILS, 10, {"ca1_rise": -10.0}),
    Row(
        "C4",
        "the mean confidence, not each one's: (5 * 0.96875 + 6 * 1) / 11 is 0.9858, then 1",
        single((5, transferring("00011", "0 0 0.96875 1 1")), (6, EARLY)),
        0.0,
        10.0,
        FAILS,
        11,
        {"iteration": 3.0, "transferability_at_0.99": 100.0},
    ),
    Row(
        "C4",
        "0.9921875 is high",
        single((10, transferring("00011", "0 0 0.9921875 1 1"))),
        100.0,
        10.0,
        HOLDS,
        10,
        {"iteration": 2.0},
    ),
    Row(
        "C4",
        "0.984375 is not",
        single((10, transferring("00011", "0 0 0.984375 1 1"))),
        0.0,
        10.0,
        FAILS,
        10,
        {"iteration": 3.0},
    ),
    Row(
        "C4",
        "iterations are not positions",
        single((10, transferring("00011")), iterations=(0, 1, 7, 20, 55)),
        100.0,
        10.0,
        HOLDS,
        10,
        {"iteration": 7.0},
    ),
    Row("C4", "high only at the end", single((10, transferring("01111", "0 0 0 0 1"))), None, 10.0, UNKNOWN, 10),
    Row("C4", "nothing transfers", single((12, NEVER)), None, 10.0, UNKNOWN, 0),
    Row("C4", "too few are kept", single((9, LATE), (3, NEVER)), 100.0, 10.0, UNKNOWN, 9),
]

DISGUISED = Example("10 20 25 30", "0.5 0.875 0.75 0.875")  # from the second to the third
AT_A_DISTANCE = Example("10 4 12 13", "0.875 0.25 0.5 0.75")  # from the first to the third, from no one to the next
OPEN = Example("10 20 25 30", "0.5 0.75 0.75 0.875")
AS_HIGH = Example("10 20 20 30", "0.5 0.875 0.75 0.875")
LOWER = Example("10 20 15 30", "0.5 0.875 0.75 0.875")
SURE_IN_THE_END = Example("10 20 25 30", "0.5 0.875 0.75 1")

C5 = [
    Row(
        "C5",
        "half of them",
        several((3, DISGUISED), (2, AT_A_DISTANCE), (5, OPEN)),
        0.5,
        0.5,
        HOLDS,
        10,
        {"with_such_a_pair": 0.5, "final_confidence_below_1": 1.0, "mean_final_confidence": 0.85, ONCE_FOOLED: 0.0},
    ),
    Row("C5", "fewer than half", several((5, DISGUISED), (6, OPEN)), 5 / 11, 0.5, FAILS, 11),
    Row("C5", "an equal CA1 or a lower one is none", several((5, AS_HIGH), (6, LOWER)), 0.0, 0.5, FAILS, 11),
    Row(
        "C5",
        "and it ends below 1",
        several((4, DISGUISED), (6, SURE_IN_THE_END)),
        0.4,
        0.5,
        FAILS,
        10,
        {"with_such_a_pair": 1.0, "final_confidence_below_1": 0.4},
    ),
    Row(
        "C5",
        "by 0.01 and while it hits",
        several(
            (4, Example("10 20 25 30", "0.5 0.875 0.75 0.875", hits="0110")),
            (3, Example("10 20 25 30", "0.5 0.875 0.75 0.875", hits="0010")),
            (3, Example("10 20 25 30", "0.5 0.875 0.8671875 0.875", hits="1111")),  # falls by 0.0078
        ),
        1.0,
        0.5,
        HOLDS,
        10,
        {ONCE_FOOLED: 0.4},
    ),
    Row(
        "C5",
        "the confidence over the transfer axis is that of the kept ones, from iteration 1 on",
        several((6, Example("1 2 3 4", "0.5 0.875 0.625 0.75", "0011")), (6, Example("1 2 3 4", "0.5 1 0.5 0.5"))),
        1.0,
        0.5,
        HOLDS,
        12,
        {"mean_confidence_over_transfer": 0.75},
    ),
]


def ending_at(confidence):
    return Example(confidence=f"0.5 1 1 {confidence}")


C6 = [
    Row(
        "C6",
        "half-way between 1 and 1/2",
        several((5, ending_at(0.5)), (5, ending_at(1))),
        0.75,
        0.75,
        HOLDS,
        10,
        {"one_over_k": 0.5, "share_below_halfway": 0.5, "median_final_confidence": 0.75},
        "k = 2",
    ),
    Row("C6", "nearer to 1", several((10, ending_at(0.765625))), 0.765625, 0.75, FAILS, 10, subject="k = 2"),
    Row("C6", "half-way to 1/4", several((12, ending_at(0.625)), k=4), 0.625, 0.625, HOLDS, 12, subject="k = 4"),
    Row("C6", "nearer to 1", several((12, ending_at(0.75)), k=4), 0.75, 0.625, FAILS, 12, subject="k = 4"),
    Row("C6", "nearer to 1/5", several((12, ending_at(0.25)), k=5), 0.25, 0.6, HOLDS, 12, subject="k = 5"),
]


def ca1(values):
    return Example(values, " ".join(["0.5"] * 4), "0000")


C7 = [
    Row(
        "C7",
        "30 and 40",
        single((10, ca1("1 2 3 40"))) + several((10, ca1("1 2 3 30"))),
        0.75,
        1.0,
        HOLDS,
        10,
        {"iteration": 3.0, "mean_ca1_several": 30.0, "mean_ca1_one": 40.0},
        "k = 2",
    ),
    Row(
        "C7",
        "as high",
        single((10, ca1("1 2 3 30"))) + several((10, ca1("9 9 9 30"))),
        1.0,
        1.0,
        FAILS,
        10,
        {},
        "k = 2",
    ),
    Row(
        "C7",
        "40 and 32",
        single((10, ca1("1 2 3 32"))) + several((10, ca1("1 2 3 40")), k=3),
        1.25,
        1.0,
        FAILS,
        10,
        {},
        "k = 3",
    ),
    Row(
        "C7",
        "of the means, (5 * 10 + 5 * 50) / (5 * 5 + 5 * 75), not the mean of 2 and 2/3",
        single((5, ca1("1 2 3 5")), (5, ca1("1 2 3 75"))) + several((5, ca1("1 2 3 10")), (5, ca1("1 2 3 50"))),
        0.75,
        1.0,
        HOLDS,
        10,
        {},
        "k = 2",
    ),
    Row(
        "C7",
        "at iteration 20, the last of both, on the ten examples of both",
        single((2, ca1("1 1 1 1")), (10, ca1("2 4 40 80")), iterations=(0, 5, 20, 60))
        + several((10, ca1("1 2 3 30")), (2, ca1("1 1 1 1")), iterations=(0, 2, 5, 20), first=2),
        0.75,
        1.0,
        HOLDS,
        10,
        {"iteration": 20.0},
        "k = 2",
    ),
    Row(
        "C7",
        "no example in common",
        single((10, ca1("1 2 3 30"))) + several((10, ca1("1 2 3 40")), first=10),
        None,
        1.0,
        UNKNOWN,
        0,
    ),
    Row(
        "C7",
        "too few",
        single((9, ca1("1 2 3 40"))) + several((12, ca1("1 2 3 30"))),
        0.75,
        1.0,
        UNKNOWN,
        9,
        {},
        "k = 2",
    ),
]

STAYS, LEAVES, AT_THE_END = Example(transfers="0011"), Example(transfers="0110"), Example(transfers="0001")
RETURNS, NOWHERE = Example(transfers="0101"), Example(transfers="0000")

C8 = [
    Row("C8", "half of them", single((5, STAYS), (5, LEAVES)), 0.5, 0.5, FAILS, 10),
    Row(
        "C8",
        "more than half",
        single((6, STAYS), (5, LEAVES)),
        6 / 11,
        0.5,
        HOLDS,
        11,
        # 11 of the 16 that are followed by another stay; of the 27 later iterations 22 transfer.
        {"per_next_iteration": 11 / 16, "share_of_later_iterations": 22 / 27},
    ),
    Row("C8", "one that comes back did not stay", single((4, STAYS), (6, RETURNS)), 0.4, 0.5, FAILS, 10),
    Row(
        "C8",
        "from the last iteration, or never, nothing follows",
        single((6, STAYS), (4, LEAVES), (5, AT_THE_END), (5, NOWHERE)),
        0.6,
        0.5,
        HOLDS,
        10,
    ),
    Row("C8", "of several classes", several((10, STAYS), (1, RETURNS)), 10 / 11, 0.5, HOLDS, 11),
    Row("C8", "too few", single((9, STAYS), (3, AT_THE_END)), 1.0, 0.5, UNKNOWN, 9),
    Row("C8", "only at the end", single((10, AT_THE_END)), None, 0.5, UNKNOWN, 0),
]

C9 = [
    Row("C9", "all transfer", single((6, STAYS), (4, AT_THE_END)), 0.0, 0.0, FAILS, 10),
    Row(
        "C9",
        "one does not",
        single((10, STAYS), (1, NOWHERE)),
        1 / 11,
        0.0,
        HOLDS,
        11,
        {"never_at_any_iteration": 1 / 11, "removed": 1.0},
    ),
    Row(
        "C9",
        "no more at the end",
        several((7, STAYS), (3, LEAVES)),
        0.3,
        0.0,
        HOLDS,
        10,
        {"never_at_any_iteration": 0.0, "removed": 3.0},
    ),
    Row("C9", "too few", single((9, NOWHERE)), 1.0, 0.0, UNKNOWN, 9),
]

# C1: all saturate; C2: 50 / 30; C3: 50 > 40; C4: to v all the way after iteration 2, to w none of it.
STRONG = transferring("00011")
AGREED = single((10, STRONG), others=["00011"] * 10)
WEAK = several((10, OPEN))  # C3 and C5 do not hold

C10 = [
    Row("C10", "on the only pair", single((10, STRONG)), 1.0, 1.0, HOLDS, 10, {"pairs": 1.0}),
    Row("C10", "on both pairs", AGREED, 1.0, 1.0, HOLDS, 10, {"pairs": 2.0}),
    Row("C10", "on one of two", single((10, STRONG), others=["01111"] * 10), 0.5, 1.0, FAILS, 10, {"pairs": 2.0}),
    Row("C10", "where C4 cannot be measured", single((10, STRONG), others=["00000"] * 10), 1.0, 1.0, HOLDS, 10),
    Row("C10", "with one attack of two", single((10, STRONG)) + WEAK, 0.0, 1.0, FAILS, 10, {"pairs": 1.0}),
    Row("C10", "nothing is measured", single((9, STRONG)), None, 1.0, UNKNOWN, 0),
]

DOUBT, FAITH = "0.5 0.5 0.5", "0.75 0.75 0.75"


def ranked(transfers, ca1="10 10 10", confidence=DOUBT, odds="1 1 1"):
    """The values of iteration 0 count only along a trajectory."""
    return Example(f"7 {ca1}", f"0.25 {confidence}", f"0{transfers}", "0" * len(f"0{transfers}"), f"1 {odds}")


LOW, MIDDLE, HIGH = "10 10 10", "15 15 15", "20 20 20"
UP, NOT_UP = "111", "000"
# The confidence is high for 3 of 5 that transfer and 2 of 5 that do not: (3 * 3 - 2 * 2) / (5 * 5) = 0.2.
LUCK = ((UP, FAITH), (UP, FAITH), (UP, FAITH), (UP, DOUBT), (UP, DOUBT), (NOT_UP, FAITH), (NOT_UP, FAITH)) + (
    (NOT_UP, DOUBT),
) * 3


def against_luck(*heights):
    """CA1 of the five that transfer and the five that do not, and a confidence of correlation 0.2."""
    examples = [ranked(up, f"{z} {z} {z}", sure) for z, (up, sure) in zip(heights, LUCK, strict=True)]
    return (Attack(examples),)


# Iteration 1: nothing transfers. 2: the confidence is the same for all. 3: it is luck. 4: it tells all apart.
BY_ITERATION = single(
    *(
        (count, ranked(f"0{up}{up}{up}", f"9 {z} {z} {z}", f"0.5 0.5 {third} {fourth}", "1 1 1 1"))
        for up, z, fourth, thirds in ((1, 20, 0.75, (3, 2)), (0, 10, 0.5, (2, 3)))
        for count, third in zip(thirds, (0.75, 0.5), strict=True)
    )
)

C11 = [
    Row(
        "C11",
        "1 less 0.2",
        against_luck(*[20] * 5, *[10] * 5),
        0.8,
        0.0,
        HOLDS,
        10,
        {"across": 1.0, "across_confidence": 0.2, "within": 1.0, "within_confidence": 1.0},
        "ca1",
    ),
    Row("C11", "-1 less 0.2", against_luck(*[10] * 5, *[20] * 5), -1.2, 0.0, FAILS, 10, {"across": -1.0}, "ca1"),
    Row(
        "C11",
        "as the confidence",
        single((5, ranked(UP, HIGH, FAITH)), (5, ranked(NOT_UP, LOW, DOUBT))),
        0.0,
        0.0,
        FAILS,
        10,
        {"across": 1.0, "across_confidence": 1.0},
        "ca1",
    ),
    # Ranks 6 to 10 against 1 to 5: 12.5 / √(82.5 * 2.5) = 0.870388, however large the largest is.
    Row(
        "C11",
        "ranks, not values",
        against_luck(11, 12, 13, 14, 5000, 1, 2, 3, 4, 5),
        0.6703882797784892,
        0.0,
        HOLDS,
        10,
        {"across": 0.8703882797784892},
        "ca1",
    ),
    # Ranks 2, 5.5 and 9, three, four and three of them: 10.5 / √(73.5 * 2.5) = √0.6.
    Row(
        "C11",
        "equal values share their rank",
        against_luck(20, 20, 20, 15, 15, 15, 15, 10, 10, 10),
        0.5745966692414834,
        0.0,
        HOLDS,
        10,
        {"across": 0.7745966692414834},
        "ca1",
    ),
    # 0.8 and 0 where both are defined; by itself CA1 is at 2, 3 and 4, the confidence at 3 and 4.
    Row(
        "C11",
        "the mean over iterations",
        BY_ITERATION,
        0.4,
        0.0,
        HOLDS,
        10,
        {"across": 1.0, "across_confidence": 0.6},
        "ca1",
    ),
    # Ranks 1 to 4 against 0, 0, 1, 1: 2 / √5.
    Row(
        "C11",
        "along trajectories",
        single((10, ranked("011", "8 20 30", DOUBT))),
        None,
        0.0,
        UNKNOWN,
        10,
        {"across": None, "within": 0.8944271909999159, "within_confidence": 0.5773502691896258},
        "ca1",
    ),
    Row(
        "C11",
        "by the log-odds",
        single(
            (5, ranked(UP, HIGH, DOUBT, "3 3 3")),
            (1, ranked(UP, LOW, FAITH, "3 3 3")),
            (5, ranked(NOT_UP, LOW, DOUBT, "-1 -1 -1")),
        ),
        # One of 6 that transfer is sure, none of 5 that do not: (1 * 5 - 5 * 0) / √(1 * 10 * 6 * 5) = 0.288675.
        0.7113248654051871,
        0.0,
        HOLDS,
        11,
        {"across": 1.0},
        "misclassification_log_odds",
    ),
    Row(
        "C11",
        "too few",
        single((5, ranked(UP, HIGH, FAITH)), (4, ranked(NOT_UP, LOW, DOUBT))),
        0.0,
        0.0,
        UNKNOWN,
        9,
        {},
        "ca1",
    ),
]

ROWS = [*C1, *C2, *C3, *C4, *C5, *C6, *C7, *C8, *C9, *C10, *C11]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.claim}-{row.what}")
def test_a_claim_is_what_was_worked_out_by_hand(row):
    found = row.measurement()
    assert found.value == (None if row.value is None else pytest.approx(row.value, rel=1e-12, abs=1e-12))
    assert found.threshold == pytest.approx(row.threshold, rel=1e-12)
    assert (found.verdict, found.examples) == (row.verdict, row.examples)
    assert {name: found.details[name] for name in row.details} == pytest.approx(row.details, rel=1e-12, abs=1e-12)


def test_every_claim_holds_in_a_row_fails_in_another_and_meets_its_threshold():
    verdicts = defaultdict(set)
    for row in ROWS:
        verdicts[row.claim].add(row.verdict)
    assert set(verdicts) == set(CLAIMS)
    assert {claim for claim in CLAIMS if {HOLDS, FAILS} <= verdicts[claim]} == set(CLAIMS)
    assert {row.claim for row in ROWS if row.value == row.threshold} == set(CLAIMS)


def of_pair(claim, source, victim, verdict):
    return Measurement(claim, "a", source, victim, 20, 0.6, 0.4, 0.8, 0.5, verdict, "")


def test_a_pair_counts_where_any_of_the_first_five_is_measured_on_it():
    """a to b: all hold; b to a: C4 does not; c to a: nothing is measured; C9 does not matter, nor do other victims."""
    measured = [
        of_pair("C1", "a", None, HOLDS),
        of_pair("C4", "a", "b", HOLDS),
        of_pair("C9", "a", "b", FAILS),
        of_pair("C4", "a", "z", FAILS),
        of_pair("C2", "b", None, HOLDS),
        of_pair("C4", "b", "a", FAILS),
        of_pair("C5", "c", None, UNKNOWN),
    ]
    found = everywhere(measured, [("a", "b"), ("b", "a"), ("c", "a")])
    assert (found.value, found.verdict, found.details) == (0.5, FAILS, {"pairs": 2.0})
    assert "On 1 of 2 ordered pairs" in found.sentence
    assert found.sentence.endswith("; not on b to a: C4.")


def test_a_value_is_shown_in_its_unit():
    shown = {name: claim.show(0.506) for name, claim in CLAIMS.items()}
    assert {name for name, text in shown.items() if text == "51 %"} == {"C1", "C3", "C5", "C8", "C9", "C10"}
    assert {name for name, text in shown.items() if text == "0.51"} == {"C2", "C6", "C7", "C11"}
    assert CLAIMS["C4"].show(10.4) == "10"
    assert CLAIMS["C4"].show(None) == "–"


def test_an_interval_is_certain_on_one_side_of_the_threshold():
    """The threshold itself is enough for C1, and not for C8."""
    for claim, low, verdict in (("C1", 0.5, True), ("C1", 0.49, False), ("C8", 0.5, False), ("C8", 0.51, True)):
        assert Measurement(claim, "a", "s", None, 20, 0.6, low, 0.8, 0.5, HOLDS, "").certain is verdict
    assert Measurement("C1", "a", "s", None, 20, 0.4, 0.3, 0.49, 0.5, FAILS, "").certain
