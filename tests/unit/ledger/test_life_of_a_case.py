"""Any sequence of what may happen to cases: both identities hold after each step, and no decision is stale."""

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from contracts.cases import CaseRef, CaseState
from contracts.decisions import Decision, Evidence, Reviewer, Undo
from contracts.errors import ApprovalError, LedgerError, Refusal
from contracts.events import Fate
from integrations.blobs.store import BlobStore
from integrations.fhir.notifications import unreadable
from integrations.ledger import cases, decisions, deliveries, inbox
from integrations.ledger.database import Database
from tests.fakes.samples import KEYRING, NOW, NURSE, PHYSICIAN, decision, event, shown

ENCOUNTERS = st.sampled_from(["enc-1", "enc-2"])
WRONG = st.sampled_from([False, False, True])
VERSIONS = st.sampled_from(["1", "2", "3"])


@dataclass
class Known:
    """What the ledger should say of a case."""

    ref: CaseRef
    state: CaseState = CaseState.OPEN
    version: int = 0
    covers: int = 0
    decided_by: str | None = None
    step: int = 0
    told: set[int] = field(default_factory=set)
    undone: dict[str, int] = field(default_factory=dict)
    written: bool = False


@dataclass
class Model:
    """What the ledger should say of everything; events by id as (key, encounter, fate)."""

    events: list[tuple[tuple[str, str], str | None, Fate]] = field(default_factory=list)
    cases: list[Known] = field(default_factory=list)

    def latest(self, encounter: str) -> Known | None:
        return next((k for k in reversed(self.cases) if k.ref.encounter_id == encounter), None)

    def current(self, encounter: str) -> Known:
        case = self.latest(encounter)
        assert case is not None
        return case

    def waiting(self, encounter: str) -> list[int]:
        return [n for n, (_, e, fate) in enumerate(self.events, 1) if e == encounter and fate == Fate.PENDING]

    def settle(self, event_id: int, fate: Fate) -> None:
        if event_id <= len(self.events):
            key, encounter, was = self.events[event_id - 1]
            self.events[event_id - 1] = (key, encounter, fate if was == Fate.PENDING else was)

    def newest_event(self, case: Known) -> int:
        return max([*case.told, *self.waiting(case.ref.encounter_id)], default=0)


