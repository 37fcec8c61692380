"""How events, cases and people stand at one moment: what an operator watches and is woken by."""

from datetime import datetime

import sqlalchemy as sa

from contracts.cases import CaseState
from contracts.decisions import DecisionKind
from contracts.errors import Fallback
from contracts.frozen import Frozen
from contracts.suggestions import MadeBy
from integrations import clock
from integrations.ledger import cases, inbox, messages, stranded_cases, tables, tallies

OPEN = tables.cases.c.state == CaseState.OPEN


class Standing(Frozen):
    """One consistent view; ages are 0 where nothing waits."""

    events: dict[str, int]
    cases: dict[str, int]
    """Both as their `balance` (I1)."""
    pending_age_s: float
    oldest_open_age_s: float
    past_deadline: int
    without_workflow: int
    """Live cases whose workflow did not run at the last look."""
    messages_refused: int
    """Distinct messages, results and failures from Temporal that did not open for their case."""
    decisions: dict[str, int]
    suggestions: dict[str, int]
    """By the model, by rules because none was asked, or by the cause of a fallback."""
    lags: tuple[tuple[float, int], ...]
    """Upper bound in seconds, and suggestions up to it and above the bound before."""
    lag_sum_s: float


def read(tx: sa.Connection) -> Standing:
    """Return the standing of this transaction's moment."""
    moment = clock.now()
    kept: dict[str, int] = {row[0]: row[1] for row in tx.execute(sa.select(tables.counters))}
    late = sa.select(sa.func.count()).select_from(tables.cases).where(OPEN, tables.cases.c.due_at < moment)
    return Standing(
        events=inbox.balance(tx),
        cases=cases.balance(tx),
        pending_age_s=_age(inbox.waiting_since(tx), moment),
        oldest_open_age_s=_age(tx.scalar(sa.select(sa.func.min(tables.cases.c.accepted_at)).where(OPEN)), moment),
        past_deadline=tx.scalar(late) or 0,
        without_workflow=stranded_cases.last(tx).count,
        messages_refused=kept.get(messages.COUNTER, 0),
        decisions={kind: kept.get(f"{tallies.DECISION}:{kind}", 0) for kind in DecisionKind},
        suggestions={by: kept.get(f"{tallies.SUGGESTION}:{by}", 0) for by in (*MadeBy, *Fallback)},
        lags=tuple((bound, kept.get(f"{tallies.LAG}:{bound}", 0)) for bound in tallies.LAG_S),
        lag_sum_s=kept.get(tallies.LAG_SUM_MS, 0) / 1000,
    )


def _age(since: datetime | None, moment: datetime) -> float:
    return max(0.0, (moment - since).total_seconds()) if since else 0.0
