"""One case: the process for one encounter and pathway, and what its activities are told."""

from datetime import datetime, timedelta
from enum import StrEnum

from contracts.decisions import Decision, DecisionReceipt, Undo
from contracts.errors import Fallback
from contracts.frozen import Frozen
from contracts.suggestions import MadeBy


class CaseState(StrEnum):
    """opened = open + decided + written + rejected + closed_undecided + stay_ended + continued (I1)."""

    OPEN = "open"
    DECIDED = "decided"
    """In the ledger; its write is under way."""
    WRITTEN = "written"
    REJECTED = "rejected"
    CLOSED_UNDECIDED = "closed_undecided"
    """Nobody decided until the end of the escalation ladder."""
    STAY_ENDED = "stay_ended"
    """Nobody decided before the stay was over: discharge, left without being seen, death."""
    CONTINUED = "continued"
    """Its decision was taken back after the next generation had opened, which asks for all of it again (I3)."""


UNDECIDED = (CaseState.CLOSED_UNDECIDED, CaseState.STAY_ENDED)
"""Ended without a decision: listed until a person acknowledges it (I17)."""
ENDED = (CaseState.WRITTEN, CaseState.REJECTED, *UNDECIDED, CaseState.CONTINUED)


class CaseRef(Frozen):
    """Names a case. What we write for it is named by case, so by encounter, pathway and generation."""

    case_id: str
    """Keyed hash of encounter, pathway and generation; also the workflow id."""
    pathway: str
    encounter_id: str
    generation: int


class CaseInput(Frozen):
    """Start of the case workflow."""

    ref: CaseRef
    due_at: datetime
    """Acceptance of the first event, and the pathway's limit (I4)."""
    ladder: tuple[timedelta, ...]
    """Waits between the steps of escalation after `due_at`; at the end the case is closed undecided."""
    roles: tuple[str, ...]
    """Who may decide."""
    verify_key: str
    """Hex Ed25519 public key of the service that signs decisions."""
    model_limit: timedelta = timedelta(seconds=120)
    """So long the model may take; then rules propose, with what it has answered by then."""
    version: int = 0
    """The newest that the ledger has, where Temporal lost the case; versions go on from it."""
    decided: bool = False
    """The ledger has a decision or an end: nobody is asked any more, what remains to be done is done."""
    undo: timedelta = timedelta()
    """How long, from its recording, a decision may be taken back (I5)."""
    receipt: DecisionReceipt | None = None
    """Of the decision that the ledger has and whose write-back has not begun, where Temporal lost the case."""


class CaseSignal(Frozen):
    """The events of one window; ids that were already told change nothing (I3)."""

    event_ids: tuple[int, ...]
    look: bool = False
    """Read the chart again whatever the events: a look at the evidence found it changed."""


class SnapshotRequest(Frozen):
    ref: CaseRef


class ChartSnapshot(Frozen):
    """Where the frozen chart lies; the chart itself stays out of Temporal."""

    snapshot_blob: str
    facts_hash: str
    """Equal when nothing changed of what a person is shown: coded values, what was left out, whose chart it is."""
    over: bool = False
    """The pathway's process ends with the stay, and the stay is over."""


class AgentRequest(Frozen):
    ref: CaseRef
    version: int
    snapshot: ChartSnapshot
    rules_only: bool = False
    """Asked for when the model does not answer in time: what it has answered by then counts."""


class AgentResult(Frozen):
    """Names the case, version and snapshot that it is of: another's result is refused."""

    case_id: str = ""
    """Empty, as version and snapshot are, in results of before they were named."""
    version: int = 0
    snapshot_blob: str = ""
    suggestion_blob: str
    suggestion_hash: str
    choices: tuple[str, ...]
    selected: str | None
    approvable: bool = True
    """Whether one key may approve it (`Suggestion.approvable`)."""
    revises: bool = False
    """Whether it asks what becomes of what was written before (`Suggestion.revises`)."""
    made_by: MadeBy
    fallback: Fallback | None = None

    def answers(self, request: AgentRequest) -> bool:
        """Return whether it is the result of that very request (I21)."""
        named = (self.case_id, self.version, self.snapshot_blob)
        return named == (request.ref.case_id, request.version, request.snapshot.snapshot_blob)


class OpenRequest(Frozen):
    """Show this version; `covers_event` is the newest event that it has seen."""

    ref: CaseRef
    version: int
    covers_event: int
    snapshot: ChartSnapshot
    result: AgentResult


class CoverRequest(Frozen):
    """Newer events that changed nothing: the shown version covers them too."""

    ref: CaseRef
    version: int
    covers_event: int


class EscalationRequest(Frozen):
    ref: CaseRef
    step: int


class DecisionRequest(Frozen):
    ref: CaseRef
    decision: Decision


class UndoRequest(Frozen):
    ref: CaseRef
    undo: Undo


class CaseOutcome(Frozen):
    """Result of the case workflow, and of the activities that end a case."""

    case_id: str
    state: CaseState
    decision_id: str | None = None
