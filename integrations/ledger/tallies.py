"""Tallies for operators, kept in the transaction of what they count, so that no restart sets them back."""

from datetime import timedelta

import sqlalchemy as sa

from contracts.decisions import DecisionKind
from contracts.errors import Fallback
from contracts.suggestions import MadeBy
from integrations.ledger import counters

LAG_S = (0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, float("inf"))
"""Upper bounds of the histogram of the lag; the window of an encounter alone is 1 to 5 s."""
DECISION, SUGGESTION, LAG, LAG_SUM_MS = "decision", "suggestion", "lag", "lag_sum_ms"


def suggested(tx: sa.Connection, made_by: MadeBy, fallback: Fallback | None, lag: timedelta | None) -> None:
    """Count a version that is shown, and how long the oldest event that it is the first to cover had waited."""
    counters.count(tx, f"{SUGGESTION}:{fallback or made_by}")
    if lag is not None:
        counters.count(tx, f"{LAG}:{next(bound for bound in LAG_S if lag.total_seconds() <= bound)}")
        counters.count(tx, LAG_SUM_MS, round(lag.total_seconds() * 1000))


def decided(tx: sa.Connection, kind: DecisionKind) -> None:
    """Count a decision."""
    counters.count(tx, f"{DECISION}:{kind}")
