"""Claims against slow, obvious computations, and their edge cases."""

import math
import random
import statistics

import numpy as np
import polars as pl
import pytest
from scipy import stats

from presoftmax.analysis import by_source, log_spaced
from presoftmax.analysis.claims import CLAIM_COLUMNS, CLAIMS, Evidence, judge, overall
from presoftmax.analysis.claims.claim import Measurement, judged
from presoftmax.analysis.events import has_disguised_pair
from presoftmax.analysis.ranking import rank_scores, resampled_spearman, spearman
from presoftmax.errors import DataError
from presoftmax.tables import schema

VICTIMS = ("v", "w")
NATURAL = 40.0


def rows(seed, examples=14, iterations=20, k=1, attack="single", saturates=True, transfer=None):
    """Rows of both tables: logits that wander upwards, confidence that saturates, transfer that comes and goes."""
    draw = random.Random(seed)
    steps, transfers = [], []
    for e in range(examples):
        ca1 = draw.uniform(5, 15)
        for i in range(iterations):
            ca1 += draw.uniform(-1, 4)
            odds = draw.uniform(0, 3) + (1.2 if saturates else 0.1) * i
            confidence = 1.0 if odds > 16.6 else 1 / (1 + math.exp(-odds))
            keys = {"attack": attack, "source": "s", "example": f"e{e:02d}", "iteration": i}
            values = {name: draw.uniform(0, 9) for name in CLAIM_COLUMNS}
            values |= {"ca1": ca1, "confidence": confidence, "saturated": confidence == 1.0, "log_odds": odds}
            values |= {"changed": float(draw.random() < 0.6 and i > 0), "linf": draw.randrange(9)}
            values.pop("hit")
            targets = list(range(1, k + 1))
            steps.append(keys | values | {"label": 0, "targets": targets, "predicted": draw.choice([0, *targets, 8])})
            for v in VICTIMS:
                hit = transfer(e, i, v) if transfer else draw.random() < i / iterations
                transfers.append(keys | {"victim": v, "predicted": 1 if hit else 0, "misclassified": hit,
                                         "targeted": hit and draw.random() < 0.5})  # fmt: skip
    return steps, transfers


def frames(steps, transfers):
    types = schema.polars_schema(schema.STEPS)
    kinds = {name: types[name] for name in steps[0]}
    # Wide enough that the slow computation sees the same numbers.
    kinds |= {"ca1": pl.Float64(), "confidence": pl.Float64()}
    return pl.DataFrame(steps, schema=kinds), pl.DataFrame(transfers)


def claims(*tables, natural=NATURAL):
    steps = pl.concat([frames(*table)[0] for table in tables])
    transfers = pl.concat([frames(*table)[1] for table in tables])
    order = {"single": 0, "several": 1}
    trajectories = sorted(by_source(steps, transfers, CLAIM_COLUMNS), key=lambda t: order[t.attack])
    return judge(trajectories, Evidence({"several": "single"}, {} if natural is None else {"s": natural}, 50, {}))


def value(found, claim, victim=None, attack=None, subject=None):
    chosen = [
        m for m in found.of(claim) if m.victim == victim and attack in (None, m.attack) and subject in (None, m.subject)
    ]
    assert len(chosen) == 1
    return chosen[0]


def series(table, name):
    """Per example, the values over the iterations."""
    found = {}
    for row in table:
        found.setdefault(row["example"], []).append(row[name])
    return list(found.values())


