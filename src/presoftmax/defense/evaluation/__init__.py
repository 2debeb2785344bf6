"""What a defense is worth: benign images, attacks that do not know it, and attackers who do, in the same tables."""

from typing import TYPE_CHECKING

from presoftmax.errors import face

if TYPE_CHECKING:
    from presoftmax.defense.evaluation.attempts import Attempt, attempts_frame, attempts_on
    from presoftmax.defense.evaluation.bench import Bench
    from presoftmax.defense.evaluation.detections import detections_frame, detections_of, given_detections
    from presoftmax.defense.evaluation.natural import natural_frame, natural_statistics
    from presoftmax.defense.evaluation.summary import (
        UNAWARE,
        ControlRate,
        DefenseSummary,
        Detection,
        Price,
        summarize,
    )

__all__ = [
    "UNAWARE",
    "Attempt",
    "Bench",
    "ControlRate",
    "DefenseSummary",
    "Detection",
    "Price",
    "attempts_frame",
    "attempts_on",
    "detections_frame",
    "detections_of",
    "given_detections",
    "natural_frame",
    "natural_statistics",
    "summarize",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = face(__name__, __all__)
