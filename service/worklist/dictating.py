"""What a person dictates on a page: into the chart by that person's own action, from where it comes like any other."""

import base64
import re
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fhir.resources.R4B.binary import Binary
from fhir.resources.R4B.media import Media

from activities.recordings import MOST_BYTES
from activities.world import World
from contracts.cases import CaseState
from contracts.decisions import Reviewer
from contracts.errors import FhirError, FhirFault
from integrations import clock
from integrations.fhir.client import Resource
from integrations.ledger.audit import Action
from integrations.ledger.cases import CaseRow
from service.process.settings import Settings
from service.worklist.rows import Row

AUDIO = re.compile(r"audio/[a-z0-9.+-]{1,40}")
NAMESPACE = uuid.UUID("6b1f3f0e-6e0b-5d3c-9b8f-2f0c5b7a9d11")
REVIEWER = "urn:wardflow:reviewer"
NOT_OPEN = "This case is not open any more. Nothing was written: dictate it for a patient on the list."
OTHER_STAY = "This case is of another stay than the page showed. Nothing was written."
COMPLAINT_CHARS = 48


class NotOpenError(Exception):
    """The case was decided or closed; what was dictated for it belongs to no other."""


@dataclass(frozen=True)
class Speaking:
    """Whether and who may dictate follows from the pathways that wait for a Media."""

    world: World
    settings: Settings

    @property
    def roles(self) -> frozenset[str]:
        """Return the roles of people who may dictate; empty where nobody would hear it."""
        hears = [p for p in self.settings.pathways.values() if any(t.resource == "Media" for t in p.triggers)]
        return frozenset(role for pathway in hears for role in pathway.roles)

    def may_speak(self, who: Reviewer) -> bool:
        """Return whether that person may dictate."""
        return who.role in self.roles

    def record(self, case: CaseRow, who: Reviewer, audio: bytes, media_type: str, recording_id: str) -> str:
        """Write the recording as Media and Binary of the case's stay; return the Media's id.

        The same recording id is the same resource, so that a page may send again what got no answer. Raises FhirError,
        LedgerError, NotOpenError, or ValueError for what is no recording.
        """
        kind = media_type.partition(";")[0].strip().lower()
        if not AUDIO.fullmatch(kind) or not 0 < len(audio) <= MOST_BYTES:
            raise ValueError("no recording, or one that is too large")
        id_ = str(uuid.uuid5(NAMESPACE, f"{case.encounter_id}:{who.reviewer_id}:{recording_id}"))
        if case.state != CaseState.OPEN:
            if self._is_written(id_):
                return id_
            raise NotOpenError
        encounter = self.world.fhir.read("Encounter", case.encounter_id)
        bodies = _resources(id_, encounter, who, audio, kind)
        with self.world.records.db.write() as tx:
            self.world.records.auditor.append(
                tx, Action.DICTATE, f"Media/{id_}", actor=f"person:{who.reviewer_id}", case_id=case.case_id,
                encounter_id=case.encounter_id, detail=f"{len(audio)} bytes of {kind}",
            )  # fmt: skip
        urls = [f"{body['resourceType']}/{id_}" for body in bodies]
        put = [{"resource": b, "request": {"method": "PUT", "url": u}} for b, u in zip(bodies, urls, strict=True)]
        self.world.fhir.bundle(put)
        return id_

    def _is_written(self, media_id: str) -> bool:
        """Return whether the recording is in the chart: its first answer was lost, and the case decided since."""
        try:
            self.world.fhir.read("Media", media_id)
        except FhirError as fault:
            if fault.kind == FhirFault.MISSING:
                return False
            raise
        return True


def patient_labels(rows: Sequence[Row]) -> dict[str, str]:
    """Return by case id the words that tell its patient from all others of these: the stay's id, too, if need be."""
    labels = {row.case.case_id: _label(row) for row in rows}
    stays = Counter(label for label, _ in {(labels[row.case.case_id], row.case.encounter_id) for row in rows})
    for row in rows:
        label = labels[row.case.case_id]
        if stays[label] > 1 or row.suggestion is None:
            labels[row.case.case_id] = f"{label} · stay {row.case.encounter_id[-8:]}"
    return labels


def _label(row: Row) -> str:
    """Return name, complaint, age and sex as far as they are known; a long complaint is cut, not what follows it."""
    if row.suggestion is None:
        return "a patient without a suggestion"
    known = row.suggestion.facts.get
    name, complaint, age, sex = (known(key) for key in ("name", "complaint", "age", "sex"))
    told, bracket, who = row.headline.rpartition(" (") if complaint is None else (complaint.value, " (", "")
    told = told if len(told) <= COMPLAINT_CHARS else f"{told[:COMPLAINT_CHARS]}…"
    if complaint:
        who = f"{' '.join(fact.value for fact in (age, sex) if fact) or 'age and sex unknown'})"
    return f"{name.value + ' · ' if name else ''}{told}{bracket}{who}"


def _resources(id_: str, encounter: Resource, who: Reviewer, audio: bytes, kind: str) -> list[Resource]:
    stay, now = {"reference": f"Encounter/{encounter['id']}"}, clock.now().isoformat()
    held = {
        "resourceType": "Binary",
        "id": id_,
        "contentType": kind,
        "securityContext": stay,
        "data": base64.b64encode(audio).decode(),
    }
    told = {
        "resourceType": "Media",
        "id": id_,
        "status": "completed",
        "type": {"text": "Dictation"},
        **({"subject": encounter["subject"]} if encounter.get("subject") else {}),
        "encounter": stay,
        "createdDateTime": now,
        "operator": {"display": who.name, "identifier": {"system": REVIEWER, "value": who.reviewer_id}},
        "content": {"contentType": kind, "url": f"Binary/{id_}", "size": len(audio), "creation": now},
    }
    Binary.model_validate(held)
    Media.model_validate(told)
    return [held, told]
