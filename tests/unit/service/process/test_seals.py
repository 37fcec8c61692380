"""Which cases are older than the sealing for a case, what is counted of refused messages, which cases stand still."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from contracts.cases import CaseRef, CaseState
from integrations import clock
from integrations.ledger import cases, marks, messages, standing, tables
from integrations.ledger import stranded_cases as kept
from integrations.ledger.audit import Auditor
from integrations.ledger.database import Database
from service.gateway import stranded_cases
from service.operate import doctor
from service.process import seals as service_seals
from service.process.seals import Seals
from tests.fakes.samples import REF

LIMIT = timedelta(minutes=5)


def open_case(db: Database, accepted_at: datetime, ref: CaseRef = REF) -> str:
    with db.write() as tx:
        return cases.open_new(tx, ref, LIMIT, accepted_at).case_id


def forget_binding(db: Database) -> None:
    """Make it a ledger of a version that sealed values for no case."""
    with db.write() as tx:
        tx.execute(tables.marks.delete().where(tables.marks.c.name == marks.BOUND_SINCE))


def bind(db: Database) -> None:
    with db.write() as tx:
        messages.bind(tx, Auditor("gateway", b"k"))


def test_a_new_ledger_has_no_case_of_before(db: Database) -> None:
    bind(db)
    assert not Seals(db).opened_before(open_case(db, clock.now()))
    assert not Seals(db).opened_before("unknown")


def test_a_ledger_of_before_keeps_the_moment_from_which_cases_are_new(db: Database) -> None:
    forget_binding(db)
    first = open_case(db, clock.now())
    assert Seals(db).opened_before(first), "no new gateway has opened a case yet"
    bind(db)
    second = open_case(db, clock.now(), REF.model_copy(update={"case_id": "later", "encounter_id": "later"}))
    bind(db)
    known = Seals(db)
    assert [known.opened_before(id_) for id_ in (first, second, "unknown")] == [True, False, False]


def counted(db: Database) -> int:
    with db.read() as tx:
        return standing.read(tx).messages_refused


async def test_a_refused_message_is_counted_once_however_often_it_is_replayed(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_seals, "SAVE_AFTER_S", 0.0)
    for _restart in range(2):
        process = Seals(db)
        for digest in ("a", "b", "a"):
            process.refused("case-1", digest, "not_sealed")
        assert process._saving
        await process._saving
    assert counted(db) == 2


def test_a_flood_of_messages_leaves_a_bounded_trace(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "MOST_KEPT", 3)
    with db.write() as tx:
        for digest in range(10):
            messages.note(tx, [str(digest)])
    with db.read() as tx:
        kept_names = list(tx.scalars(tables.marks.select().where(tables.marks.c.name.startswith(messages.PREFIX))))
    assert (counted(db), len(kept_names)) == (10, 3)


class Temporal:
    """What it lists as running, and what it answers when it is asked for one case."""

    def __init__(self, listed: set[str], statuses: dict[str, WorkflowExecutionStatus]) -> None:
        self.listed, self.statuses = listed, statuses

    async def list_workflows(self, _query: str) -> AsyncIterator[Any]:
        for id_ in self.listed:
            yield SimpleNamespace(id=id_)

    def get_workflow_handle(self, id_: str) -> Any:
        async def describe() -> Any:
            if id_ not in self.statuses:
                raise RPCError("unknown", RPCStatusCode.NOT_FOUND, b"")
            return SimpleNamespace(status=self.statuses[id_])

        return SimpleNamespace(describe=describe)


@pytest.fixture
def live(db: Database, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Five live cases; the last is accepted just now, one before it has been decided."""
    monkeypatch.setattr(stranded_cases, "CONFIRM_S", 0.0)
    ids = [f"case-{n}" for n in range(5)]
    for id_ in ids:
        age = timedelta() if id_ == ids[-1] else LIMIT
        open_case(db, clock.now() - age, REF.model_copy(update={"case_id": id_, "encounter_id": id_}))
    with db.write() as tx:
        decided = tables.cases.update().where(tables.cases.c.case_id == ids[3])
        tx.execute(decided.values(state=CaseState.DECIDED))
    return ids


async def test_live_cases_without_a_running_workflow_are_found(db: Database, live: list[str]) -> None:
    running, ended = WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.TERMINATED
    temporal: Any = Temporal({live[0]}, {live[1]: running, live[2]: ended})  # the list lags behind for the second
    world: Any = SimpleNamespace(records=SimpleNamespace(db=db))
    assert await stranded_cases.find(world.records.db, temporal) == {live[2], live[3]}


async def test_a_case_that_ends_while_it_is_looked_at_is_not_stranded(db: Database, live: list[str]) -> None:
    class Slow(Temporal):
        async def list_workflows(self, query: str) -> AsyncIterator[Any]:
            async for execution in super().list_workflows(query):
                yield execution
            with db.write() as tx:  # what the list does not show yet, or any more, is written meanwhile
                over = tables.cases.update().where(tables.cases.c.case_id == live[2])
                tx.execute(over.values(state=CaseState.WRITTEN))

    temporal: Any = Slow({live[0], live[1], live[3]}, {})
    world: Any = SimpleNamespace(records=SimpleNamespace(db=db))
    assert await stranded_cases.find(world.records.db, temporal) == set()


async def test_what_was_found_stands_in_the_ledger_until_it_is_mended(db: Database, live: list[str]) -> None:
    world: Any = SimpleNamespace(records=SimpleNamespace(db=db))
    broken: Any = Temporal(set(live[:2]), {})
    well: Any = Temporal(set(live), {})

    async def look(temporal: Any) -> kept.Stranded:
        assert await stranded_cases.watch(world.records.db, temporal) == stranded_cases.LOOK_S
        with db.read() as tx:
            return kept.last(tx)

    assert await look(well) == kept.Stranded()
    first = await look(broken)
    assert first.count == 2 and first.since
    await asyncio.sleep(0.001)
    broken.listed = {live[0]}
    assert await look(broken) == kept.Stranded(count=3, since=first.since)
    with db.read() as tx:
        assert standing.read(tx).without_workflow == 3
    assert await look(well) == kept.Stranded()


async def test_while_temporal_is_away_nothing_new_is_known(db: Database, live: list[str]) -> None:
    class Away(Temporal):
        async def list_workflows(self, query: str) -> AsyncIterator[Any]:
            raise RPCError("away", RPCStatusCode.UNAVAILABLE, b"")
            yield

    with db.write() as tx:
        kept.note(tx, 2)
    world: Any = SimpleNamespace(records=SimpleNamespace(db=db))
    away: Any = Away(set(), {})
    assert await stranded_cases.watch(world.records.db, away) == stranded_cases.LOOK_S
    with db.read() as tx:
        assert kept.last(tx).count == 2


@pytest.mark.parametrize(("count", "verdict"), [(0, "OK"), (2, "FAIL")])
def test_the_doctor_names_the_remedy(count: int, verdict: str) -> None:
    found = doctor.stranded_finding(count)
    assert found.verdict == verdict and ("ledger rebuild --temporal" in found.told) == bool(count)
