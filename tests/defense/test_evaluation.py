"""The evaluation: what is looked at, and the numbers that are made of it."""

import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import presoftmax as ps
from presoftmax.attacks import Identity, composed, pgd
from presoftmax.defense import CONTROLS, MaxLogit, MimicryBank, NoiseOdds, mimicking, penalized
from presoftmax.defense.evaluation import (
    ANYONE,
    UNAWARE,
    Attempt,
    Bench,
    Tried,
    attempts_frame,
    attempts_on,
    detections_frame,
    detections_of,
    given_detections,
    natural_frame,
    natural_statistics,
    summarize,
)
from presoftmax.report.defense import defense_sentences
from presoftmax.tables import ATTEMPTS, DETECTIONS, NATURAL_STATISTICS, polars_schema
from tests.conftest import Tiny, make_images, make_set

ATTACK = composed("target-logit", "sign", steps=8, alpha=4 / 255, epsilon=40 / 255, name="plain")
EXAMPLES = ("a", "b", "c", "d")


@pytest.fixture(scope="module")
def bench():
    model = ps.Classifier(Tiny(), name="source")
    return Bench.fit(model, make_images(60, seed=3), {"max-logit": MaxLogit(), "noise-odds": NoiseOdds()})


def test_a_bench_judges_as_its_detectors_do(bench):
    images = make_images(6, seed=8)
    judged = bench.judge(images)
    for name, detector in bench.detectors.items():
        rows = judged.filter(pl.col("detector") == name)
        assert rows["row"].to_list() == list(range(6))
        assert torch.allclose(rows["statistic"].to_torch(), detector.score(bench.model, images))
        assert rows["p_value"].to_list() == detector.p_value(bench.model, images).tolist()
    assert bench.judge(images, ("noise-odds",))["detector"].unique().to_list() == ["noise-odds"]


def test_natural_statistics_are_of_every_control_and_of_sets_of_ones_own(bench):
    photos = make_set(Tiny(), 12, seed=5)
    table = natural_statistics(bench, photos, {"mine": photos.select(range(3))})
    assert table.schema == polars_schema(NATURAL_STATISTICS)
    counts = dict(table.filter(pl.col("detector") == "max-logit")["control"].value_counts().iter_rows())
    assert counts == {**dict.fromkeys(CONTROLS, 12), "mine": 3}


@pytest.mark.parametrize("control", CONTROLS)
def test_a_control_is_a_harmless_change(control):
    images = make_images(4, seed=1, size=24)
    changed = CONTROLS[control](images)
    assert changed.dtype == torch.uint8
    assert changed.shape == images.shape
    assert torch.equal(CONTROLS[control](images), changed)
    assert torch.equal(changed, images) == (control == "as they are")


@pytest.mark.parametrize("chunk", [2, 100])
def test_detections_are_of_images_that_fool_at_the_moments_that_matter(bench, chunk):
    photos = make_set(Tiny(), 7)
    table = detections_frame(list(detections_of(bench, ATTACK, photos, 0, chunk)))
    assert table.schema == polars_schema(DETECTIONS)
    done = ps.trace(ATTACK, bench.model, photos, keep="all")
    steps = done.steps.filter((pl.col("predicted") != pl.col("label")) & (pl.col("iteration") > 0))
    first = dict(steps.group_by("example").agg(pl.col("iteration").min()).iter_rows())
    one = dict(
        steps.filter(pl.col("confidence") >= 0.995).group_by("example").agg(pl.col("iteration").min()).iter_rows()
    )
    mine = table.filter(pl.col("detector") == "max-logit")
    for moment, wanted in (("first fools", first), ("first prints 1.00", one)):
        rows = mine.filter(pl.col("moment") == moment)
        assert dict(rows.select("example", "iteration").iter_rows()) == wanted
    for row in mine.iter_rows(named=True):
        image = done.images_at(row["iteration"])[photos.ids.index(row["example"])][None]
        score = float(bench.detectors["max-logit"].score(bench.model, image))
        assert row["statistic"] == pytest.approx(score, abs=1e-3)


