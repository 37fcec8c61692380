"""A ledger that real activities have filled with cases in every state, and the chart that they wrote to."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from activities.close_undecided import CloseCase
from activities.escalate_case import EscalateCase
from activities.open_case import CoverEvents, OpenCase
from activities.opening import open_case
from activities.record_decision import RecordDecision, UndoDecision
from activities.record_trajectory import RecordTrajectory
from activities.world import World
from activities.write_back import WriteBack
from contracts.cases import (
    AgentResult,
    CaseRef,
    ChartSnapshot,
    CoverRequest,
    DecisionRequest,
    EscalationRequest,
    OpenRequest,
    UndoRequest,
)
from contracts.decisions import Decision, DecisionKind, Evidence, Undo
from contracts.events import Fate, FhirEvent, Ignored
from contracts.model_calls import ChatRequest, Message, ModelCall
from contracts.tuning import FitKind, RegisteredModel, VerdictOutcome
from integrations import clock
from integrations.blobs.store import BlobStore
from integrations.ledger import (
    audit,
    cases,
    corrections,
    decisions,
    deliveries,
    inbox,
    marks,
    registry,
    switches,
    tables,
)
from integrations.ledger.attestation import Kind, Row
from integrations.ledger.audit import Action, Auditor
from integrations.ledger.database import Database
from integrations.ledger.records import Records
from integrations.ledger.registry import CHAMPION, Served
from service.gateway import anchors, audit_export
from service.operate import ledger_checks
from service.process import settings
from tests.fakes.chart import Chart
from tests.fakes.samples import CALM, KEYRING, NOW, NURSE, PHYSICIAN, facts, suggestion
from tests.fakes.silence import NobodyListens

KEY = b"a" * 32
SIGNER = Ed25519PrivateKey.from_private_bytes(b"d" * 32)
VERIFY = SIGNER.public_key().public_bytes_raw().hex()
HEADS = Ed25519PrivateKey.from_private_bytes(b"h" * 32)
HEADS_VERIFY = HEADS.public_key().public_bytes_raw().hex()
LEDGER = "ledger.db"


@dataclass
class Full:
    """The ledger lies in a file of its own, so that copies can be told lies."""

    folder: Path
    world: World
    chart: Chart
    refs: dict[str, CaseRef]

    @contextmanager
    def opened(self, ledger: Path) -> Iterator[World]:
        """Yield the world on a copy of the ledger."""
        db = Database(f"sqlite:///{ledger}")
        try:
            yield replace(self.world, records=replace(self.world.records, db=db))
        finally:
            db.close()

    def found(self, world: World, *files: Path) -> list[str]:
        """Return what a check of the ledger finds, with the chart's anchors and those of files of heads."""
        with world.records.db.read() as tx:
            return self.found_in(tx, *files)

    def found_in(self, tx: sa.Connection, *files: Path) -> list[str]:
        """Return the same of the ledger as it is in a transaction."""
        fhir: Any = self.chart
        known = [("the FHIR server", anchors.in_chart(fhir, audit.heads(tx)))]
        known += [(path.name, anchors.in_file(path, HEADS_VERIFY)) for path in files]
        balances = {"events": inbox.balance(tx), "cases": cases.balance(tx)}
        lost = [f"{name}: unaccounted" for name, balance in balances.items() if balance["unaccounted"]]
        return lost + ledger_checks.findings(self.world.records, tx, VERIFY, known, audit.exported_to(tx))


def fill(folder: Path) -> Full:
    """Fill a ledger: written, rejected, closed, open, decided and undone cases, and events of every fate."""
    db = Database(f"sqlite:///{folder / LEDGER}")
    db.create()
    chart, nobody = Chart(), NobodyListens()
    fhir: Any = chart
    live: Any = nobody
    pathways = {"ed_triage": settings.pathway_named("ed_triage", {})}
    auditor = Auditor("worker", KEY)
    world = World(Records(db, BlobStore.at(f"{folder}/blobs", KEYRING), auditor), fhir, live, pathways, {}, "0.1.0")
    audit.begin(db, auditor)
    full = Full(folder, world, chart, {})
    for name in ("written", "changed", "rejected", "closed", "open", "decided", "undone"):
        _show(full, name)
    _call(world, full.refs["written"])
    _decide(full, "written", DecisionKind.APPROVE, "2")
    _decide(full, "changed", DecisionKind.CHANGE, "3", reason="walks normally")
    _decide(full, "rejected", DecisionKind.REJECT, None, reason="not for triage")
    for name in ("written", "changed", "rejected"):
        WriteBack(world)(full.refs[name])
        RecordTrajectory(world)(full.refs[name])
    EscalateCase(world)(EscalationRequest(ref=full.refs["closed"], step=1))
    CloseCase(world)(full.refs["closed"])
    _again(world, full.refs)
    RecordTrajectory(world)(full.refs["closed"])
    CoverEvents(world)(CoverRequest(ref=full.refs["open"], version=1, covers_event=30))
    _decide(full, "decided", DecisionKind.APPROVE, "2")
    _begin_write(world, full.refs["decided"])
    _undo(world, full.refs["undone"], _decide(full, "undone", DecisionKind.APPROVE, "2"))
    _others(world, full.refs["written"])
    while audit.attest_events(db, Auditor("gateway", KEY)):
        pass
    while audit_export.export_audit(world.records.db, world.fhir):
        pass
    return full


