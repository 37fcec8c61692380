"""What a person dictates on a page: into the chart by that person's own action, from where it comes like any other."""

import base64
import re
import uuid
from dataclasses import dataclass

from fhir.resources.R4B.binary import Binary
from fhir.resources.R4B.media import Media

from activities.recordings import MOST_BYTES
from activities.world import World
from contracts.decisions import Reviewer
from integrations.fhir.client import Resource
from integrations.ledger import tables
from integrations.ledger.audit import Action
from integrations.ledger.cases import CaseRow
from service.settings import Settings

AUDIO = re.compile(r"audio/[a-z0-9.+-]{1,40}")
NAMESPACE = uuid.UUID("6b1f3f0e-6e0b-5d3c-9b8f-2f0c5b7a9d11")
REVIEWER = "urn:wardflow:reviewer"


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

    def record(self, case: CaseRow, who: Reviewer, audio: bytes, media_type: str, recording_id: str) -> str:
        """Write the recording as Media and Binary of the case's stay; return the Media's id.

        The same recording id is the same resource, so that a page may send again what got no answer. Raises FhirError,
        LedgerError, or ValueError for what is no recording.
        """
        kind = media_type.partition(";")[0].strip().lower()
        if not AUDIO.fullmatch(kind) or not 0 < len(audio) <= MOST_BYTES:
            raise ValueError("no recording, or one that is too large")
        encounter = self.world.fhir.read("Encounter", case.encounter_id)
        id_ = str(uuid.uuid5(NAMESPACE, f"{case.encounter_id}:{who.reviewer_id}:{recording_id}"))
        bodies = _resources(id_, encounter, who, audio, kind)
        with self.world.db.write() as tx:
            self.world.auditor.append(
                tx, Action.DICTATE, f"Media/{id_}", actor=f"person:{who.reviewer_id}", case_id=case.case_id,
                encounter_id=case.encounter_id, detail=f"{len(audio)} bytes of {kind}",
            )  # fmt: skip
        urls = [f"{body['resourceType']}/{id_}" for body in bodies]
        put = [{"resource": b, "request": {"method": "PUT", "url": u}} for b, u in zip(bodies, urls, strict=True)]
        self.world.fhir.bundle(put)
        return id_


def _resources(id_: str, encounter: Resource, who: Reviewer, audio: bytes, kind: str) -> list[Resource]:
    stay, now = {"reference": f"Encounter/{encounter['id']}"}, tables.now().isoformat()
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