def test_examples_of_another_library_count_where_they_fool(bench):
    images = make_images(5)
    labels = bench.model(images).argmax(dim=1)
    labels[:2] += 1
    table = given_detections(bench, "theirs", images, labels % 7, list("abcde"))
    assert sorted(table["example"].unique()) == ["a", "b"]
    assert table["moment"].unique().to_list() == ["given"]
    assert given_detections(bench, "theirs", images[2:], labels[2:], list("cde")).height == 0


def test_attempts_are_judged_by_whom_they_are_to_pass_and_restarted_from_elsewhere(bench):
    photos, victims = make_set(Tiny(), 5), {"other": ps.Classifier(Tiny(seed=2), name="other")}
    attack = penalized(ATTACK, bench.detectors["max-logit"])
    attempt = Attempt("plain", "penalized", attack, ("max-logit",), restarts=2)
    table = attempts_frame(list(attempts_on(bench, victims, attempt, photos, 0, 3)))
    assert table.schema == polars_schema(ATTEMPTS)
    assert table["detector"].unique().to_list() == ["max-logit"]
    assert sorted(table["restart"].unique()) == [0, 1]
    assert (table["linf"] <= 40).all()
    assert (table["misclassification_log_odds"] > 0).all()
    done = ps.trace(attack, bench.model, photos, victims=victims)
    fooled = done.transfers.filter((pl.col("iteration") == 8) & pl.col("misclassified"))["example"].to_list()
    last = table.filter((pl.col("iteration") == 8) & (pl.col("restart") == 0))
    assert sorted(last.filter(pl.col("fooled").list.len() > 0)["example"]) == sorted(set(fooled) & set(last["example"]))


@pytest.mark.parametrize("attack", [ATTACK, pgd(steps=4, goal="untargeted")], ids=["without a start", "with one"])
def test_restarts_start_elsewhere_with_the_same_targets(bench, attack):
    attempt = Attempt("a", UNAWARE, attack, ("max-logit",), restarts=3)
    rows = attempts_frame(list(attempts_on(bench, {}, attempt, make_set(Tiny(), 6), 0, 10)))
    last = rows.filter(pl.col("iteration") == rows["iteration"].max())
    by = {key: part["statistic"].to_list() for (key,), part in rows.sort("example", "iteration").group_by("restart")}
    assert len(by) == 3
    assert by[0] != by[1] != by[2]
    assert last.height


def test_what_has_no_ball_to_start_from_elsewhere_runs_once(bench):
    attempt = Attempt("o", UNAWARE, ps.attacks.over_optimized(steps=4, alpha=0.3), ("max-logit",), restarts=3)
    rows = attempts_frame(list(attempts_on(bench, {}, attempt, make_set(Tiny(), 6), 0, 10)))
    assert rows["restart"].unique().to_list() == [0]


def test_mimicry_does_not_depend_on_how_many_are_attacked_at_a_time(bench):
    bank = MimicryBank.of(bench.model, make_images(20, seed=9), (Identity(),))
    attempt = Attempt("plain", "mimicry", mimicking(ATTACK, bank), ("max-logit",))
    tables = [attempts_frame(list(attempts_on(bench, {}, attempt, make_set(Tiny(), 7), 0, chunk))) for chunk in (2, 50)]
    keys = ["example", "iteration"]
    assert tables[0].select(keys).sort(keys).equals(tables[1].select(keys).sort(keys))


def natural_of(*statistics, control="as they are", detector="d", p_values=None):
    count = len(statistics)
    return pl.DataFrame(
        {
            "source": ["s"] * count, "control": [control] * count, "example": [str(i) for i in range(count)],
            "detector": [detector] * count, "statistic": [float(x) for x in statistics],
            "p_value": list(p_values or [0.5] * count),
        },
        schema=polars_schema(NATURAL_STATISTICS),
    )  # fmt: skip


def detected(statistics, p_values, moment="first fools"):
    count = len(statistics)
    return pl.DataFrame(
        {
            "attack": ["a"] * count, "source": ["s"] * count, "example": [str(i) for i in range(count)],
            "iteration": [3] * count, "moment": [moment] * count, "detector": ["d"] * count,
            "statistic": [float(x) for x in statistics], "p_value": p_values,
        },
        schema=polars_schema(DETECTIONS),
    )  # fmt: skip