@pytest.mark.parametrize("seed", range(4))
def test_claims_equal_the_obvious_computation(seed):
    single, several = rows(seed), rows(seed + 50, k=2, attack="several", saturates=False)
    found = claims(single, several)
    ca1, confidence = series(single[0], "ca1"), series(single[0], "confidence")
    at_end = [c[-1] == 1 for c in confidence]
    assert value(found, "C1").value == pytest.approx(statistics.mean(at_end))
    ratios = []
    for z, c in zip(ca1, confidence, strict=True):
        if 1.0 in c[:-1]:
            ratios.append(z[-1] / z[c.index(1.0)])
    assert value(found, "C2").value == pytest.approx(statistics.median(ratios))
    assert value(found, "C2").examples == len(ratios)
    assert value(found, "C3", attack="single").value == pytest.approx(statistics.mean(z[-1] > NATURAL for z in ca1))

    z2, c2 = series(several[0], "ca1"), series(several[0], "confidence")
    disguised = []
    for z, c in zip(z2, c2, strict=True):
        pair = any(z[j] > z[i] and c[j] < c[i] for j in range(len(z)) for i in range(j))
        disguised.append(pair and c[-1] < 1)
    assert value(found, "C5").value == pytest.approx(statistics.mean(disguised))
    assert value(found, "C6").value == pytest.approx(statistics.mean(c[-1] for c in c2))
    assert value(found, "C6").threshold == 0.75
    expected = statistics.mean(z[-1] for z in z2) / statistics.mean(z[-1] for z in ca1)
    assert value(found, "C7").value == pytest.approx(expected)

    for victim in VICTIMS:
        hits = series([row for row in single[1] if row["victim"] == victim], "misclassified")
        kept = [e for e, h in enumerate(hits) if h[-1]]
        mean = [statistics.mean(confidence[e][i] for e in kept) for i in range(20)]
        at = next((i for i, m in enumerate(mean) if m >= 0.99), None)
        c4 = value(found, "C4", victim)
        assert c4.examples == len(kept)
        if at is None or at == 19:
            assert c4.value is None
        else:
            share = [100 * statistics.mean(hits[e][i] for e in kept) for i in range(20)]
            assert c4.value == pytest.approx(share[-1] - share[at])
            assert c4.details["iteration"] == at
            rise = statistics.mean(ca1[e][-1] for e in kept) - statistics.mean(ca1[e][at] for e in kept)
            assert c4.details["ca1_rise"] == pytest.approx(rise)
        stays = [all(h[h.index(True) :]) for h in hits if True in h[:-1]]
        c8 = value(found, "C8", victim, "single")
        assert c8.value == pytest.approx(statistics.mean(stays))
        steps = [(h[i], h[i + 1]) for h in hits for i in range(19)]
        assert c8.details["per_next_iteration"] == pytest.approx(
            sum(a and b for a, b in steps) / sum(a for a, _ in steps)
        )
        assert value(found, "C9", victim, "single").value == pytest.approx(statistics.mean(not h[-1] for h in hits))


@pytest.mark.parametrize("seed", range(3))
def test_rank_correlations_equal_scipys(seed):
    steps, transfers = frames(*rows(seed))
    (t,) = by_source(steps, transfers, CLAIM_COLUMNS)
    ranking = rank_scores(t, {name: t.values(name) for name in ("confidence", "ca1", "margin")}, "w")
    hits = t.transferred["w"]["misclassified"]
    along = log_spaced(19, 32)
    for name in ("confidence", "ca1", "margin"):
        scores = t.values(name)
        for iteration, got in ranking.across[name].items():
            a, b = scores[:, iteration], hits[:, iteration]
            if len(set(a)) < 2 or len(set(b)) < 2:
                assert got is None
            else:
                assert got == pytest.approx(stats.spearmanr(a, b).statistic)
        each = [
            stats.spearmanr(scores[e][along], hits[e][along]).statistic
            for e in range(len(t))
            if len(set(scores[e][along])) > 1 and len(set(hits[e][along])) > 1
        ]
        assert ranking.within_defined[name] == len(each)
        assert ranking.within[name] == pytest.approx(statistics.mean(each))


@pytest.mark.parametrize("seed", range(3))
def test_correlations_of_resamples_equal_those_of_the_drawn_examples(seed):
    generator = np.random.default_rng(seed)
    values = generator.integers(0, 6, 15).astype(float)
    flags = generator.random(15) < 0.4
    draws = generator.integers(0, 15, (30, 15))
    counts = np.stack([np.bincount(draw, minlength=15) for draw in draws]).astype(float)
    got = resampled_spearman(values, flags, counts)
    for draw, correlation in zip(draws, got, strict=True):
        expected = spearman(values[draw], flags[draw], axis=0)
        assert correlation == pytest.approx(float(expected), nan_ok=True)
        if len(set(values[draw])) > 1 and len(set(flags[draw])) > 1:
            assert correlation == pytest.approx(stats.spearmanr(values[draw], flags[draw]).statistic)


def test_nothing_transfers():
    found = claims(rows(0, transfer=lambda e, i, v: False))
    assert value(found, "C9", "v").value == 1
    assert value(found, "C4", "v").sentence == "no example has transferred at the end"
    assert value(found, "C8", "v").verdict == "not measurable here"
    assert "before the last iteration" in value(found, "C8", "v").sentence
    c11 = value(found, "C11", "v", subject="ca1")
    assert (c11.value, c11.verdict) == (None, "not measurable here")
    assert "undefined" in c11.sentence


