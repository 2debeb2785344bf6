"""Drawn targets depend on seed and id alone, and are uniform over the wrong classes."""

from collections import Counter

import pytest
import torch

from presoftmax.attacks import check_targets, draw_targets
from presoftmax.errors import AttackError

IDS = [f"image{i}" for i in range(3000)]
LABELS = torch.arange(3000) % 5


def test_targets_do_not_depend_on_the_batch_or_on_how_many_are_drawn():
    whole = draw_targets(IDS, LABELS, 5, 2)
    assert torch.equal(draw_targets(IDS[70:80], LABELS[70:80], 5, 2), whole[70:80])
    assert torch.equal(draw_targets(IDS, LABELS, 5, 1), whole[:, :1])
    assert not torch.equal(draw_targets(IDS, LABELS, 5, 2, seed=1), whole)


def test_these_targets_never_change():
    drawn = draw_targets(["a", "b", "c"], torch.tensor([0, 1, 2]), 1000, 2, seed=7)
    assert drawn.tolist() == PINNED


PINNED = [[585, 265], [215, 689], [465, 992]]


def test_targets_are_uniform_over_the_wrong_classes():
    drawn = draw_targets(IDS, LABELS, 5, 2)
    for label in range(5):
        rows = drawn[label == LABELS]
        for column in range(2):
            counts = Counter(rows[:, column].tolist())
            assert label not in counts
            expected = len(rows) / 4
            chi_square = sum((count - expected) ** 2 / expected for count in counts.values())
            assert chi_square < 16.3  # 99.9 % of chi-square with 3 degrees of freedom
    assert (drawn[:, 0] != drawn[:, 1]).all()


def test_more_targets_than_wrong_classes_are_refused():
    with pytest.raises(AttackError, match="cannot draw 5 targets"):
        draw_targets(IDS, LABELS, 5, 5)


def test_given_targets_take_three_forms():
    ids, labels = ["a", "b"], torch.tensor([0, 1])
    assert check_targets(3, ids, labels, 5, 1).tolist() == [[3], [3]]
    assert check_targets([3, 4], ids, labels, 5, 2).tolist() == [[3, 4], [3, 4]]
    assert check_targets([3, 4], ids, labels, 5, 1).tolist() == [[3], [4]]
    assert check_targets([[3, 4], [2, 3]], ids, labels, 5, 2).tolist() == [[3, 4], [2, 3]]
    with pytest.raises(AttackError, match="repeat a class"):
        check_targets([3, 3], ids, labels, 5, 2)
    with pytest.raises(AttackError, match="must be integers"):
        check_targets([0.5], ids, labels, 5, 1)
