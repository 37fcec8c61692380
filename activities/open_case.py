"""Show a suggestion: a proposal Task in the chart, a row in the worklist."""

from dataclasses import dataclass

from temporalio import activity

from activities.chart_writes import proposed, write_to_chart
from activities.world import World, boundary
from contracts.cases import CoverRequest, OpenRequest
from contracts.errors import FhirError, FhirFault
from integrations.fhir import proposals
from integrations.ledger import cases
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
            with self.world.db.read() as tx:
                if not cases.may_show(tx, request):
                    return
            suggestion = self.world.suggestion(request.result.suggestion_blob)
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
            with self.world.db.write() as tx:
                cases.show_version(tx, request, written["meta"]["versionId"])
            self.world.live.publish(ref.case_id)


@activity.defn(name="cover_events")
@dataclass(frozen=True)
class CoverEvents:
    """Idempotent: sets a mark. New events that changed no coded value leave the suggestion as it is."""

    world: World

    def __call__(self, request: CoverRequest) -> None:
        with boundary(), self.world.db.write() as tx:
            cases.cover(tx, request.ref.case_id, request.version, request.covers_event)
        self.world.live.publish(request.ref.case_id)
