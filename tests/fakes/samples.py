"""One made-up patient, case, suggestion and decision, from which the unit tests vary; nothing here is a patient."""

from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agents.charts import Reading
from agents.ed_triage import scales
from agents.ed_triage.resources import SHOWN
from contracts.cases import AgentResult, CaseRef, ChartSnapshot, OpenRequest
from contracts.charts import ChartFacts, Fact, FactKind
from contracts.decisions import Decision, DecisionKind, Reviewer
from contracts.events import FhirEvent
from contracts.suggestions import Choice, MadeBy, Suggestion, Support
from integrations.blobs.sealing import Keyring

NOW = datetime(2026, 1, 5, 8, 30, tzinfo=UTC)
NAME = "Zebedee Quillfeather"
KEYRING = Keyring("k1", {"k1": b"1" * 32}, b"n" * 32)
SIGNING_KEY = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
VERIFY_KEY = SIGNING_KEY.public_key().public_bytes_raw().hex()
REF = CaseRef(case_id="case-1", pathway="ed_triage", encounter_id="enc-1", generation=1)
NURSE = Reviewer(reviewer_id="n-okafor", name="Nurse Okafor", role="triage_nurse")
PHYSICIAN = Reviewer(reviewer_id="d-silva", name="Dr Silva", role="physician")
ESI = scales.scale_named("esi")
CALM = {"avpu": "alert", "rr": 16, "spo2": 98, "sbp": 125, "hr": 75, "temp_c": 36.8}
"""Vitals that score nothing in any rule."""
OTHERS = {
    "name": Reading("Name", kind=FactKind.IDENTITY),
    "age": Reading("Age", "years", FactKind.PRESENTATION),
    "sex": Reading("Sex", kind=FactKind.PRESENTATION),
}


def facts(**values: str | float) -> ChartFacts:
    """Return a chart of these facts; numbers are measured values, text is text."""
    found = []
    for key, value in values.items():
        read = (OTHERS | SHOWN)[key]
        text, number = (value, None) if isinstance(value, str) else (f"{value:g}", float(value))
        where = f"Observation/{key}/_history/1"
        found.append(
            Fact(key=key, kind=read.kind, label=read.label, value=text, number=number, unit=read.unit, resource=where)
        )
    return ChartFacts(encounter_id="enc-1", patient="Patient/pat-1", as_of=NOW, facts=tuple(found))


def suggestion(**changes: Any) -> Suggestion:
    """Return a model's suggestion of level 2."""
    choices = tuple(Choice(code=level.code, display=level.display, probability=0.2) for level in ESI.levels)
    given = {
        "pathway": "ed_triage",
        "system": ESI.system,
        "choices": choices,
        "selected": "2",
        "made_by": MadeBy.MODEL,
        "model": "scripted@1",
        "support": Support.MODERATE,
        "facts": facts(complaint="chest pain", hr=112),
    }
    return Suggestion.model_validate(given | changes)


def decision(**changes: Any) -> Decision:
    """Return the nurse's approval of version 1."""
    given = {
        "decision_id": "d-1",
        "case_id": REF.case_id,
        "version": 1,
        "shown_hash": "hash-1",
        "kind": DecisionKind.APPROVE,
        "selected": "2",
        "reviewer": NURSE,
        "decided_at": NOW,
    }
    return Decision.model_validate(given | changes)


def signed(unsigned: Decision) -> Decision:
    """Return a decision as the service signs it."""
    return unsigned.model_copy(update={"signature": SIGNING_KEY.sign(unsigned.signed_bytes()).hex()})


def event(resource_id: str = "obs-1", version_id: str = "1", **changes: Any) -> FhirEvent:
    """Return an event of the encounter."""
    given = {"feed": "ehr", "resource_type": "Observation", "encounter_id": "enc-1"}
    return FhirEvent.model_validate(given | {"resource_id": resource_id, "version_id": version_id} | changes)


def shown(ref: CaseRef = REF, version: int = 1, covers: int = 0, hash_: str | None = None) -> OpenRequest:
    """Return the request that shows this version of level 2."""
    result = AgentResult(
        suggestion_blob=f"blob-{version}",
        suggestion_hash=hash_ or f"hash-{version}",
        choices=tuple(level.code for level in ESI.levels),
        selected="2",
        made_by=MadeBy.MODEL,
    )
    snapshot = ChartSnapshot(snapshot_blob=f"chart-{version}", facts_hash=f"facts-{version}")
    return OpenRequest(ref=ref, version=version, covers_event=covers, snapshot=snapshot, result=result)
