"""What the ledger must agree with on its own: its audit chains, signatures, blobs, and how its tables hang together."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from contracts.cases import ENDED, UNDECIDED, CaseState
from contracts.decisions import Decision, DecisionKind, Undo, contradiction
from contracts.errors import WardflowError
from contracts.frozen import Frozen
from contracts.suggestions import Suggestion
from integrations import clock
from integrations.ledger import attestation, cases, chains, decisions, deliveries, marks, schema, trajectories
from integrations.ledger.database import Transaction
from integrations.ledger.records import Records
from service.gateway.anchors import Known
from tuning import trajectory

UNREADABLE = (WardflowError, ValueError, TypeError, LookupError, AttributeError)
"""What a cell that was written over can lead to; each check names it and the others go on."""
CLOCK = timedelta(hours=1)
"""By how much the FHIR server's clock may be ahead."""
RECONCILED = "reconciled:"


class Contradiction(Frozen):
    """A decision to look at in the chart. Its reason stays where it is: it may name a patient."""

    decision_id: str
    case_id: str
    reviewer_id: str
    kind: str
    decided_at: datetime
    what: str

    def __str__(self) -> str:
        return (
            f"decision {self.decision_id} of case {self.case_id[:12]}, by {self.reviewer_id} at "
            f"{self.decided_at.isoformat(timespec='seconds')}, is {self.what}: look at the chart"
        )


def findings(
    records: Records, tx: Transaction, verify_key: str, known: Sequence[tuple[str, Known]], exported: int
) -> list[str]:
    """Return what doesn't agree within the ledger, and with its chains as other places know them.

    `exported` is how far the audit was exported before those places were asked (`audit.exported_to`).
    """
    key = records.auditor.key
    wanted = {(anchor.chain, anchor.position) for _, place in known for anchor in place.anchors}
    read = chains.read(tx, key, wanted, exported)
    signer = Ed25519PublicKey.from_public_bytes(bytes.fromhex(verify_key))
    checks = {
        "audit": iter(read.findings),
        "anchors": _anchored(read, known),
        "rows": attestation.differences(tx, key, read.latest),
        "events": attestation.events_differences(tx, key, read.events),
        "deliveries": _deliveries(tx),
        "decisions": _decisions(tx, signer),
        "undone decisions": _undone(tx, signer),
        "cases": _cases(records, tx),
        "trajectories": _trajectories(records, tx),
        "marks": _marks(tx),
    }
    return [line for name, check in checks.items() for line in _guarded(name, check)]


def _guarded(name: str, check: Iterator[str]) -> Iterator[str]:
    try:
        yield from check
    except UNREADABLE as fault:
        yield f"{name} of the ledger can't be read: {type(fault).__name__}"


def _anchored(read: chains.Chains, known: Sequence[tuple[str, Known]]) -> Iterator[str]:
    for place, held in known:
        yield from held.findings
        yield from read.against(held.anchors, place)
    _, chart = known[0]
    for chain, position in read.exported.items():
        if chart.ends.get(chain, 0) < position:
            yield f"the FHIR server has audit chain {chain} up to {chart.ends.get(chain, 0)}, exported to {position}"


def _deliveries(tx: Transaction) -> Iterator[str]:
    """Compare fates with the cases that were told of an event: an absorbed one names one of them (I1)."""
    for event_id in deliveries.absorbed_undelivered(tx):
        yield f"event {event_id} is absorbed, and its case was not told of it"
    for row in deliveries.odd(tx):
        yield f"event {row.event_id} was told to case {row.case_id[:12]}, and is {row.fate or 'not in the ledger'}"


def _decisions(tx: Transaction, signer: Ed25519PublicKey) -> Iterator[str]:
    """Verify each decision again, and that the columns are what was signed."""
    for row in decisions.rows(tx):
        decision = Decision.model_validate_json(row.document)
        name = f"decision {row.decision_id[:32]}"
        if not _signed(signer, decision):
            yield f"{name}: its signature is not ours"
        signed = decision.decision_id, decision.case_id, decision.kind, decision.selected, decision.reviewer.reviewer_id
        if (row.decision_id, row.case_id, row.kind, row.selected, row.reviewer) != signed:
            yield f"{name}: its columns are not what was signed"
    for begun in decisions.begun_rows(tx):
        if begun.begun_for != begun.decision_id:
            yield f"case {begun.case_id[:12]}: write-back began for another decision than it has"


def _undone(tx: Transaction, signer: Ed25519PublicKey) -> Iterator[str]:
    for row in decisions.undone_rows(tx):
        decision, undo = Decision.model_validate_json(row.document), Undo.model_validate_json(row.undo)
        name = f"undone decision {row.decision_id[:32]}"
        if not _signed(signer, decision) or not _signed(signer, undo):
            yield f"{name}: a signature is not ours"
        ids = {(decision.decision_id, decision.case_id), (undo.decision_id, undo.case_id)}
        if ids != {(row.decision_id, row.case_id)}:
            yield f"{name}: its columns are not what was signed"
        if decision.reviewer.reviewer_id != undo.reviewer.reviewer_id:
            yield f"{name}: another person took it back"