def test_everything_transfers_at_once():
    found = claims(rows(0, transfer=lambda e, i, v: True))
    assert value(found, "C9", "v").value == 0
    assert value(found, "C9", "v").verdict == "does not hold"
    assert value(found, "C8", "v").value == 1
    assert value(found, "C4", "v").value == 0
    assert value(found, "C11", "v", subject="ca1").verdict == "not measurable here"


def test_one_example_concludes_nothing_and_has_no_interval():
    found = claims(rows(0, examples=1), rows(1, examples=1, k=2, attack="several"))
    assert {m.verdict for m in found.measured if m.claim != "C10"} == {"not measurable here"}
    assert set(found.verdicts().values()) == {"not measurable here"}
    assert value(found, "C1").low is None
    assert "1 examples are too few" in value(found, "C1").sentence


def test_constant_confidence_has_no_correlation_and_that_is_said():
    steps, transfers = rows(0)
    for row in steps:
        row |= {"confidence": 1.0, "saturated": True}
    found = claims((steps, transfers))
    ranking = found.rankings["single", "s", "v"]
    assert ranking.within["confidence"] is None
    assert ranking.within_defined["confidence"] == 0
    assert set(ranking.across["confidence"].values()) == {None}
    assert ranking.within["ca1"] is not None
    c11 = value(found, "C11", "v", subject="ca1")
    assert c11.verdict == "not measurable here"
    assert c11.details["across_confidence"] is None
    assert value(found, "C2").value > 1


def test_a_model_without_natural_images():
    assert value(claims(rows(0), natural=None), "C3").verdict == "not measurable here"


def test_every_claim_is_there_and_has_a_verdict():
    found = claims(rows(0), rows(1, k=2, attack="several"))
    # C12 is about what other models say, which trajectories alone do not hold.
    assert {m.claim for m in found.measured} == set(CLAIMS) - {"C12"} == {f"C{i}" for i in range(1, 12)}
    for m in found.measured:
        assert m.sentence
        if m.low is not None and m.claim != "C11":
            assert m.low <= m.value + 1e-9
            assert m.value <= m.high + 1e-9


def test_an_example_that_lacks_an_iteration_is_refused():
    steps, transfers = frames(*rows(0))
    with pytest.raises(DataError, match="single on s: an example lacks an iteration"):
        list(by_source(steps[:-1], transfers, CLAIM_COLUMNS))
    with pytest.raises(DataError, match="victim w: an example lacks an iteration"):
        list(by_source(steps, transfers[:-1], CLAIM_COLUMNS))


def test_a_disguise_must_show_among_the_iterations_that_count():
    ca1 = np.array([[1.0, 2.0, 3.0]])
    assert has_disguised_pair(ca1, np.array([[0.5, 0.9, 0.8]]))[0]
    assert not has_disguised_pair(ca1, np.array([[0.5, 0.9, 0.895]]), drop=0.01)[0]
    assert not has_disguised_pair(ca1, np.array([[0.5, 0.9, 0.8]]), among=np.array([[True, False, True]]))[0]
    assert not has_disguised_pair(ca1[:, ::-1].copy(), np.array([[0.9, 0.8, 0.7]]))[0]


def measured(verdict):
    return Measurement("C1", "a", "s", None, 20, 0.6, 0.4, 0.8, 0.5, verdict, "")


def test_a_claim_holds_where_it_holds_wherever_it_is_measured():
    assert overall([]) == "not measurable here"
    assert overall([measured("not measurable here")]) == "not measurable here"
    assert overall([measured("holds"), measured("not measurable here")]) == "holds"
    assert overall([measured("holds"), measured("does not hold")]) == "holds in part"
    assert overall([measured("does not hold")] * 2) == "does not hold"
    assert not measured("holds").certain


def test_thresholds():
    key = ("a", "s", None)
    assert judged("C1", key, 20, 0.5, None, "").verdict == "holds"
    assert judged("C9", key, 20, 0.0, None, "").verdict == "does not hold"
    assert judged("C7", key, 20, 1.0, None, "").verdict == "does not hold"
    assert judged("C7", key, 20, 0.9, None, "").verdict == "holds"
    assert judged("C4", key, 20, 30.0, None, "", also=False).verdict == "does not hold"
    assert judged("C1", key, 9, 1.0, None, "").verdict == "not measurable here"
