"""What a case starts from when it is started anew, and which cases a rebuilt Temporal need not know."""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from contracts.cases import CaseState
from contracts.decisions import Evidence
from contracts.errors import ConfigurationError, LedgerError, LedgerFault
from integrations.ledger import cases, decisions, tables
from integrations.ledger.database import Database
from service.operate import recovery
from service.process.case_starts import CaseStarts
from service.process.secrets import create_secrets
from service.process.settings import TimingSettings
from tests.fakes.samples import NOW, REF, decision, shown

LIMIT = timedelta(minutes=5)


@pytest.fixture
def starts(db: Database) -> CaseStarts:
    pathway = SimpleNamespace(ladder=(LIMIT,), model_limit=LIMIT, roles=("triage_nurse",))
    given: Any = SimpleNamespace(pathways={"ed_triage": pathway}, timing=TimingSettings(undo_s=7))
    world: Any = SimpleNamespace(records=SimpleNamespace(db=db), live=SimpleNamespace(publish=lambda _case: False))
    client: Any = None
    with db.write() as tx:
        cases.open_new(tx, REF, LIMIT, NOW)
    return CaseStarts(world, client, given, "00")


def show(db: Database, version: int) -> None:
    with db.write() as tx:
        cases.show_version(tx, shown(version=version), "1")


def test_a_new_case_starts_at_its_beginning(starts: CaseStarts) -> None:
    given = starts.input(REF.case_id)
    assert (given.ref, given.due_at, given.version, given.decided) == (REF, NOW + LIMIT, 0, False)


def test_a_case_started_anew_goes_on_from_the_version_that_was_shown(starts: CaseStarts, db: Database) -> None:
    show(db, 3)
    assert (starts.input(REF.case_id).version, starts.input(REF.case_id).decided) == (3, False)


def test_a_version_that_a_model_was_asked_for_is_not_used_again(starts: CaseStarts, db: Database) -> None:
    show(db, 1)
    with db.write() as tx:
        call = {"case_id": REF.case_id, "version": 2, "request_hash": "h", "position": 0, "call_blob": "b"}
        tx.execute(tables.calls.insert().values(call))
    assert starts.input(REF.case_id).version == 2


def test_a_decided_or_ended_case_asks_nobody_any_more(starts: CaseStarts, db: Database) -> None:
    show(db, 1)
    with db.write() as tx:
        decisions.decide(tx, decision())
        decisions.begin_write(tx, REF.case_id, Evidence.CHECKED)
    assert (starts.input(REF.case_id).decided, starts.input(REF.case_id).receipt) == (True, None)
    with db.write() as tx:
        cases.end(tx, REF.case_id, CaseState.WRITTEN)
    assert starts.input(REF.case_id).decided


def test_a_case_started_anew_in_its_undo_time_keeps_the_rest_of_it(starts: CaseStarts, db: Database) -> None:
    show(db, 1)
    with db.write() as tx:
        decisions.decide(tx, decision())
        recorded = decisions.receipt_of(tx, REF.case_id)
    given = starts.input(REF.case_id)
    assert given.receipt == recorded
    assert given.receipt and given.receipt.recorded_at
    assert given.receipt.undo_until(given.undo) == given.receipt.recorded_at + timedelta(seconds=7)


def test_a_case_is_over_only_when_its_trajectory_is_kept(starts: CaseStarts, db: Database) -> None:
    with db.write() as tx:
        cases.close_undecided(tx, REF.case_id)
        assert [case.case_id for case in cases.unfinished(tx)] == [REF.case_id]
        kept = {"case_id": REF.case_id, "blob": "b", "trainable": False, "recorded_at": NOW}
        tx.execute(tables.trajectories.insert().values(kept))
        assert cases.unfinished(tx) == []


def test_only_a_case_that_ended_before_temporal_was_rebuilt_may_be_unknown_to_it(
    starts: CaseStarts, db: Database
) -> None:
    with db.write() as tx:
        still_open = cases.find(tx, REF.case_id)
        cases.close_undecided(tx, REF.case_id)
        ended = cases.find(tx, REF.case_id)
        assert recovery.rebuilt_at(tx) is None
    assert still_open and ended and ended.ended_at
    later, earlier = ended.ended_at + timedelta(seconds=1), ended.ended_at - timedelta(seconds=1)
    assert recovery.lost_with_temporal(ended, later)
    assert not recovery.lost_with_temporal(ended, earlier)
    assert not recovery.lost_with_temporal(ended, None)
    assert not recovery.lost_with_temporal(still_open, later)


def test_a_restore_asks_for_the_keys_first(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"put keys\.json"):
        recovery.restore(tmp_path, tmp_path)
    create_secrets(tmp_path)
    with pytest.raises(LedgerError) as fault:
        recovery.restore(tmp_path, tmp_path)
    assert fault.value.kind == LedgerFault.NO_BACKUP


def test_a_live_worklist_that_cannot_be_told_is_an_error(starts: CaseStarts) -> None:
    with pytest.raises(LedgerError) as fault:
        recovery.rebuild_redis(starts.world)
    assert fault.value.kind == LedgerFault.NOT_PUBLISHED
