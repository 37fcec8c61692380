"""Recordings as a hospital charts them, and the notes that a ward makes of them and a person files."""

import base64
import uuid
from typing import Any

import httpx

from integrations import clock
from integrations.fhir import proposals
from integrations.ledger import cases
from integrations.ledger.cases import CaseRow
from tests.ward import Resource, Ward

AUDIO = b"OggS" + bytes(range(256)) * 40


def media(encounter: str, audio: bytes | None = AUDIO, id_: str = "", **content: Any) -> Resource:
    """Return the Media of a recording that the stay holds, with the sound inline."""
    inline = {"data": base64.b64encode(audio).decode()} if audio else {}
    return {
        "resourceType": "Media",
        "id": id_ or f"{encounter}-media",
        "status": "completed",
        "subject": {"reference": f"Patient/{encounter}"},
        "encounter": {"reference": f"Encounter/{encounter}"},
        "createdDateTime": clock.now().isoformat(),
        "content": {"contentType": "audio/ogg", **inline, **content},
    }


def note_row(ward: Ward, encounter: str, version: int = 1, generation: int = 1, seconds: float = 30) -> Resource:
    """Wait until the dictation of that stay can be decided; return its row of the worklist."""

    def ready() -> Resource | None:
        rows = ward.page().get("/api/cases").raise_for_status().json()
        mine = (r for r in rows if r["encounter_id"] == encounter and r["pathway"] == "dictation" and r["decidable"])
        return next((r for r in mine if r["version"] >= version and r["generation"] == generation), None)

    return ward.until(ready, seconds)


def texts(row: Resource) -> dict[str, str]:
    """Return the texts of a row's note by the keys of its items."""
    return {item["key"]: item["text"] for item in row["items"]}


def file(ward: Ward, row: Resource, **changed: str) -> httpx.Response:
    """Approve the note as the page does: every item is sent, each mark confirmed, some words changed."""
    form = {
        "kind": "approve",
        "version": row["version"],
        "shown_hash": row["suggestion_hash"],
        "decision_id": uuid.uuid4().hex,
        **{f"item-{key}": text for key, text in (texts(row) | changed).items()},
        **{f"confirm-{item['key']}": "yes" for item in row["items"] if item["doubt"]},
    }
    url = f"/cases/{row['case_id']}/decision"
    return ward.page().post(url, data=form, headers={"Accept": "application/json"})


def ended(ward: Ward, encounter: str, generation: int = 1) -> CaseRow:
    """Wait until the dictation of that stay is over and its trajectory recorded."""

    def ready() -> CaseRow | None:
        with ward.world.records.db.read() as tx:
            case = cases.latest(tx, "dictation", encounter)
        over = case and case.generation == generation and case.ended_at and ward.trajectory_blob(case.case_id)
        return case if over else None

    return ward.until(ready)


def written(ward: Ward, case: CaseRow) -> tuple[str, dict[str, Resource]]:
    """Return the text of the filed note, and the Observations by their code."""
    filed = ward.world.fhir.read("DocumentReference", proposals.resource_id(case.ref, "result"))
    text = base64.b64decode(filed["content"][0]["attachment"]["data"]).decode()
    marked = ward.world.fhir.search(f"Observation?identifier=urn:wardflow:written|{case.case_id}")
    return text, {o["code"]["coding"][0]["code"]: o for o in marked}
