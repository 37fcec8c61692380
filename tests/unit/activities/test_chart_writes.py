"""What is noted of a write, whatever became of its answer."""

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from temporalio.exceptions import ApplicationError

from activities.chart_writes import note_writes
from activities.close_undecided import CloseCase
from activities.world import World
from contracts.cases import CaseState
from integrations.fhir import proposals
from integrations.ledger import cases, own_writes, tables
from integrations.ledger.audit import Action, Auditor
from integrations.ledger.database import Database
from integrations.ledger.records import Records
from tests.fakes.chart import Chart
from tests.fakes.samples import NOW, REF, shown, suggestion
from tests.fakes.silence import NobodyListens

TASK = proposals.resource_id(REF, "task")


@pytest.fixture
def chart() -> Chart:
    return Chart()


@pytest.fixture
def world(db: Database, chart: Chart) -> World:
    """A world in which the case is open and nobody will decide it."""
    with db.write() as tx:
        cases.open_new(tx, REF, timedelta(minutes=5), NOW)
    nothing: Any = None
    fhir: Any = chart
    live: Any = NobodyListens()
    return World(Records(db, nothing, Auditor("worker", b"k")), fhir, live, {}, {}, "0.1.0")


def propose(chart: Chart) -> None:
    chart.bundle([{"resource": proposals.proposal(REF, suggestion(), "hash-1")}])


def audited(db: Database) -> list[str]:
    with db.read() as tx:
        records = [json.loads(record) for record in tx.scalars(sa.select(tables.audit.c.record))]
    return [f"{record['action']} {record['what']}" for record in records]


def test_a_version_that_a_retry_finds_again_is_audited_once(world: World, db: Database) -> None:
    for version in ("1", "1", "2"):
        found = {"resourceType": "Task", "id": "t", "meta": {"versionId": version}}
        note_writes(world, REF, [found], Action.PROPOSE, None)
    assert audited(db) == ["propose Task/t/_history/1", "propose Task/t/_history/2"]


def test_a_cancelled_task_whose_answer_was_lost_is_noted_by_the_retry(world: World, db: Database, chart: Chart) -> None:
    propose(chart)
    with db.write() as tx:
        cases.show_version(tx, shown(), "1")
    chart.loses = True
    with pytest.raises(ApplicationError):
        CloseCase(world)(REF)
    chart.loses = False
    assert CloseCase(world)(REF).state == CaseState.CLOSED_UNDECIDED
    assert (chart.kept[TASK]["status"], chart.kept[TASK]["meta"]["versionId"]) == ("cancelled", "2")
    assert audited(db) == ["close nobody decided within the escalation ladder", f"write Task/{TASK}/_history/2"]
    with db.read() as tx:
        assert own_writes.versions(tx, "Task", TASK) == {"2"}


def test_a_task_whose_row_was_never_shown_is_cancelled_too(world: World, chart: Chart) -> None:
    propose(chart)
    CloseCase(world)(REF)
    assert chart.kept[TASK]["status"] == "cancelled"


def test_a_case_without_a_task_ends_without_one(world: World, chart: Chart) -> None:
    assert CloseCase(world)(REF).state == CaseState.CLOSED_UNDECIDED
    assert not chart.kept
