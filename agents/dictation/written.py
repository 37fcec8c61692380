"""What an approved note becomes in a chart: a document, and Observations of its words and its vital signs."""

import base64
import json
import uuid

from fhir.resources.R4B.documentreference import DocumentReference
from fhir.resources.R4B.observation import Observation

from agents import codes
from agents.dictation import vitals
from agents.dictation.vitals import VITALS
from agents.pathway import Resource
from contracts.decisions import Decision
from contracts.dictation import Note, NoteItem, NoteSection
from contracts.suggestions import Suggestion

NOTE_TYPE = codes.loinc(codes.EMERGENCY_NOTE, "Emergency medicine Note")
NARRATIVES = {
    NoteSection.COMPLAINT: codes.loinc(codes.CHIEF_COMPLAINT, "Chief complaint - Reported"),
    NoteSection.HISTORY: codes.loinc(codes.HISTORY, "History of Present illness Narrative"),
    NoteSection.MEDICATIONS: codes.loinc(codes.MEDICATIONS, "History of Medication use Narrative"),
}
"""What other pathways read of a note in words; they don't open documents."""
DERIVED_FROM = ("Media", "DocumentReference")  # FHIR R4, Observation.derivedFrom
TITLES = {
    NoteSection.COMPLAINT: "Complaint",
    NoteSection.HISTORY: "History",
    NoteSection.VITALS: "Vital signs",
    NoteSection.MEDICATIONS: "Medications",
}


def corrected(note: Note, decision: Decision) -> list[NoteItem]:
    """Return the items as the person left them, without those that they emptied or that must be typed and were not."""
    said = {correction.key: correction.text for correction in decision.corrections}
    items = (item.model_copy(update={"text": said.get(item.key, item.text)}) for item in note.items)
    return [item for item in items if item.text]


def text(items: list[NoteItem]) -> str:
    """Return the note as people read it."""
    lines: list[str] = []
    for section in NoteSection:
        told = [item for item in items if item.section == section]
        if told:
            lines += [TITLES[section], *(f"  {_line(item)}" for item in told)]
    return "\n".join(lines) + "\n"


def results(suggestion: Suggestion, decision: Decision, result_id: str, meta: Resource) -> list[Resource]:
    """Return the document under the given id, and each Observation under one that follows from it."""
    assert suggestion.note is not None
    items = corrected(suggestion.note, decision)
    written = _Written(suggestion, decision, result_id, meta)
    bodies = [written.document(items)]
    for section, coding in NARRATIVES.items():
        told = [item for item in items if item.section == section]
        if told:
            words = {"valueString": "; ".join(item.text for item in told)}
            bodies.append(written.observation(section, coding, "survey", told[0], words))
    for item in items:
        vital = item.key.partition("-")[0]
        measured = vitals.value(vital, item.text) if item.section == NoteSection.VITALS and vital in VITALS else None
        if measured:
            coding = codes.loinc(VITALS[vital].loinc, VITALS[vital].label)
            value = _value(vital, measured)
            bodies.append(written.observation(item.key, coding, "vital-signs", item, value))
    DocumentReference.model_validate(bodies[0])
    for body in bodies[1:]:
        Observation.model_validate(body)
    return [json.loads(json.dumps(body)) for body in bodies]


class _Written:
    def __init__(self, suggestion: Suggestion, decision: Decision, result_id: str, meta: Resource) -> None:
        self.facts, self.decision, self.id, self.meta = suggestion.facts, decision, result_id, meta
        self.sources = [r.resource.partition("/_history/")[0] for r in suggestion.facts.recordings]

    def document(self, items: list[NoteItem]) -> Resource:
        content = base64.b64encode(text(items).encode()).decode()
        return {
            "resourceType": "DocumentReference",
            **self._ours(self.id),
            "status": "current",
            "docStatus": "final",
            "type": {"coding": [NOTE_TYPE], "text": "Dictated note"},
            "date": self.decision.decided_at.isoformat(),
            "content": [{"attachment": {"contentType": "text/plain; charset=utf-8", "data": content}}],
            "context": {
                "encounter": [{"reference": f"Encounter/{self.facts.encounter_id}"}],
                "related": [{"reference": source} for source in self.sources],
            },
        }

    def observation(self, part: str, coding: Resource, category: str, item: NoteItem, value: Resource) -> Resource:
        recorded = self.facts.recordings[item.recording] if item.recording is not None else None
        source = recorded.resource.partition("/_history/")[0] if recorded else ""
        at = (recorded and recorded.recorded_at) or self.decision.decided_at
        body = {
            "resourceType": "Observation",
            **self._ours(str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.id}:{part}"))),
            "status": "final",
            "category": [{"coding": [codes.category(category)]}],
            "code": {"coding": [coding]},
            "encounter": {"reference": f"Encounter/{self.facts.encounter_id}"},
            "effectiveDateTime": at.isoformat(),
            **value,
        }
        if source.partition("/")[0] in DERIVED_FROM:
            body["derivedFrom"] = [{"reference": source}]
        return body

    def _ours(self, id_: str) -> Resource:
        subject = {"subject": {"reference": self.facts.patient}} if self.facts.patient else {}
        identifier = codes.case_identifier(self.decision.case_id)
        return {"id": id_, "meta": self.meta, "identifier": [identifier], **subject}


def _line(item: NoteItem) -> str:
    if item.section != NoteSection.VITALS:
        return item.text
    return f"{item.label}, {VITALS[item.key.partition('-')[0]].shown}: {item.text}"


def _value(vital: str, measured: tuple[float, ...]) -> Resource:
    def quantity(number: float) -> Resource:
        unit = VITALS[vital].unit
        return {"valueQuantity": {"value": number, "unit": unit, "system": codes.UCUM, "code": unit}}

    if vital != "bp":
        return quantity(measured[0])
    parts = zip((codes.SYSTOLIC, codes.DIASTOLIC), measured, strict=True)
    return {"component": [{"code": {"coding": [codes.loinc(code)]}, **quantity(number)} for code, number in parts]}
