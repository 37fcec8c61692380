"""What we write to a chart: the proposal Task, and the one transaction of a decision; built and validated as R4B."""

import hashlib
import json
import uuid
from collections.abc import Sequence
from typing import Any

from fhir.resources.R4B.provenance import Provenance
from fhir.resources.R4B.task import Task

from contracts.cases import CaseRef
from contracts.charts import TAG
from contracts.decisions import Decision, DecisionKind
from contracts.suggestions import MadeBy, Suggestion
from integrations.fhir.client import Resource

NAMESPACE = uuid.UUID("6b1f3f0e-6e0b-5d3c-9b8f-2f0c5b7a9d10")
AI_ASSERTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "AIAST",
    "display": "Artificial Intelligence asserted",
}
"""HL7 AI Transparency on FHIR, STU1 ballot: the content was asserted by an AI."""
PARTICIPATION = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
HASH, DECISION = f"{TAG}:suggestion", f"{TAG}:decision"


def resource_id(ref: CaseRef, part: str) -> str:
    """Return the id of one part of a case, the same at every try."""
    return str(uuid.uuid5(NAMESPACE, f"{ref.case_id}:{ref.generation}:{part}"))


def own_meta(*, ai: bool) -> Resource:
    """Return the meta element that marks a resource as ours."""
    return {"tag": [{"system": TAG, "code": "case"}]} | ({"security": [AI_ASSERTED]} if ai else {})


def proposal(ref: CaseRef, suggestion: Suggestion, suggestion_hash: str) -> Resource:
    """Return the Task that stands for an undecided suggestion; before a decision nothing else exists (I2)."""
    body: dict[str, Any] = {
        "resourceType": "Task",
        "id": resource_id(ref, "task"),
        "meta": own_meta(ai=suggestion.made_by == MadeBy.MODEL),
        "identifier": [{"system": TAG, "value": ref.case_id}, {"system": HASH, "value": suggestion_hash}],
        "status": "requested",
        "intent": "proposal",
        "code": {"text": f"{ref.pathway}: decide on the suggestion"},
        "description": _described(suggestion),
        **({"for": {"reference": suggestion.facts.patient}} if suggestion.facts.patient else {}),
        "encounter": {"reference": f"Encounter/{ref.encounter_id}"},
        "authoredOn": suggestion.facts.as_of.isoformat(),
        **_suggested(suggestion),
        **_about(suggestion),
    }
    return _valid(Task, body)


def _described(suggestion: Suggestion) -> str:
    if suggestion.selected is None:
        return "No suggestion: a person chooses"
    unmeasured = "" if suggestion.measured else ", by a model that was not measured on this pathway"
    return f"Suggested by {suggestion.made_by}, support {suggestion.support}{unmeasured}"


def _suggested(suggestion: Suggestion) -> Resource:
    """Return the proposed choice as the Task's output; nothing where none is proposed."""
    choice = suggestion.choice(suggestion.selected)
    if choice is None:
        return {}
    coding = {"system": suggestion.system, "code": choice.code, "display": choice.display}
    return {"output": [{"type": {"text": "suggestion"}, "valueCodeableConcept": {"coding": [coding]}}]}


def _about(suggestion: Suggestion) -> Resource:
    """Return the recordings that a Task is about: those of a case that was decided are dealt with."""
    versions = [v for recording in suggestion.facts.recordings for v in (recording.resource, *recording.copies)]
    sources = [version.partition("/_history/")[0] for version in versions]
    told = [{"type": {"text": "recording"}, "valueReference": {"reference": source}} for source in sources]
    return {"input": told} if told else {}


def closed(task: Resource, status: str, reason: str, decision: Decision | None = None) -> Resource:
    """Return our Task as it stands after the case: completed, rejected, or cancelled at the ladder's end."""
    body = {k: v for k, v in task.items() if k != "meta"} | {
        "meta": {k: v for k, v in task["meta"].items() if k in ("tag", "security")},
        "status": status,
        "statusReason": {"text": reason},
    }
    if decision:
        kept = [i for i in task["identifier"] if i.get("system") != DECISION]
        body["identifier"] = [*kept, {"system": DECISION, "value": decision.decision_id}]
        body["businessStatus"] = {"text": f"{decision.kind} by {decision.reviewer.name}"}
    return _valid(Task, body)


def case_of(resource: Resource) -> str | None:
    """Return the case that a resource of ours was written for."""
    return next((i.get("value") for i in resource.get("identifier", ()) if i.get("system") == TAG), None)


