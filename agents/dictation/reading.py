"""What dictation reads of a chart: recordings that no decided case has dealt with, and the patient's medications."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo

from agents import charts
from agents.charts import Reading, Resource
from contracts.charts import AUDIO_BLOB, AUDIO_UNREAD, TAG, ChartFacts, ChartRecording, Fact, FactKind

READINGS = {
    "complaint": Reading("Complaint", kind=FactKind.PRESENTATION),
    "encounter": Reading("Encounter", kind=FactKind.STAY),
}
MOST_MEDICATIONS = 60  # our judgement: a longer list is not one person's; what is left out is named
MEDICATION = "med-"
# FHIR R4: EventStatus, DocumentReferenceStatus, MedicationStatementStatus, medicationrequest-status
WITHDRAWN = ("entered-in-error", "not-done", "superseded")
NOT_TAKEN = ("entered-in-error", "cancelled", "not-taken", "stopped", "draft")
DEALT_WITH = ("completed", "rejected")
HOW = {"Media": "recording", "DocumentReference": "recorded document", "Binary": "recording"}


def queries(encounter_id: str) -> tuple[str, ...]:
    """Return the searches of this pathway; Binary is read by the ids that a feed told, since it can't be searched."""
    here = f"encounter=Encounter/{encounter_id}"
    whose = "patient={patient}"
    return (
        f"Media?{here}&_count=2", f"DocumentReference?{here}&_count=5", "Binary", f"Task?{here}",
        "Patient?_id={patient}", f"MedicationStatement?{whose}", f"MedicationRequest?{whose}",
    )  # fmt: skip


def read_chart(resources: Sequence[Resource], encounter_id: str, as_of: datetime, zone: tzinfo = UTC) -> ChartFacts:
    """Return whose chart it is, the medications, and the recordings in the order in which they were made."""
    facts = charts.read_chart(resources, encounter_id, as_of, READINGS, {}, zone)
    found: dict[str, ChartRecording] = {}
    left_out: list[str] = []
    pointed_at = {f"Binary/{id_}" for r in resources for a in charts.attachments(r) if (id_ := charts.binary_id(a))}
    dealt_with = {done for r in resources if r.get("resourceType") == "Task" for done in _dealt_with(r, encounter_id)}
    for resource in resources:
        where = f"{resource.get('resourceType')}/{resource.get('id')}"
        if where in dealt_with or where in pointed_at or resource.get("resourceType") not in HOW:
            continue
        try:
            for recording in _recordings(resource, encounter_id, facts.patient, zone):
                if isinstance(recording, str):
                    left_out.append(recording)
                elif (same := recording.blob or recording.resource) in found:
                    copies = (*found[same].copies, recording.resource)
                    found[same] = found[same].model_copy(update={"copies": copies})
                else:
                    found[same] = recording
        except (ValueError, TypeError, AttributeError, LookupError):
            left_out.append(f"{where}, which can't be read")
    recordings = sorted(found.values(), key=lambda r: (r.recorded_at is None, r.recorded_at, r.resource))
    left_out += [f"{r.resource.partition('/_history/')[0]}, {r.told}" for r in recordings if r.told]
    taken = _medications(resources, facts.patient)
    if len(taken) > MOST_MEDICATIONS:
        left_out.append(f"{len(taken) - MOST_MEDICATIONS} further medications")
    return facts.model_copy(
        update={
            "facts": (*facts.facts, *taken[:MOST_MEDICATIONS]),
            "left_out": (*facts.left_out, *left_out),
            "recordings": tuple(recordings),
        }
    )


def medications(facts: ChartFacts) -> tuple[str, ...]:
    """Return the patient's medications, as they are charted."""
    return tuple(fact.value for fact in facts.facts if fact.key.startswith(MEDICATION))


def _recordings(resource: Resource, encounter_id: str, patient: str, zone: tzinfo) -> Iterator[ChartRecording | str]:
    if resource.get("status") in WITHDRAWN or f"Encounter/{encounter_id}" not in _encounters(resource):
        return
    where = f"{resource['resourceType']}/{resource['id']}"
    subject = charts.reference(resource, "subject")
    audio = [a for a in charts.attachments(resource) if charts.is_audio(a)]
    if audio and subject and subject != patient:
        yield f"{where}, which is of this stay and names another patient"
        return
    meta = resource.get("meta") or {}
    created = resource.get("createdDateTime") or (resource.get("createdPeriod") or {}).get("start")
    written = resource.get("date") or resource.get("issued") or meta.get("lastUpdated")
    for attachment in audio:
        at = created or attachment.get("creation") or written
        marks = {mark.get("url"): str(mark.get("valueString")) for mark in attachment.get("extension", ())}
        yield ChartRecording(
            resource=f"{where}/_history/{meta.get('versionId', '1')}",
            blob=marks.get(AUDIO_BLOB, ""),
            media_type=charts.clean(attachment["contentType"]),
            recorded_at=charts.moment(at, zone) if at else None,
            told=charts.clean(marks.get(AUDIO_UNREAD, "")),
        )


def _encounters(resource: Resource) -> set[str]:
    match resource["resourceType"]:
        case "Media":
            return {charts.reference(resource, "encounter")}
        case "Binary":
            return {charts.reference(resource, "securityContext")}
        case _:
            named = (resource.get("context") or {}).get("encounter") or ()
            return {charts.reference({"encounter": one}, "encounter") for one in named}


def _dealt_with(task: Resource, encounter_id: str) -> Iterator[str]:
    """Yield the recordings of a case that a person decided, which its Task names."""
    ours = any(i.get("system") == TAG for i in task.get("identifier") or ())
    here = charts.reference(task, "encounter") == f"Encounter/{encounter_id}"
    if ours and here and task.get("status") in DEALT_WITH:
        for told in task.get("input") or ():
            yield charts.reference(told, "valueReference")


def _medications(resources: Sequence[Resource], patient: str) -> list[Fact]:
    named: dict[str, Resource] = {}
    for resource in resources:
        kind = resource.get("resourceType")
        if kind not in ("MedicationStatement", "MedicationRequest") or resource.get("status") in NOT_TAKEN:
            continue
        if charts.reference(resource, "subject") != patient or not isinstance(resource.get("id"), str):
            continue
        coded, referred = resource.get("medicationCodeableConcept"), resource.get("medicationReference")
        words = charts.named(coded) if isinstance(coded, dict) else ""
        words = words or (charts.clean(referred.get("display")) if isinstance(referred, dict) else "")
        if words:
            named.setdefault(words, resource)
    return [
        Fact(
            key=f"{MEDICATION}{n}", kind=FactKind.PRESENTATION, label="Medication", value=words,
            resource=f"{r['resourceType']}/{r['id']}/_history/{(r.get('meta') or {}).get('versionId', '1')}",
        )
        for n, (words, r) in enumerate(sorted(named.items()), 1)
    ]  # fmt: skip