def _show(full: Full, name: str) -> None:
    world, encounter = full.world, f"enc-{name}"
    case_id = KEYRING.name("case", "ed_triage", encounter, "1")
    ref = full.refs[name] = CaseRef(case_id=case_id, pathway="ed_triage", encounter_id=encounter, generation=1)
    sent = [
        FhirEvent(feed="ehr", resource_type=type_, resource_id=id_, version_id="1", encounter_id=encounter, body=b"{}")
        for type_, id_ in (("Encounter", encounter), ("Observation", f"{encounter}-hr"), ("Observation", f"{name}-x"))
    ]
    inbox.accept(world.records.db, world.records.blobs, sent)
    gateway = Auditor("gateway", KEY)
    with world.records.db.write() as tx:
        mine = [accepted.event_id for accepted in inbox.pending(tx, [encounter])]
        case = cases.open_new(tx, ref, timedelta(minutes=5), clock.now())
        gateway.append(tx, Action.OPEN, f"case due {case.due_at}", (Row(Kind.OPENED, (case_id,)),), case_id=case_id)
        told = deliveries.absorb(tx, mine[:2], case_id, set())
        gateway.append(tx, Action.TELL, "events", [Row(Kind.DELIVERY, (e, case_id)) for e in sorted(told)])
        inbox.settle(tx, mine[2:], Fate.IGNORED, Ignored.NO_TRIGGER)
    chart = facts(**CALM).model_copy(update={"encounter_id": encounter, "patient": f"Patient/pat-{name}"})
    kept = suggestion(facts=chart)
    blob = world.records.blobs.put(kept.canonical())
    frozen = {"as_of": chart.as_of.isoformat(), "resources": [{"resourceType": "Encounter", "id": encounter}]}
    snapshot = ChartSnapshot(snapshot_blob=world.records.blobs.put(json.dumps(frozen).encode()), facts_hash="f")
    result = AgentResult(
        case_id=case_id, version=1, snapshot_blob=snapshot.snapshot_blob, suggestion_blob=blob,
        suggestion_hash=kept.sha256(), choices=tuple(c.code for c in kept.choices), selected=kept.selected,
        approvable=kept.approvable, made_by=kept.made_by,
    )  # fmt: skip
    OpenCase(world)(OpenRequest(ref=ref, version=1, covers_event=mine[1], snapshot=snapshot, result=result))


def _decide(full: Full, name: str, kind: DecisionKind, selected: str | None, reason: str = "") -> Decision:
    ref = full.refs[name]
    with full.world.records.db.read() as tx:
        case = cases.find(tx, ref.case_id)
    assert case is not None and case.suggestion_hash is not None
    unsigned = Decision(
        decision_id=f"d-{name}", case_id=ref.case_id, version=1, shown_hash=case.suggestion_hash, kind=kind,
        selected=selected, reason=reason, reviewer=NURSE, decided_at=clock.now(), evidence=Evidence.CHECKED,
    )  # fmt: skip
    decision = unsigned.model_copy(update={"signature": SIGNER.sign(unsigned.signed_bytes()).hex()})
    RecordDecision(full.world)(DecisionRequest(ref=ref, decision=decision))
    return decision


def _begin_write(world: World, ref: CaseRef) -> None:
    """Begin a write-back as `WriteBack` does, which then is killed."""
    with world.records.db.write() as tx:
        assert decisions.begin_write(tx, ref.case_id, Evidence.CHECKED)
        rows = (Row(Kind.WRITE_BACK, (ref.case_id,)),)
        world.records.auditor.append(tx, Action.BEGIN_WRITE, "decision", rows, case_id=ref.case_id)


def _undo(world: World, ref: CaseRef, decision: Decision) -> None:
    unsigned = Undo(
        decision_id=decision.decision_id, case_id=decision.case_id, reviewer=decision.reviewer, undone_at=clock.now()
    )
    undo = unsigned.model_copy(update={"signature": SIGNER.sign(unsigned.signed_bytes()).hex()})
    UndoDecision(world)(UndoRequest(ref=ref, undo=undo))


