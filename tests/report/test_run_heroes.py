"""What a run's page shows first is chosen from adversarial images alone, by the marks that a judgment has."""

import polars as pl
import pytest
import torch

from presoftmax.report.run._heroes import RunHeroes
from presoftmax.storage import RunFolder

SUMMARY = {"source": "net", "victims": ["v"], "classes": None, "examples": ["a", "b"], "attacks": {"one": {}}}
# example, iteration, predicted (the label is 0), confidence, ca1
ROWS = [
    ("a", 0, 0, 0.90, 10.0), ("b", 0, 0, 0.80, 9.0),
    ("a", 1, 3, 0.999, 12.0), ("a", 2, 3, 0.997, 30.0), ("a", 3, 3, 1.0, 40.0),
    ("b", 1, 0, 0.60, 30.0), ("b", 2, 3, 0.70, 20.0), ("b", 3, 3, 0.55, 25.0),
]  # fmt: skip


def heroes(tmp_path, rows):
    steps = pl.DataFrame(
        [
            {"attack": "one", "example": e, "iteration": i, "label": 0, "predicted": p, "confidence": c, "ca1": z,
             "log_odds": z / 2, "misclassification_log_odds": z}
            for e, i, p, c, z in rows
        ]
    )  # fmt: skip
    transfers = steps.select("attack", "example", "iteration", misclassified=pl.col("ca1") >= 30, victim=pl.lit("v"))
    folder = RunFolder.create(tmp_path / "run")
    for example, number in (("a", 0), ("b", 1)):
        for iteration in range(4):
            folder.write_images("one", [number], [example], iteration, torch.zeros(1, 3, 8, 8, dtype=torch.uint8))
    return RunHeroes(folder, steps, transfers, SUMMARY)


def test_a_pair_that_reads_the_same_and_the_one_that_looks_weakest(tmp_path):
    shown = heroes(tmp_path, ROWS)
    assert [(each.note, each.ca1) for each in shown.heroes] == [
        ("iteration 1", 12.0), ("iteration 3", 40.0), ("iteration 3", 25.0)
    ]  # fmt: skip
    assert [(each.over_optimized, each.disguised) for each in shown.heroes] == [
        (True, False),
        (True, False),
        (True, True),
    ]
    assert [each.fooled for each in shown.heroes] == [(0, 1), (1, 1), (0, 1)]
    assert "the one stands 12.0 high, the other 40.0" in shown.sentence
    assert shown.figure().axes[0].get_title(loc="left").startswith("2 examples")


@pytest.mark.parametrize("predicted", [0, -1])
def test_what_is_not_adversarial_is_not_shown(tmp_path, predicted):
    """Still right, or an answer that was not finite."""
    rows = [(e, i, p if i == 0 else predicted, c, z) for e, i, p, c, z in ROWS]
    shown = heroes(tmp_path, rows)
    assert shown.heroes == ()
    assert shown.sentence == ""
    assert shown.figure().axes[0].get_title(loc="left").startswith("0 examples")