def attempted(attacker, rows, detector="d"):
    """Rows ``example, log-odds, fooled, p-value``."""
    return pl.DataFrame(
        {
            "attack": ["a"] * len(rows), "source": ["s"] * len(rows), "example": [row[0] for row in rows],
            "iteration": [1] * len(rows), "attacker": [attacker] * len(rows), "restart": [0] * len(rows),
            "misclassification_log_odds": [float(row[1]) for row in rows], "l2": [1.0] * len(rows),
            "linf": [1] * len(rows), "fooled": [row[2] for row in rows], "detector": [detector] * len(rows),
            "statistic": [0.0] * len(rows), "p_value": [row[3] for row in rows],
        },
        schema=polars_schema(ATTEMPTS),
    )  # fmt: skip


NOTHING = (detections_frame([]), attempts_frame([]))
TRIED = [Tried("s", "a", attacker, "d") for attacker in (UNAWARE, "penalized")]


def numbers(natural, detections=NOTHING[0], attempts=NOTHING[1], victims=("s",), tried=TRIED, calibration=500):
    return summarize(natural, detections, attempts, EXAMPLES, victims, tried, calibration)


def test_areas_and_shares_found_by_hand():
    # Of 2 x 4 pairs: 3 beats 0, 1, 2 and ties with 3; 1 beats 0 and ties with 1.
    natural = natural_of(0, 1, 2, 3)
    (found,) = numbers(natural, detected([3, 1], [0.01, 0.04])).detections
    assert found.area == pytest.approx((3.5 + 1.5) / 8)
    assert found.found == (0.5, 1.0)
    assert found.area_interval[0] <= found.area <= found.area_interval[1]
    on_the_way = numbers(natural, detected([3], [0.5], "on the way")).detections
    assert [each.iteration for each in on_the_way] == [3]


def test_what_is_infinite_is_above_everything():
    (found,) = numbers(natural_of(0, 1), detected([float("inf")], [0.3])).detections
    assert found.area == 1


def test_a_detector_that_flags_harmless_images_is_unfit_unless_it_may_be_chance():
    calm = natural_of(*range(100), p_values=[0.03] * 5 + [0.5] * 95)
    bad = natural_of(*range(100), control="JPEG", p_values=[0.03] * 16 + [0.5] * 84)
    few = natural_of(*range(4), control="four", p_values=[0.03] + [0.5] * 3)
    summary = numbers(natural_frame([calm, bad, few]))
    assert {(each.control, each.fpr) for each in summary.controls if each.unfit} == {("JPEG", 0.05)}
    assert summary.unfit == {"d"}
    (jpeg,) = [each for each in summary.controls if (each.control, each.fpr) == ("JPEG", 0.05)]
    assert jpeg.flagged == 0.16
    assert jpeg.interval == pytest.approx((0.094, 0.247), abs=0.001)


def test_the_price_by_hand():
    unaware = attempted(UNAWARE, [("a", 9, ["v", "w"], 0.01), ("b", 5, ["v"], 0.01), ("c", 1, [], 0.3)])
    # Of a the strongest that passes fools one victim, of b none passes at 5 %, d only the attacker gets.
    aware = attempted(
        "penalized",
        [("a", 8, ["v", "w"], 0.02), ("a", 6, ["w"], 0.2), ("a", 2, ["v", "w"], 0.9), ("b", 5, ["v"], 0.01),
         ("d", 3, ["v"], 0.06)],
    )  # fmt: skip
    prices = numbers(natural_of(0), attempts=attempts_frame([unaware, aware]), victims=("s", "v", "w")).prices
    (mine,) = [each for each in prices if (each.attacker, each.fpr) == ("penalized", 0.05)]
    assert (mine.images, mine.undefended, mine.passed) == (4, 0.75, 0.5)
    assert mine.transferred == pytest.approx((0.5 + 0 + 0 + 0.5) / 4)
    assert mine.transferred_undefended == pytest.approx((1 + 0.5) / 4)
    assert mine.cost == pytest.approx(0.125)
    assert mine.victims == {"v": 0.25, "w": 0.25}
    assert (mine.log_odds, mine.log_odds_undefended) == (6.0, 9.0)  # of a, the only one that both have
    (loose,) = [each for each in prices if (each.attacker, each.fpr) == ("penalized", 0.5)]
    assert loose.passed == 0.25
    (free,) = [each for each in prices if (each.attacker, each.fpr) == (UNAWARE, 0.05)]
    assert free.passed == 0.25
    (anyone,) = [each for each in prices if (each.attacker, each.fpr) == (ANYONE, 0.05)]
    assert anyone.passed == 0.75