def _again(world: World, refs: dict[str, CaseRef]) -> None:
    """Take note of a case that nobody decided, and open one to correct what was decided, as the page does."""
    with world.records.db.write() as tx:
        assert corrections.acknowledge(tx, refs["closed"].case_id, NURSE.reviewer_id)
        world.records.auditor.append(
            tx, Action.ACKNOWLEDGE, "noted", (Row(Kind.ACKNOWLEDGED, (refs["closed"].case_id,)),)
        )
        again = open_case(world, tx, "ed_triage", refs["written"].encounter_id, 2, timedelta(minutes=5), clock.now())
        corrections.ask(tx, again.case_id, refs["written"].case_id, NURSE.reviewer_id, NURSE.name)
        world.records.auditor.append(tx, Action.CORRECT, "decision", (Row(Kind.CORRECTION, (again.case_id,)),))


def _call(world: World, ref: CaseRef) -> None:
    """Keep a captured call of the model, so that the trajectory of the case may train."""
    request = ChatRequest(
        step="judge", messages=(Message(role="user", content="which level?"),), choices=("1", "2"), max_tokens=2
    )
    call = ModelCall(
        request=request, endpoint="reasoning", model="scripted@1", content="2", prompt_token_ids=(1, 2),
        completion_token_ids=(3,), logprobs=(-0.1,), finish_reason="stop", latency_ms=5, called_at=NOW,
    )  # fmt: skip
    row = {"case_id": ref.case_id, "version": 1, "request_hash": request.sha256(), "position": 0}
    with world.records.db.write() as tx:
        tx.execute(tables.calls.insert().values(**row, call_blob=world.records.blobs.put(call.canonical())))
        rows = (Row(Kind.CALL, (ref.case_id, 1, request.sha256())),)
        world.records.auditor.append(tx, Action.MODEL_CALL, "reasoning", rows, case_id=ref.case_id)


def _others(world: World, ref: CaseRef) -> None:
    """Add an outcome, models and a deployment, marks, and events of the fates that are left."""
    later = [
        FhirEvent(feed="ehr", resource_type="Observation", resource_id=id_, version_id="1", encounter_id="enc-new")
        for id_ in ("old", "broken", "waits")
    ]
    inbox.accept(world.records.db, world.records.blobs, later)
    with world.records.db.write() as tx:
        old, broken, _ = (accepted.event_id for accepted in inbox.pending(tx, ["enc-new"]))
        inbox.settle(tx, [old], Fate.SUPERSEDED)
        inbox.settle(tx, [broken], Fate.QUARANTINED, "a trigger's condition can't be evaluated on it")
        kept = {"case_id": ref.case_id, "kind": "admitted", "resource": "Encounter/enc-written/_history/2"}
        tx.execute(tables.outcomes.insert().values(**kept, known_at=clock.now(), recorded_at=clock.now()))
        world.records.auditor.append(tx, Action.READ, "Encounter", (Row(Kind.OUTCOME, (ref.case_id, "admitted")),))
        for name in ("base", "one", "two"):
            outcome = VerdictOutcome.UNTUNED if name == "base" else VerdictOutcome.BETTER
            registry.register(tx, world.records.auditor, model(name, outcome))
        for name in ("one", "two"):
            registry.promote(tx, world.records.auditor, CHAMPION, name, PHYSICIAN.reviewer_id, "it is better")
        registry.set_served(tx, world.records.auditor, CHAMPION, Served(name="one", url="http://127.0.0.1:8000/v1"))
        switches.switch(tx, world.records.auditor, "model:code", NURSE.reviewer_id, stopped=True)
        switches.switch(tx, world.records.auditor, "model:voice", NURSE.reviewer_id, stopped=True)
        switches.switch(tx, world.records.auditor, "model:voice", NURSE.reviewer_id, stopped=False)
        for name in ("reconciled:ehr", "sign:gateway", "backed_up", "doctor"):
            marks.set_mark(tx, name, clock.now().isoformat())
        marks.set_mark(tx, "outcomes_seen", "3")


def model(name: str, outcome: VerdictOutcome) -> RegisteredModel:
    """Return a registered model of that name."""
    return RegisteredModel(
        name=name, pathway="ed_triage", kind=FitKind.MODEL, parent=None if name == "base" else "base",
        base_sha256="b", adapter_sha256=name, tokenizer_sha256="t", template_sha256="t", data_sha256="d",
        code_sha256="c", settings={}, folder=f"tuning/{name}", evaluation={}, outcome=outcome, made_at=NOW,
    )  # fmt: skip
