"""When a chart counts as changed: whatever of what a person is shown did."""

import json
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qs

import httpx
import pytest

from activities.run_agent import RunAgent
from activities.snapshot_chart import SnapshotChart
from activities.world import World
from agents.ed_triage.pathway import EdTriage
from contracts.cases import AgentRequest, ChartSnapshot, SnapshotRequest
from contracts.ed_triage import EdTriageOptions
from contracts.errors import Fallback, ModelError
from contracts.model_calls import ChatRequest, Message
from integrations.blobs.store import BlobStore
from integrations.fhir.client import FhirClient
from integrations.ledger import readings
from integrations.ledger.audit import Auditor
from integrations.ledger.database import Database
from integrations.ledger.records import Records
from tests.fakes.samples import REF
from tests.fakes.silence import NobodyListens

BASE = "http://chart.test/fhir"
Resource = dict[str, Any]


def observed(id_: str, value: float, unit: str = "/min", patient: str = "pat-1") -> Resource:
    return {
        "resourceType": "Observation",
        "id": id_,
        "meta": {"versionId": "1"},
        "code": {"coding": [{"code": "8867-4"}]},
        "subject": {"reference": f"Patient/{patient}"},
        "encounter": {"reference": "Encounter/enc-1"},
        "effectiveDateTime": "2026-01-05T08:20:00Z",
        "valueQuantity": {"value": value, "unit": unit},
    }


def searchset(*found: Resource) -> httpx.Response:
    return httpx.Response(200, json={"resourceType": "Bundle", "entry": [{"resource": r} for r in found]})


class Chart:
    """What the chart's server holds; every test begins with one patient and one heart rate."""

    def __init__(self) -> None:
        self.subject = "Patient/pat-1"
        self.observations = [observed("hr", 80)]
        self.asked_patients: list[str] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        kind = request.url.path.removeprefix("/fhir/").split("/")[0]
        if kind == "Encounter":
            found: Resource = {"resourceType": "Encounter", "id": "enc-1", "subject": {"reference": self.subject}}
            return httpx.Response(200, json=found)
        if kind == "Patient":
            (id_,) = parse_qs(request.url.query.decode())["_id"]
            self.asked_patients.append(id_)
            same = {"name": [{"text": "Zebedee Quillfeather"}], "gender": "male", "birthDate": "1971-01-05"}
            return httpx.Response(
                200,
                json={"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient", "id": id_} | same}]},
            )
        return httpx.Response(
            200, json={"resourceType": "Bundle", "entry": [{"resource": r} for r in self.observations]}
        )


@pytest.fixture
def chart() -> Chart:
    return Chart()


@pytest.fixture
def world(chart: Chart, db: Database, blobs: BlobStore) -> World:
    fhir = FhirClient(BASE, "t0ken", transport=httpx.MockTransport(chart.answer))
    live, pathways = cast(Any, NobodyListens()), {"ed_triage": EdTriage(EdTriageOptions())}
    return World(Records(db, blobs, Auditor("worker", b"a" * 32)), fhir, live, pathways, {}, "0.1.0")


def snapshot(world: World) -> ChartSnapshot:
    return SnapshotChart(world)(SnapshotRequest(ref=REF))


def test_the_same_values_are_no_change_in_whatever_order_they_come(world: World, chart: Chart) -> None:
    chart.observations += [observed("hr-2", 90, "furlong"), observed("hr-3", 90, "fortnight")]
    before = snapshot(world).facts_hash
    chart.observations.reverse()
    assert snapshot(world).facts_hash == before


def test_a_value_that_cannot_be_used_is_a_change_since_a_person_is_told(world: World, chart: Chart) -> None:
    before = snapshot(world).facts_hash
    chart.observations.append(observed("hr-2", 180, "furlong"))
    assert snapshot(world).facts_hash != before


def test_a_merge_into_a_patient_of_the_same_name_is_a_change_since_the_result_names_the_patient(
    world: World, chart: Chart
) -> None:
    before = snapshot(world).facts_hash
    chart.subject, chart.observations = "Patient/pat-2", [observed("hr", 80, patient="pat-2")]
    assert snapshot(world).facts_hash != before


@pytest.mark.parametrize(
    ("subject", "asked"),
    [
        ("Patient/pat-1", ["pat-1"]),
        (f"{BASE}/Patient/pat-1", ["pat-1"]),
        ("Patient/pat-1&_id=pat-2", ["pat-1&_id=pat-2"]),
        ("https://elsewhere.test/fhir/Patient/pat-1", []),
        ("Group/pat-1", []),
        ("", []),
    ],
)
def test_only_a_patient_of_this_server_is_looked_up(world: World, chart: Chart, subject: str, asked: list[str]) -> None:
    chart.subject = subject
    frozen = json.loads(world.records.blobs.get(snapshot(world).snapshot_blob))
    assert chart.asked_patients == asked
    assert len(frozen["resources"]) == 2 + len(asked)


@pytest.mark.parametrize(
    ("models", "why"),
    [
        ({}, Fallback.NOT_CONFIGURED),
        (
            {"reasoning": cast(Any, SimpleNamespace(endpoint=SimpleNamespace(name="reasoning", model="m", url="")))},
            Fallback.UNREACHABLE,
        ),
    ],
)
async def test_a_run_by_rules_says_truly_why_there_is_no_model(
    world: World, models: dict[str, Any], why: Fallback
) -> None:
    world = World(**vars(world) | {"models": models})
    frozen = ChartSnapshot(snapshot_blob="", facts_hash="")
    ports = RunAgent(world).ports(AgentRequest(ref=REF, version=1, snapshot=frozen, rules_only=True))
    request = ChatRequest(step="judge", messages=(Message(role="user", content="x"),), max_tokens=4)
    with pytest.raises(ModelError) as refused:
        await ports.model("reasoning").ask(request)
    assert refused.value.kind == why


def test_what_a_snapshot_read_is_noted_instead_of_what_an_earlier_one_did(world: World, chart: Chart) -> None:
    chart.observations = [observed("hr", 80), observed("rr", 18)]
    snapshot(world)
    chart.observations = [observed("hr", 90) | {"meta": {"versionId": "2", "lastUpdated": "2026-01-05T08:29:00Z"}}]
    snapshot(world)
    with world.records.db.read() as tx:
        assert readings.readers(tx, "Observation", "hr") == {REF.case_id: "2 2026-01-05T08:29:00Z"}
        assert readings.readers(tx, "Observation", "rr") == {}
