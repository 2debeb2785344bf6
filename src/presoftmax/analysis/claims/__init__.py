"""The paper's claims C1 to C11, measured: on every source or ordered pair, with uncertainty and a verdict."""

from presoftmax.analysis.claims.claim import CLAIMS, Claim, Measured, Verdict, overall
from presoftmax.analysis.claims.judge import CLAIM_COLUMNS, Evidence, StudyClaims, TopLogits, judge

__all__ = [
    "CLAIMS",
    "CLAIM_COLUMNS",
    "Claim",
    "Evidence",
    "Measured",
    "StudyClaims",
    "TopLogits",
    "Verdict",
    "judge",
    "overall",
]