def stands(resource: Resource) -> bool:
    """Return whether nobody has withdrawn it yet."""
    return resource.get("status") not in ("entered-in-error", "cancelled")


def withdrawn(resource: Resource, decision: Decision) -> Resource:
    """Return what we wrote before as it stands once a person withdrew it: never deleted, and not to be used.

    An order is cancelled, what is done already and all else is marked as entered in error (FHIR R4, Task.status and
    Observation.status).
    """
    open_order = resource["resourceType"] == "Task" and resource.get("status") not in ("completed", "entered-in-error")
    body = {k: v for k, v in resource.items() if k not in ("meta", "text")} | {
        "meta": {k: v for k, v in resource["meta"].items() if k in ("tag", "security")},
        "status": "cancelled" if open_order else "entered-in-error",
    }
    if resource["resourceType"] == "Task":
        body["statusReason"] = {"text": f"withdrawn by {decision.reviewer.name}: {decision.reason or decision.kind}"}
    return json.loads(json.dumps(body))


def provenance(ref: CaseRef, suggestion: Suggestion, decision: Decision, results: list[Resource]) -> Resource:
    """Return who asserted the results: the device, verified by the clinician; or the clinician, who chose alone, or who
    withdrew what was written before."""
    chosen = decision.kind in (DecisionKind.CHOOSE, DecisionKind.WITHDRAW)
    device = {
        "type": {"coding": [{"system": PARTICIPATION, "code": "author"}]},
        "who": {"type": "Device", "display": suggestion.model or "Wardflow rules"},
    }
    clinician = {
        "type": {"coding": [{"system": PARTICIPATION, "code": "author" if chosen else "verifier"}]},
        "role": [{"text": decision.reviewer.role}],
        "who": {
            "identifier": {"system": f"{TAG}:reviewer", "value": decision.reviewer.reviewer_id},
            "display": decision.reviewer.name,
        },
    }
    body = {
        "resourceType": "Provenance",
        "id": resource_id(ref, "provenance"),
        "meta": own_meta(ai=False),
        "target": [{"reference": f"{r['resourceType']}/{r['id']}"} for r in results],
        "recorded": decision.decided_at.isoformat(),
        "activity": {"text": f"{decision.kind} {decision.decision_id}"},
        "agent": [clinician] if chosen else [device, clinician],
        "entity": [{"role": "source", "what": {"identifier": {"system": HASH, "value": decision.shown_hash}}}],
    }
    return _valid(Provenance, body)


def decision_entries(
    ref: CaseRef,
    suggestion: Suggestion,
    decision: Decision,
    task: Resource,
    results: list[Resource],
    before: Sequence[Resource] = (),
) -> list[Resource]:
    """Return the transaction of a decision: our Task at its known version, then what the decision writes.

    A rejection, and what is kept, change only the Task (I2). `before` is what earlier decisions wrote and this one
    withdraws, as the chart has it.
    """
    rejected = decision.kind == DecisionKind.REJECT
    after = closed(task, "rejected" if rejected else "completed", decision.reason or decision.kind, decision)
    version = f'W/"{task["meta"]["versionId"]}"'
    entries = [{"resource": after, "request": {"method": "PUT", "url": f"Task/{after['id']}", "ifMatch": version}}]
    if decision.kind in (DecisionKind.REJECT, DecisionKind.KEEP):
        return entries
    gone = [withdrawn(one, decision) for one in before]
    for one, body in zip(before, gone, strict=True):
        request = {"method": "PUT", "url": _at(body), "ifMatch": f'W/"{one["meta"]["versionId"]}"'}
        entries.append({"resource": body, "request": request})
    about = [*results, *gone] or [after]
    for body in [*results, provenance(ref, suggestion, decision, about)]:
        entries.append({"resource": body, "request": {"method": "PUT", "url": _at(body)}})
    return entries


def _at(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def decided_in(task: Resource) -> str | None:
    """Return the id of the decision that a Task carries, if any."""
    return next((i.get("value") for i in task.get("identifier", ()) if i.get("system") == DECISION), None)


def content_hash(resource: Resource) -> str:
    """Return the hash of a resource without what servers add (`meta` but our tag, and narrative)."""
    own = {k: v for k, v in resource.items() if k not in ("meta", "text")}
    return hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()


def _valid(model: Any, body: dict[str, Any]) -> Resource:
    """Return the body as JSON once fhir.resources has accepted it."""
    model.model_validate(body)
    return json.loads(json.dumps(body))
