"""A decision and its audit record: both or neither."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
import sqlalchemy as sa
from temporalio.exceptions import ApplicationError

from activities.record_decision import RecordDecision
from activities.world import World
from contracts.cases import CaseState, DecisionRequest
from contracts.errors import ApprovalError, LedgerError, Refusal
from integrations.blobs.store import BlobStore
from integrations.ledger import cases, decisions, tables
from integrations.ledger.audit import Auditor
from integrations.ledger.database import Database
from integrations.ledger.records import Records
from tests.fakes.samples import NOW, NURSE, PHYSICIAN, REF, decision, shown
from tests.fakes.silence import NobodyListens


@pytest.fixture
def world(db: Database, blobs: BlobStore) -> World:
    """A world with an open case that shows version 1, and no chart or model."""
    with db.write() as tx:
        cases.open_new(tx, REF, timedelta(minutes=5), NOW)
        cases.show_version(tx, shown(), "1")
    live, nothing = cast(Any, NobodyListens()), cast(Any, None)
    return World(Records(db, blobs, Auditor("worker", b"a" * 32)), nothing, live, {}, {}, "0.1.0")


def records(world: World) -> list[str]:
    with world.records.db.read() as tx:
        return list(tx.scalars(sa.select(tables.audit.c.record)))


def state(world: World) -> CaseState:
    with world.records.db.read() as tx:
        case = cases.find(tx, REF.case_id)
    assert case is not None
    return case.state


def test_a_decision_is_acknowledged_with_one_audit_record_however_often_it_is_tried(world: World) -> None:
    request = DecisionRequest(ref=REF, decision=decision())
    receipts = [RecordDecision(world)(request) for _ in range(3)]
    assert {r.decision_id for r in receipts} == {"d-1"}
    assert state(world) == CaseState.DECIDED
    (record,) = records(world)
    assert f"person:{NURSE.reviewer_id}" in record


def test_the_second_person_gets_the_receipt_of_the_first(world: World) -> None:
    RecordDecision(world)(DecisionRequest(ref=REF, decision=decision()))
    second = decision(decision_id="d-2", reviewer=PHYSICIAN)
    receipt = RecordDecision(world)(DecisionRequest(ref=REF, decision=second))
    assert (receipt.decision_id, receipt.decided_by) == ("d-1", NURSE.name)


def test_a_refusal_crosses_temporal_by_its_type_and_kind(world: World) -> None:
    with pytest.raises(ApplicationError) as refused:
        RecordDecision(world)(DecisionRequest(ref=REF, decision=decision(version=4)))
    fault = refused.value
    assert (fault.type, fault.details, fault.non_retryable) == (ApprovalError.__name__, (Refusal.STALE,), True)


def test_without_its_audit_record_a_decision_is_not_taken(world: World) -> None:
    with world.records.db.write() as tx:
        tx.exec_driver_sql("ALTER TABLE audit RENAME TO gone")
    with pytest.raises(ApplicationError) as refused:
        RecordDecision(world)(DecisionRequest(ref=REF, decision=decision()))
    assert (refused.value.type, refused.value.non_retryable) == (LedgerError.__name__, False)
    assert state(world) == CaseState.OPEN
    with world.records.db.read() as tx:
        assert decisions.of_case(tx, REF.case_id) is None


def test_nobody_is_told_before_the_ledger_has_it(world: World) -> None:
    class Asking(NobodyListens):
        def publish(self, case_id: str) -> bool:
            assert state(world) == CaseState.DECIDED
            return super().publish(case_id)

    live = Asking()
    RecordDecision(replace(world, live=cast(Any, live)))(DecisionRequest(ref=REF, decision=decision()))
    assert live.published == [REF.case_id]