def test_who_gets_nothing_past_has_a_row_that_says_so():
    tried = [Tried(source, "a", attacker, "d") for source in ("s", "t") for attacker in (UNAWARE, "penalized")]
    table = attempts_frame([attempted(UNAWARE, [("a", 9, ["v"], 0.5)])])
    prices = numbers(natural_of(0), attempts=table, victims=("s", "t", "v"), tried=tried).prices
    assert {(each.source, each.attacker) for each in prices} == {
        (source, attacker) for source in ("s", "t") for attacker in (UNAWARE, "penalized", ANYONE)
    }
    of_t = [each for each in prices if each.source == "t"]
    assert all((each.passed, each.undefended, each.transferred, each.log_odds) == (0, 0, 0, None) for each in of_t)
    assert all(each.passed_interval[1] > 0.5 for each in of_t)


def test_without_victims_there_is_no_transfer_to_speak_of():
    table = attempts_frame([attempted(UNAWARE, [("a", 9, [], 0.5)])])
    for price in numbers(natural_of(0), attempts=table).prices:
        assert (price.transferred, price.cost, price.cost_interval) == (None, None, None)


def test_what_so_few_images_cannot_set_a_threshold_for_is_not_a_number():
    summary = numbers(natural_of(0, 1), detected([3], [0.02]), calibration=50)
    assert summary.detections[0].found == (None, 1.0)
    assert {each.fpr for each in summary.controls} == {0.05}
    assert summary.rates[0] is None
    assert {each.fpr for each in numbers(natural_of(0), calibration=10).prices} == {0.5}
    assert summary.rates[1].low < 0.05 < summary.rates[1].high


PRICE = {
    "detector": "d",
    "images": 100,
    "undefended": 1.0,
    "passed": 0.9,
    "transferred": 0.5,
    "transferred_undefended": 0.5,
}
VERDICTS = {
    "costs an attacker who knows it nothing:": {"cost": 0.0, "cost_interval": (-0.02, 0.01)},
    "next to nothing, at most 4 points": {"cost": 0.0, "cost_interval": (-0.02, 0.04)},
    "10 to 30 points of transfer": {"cost": 0.2, "cost_interval": (0.1, 0.3)},
    "perhaps nothing (so few images cannot tell)": {"cost": 0.0, "cost_interval": (-0.2, 0.2)},
    "costs an attacker who knows it what 19 images cannot tell": {"cost": 0, "cost_interval": (0, 0), "images": 19},
    "No attacker that was tried passes d": {"passed": 0.0, "cost": 0.5, "cost_interval": (0.4, 0.6)},
    "what else they fool was not asked": {"transferred": None, "cost": None, "cost_interval": None},
}


@pytest.mark.parametrize("said", VERDICTS)
def test_the_first_sentence_says_no_more_than_the_interval(said):
    row = {**PRICE, "source": "s", "attack": "a", "attacker": ANYONE, "fpr": 0.05, **VERDICTS[said]}
    rates = [None, None]
    summary = {"prices": [row], "detections": [], "controls": [], "calibration": 5, "rates": rates}
    assert said in defense_sentences(summary)[0]


tries = st.lists(
    st.tuples(
        st.sampled_from(EXAMPLES),
        st.floats(0.1, 20),
        st.lists(st.sampled_from(["v", "w"]), unique=True),
        st.floats(0, 1),
    ),
    max_size=12,
)


@given(tries, tries)
@settings(deadline=None, max_examples=50)
def test_more_budget_never_helps_the_defender(before, more):
    """Further steps, restarts or attackers only add iterates, of which the attacker takes what passes."""
    free = attempted(UNAWARE, [("a", 1, [], 1.0)])

    def passed(rows):
        table = attempts_frame([free, attempted("penalized", rows)])
        prices = numbers(natural_of(0), attempts=table, victims=("v", "w")).prices
        return {each.fpr: each.passed for each in prices if each.attacker == "penalized"}

    little, much = passed(before), passed([*before, *more])
    assert all(much[fpr] >= share for fpr, share in little.items())
