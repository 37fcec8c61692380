"""Show a suggestion: a proposal Task in the chart, a row in the worklist."""

from dataclasses import dataclass

from temporalio import activity

from activities import evidence
from activities.boundary import boundary
from activities.chart_writes import proposed, suggestion_of, write_to_chart
from activities.world import World
from contracts.cases import AgentRequest, CoverRequest, OpenRequest
from contracts.errors import FhirError, FhirFault, LedgerError, LedgerFault
from contracts.suggestions import Suggestion
from integrations.fhir import proposals
from integrations.ledger import cases
from integrations.ledger import evidence as ledger_evidence
from integrations.ledger.attestation import Kind, Row
from integrations.ledger.audit import Action


@activity.defn(name="open_case")
@dataclass(frozen=True)
class OpenCase:
    """Idempotent: the Task has the case's own id, and a late attempt never undoes a newer version or a decision."""

    world: World

    def __call__(self, request: OpenRequest) -> None:
        """Write the Task, then the row: a person sees only what the chart and the workflow know."""
        ref = request.ref
        with boundary():
            with self.world.records.db.read() as tx:
                if not cases.may_show(tx, request):
                    return
            suggestion = suggestion_of(self.world, ref, request.result.suggestion_blob)
            _refuse_foreign(request, suggestion)
            task = proposals.proposal(ref, suggestion, request.result.suggestion_hash)
            current = proposed(self.world, ref)
            if current and (current["status"] != "requested" or proposals.decided_in(current)):
                raise FhirError(FhirFault.CONFLICT, "our Task is no longer a proposal", retryable=True)
            if current and proposals.content_hash(current) == proposals.content_hash(task):
                written = current  # by an earlier try, whose answer was lost
            else:
                entry = {"resource": task, "request": {"method": "PUT", "url": f"Task/{task['id']}"}}
                if current:
                    entry["request"]["ifMatch"] = f'W/"{current["meta"]["versionId"]}"'
                (written,) = write_to_chart(self.world, ref, [entry], Action.PROPOSE)
            pieces = evidence.pieces(self.world, ref, request.snapshot.snapshot_blob, suggestion.facts)
            with self.world.records.db.write() as tx:
                if cases.may_show(tx, request):
                    cases.show_version(tx, request, written["meta"]["versionId"])
                    ledger_evidence.keep(tx, ref.case_id, request.version, pieces)
                    rows = (Row(Kind.SHOWN, (ref.case_id,)), Row(Kind.RUN, (ref.case_id, request.version)))
                    what, fields = f"suggestion {request.result.suggestion_hash}", {"encounter_id": ref.encounter_id}
                    self.world.records.auditor.append(tx, Action.SHOW, what, rows, case_id=ref.case_id, **fields)
            self.world.live.publish(ref.case_id)


def _refuse_foreign(request: OpenRequest, suggestion: Suggestion) -> None:
    """Raise LedgerError for a result of another case, version or snapshot, or one that its suggestion belies."""
    result = request.result
    asked = AgentRequest(ref=request.ref, version=request.version, snapshot=request.snapshot)
    told = (result.suggestion_hash, result.selected, result.approvable, result.revises)
    is_ = (suggestion.sha256(), suggestion.selected, suggestion.approvable, suggestion.revises)
    if not result.answers(asked) or told != is_:
        raise LedgerError(LedgerFault.FOREIGN_RESULT, f"of case {request.ref.case_id[:12]}")


@activity.defn(name="cover_events")
@dataclass(frozen=True)
class CoverEvents:
    """Idempotent: sets a mark. New events that changed no coded value leave the suggestion as it is."""

    world: World

    def __call__(self, request: CoverRequest) -> None:
        case_id = request.ref.case_id
        with boundary(), self.world.records.db.write() as tx:
            cases.cover(tx, case_id, request.version, request.covers_event)
            what, rows = f"events up to {request.covers_event}", (Row(Kind.SHOWN, (case_id,)),)
            self.world.records.auditor.append(tx, Action.COVER, what, rows, case_id=case_id)
        self.world.live.publish(request.ref.case_id)
