"""The day's budget of a role: counted by all processes, refused when spent, audited once, new the next day."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from contracts.errors import Fallback, ModelError
from contracts.model_calls import ChatRequest, Message, ModelCall
from integrations import clock
from integrations.inference.budget import Budget, tokens_of
from integrations.ledger import spending, tables
from integrations.ledger.audit import Auditor
from integrations.ledger.database import Database
from tests.fakes.samples import NOW
from tests.fakes.scripted_chat import called

REQUEST = ChatRequest(step="judge", messages=(Message(role="user", content="x" * 30),), max_tokens=4)


def call(prompt: int | None = 900, completion: int | None = 100) -> ModelCall:
    return called(REQUEST, "yes").model_copy(update={"prompt_tokens": prompt, "completion_tokens": completion})


def budget(db: Database, chain: str = "worker") -> Budget:
    return Budget(db, Auditor(chain, b"k"), "reasoning", cost_1000_tokens=0.5, a_day=1.0)


def refusals(db: Database) -> list[str]:
    with db.read() as tx:
        rows = tx.scalars(sa.select(tables.audit.c.record)).all()
    return [row for row in rows if "budget of the day" in row]


def test_it_is_spent_by_all_processes_refused_and_audited_once(db: Database) -> None:
    one, other = budget(db), budget(db, "cli")
    one.admit()
    one.add(call())
    other.add(call())
    with db.read() as tx:
        assert spending.today(tx, "reasoning").cost == 1.0 and spending.today(tx, "code").cost == 0
    for asked in (one, other, one):
        with pytest.raises(ModelError) as refused:
            asked.admit()
        assert refused.value.kind == Fallback.SPENT
    assert len(refusals(db)) == 1 and "1 of 1" in refusals(db)[0]


def test_the_next_day_begins_anew(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = budget(db)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    kept.add(call(2000, 1000))
    with pytest.raises(ModelError):
        kept.admit()
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(days=1))
    kept.admit()
    kept.add(call())
    with db.read() as tx:
        assert spending.today(tx, "reasoning") == spending.Spent(day="2026-01-06", tokens=1000, cost=0.5)


def test_a_server_that_does_not_count_is_counted_for_and_never_as_nothing() -> None:
    assert tokens_of(call()) == 1000
    assert tokens_of(call(completion=None)) == 11