def _signed(signer: Ed25519PublicKey, document: Decision | Undo) -> bool:
    try:
        signer.verify(bytes.fromhex(document.signature), document.signed_bytes())
    except (InvalidSignature, ValueError):
        return False
    return True


def _cases(records: Records, tx: Transaction) -> Iterator[str]:
    """Compare each case with its name, its decision, and the suggestion that it shows (I21)."""
    decided = decisions.kinds(tx)
    runs = {(row.case_id, row.version): row for row in cases.all_runs(tx)}
    known = set[str]()
    for row in cases.listed(tx):
        known.add(row.case_id)
        yield from (f"case {row.case_id[:12]}: {wrong}" for wrong in _case(records, row, decided.get(row.case_id)))
        run = runs.get((row.case_id, row.version))
        if row.version and (run is None or run.suggestion_blob != row.suggestion_blob):
            yield f"case {row.case_id[:12]}: its version {row.version} was never shown"
    for case_id, kind in decided.items():
        if case_id not in known:
            yield f"case {case_id[:12]} has a decision ({kind}), and is not in the ledger"
    for case_id, version in runs:
        if case_id not in known:
            yield f"case {case_id[:12]} showed version {version}, and is not in the ledger"
    for case_id in cases.without_trajectory(tx):
        yield f"case {case_id[:12]} ended without a trajectory"


def _case(records: Records, row: cases.CaseRow, kind: str | None) -> Iterator[str]:
    named = records.blobs.keyring.name("case", row.pathway, row.encounter_id, str(row.generation))
    if row.case_id != named:
        yield "its id is not that of its encounter, pathway and generation"
    bare = (CaseState.OPEN, *UNDECIDED, CaseState.CONTINUED)
    wanted: dict[CaseState, set[str | None]] = {state: {None} for state in bare}
    wanted[CaseState.REJECTED] = {"reject"}
    others = {str(kind) for kind in DecisionKind} - {"reject"}
    fits = wanted.get(row.state, others if row.state == CaseState.WRITTEN else {*others, "reject"})
    if kind not in fits:
        yield f"it is {row.state}, and its decision is {kind or 'missing'}"
    if (row.ended_at is None) == (row.state in ENDED):
        yield f"it is {row.state}, and {'ended' if row.ended_at else 'has no end'}"
    if row.suggestion_blob is not None:
        suggestion = records.suggestion(row.suggestion_blob)
        if suggestion.sha256() != row.suggestion_hash:
            yield "its suggestion is not the one of its hash"
        if (suggestion.facts.encounter_id, suggestion.pathway) != (row.encounter_id, row.pathway):
            yield "its suggestion is of another encounter or pathway"


def _trajectories(records: Records, tx: Transaction) -> Iterator[str]:
    """Compare each trajectory's flag and versions with what is kept in its file."""
    shown: dict[str, list[tuple[str, datetime]]] = {}
    for run in cases.all_runs(tx):
        shown.setdefault(run.case_id, []).append((run.snapshot_blob, run.shown_at))
    for row in trajectories.files(tx):
        name, file = f"trajectory of case {row.case_id[:12]}", trajectory.read(records.blobs.get(row.blob))
        if file.trajectory_id != row.case_id:
            yield f"{name} is another case's"
        if row.trainable != file.case.trainable:
            yield f"{name} is marked {'' if row.trainable else 'not '}trainable, its file says otherwise"
        if [(step.shown.snapshot_blob, step.shown.shown_at) for step in file.proposals] != shown.get(row.case_id, []):
            yield f"{name} has other versions than were shown"


def _marks(tx: Transaction) -> Iterator[str]:
    for feed, searched_to in marks.marks_of(tx, RECONCILED).items():
        if datetime.fromisoformat(searched_to) > clock.now() + CLOCK:
            yield f"feed {feed} was searched up to a moment that has not come"
    if marks.mark(tx, "schema_version") != str(schema.SCHEMA_VERSION):
        yield "mark schema_version is not that of this program"


def contradictions(records: Records, tx: Transaction) -> Iterator[Contradiction]:
    """Yield the decisions whose reason or choice contradicts their kind, the oldest first."""
    for row in decisions.rows(tx):
        try:
            decision = Decision.model_validate_json(row.document)
        except ValueError:
            continue  # a finding of its own
        shown = _shown(records, tx, decision)
        what = shown and contradiction(decision.kind, decision.selected, decision.reason, shown.selected)
        if what:
            yield Contradiction(
                decision_id=decision.decision_id,
                case_id=decision.case_id,
                reviewer_id=decision.reviewer.reviewer_id,
                kind=decision.kind,
                decided_at=decision.decided_at,
                what=what,
            )


def _shown(records: Records, tx: Transaction, decision: Decision) -> Suggestion | None:
    blob = cases.suggestion_blob(tx, decision.case_id, decision.version)
    try:
        return records.suggestion(blob) if blob else None
    except UNREADABLE:
        return None
