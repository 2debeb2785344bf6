"""Showing guards: fitting one, checking images with it, and what a defense is worth."""

import json
import sys
from pathlib import Path

from presoftmax.cli.display import plain_table, quiet, say, terminal
from presoftmax.errors import one_line
from presoftmax.study import StudyConfig
from presoftmax.workflows import check_images, evaluate_defense, fit_guard

__all__ = ["show_check", "show_evaluation", "show_fit"]

_SHOWN = 40


def show_fit(
    model: str, images: str, out: Path, detector: str, fpr: float | None, device: str | None, as_json: bool
) -> None:
    """Fit a guard and say what it costs and what it flags."""
    with quiet(f"{model} looks at {images}"):
        done = fit_guard(model, images, out, detector, fpr, device)
    for text in done.notes:
        print(f"presoftmax: warning: {one_line(text)}", file=sys.stderr)
    if as_json:
        print(json.dumps(done.values()))
        return
    console, guard = terminal(), done.guard
    passes = len(guard.detector.views)
    say(console, f"{guard.model.name} is guarded by {detector}, fitted on {done.images} natural images")
    say(console, f"it flags {100 * guard.fpr:.2g} % of natural images; asking costs {passes} forward passes an image")
    say(console, "an alarm, not security: who knows it can pass it ('presoftmax guard evaluate' says at what price)")
    say(console, f"\nThe guard is {done.path}; next: presoftmax guard check IMAGES --guard {done.path}")


def show_check(images: str, guard: Path, model: str | None, device: str | None, as_json: bool) -> bool:
    """Print what the guard says of each image; whether any was flagged."""
    with quiet(f"looking at {images}"):
        done = check_images(images, guard, model, device)
    flagged = int(done.flagged.sum())
    for entry in done.skipped:
        print(f"presoftmax: warning: not looked at: {one_line(f'{entry.file}: {entry.reason}')}", file=sys.stderr)
    if as_json:
        print(json.dumps(done.values()))
        return flagged > 0
    console = terminal()
    table = plain_table(
        ("example", "taken for", "confidence", "p-value", ""), left=("example", "taken for", ""), overflow="fold"
    )
    rows = sorted(done.rows(), key=lambda row: row["p_value"])
    for row in rows[:_SHOWN]:
        name = row["class"] or str(row["predicted"])
        mark = "flagged" if row["flagged"] else ""
        table.add_row(row["example"], name, f"{row['confidence']:.3f}", f"{row['p_value']:.2g}", mark)
    console.print(table)
    if len(rows) > _SHOWN:
        say(console, f"... and {len(rows) - _SHOWN} more, with larger p-values")
    rate = 100 * done.guard.fpr
    say(console, f"\n{flagged} of {len(rows)} flagged; of natural images it would be {rate:.2g} %")
    return flagged > 0


def show_evaluation(study: Path, out: Path | None, device: str | None, as_json: bool) -> None:
    """Try a study's defense and say what was found."""
    config = StudyConfig.load(study)
    console = terminal(stderr=True)
    with quiet():
        done = evaluate_defense(config, out, device, lambda text: say(console, text))
    if as_json:
        print(json.dumps(done.values()))
        return
    screen = terminal()
    for sentence in done.sentences:
        say(screen, f"\n{sentence}")
    say(screen, f"\nThe page, the figures and the tables are in {done.folder}")