class LifeOfACase(RuleBasedStateMachine):
    template: Path

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=self.template.parent))
        shutil.copy(self.template, self.folder / "ledger.db")
        self.db = Database(f"sqlite:///{self.folder}/ledger.db")
        self.blobs = BlobStore.at(f"{self.folder}/blobs", KEYRING)
        self.model = Model()
        for encounter in ("enc-1", "enc-2"):
            self.accept(encounter, "a", "1")
            self.open(encounter)

    @rule(encounter=ENCOUNTERS, resource=st.sampled_from(["a", "b"]), version=VERSIONS)
    def accept(self, encounter: str, resource: str, version: str) -> None:
        key = (f"{encounter}-{resource}", version)
        known = key in [k for k, _, _ in self.model.events]
        assert inbox.accept(self.db, self.blobs, [event(*key, encounter_id=encounter)]) == (not known)
        if not known:
            self.model.events.append((key, encounter, Fate.PENDING))

    @rule(raw=st.sampled_from([b"a", b"b"]))
    def quarantine(self, raw: bytes) -> None:
        odd = unreadable("ehr", raw, "no JSON")
        key = (odd.resource_id, "")
        if inbox.accept(self.db, self.blobs, [odd]):
            self.model.events.append((key, None, Fate.QUARANTINED))

    @rule(data=st.data(), fate=st.sampled_from([Fate.IGNORED, Fate.SUPERSEDED]))
    def settle(self, data: st.DataObject, fate: Fate) -> None:
        event_id = data.draw(st.integers(1, len(self.model.events) + 1))
        with self.db.write() as tx:
            inbox.settle(tx, [event_id], fate)
        self.model.settle(event_id, fate)

    @rule(encounter=ENCOUNTERS)
    def tell(self, encounter: str) -> None:
        case, waiting = self.model.current(encounter), self.model.waiting(encounter)
        with self.db.write() as tx:
            deliveries.absorb(tx, waiting, case.ref.case_id, set())
        case.told |= set(waiting)
        for event_id in waiting:
            self.model.settle(event_id, Fate.ABSORBED)

    @rule(encounter=ENCOUNTERS)
    def open(self, encounter: str) -> None:
        latest = self.model.latest(encounter)
        generation = latest.ref.generation + 1 if latest else 1
        case_id = f"{encounter}:{generation}"
        ref = CaseRef(case_id=case_id, pathway="ed_triage", encounter_id=encounter, generation=generation)
        if latest and latest.state == CaseState.OPEN:
            with pytest.raises(LedgerError), self.db.write() as tx:
                cases.open_new(tx, ref, timedelta(minutes=5), NOW)
            return
        with self.db.write() as tx:
            cases.open_new(tx, ref, timedelta(minutes=5), NOW)
        self.model.cases.append(Known(ref))
        self.show(encounter, newer=1, seen=True)

    @rule(encounter=ENCOUNTERS, newer=st.integers(-1, 1), seen=st.booleans())
    def show(self, encounter: str, newer: int, seen: bool) -> None:
        case = self.model.current(encounter)
        version = max(1, case.version + newer)
        covers = self.model.newest_event(case) if seen else case.covers
        with self.db.write() as tx:
            cases.show_version(tx, shown(case.ref, version, covers), "1")
        if case.state == CaseState.OPEN and version >= case.version:
            case.version, case.covers = version, max(covers, case.covers)

    def asked(self, case: Known, who: Reviewer, older: bool = False, wrong_hash: bool = False) -> Decision:
        return decision(
            decision_id=f"{case.ref.case_id} by {who.reviewer_id}{case.undone.get(who.reviewer_id, 0) or ''}",
            case_id=case.ref.case_id, reviewer=who, version=case.version - older,
            shown_hash="hash-0" if wrong_hash else f"hash-{case.version}",
        )  # fmt: skip

    @rule(encounter=ENCOUNTERS, who=st.sampled_from([NURSE, PHYSICIAN]), older=WRONG, wrong_hash=WRONG)
    def decide(self, encounter: str, who: Reviewer, older: bool, wrong_hash: bool) -> None:
        case = self.model.current(encounter)
        asked = self.asked(case, who, older, wrong_hash)
        expected: bool | Refusal = True
        if case.decided_by:
            expected = False if case.decided_by == asked.decision_id else Refusal.DECIDED
        elif case.state != CaseState.OPEN:
            expected = Refusal.NOT_OPEN
        elif not case.version or older or wrong_hash or self.model.newest_event(case) > case.covers:
            expected = Refusal.STALE
        try:
            with self.db.write() as tx:
                got: bool | str = decisions.decide(tx, asked)
        except ApprovalError as refused:
            got = refused.kind
        assert got == expected
        if expected is True:
            case.state, case.decided_by = CaseState.DECIDED, asked.decision_id

    @rule(encounter=ENCOUNTERS, who=st.sampled_from([NURSE, PHYSICIAN]))
    def undo(self, encounter: str, who: Reviewer) -> None:
        case = self.model.current(encounter)
        decision_id = f"{case.ref.case_id} by {who.reviewer_id}{case.undone.get(who.reviewer_id, 0) or ''}"
        asked = Undo(decision_id=decision_id, case_id=case.ref.case_id, reviewer=who, undone_at=NOW)
        expected: bool | Refusal = True
        if not case.decided_by:
            expected = Refusal.NOT_OPEN
        elif case.decided_by != decision_id:
            expected = Refusal.DECIDED
        elif case.state != CaseState.DECIDED or case.written:
            expected = Refusal.TOO_LATE
        try:
            with self.db.write() as tx:
                got: bool | str = decisions.undo(tx, asked)
                assert decisions.undo(tx, asked) is False, "a second attempt changes nothing"
        except ApprovalError as refused:
            got = refused.kind
        assert got == expected
        if expected is True:
            self._reopened(case)
            case.undone[who.reviewer_id] = case.undone.get(who.reviewer_id, 0) + 1
            late = self.asked(case, who).model_copy(update={"decision_id": decision_id})
            with pytest.raises(ApprovalError, match=Refusal.UNDONE), self.db.write() as tx:
                decisions.decide(tx, late)

    @rule(encounter=ENCOUNTERS)
    def undo_an_earlier_one(self, encounter: str) -> None:
        """News opened the next case while this one could still be taken back (I3)."""
        earlier = [k for k in self.model.cases if k.ref.encounter_id == encounter][:-1]
        case = next((k for k in earlier if k.state == CaseState.DECIDED and not k.written), None)
        if case is None or case.decided_by is None:
            return
        who = next(who for who in (NURSE, PHYSICIAN) if f" by {who.reviewer_id}" in case.decided_by)
        asked = Undo(decision_id=case.decided_by, case_id=case.ref.case_id, reviewer=who, undone_at=NOW)
        if self.model.current(encounter).state != CaseState.OPEN:
            with pytest.raises(ApprovalError, match=Refusal.TOO_LATE), self.db.write() as tx:
                decisions.undo(tx, asked)
            return
        with self.db.write() as tx:
            assert decisions.undo(tx, asked)
        self.model.events.append((("undo", case.ref.case_id), encounter, Fate.PENDING))
        self._reopened(case)
        assert case.state == CaseState.CONTINUED

    def _reopened(self, case: Known) -> None:
        later = self.model.current(case.ref.encounter_id) is not case
        case.state, case.decided_by = CaseState.CONTINUED if later else CaseState.OPEN, None

    @rule(encounter=ENCOUNTERS)
    def begin_write(self, encounter: str) -> None:
        case = self.model.current(encounter)
        with self.db.write() as tx:
            found = decisions.begin_write(tx, case.ref.case_id, Evidence.CHECKED)
        assert (found.decision_id if found else None) == case.decided_by
        case.written |= found is not None

    @rule(encounter=ENCOUNTERS, end=st.sampled_from([CaseState.WRITTEN, CaseState.REJECTED]))
    def end(self, encounter: str, end: CaseState) -> None:
        case = self.model.current(encounter)
        with self.db.write() as tx:
            cases.end(tx, case.ref.case_id, end)
        case.state = end if case.state == CaseState.DECIDED else case.state

    @rule(encounter=ENCOUNTERS)
    def close_undecided(self, encounter: str) -> None:
        case = self.model.current(encounter)
        closes = case.state == CaseState.OPEN and not (case.version and max(case.told, default=0) > case.covers)
        with self.db.write() as tx:
            assert cases.close_undecided(tx, case.ref.case_id) == closes
        case.state = CaseState.CLOSED_UNDECIDED if closes else case.state

    @rule(encounter=ENCOUNTERS, step=st.integers(1, 3))
    def escalate(self, encounter: str, step: int) -> None:
        case = self.model.current(encounter)
        with self.db.write() as tx:
            taken = cases.escalate(tx, case.ref.case_id, step)
        assert taken == (case.state == CaseState.OPEN and step > case.step)
        case.step = step if taken else case.step

    @invariant()
    def the_ledger_says_what_happened_and_both_identities_hold(self) -> None:
        if not hasattr(self, "db"):
            return
        with self.db.read() as tx:
            events, states, rows = inbox.balance(tx), cases.balance(tx), cases.listed(tx)
            stale = cases.stale(tx)
        fates = [fate for _, _, fate in self.model.events]
        assert events == {"accepted": len(fates), **{f: fates.count(f) for f in Fate}, "unaccounted": 0}
        assert (states["opened"], states["unaccounted"]) == (len(self.model.cases), 0)
        told = {k.ref.case_id: (k.state, k.version, k.covers, k.step) for k in self.model.cases}
        assert {r.case_id: (r.state, r.version, r.covers_event, r.escalation_step) for r in rows} == told
        waiting = [k for k in self.model.cases if k.state == CaseState.OPEN]
        assert stale == {k.ref.case_id for k in waiting if self.model.newest_event(k) > k.covers}

    def teardown(self) -> None:
        if hasattr(self, "db"):
            self.db._reading.dispose()
            self.db._writing.dispose()
            shutil.rmtree(self.folder)


def test_whatever_happens_to_cases_both_identities_hold_and_ended_cases_stay(
    tmp_path: Path, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    db._writing.dispose()
    db._reading.dispose()
    monkeypatch.setattr(LifeOfACase, "template", tmp_path / "ledger.db", raising=False)
    run_state_machine_as_test(LifeOfACase, settings=settings(max_examples=40, stateful_step_count=40))
