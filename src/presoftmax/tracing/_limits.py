"""Where an attack is to end: at a wanted strength of each example, or before it costs too many passes."""

from dataclasses import replace

import torch
from torch import Tensor

from presoftmax.attacks import Attack, Goal
from presoftmax.errors import AttackError
from presoftmax.scores import Facts, compute
from presoftmax.text import counted
from presoftmax.tracing._arguments import finite, whole

__all__ = ["check_budget", "check_stop", "passes_of", "reached"]


def passes_of(attack: Attack) -> int:
    """Passes of the source, forward and backward, that an example costs."""
    return attack.source_forwards + attack.source_backwards


def check_budget(attack: Attack, given: int | None) -> int | None:
    """The passes that there are for each example; raises `AttackError` where the attack needs more."""
    budget = None if given is None else whole("budget", given, least=0)
    if budget is None or passes_of(attack) <= budget:
        return budget
    # Passes grow by the same number with every step.
    first, second = (passes_of(replace(attack, steps=steps)) for steps in (1, 2))
    steps = 1 + (budget - first) // (second - first) if budget >= first else 0
    enough = f"it is enough for {counted(steps, 'step')}" if steps else f"one step needs {first}"
    raise AttackError(
        f"{attack.name} needs {passes_of(attack)} passes of the source per example, forward and backward, for "
        f"{counted(attack.steps, 'step')}; the budget is {budget}: {enough}"
    )


def check_stop(given: float | None) -> float | None:
    """A log-odds to stop at; raises `AttackError` where it is no finite number."""
    return None if given is None else finite("stop_at", given)


@torch.no_grad()
def reached(stop_at: float, logits: Tensor, goal: Goal) -> Tensor:
    """Which examples are as strong as wanted, bool ``(N,)``: by the log-odds of their targets, if they have any."""
    name = "group_log_odds" if goal.targets.shape[1] else "misclassification_log_odds"
    return compute(name, logits.double(), Facts(labels=goal.labels, targets=goal.targets)) >= stop_at
