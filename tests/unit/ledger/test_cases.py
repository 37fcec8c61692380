"""Cases and their decisions in a real SQLite file."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from contracts.cases import ENDED, CaseRef, CaseState
from contracts.decisions import Decision, DecisionKind
from contracts.errors import ApprovalError, LedgerError, LedgerFault, Refusal
from contracts.events import Fate, Ignored
from integrations import clock
from integrations.blobs.store import BlobStore
from integrations.ledger import cases, decisions, deliveries, inbox, own_writes, tables
from integrations.ledger.database import Database
from integrations.ledger.own_writes import Written
from tests.fakes.samples import NOW, PHYSICIAN, REF, decision, event, shown

LIMIT = timedelta(minutes=5)
OTHER = CaseRef(case_id="case-2", pathway="ed_triage", encounter_id="enc-2", generation=1)
AGAIN = CaseRef(case_id="case-1b", pathway="ed_triage", encounter_id="enc-1", generation=2)


@pytest.fixture
def open_case(db: Database, blobs: BlobStore) -> Database:
    """A case whose version 1 covers event 1."""
    inbox.accept(db, blobs, [event()])
    with db.write() as tx:
        cases.open_new(tx, REF, LIMIT, NOW)
        deliveries.absorb(tx, [1], REF.case_id, set())
        cases.show_version(tx, shown(covers=1), "1")
    return db


def state(db: Database, case_id: str = REF.case_id) -> CaseState:
    with db.read() as tx:
        case = cases.find(tx, case_id)
        assert cases.balance(tx)["unaccounted"] == 0
    assert case is not None
    return case.state


def refusal(db: Database, asked: Decision) -> tuple[str, str]:
    with pytest.raises(ApprovalError) as refused, db.write() as tx:
        decisions.decide(tx, asked)
    return refused.value.kind, str(refused.value)


def decide(db: Database, asked: Decision) -> bool:
    with db.write() as tx:
        return decisions.decide(tx, asked)


def test_a_cases_clock_starts_when_its_first_event_was_accepted(open_case: Database) -> None:
    with open_case.read() as tx:
        case = cases.find(tx, REF.case_id)
    assert case is not None
    assert (case.ref, case.accepted_at, case.due_at) == (REF, NOW, NOW + LIMIT)


def test_an_encounter_has_one_open_case_of_a_pathway_and_a_decided_one_holds_nothing_back(open_case: Database) -> None:
    with pytest.raises(LedgerError), open_case.write() as tx:
        cases.open_new(tx, AGAIN, LIMIT, NOW)
    decide(open_case, decision())
    with open_case.write() as tx:
        cases.open_new(tx, AGAIN, LIMIT, NOW)
        latest = cases.latest(tx, "ed_triage", "enc-1")
    assert latest is not None
    assert latest.ref == AGAIN


def test_a_decision_on_what_is_shown_is_recorded_once(open_case: Database) -> None:
    asked = decision(reason="as shown")
    assert decide(open_case, asked) is True
    assert decide(open_case, asked) is False
    assert state(open_case) == CaseState.DECIDED
    with open_case.read() as tx:
        assert decisions.of_case(tx, REF.case_id) == asked


def test_the_second_of_two_people_is_told_who_decided(open_case: Database) -> None:
    decide(open_case, decision())
    kind, message = refusal(open_case, decision(decision_id="d-2", reviewer=PHYSICIAN))
    assert (kind, message) == (Refusal.DECIDED, "decided: Nurse Okafor")
    with open_case.read() as tx:
        held = decisions.of_case(tx, REF.case_id)
    assert held == decision()


@pytest.mark.parametrize("asked", [decision(version=2), decision(version=0), decision(shown_hash="hash-9")])
def test_a_decision_on_another_version_than_the_shown_one_is_stale(open_case: Database, asked: Decision) -> None:
    assert refusal(open_case, asked)[0] == Refusal.STALE
    assert state(open_case) == CaseState.OPEN


def test_a_decision_is_stale_from_the_moment_a_newer_event_was_accepted(open_case: Database, blobs: BlobStore) -> None:
    inbox.accept(open_case, blobs, [event("obs-2")])
    assert refusal(open_case, decision())[0] == Refusal.STALE
    with open_case.write() as tx:
        cases.cover(tx, REF.case_id, 1, 2)
    assert decide(open_case, decision())


def test_neither_ignored_events_nor_those_of_others_make_a_decision_stale(
    open_case: Database, blobs: BlobStore
) -> None:
    inbox.accept(open_case, blobs, [event("obs-2"), event("obs-3", encounter_id="enc-2")])
    with open_case.write() as tx:
        inbox.settle(tx, [2], Fate.IGNORED, Ignored.OWN_WRITE)
    assert decide(open_case, decision())


def test_a_case_that_is_not_there_or_shows_nothing_takes_no_decision(db: Database) -> None:
    assert refusal(db, decision())[0] == Refusal.NOT_OPEN
    with db.write() as tx:
        cases.open_new(tx, REF, LIMIT, NOW)
    assert refusal(db, decision(version=0, shown_hash=""))[0] == Refusal.STALE


def test_a_decision_id_of_another_case_is_refused(open_case: Database) -> None:
    decide(open_case, decision())
    with open_case.write() as tx:
        cases.open_new(tx, OTHER, LIMIT, NOW)
        cases.show_version(tx, shown(OTHER), "1")
    with pytest.raises(LedgerError):
        decide(open_case, decision(case_id=OTHER.case_id))
    assert state(open_case, OTHER.case_id) == CaseState.OPEN


def test_a_repeated_older_cover_uncovers_nothing(open_case: Database) -> None:
    with open_case.write() as tx:
        cases.cover(tx, REF.case_id, 1, 5)
        cases.cover(tx, REF.case_id, 1, 3)
        cases.cover(tx, REF.case_id, 7, 9)
        cases.show_version(tx, shown(covers=1), "1")
        case = cases.find(tx, REF.case_id)
    assert case is not None
    assert case.covers_event == 5


def test_an_older_version_that_comes_late_is_not_shown(open_case: Database) -> None:
    with open_case.write() as tx:
        cases.show_version(tx, shown(version=3, covers=3), "3")
        cases.show_version(tx, shown(version=2, covers=2), "2")
        case = cases.find(tx, REF.case_id)
    assert case is not None
    assert (case.version, case.suggestion_hash, case.covers_event, case.task_version) == (3, "hash-3", 3, "3")


def test_a_version_that_was_never_shown_is_no_run(open_case: Database) -> None:
    with open_case.write() as tx:
        cases.show_version(tx, shown(version=3), "3")
        cases.show_version(tx, shown(version=2), "2")
        assert list(tx.scalars(sa.select(tables.runs.c.version))) == [1, 3]


@pytest.mark.parametrize("end", ENDED)
def test_an_ended_case_stays_as_it_ended(open_case: Database, end: CaseState) -> None:
    if end != CaseState.CLOSED_UNDECIDED:
        decide(open_case, decision())
    with open_case.write() as tx:
        move(tx, end)
        ended = cases.find(tx, REF.case_id)
        for other in ENDED:
            move(tx, other)
        assert cases.escalate(tx, REF.case_id, 1) is False
        cases.show_version(tx, shown(version=9), "9")
        assert cases.find(tx, REF.case_id) == ended
    assert state(open_case) == end


def move(tx: sa.Connection, end: CaseState) -> None:
    if end == CaseState.CLOSED_UNDECIDED:
        cases.close_undecided(tx, REF.case_id)
    else:
        cases.end(tx, REF.case_id, end)


def test_an_undecided_case_cannot_end_as_written_nor_a_decided_one_as_undecided(open_case: Database) -> None:
    with open_case.write() as tx:
        cases.end(tx, REF.case_id, CaseState.WRITTEN)
    assert state(open_case) == CaseState.OPEN
    decide(open_case, decision())
    with open_case.write() as tx:
        assert cases.close_undecided(tx, REF.case_id) is False
    assert state(open_case) == CaseState.DECIDED


def test_a_case_is_closed_undecided_once(open_case: Database) -> None:
    with open_case.write() as tx:
        assert [cases.close_undecided(tx, REF.case_id) for _ in range(2)] == [True, False]
    assert refusal(open_case, decision())[0] == Refusal.NOT_OPEN


def test_a_step_of_escalation_is_taken_once_and_the_first_moment_is_kept(open_case: Database) -> None:
    with open_case.write() as tx:
        assert [c.case_id for c in cases.overdue(tx)] == [REF.case_id]  # due long ago
        taken = [cases.escalate(tx, REF.case_id, step) for step in (1, 1, 2, 1)]
        assert taken == [True, False, True, False]
        assert cases.overdue(tx) == []
        case = cases.find(tx, REF.case_id)
    assert case is not None
    assert (case.state, case.escalation_step) == (CaseState.OPEN, 2)
    assert case.escalated_at is not None


def test_only_open_cases_past_their_deadline_are_overdue(db: Database) -> None:
    with db.write() as tx:
        cases.open_new(tx, REF, LIMIT, clock.now())
        cases.open_new(tx, OTHER, LIMIT, clock.now() - LIMIT - timedelta(seconds=1))
        assert [c.case_id for c in cases.overdue(tx)] == [OTHER.case_id]


def test_our_own_writes_are_known_before_and_after_the_server_has_them(db: Database) -> None:
    with db.write() as tx:
        assert own_writes.intend(tx, "case-1", "Task", "t", "hash") is False
        assert own_writes.versions(tx, "Task", "t") == {""}
        assert own_writes.intend(tx, "case-1", "Task", "t", "hash") is True
        own_writes.wrote(tx, "case-1", [Written("Task", "t", "1", "hash")])
        own_writes.wrote(tx, "case-1", [Written("Task", "t", "1", "hash")])
        own_writes.wrote(tx, "case-1", [Written("Task", "t", "2", "hash")])
        assert own_writes.versions(tx, "Task", "t") == {"1", "2"}
        assert own_writes.versions(tx, "Task", "other") == set()


def test_what_a_pathway_wrote_is_news_to_another_of_the_same_stay_and_not_to_itself(
    open_case: Database, blobs: BlobStore
) -> None:
    said = CaseRef(case_id="case-say", pathway="dictation", encounter_id="enc-1", generation=1)
    with open_case.write() as tx:
        cases.open_new(tx, said, LIMIT, NOW)
        own_writes.intend(tx, said.case_id, "Observation", "obs-said", "hash")
    inbox.accept(open_case, blobs, [event("obs-said", own=True)])
    with open_case.read() as tx:
        assert inbox.newest_event(tx, "enc-1", REF.case_id) == 2, "while it is being written, too"
        assert inbox.newest_event(tx, "enc-1", said.case_id) == 0
        assert cases.stale(tx) == {REF.case_id}
        assert own_writes.writer(tx, "Observation", "obs-said", "1") is None
    with pytest.raises(LedgerError) as waits:
        decide(open_case, decision())
    assert (waits.value.kind, waits.value.retryable) == (LedgerFault.UNSETTLED, True)
    with open_case.write() as tx:
        own_writes.wrote(tx, said.case_id, [Written("Observation", "obs-said", "1", "hash")])
        assert own_writes.writer(tx, "Observation", "obs-said", "1") == "dictation"
        assert own_writes.writer(tx, "Observation", "obs-said", "2") is None
        assert cases.stale(tx) == {REF.case_id}
        tx.execute(tables.own_writes.update().values(case_id=REF.case_id))
        assert cases.stale(tx) == {said.case_id}
    with open_case.write() as tx:
        tx.execute(tables.own_writes.update().values(case_id=said.case_id))
        deliveries.absorb(tx, [2], REF.case_id, set())
    assert refusal(open_case, decision())[0] == Refusal.STALE


def test_an_own_write_that_is_no_news_holds_up_a_decision_only_until_that_is_known(
    open_case: Database, blobs: BlobStore
) -> None:
    said = CaseRef(case_id="case-say", pathway="dictation", encounter_id="enc-1", generation=1)
    with open_case.write() as tx:
        cases.open_new(tx, said, LIMIT, NOW)
        own_writes.wrote(tx, said.case_id, [Written("Observation", "obs-said", "1", "hash")])
    inbox.accept(open_case, blobs, [event("obs-said", own=True)])
    with pytest.raises(LedgerError):
        decide(open_case, decision())
    with open_case.write() as tx:
        inbox.settle(tx, [2], Fate.IGNORED, Ignored.OWN_WRITE)
    assert decide(open_case, decision())


def test_a_deleted_case_is_missed(open_case: Database) -> None:
    with open_case.write() as tx:
        tx.execute(tables.cases.delete())
        assert cases.balance(tx)["unaccounted"] == 1


def test_a_decision_of_each_kind_ends_in_its_state() -> None:
    ends = {kind: cases.outcome_state(kind) for kind in DecisionKind}
    assert ends == {
        DecisionKind.APPROVE: CaseState.WRITTEN,
        DecisionKind.CHANGE: CaseState.WRITTEN,
        DecisionKind.CHOOSE: CaseState.WRITTEN,
        DecisionKind.REJECT: CaseState.REJECTED,
        DecisionKind.KEEP: CaseState.WRITTEN,
        DecisionKind.WITHDRAW: CaseState.WRITTEN,
    }
