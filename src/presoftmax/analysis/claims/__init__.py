"""The paper's claims C1 to C11 and our own C12, measured: with uncertainty and a verdict."""

from presoftmax.analysis.claims.claim import CLAIMS, FEWEST, Case, Claim, Evidence, Measurement, Scope, Verdict, overall
from presoftmax.analysis.claims.disguise import diminished, disguised, pushed_down
from presoftmax.analysis.claims.judge import CLAIM_COLUMNS, StudyClaims, judge
from presoftmax.analysis.claims.prediction import ranks_transfer
from presoftmax.analysis.claims.saturation import beyond, blind, rising, saturating
from presoftmax.analysis.claims.transfer import everywhere, never_transferring, ranks_better, staying

__all__ = [
    "CLAIMS",
    "CLAIM_COLUMNS",
    "FEWEST",
    "Case",
    "Claim",
    "Evidence",
    "Measurement",
    "Scope",
    "StudyClaims",
    "Verdict",
    "beyond",
    "blind",
    "diminished",
    "disguised",
    "everywhere",
    "judge",
    "never_transferring",
    "overall",
    "pushed_down",
    "ranks_better",
    "ranks_transfer",
    "rising",
    "saturating",
    "staying",
]
