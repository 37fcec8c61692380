"""One look at the inbox: whatever stands in one event, the others get their fate."""

import json
from typing import Any, cast

import pytest

from activities.world import World
from contracts.events import FhirEvent
from integrations.blobs.store import BlobStore
from integrations.ledger import inbox, tables
from integrations.ledger.audit import Auditor
from integrations.ledger.tables import Database
from service.dispatcher import Dispatcher
from service.settings import PartSettings, PathwaySettings, Settings, TimingSettings, TriggerSettings
from tests.fakes.silence import NobodyListens

HIGH = "Observation.value.ofType(Quantity).value > 120"
PARTS = PartSettings(
    temporal="", redis_url="", fhir_url="", gateway_port=1, worklist_port=1, ledger_url="", blobs_url=""
)


@pytest.fixture
def dispatcher(db: Database, blobs: BlobStore) -> Dispatcher:
    triggers = (TriggerSettings(resource="Observation", where=HIGH, opens=True),)
    pathway = PathwaySettings(
        feed="ehr", unit="", roles=("triage_nurse",), deadline_s=300, ladder_s=(600,), triggers=triggers
    )
    timing = TimingSettings(window_quiet_s=0)
    given = Settings.model_validate({"state": ".", "parts": PARTS, "pathways": {"p": pathway}, "timing": timing})
    live, nothing = cast(Any, NobodyListens()), cast(Any, None)
    world = World(db, blobs, Auditor("gateway", b"a" * 32), nothing, live, {}, {}, "0.1.0")
    return Dispatcher(world, nothing, given, "00")


def told(encounter: str, value: Any, padding: int = 0) -> FhirEvent:
    body = {"resourceType": "Observation", "valueQuantity": {"value": value}, "note": " " * padding}
    return FhirEvent(
        feed="ehr", resource_type="Observation", resource_id=f"obs-{encounter}", version_id="1",
        encounter_id=encounter, body=json.dumps(body).encode(),
    )  # fmt: skip


def fates(db: Database) -> dict[str, str]:
    with db.read() as tx:
        return {row.encounter_id: row.fate for row in tx.execute(tables.inbox.select())}


@pytest.mark.parametrize("odd", ["high", True, {"a": 1}, [1, 2], float("nan")], ids=str)
def test_an_event_on_which_a_condition_fails_is_quarantined_and_holds_up_no_other(
    dispatcher: Dispatcher, db: Database, blobs: BlobStore, odd: Any
) -> None:
    inbox.accept(db, blobs, [told("odd", odd), told("high", 130), told("low", 80)])
    plan = dispatcher._plan()
    assert fates(db) == {"odd": "quarantined", "high": "pending", "low": "ignored"}
    assert list(plan.tell.values()) == [{2}]


def test_an_event_whose_body_is_out_of_reach_waits_alone(
    dispatcher: Dispatcher, db: Database, blobs: BlobStore
) -> None:
    inbox.accept(db, blobs, [told("large", 130, padding=100_000), told("high", 130)])
    with db.read() as tx:
        (lost,) = [row.body_blob for row in tx.execute(tables.inbox.select()) if row.body_blob]
    blobs.fs.rm_file(blobs._path(lost))
    assert list(dispatcher._plan().tell.values()) == [{2}]
    assert fates(db)["large"] == "pending"
    blobs.put(told("large", 130, padding=100_000).body)
    dispatcher._not_before.clear()
    assert {1} in dispatcher._plan().tell.values()
