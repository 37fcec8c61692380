"""A decision that is taken back, or whose evidence changed, on the real parts and under kills."""

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import httpx
import pytest
import sqlalchemy as sa

from contracts.decisions import Decision, Evidence
from integrations import clock
from integrations.fhir import proposals
from integrations.ledger import decisions, tables
from tests.fakes.model_server import ModelServer, model_config
from tests.ward import CHARGE, Resource, Ward, observation

pytestmark = pytest.mark.integration
UNDO_S = 9.0
SHORT = {"deadline_s = 300": "deadline_s = 5"}
"""A decision must come before the deadline, and its undo after the deadline and within its time."""


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    """A ward with time to take a decision back, and deadlines that pass within it."""
    with closing(ModelServer()) as server:
        extra = f"{model_config(server)}\n[timing]\nundo_s = {UNDO_S}\n"
        ward = Ward(tmp_path_factory.mktemp("slow"), SHORT, extra).start()
        yield ward
        ward.stop()


def begun(ward: Ward, case_id: str) -> Evidence | None:
    with ward.world.records.db.read() as tx:
        return decisions.write_begun(tx, case_id)


def recorded(ward: Ward, case_id: str) -> Decision:
    with ward.world.records.db.read() as tx:
        decision = decisions.of_case(tx, case_id)
    assert decision
    return decision


def waited(ward: Ward, case_id: str) -> timedelta:
    """Return the time from the recording of a decision to the beginning of its write-back."""
    with ward.world.records.db.read() as tx:
        start = tx.scalar(sa.select(tables.decisions.c.recorded_at).where(tables.decisions.c.case_id == case_id))
        end = tx.scalar(sa.select(tables.write_backs.c.begun_at).where(tables.write_backs.c.case_id == case_id))
    assert start and end
    return end - start


def test_an_undone_case_is_open_again_with_its_old_deadline_and_ladder_and_takes_a_new_decision(slow: Ward) -> None:
    row = slow.suggested(slow.admit("undo-1", hr=96))
    before = slow.case("undo-1")
    taken = slow.decide(row).json()
    assert slow.undo(row, taken["decision_id"], user=CHARGE).json()["refused"] == "not_yours"
    slow.until(lambda: clock.now() > before.due_at if before else True)
    time.sleep(1)
    waiting = slow.case("undo-1")
    assert before and waiting and (waiting.state, waiting.escalated_at) == ("decided", None)
    assert slow.undo(row, taken["decision_id"]).status_code == 200
    again = slow.case("undo-1")
    assert again and (again.state, again.due_at) == ("open", before.due_at)
    slow.until(lambda: (case := slow.case("undo-1")) and case.escalated_at, 5)
    form = slow.form(row) | {"decision_id": "0" * 32, "kind": "change", "selected": "2", "reason": "looks worse"}
    assert slow.page().post(f"/cases/{row['case_id']}/decision", data=form, headers=slow.JSON).status_code == 200
    case = slow.ended("undo-1")
    result = slow.world.fhir.read("Observation", proposals.resource_id(case.ref, "result"))
    assert (result["valueCodeableConcept"]["coding"][0]["code"], result["meta"]["versionId"]) == ("2", "1")
    late = slow.undo(row, recorded(slow, case.case_id).decision_id)
    assert (late.status_code, late.json()["refused"]) == (409, "too_late")


def test_a_form_that_is_sent_again_after_its_undo_is_not_taken_for_done(slow: Ward) -> None:
    row = slow.suggested(slow.admit("undo-2", hr=96))
    form = slow.form(row)
    url = f"/cases/{row['case_id']}/decision"
    taken = slow.page().post(url, data=form, headers=slow.JSON).json()
    assert slow.undo(row, taken["decision_id"]).status_code == 200
    again = slow.page().post(url, data=form, headers=slow.JSON)
    assert (again.status_code, again.json()["refused"]) == (409, "undone")
    assert slow.decide(slow.suggested("undo-2")).status_code == 200


def test_a_kill_neither_loses_a_decision_nor_shortens_its_undo_time_nor_the_undo(slow: Ward) -> None:
    kept, back = (slow.suggested(slow.admit(name, hr=96)) for name in ("undo-kept", "undo-back"))
    taken = [slow.decide(row).json()["decision_id"] for row in (kept, back)]
    slow.kill("worker")
    assert slow.undo(back, taken[1]).status_code in (200, 409, 503)
    slow.kill("temporal")
    slow.kill("worklist")
    case = slow.ended("undo-kept", 60)
    assert case.state == "written"
    assert waited(slow, case.case_id) >= timedelta(seconds=UNDO_S)
    other = slow.until(lambda: (row := slow.case("undo-back")) and row.state != "decided" and row, 30)
    with slow.world.records.db.read() as tx:
        undone = decisions.taken_back(tx, taken[1])
    assert (other.state == "open") == undone, "the ledger alone says what became of it"


def test_a_change_that_the_look_could_not_see_is_found_before_the_write(slow: Ward) -> None:
    row = slow.suggested(slow.admit("evidence-away", spo2=97))
    with slow.frozen("fhir"):
        began = time.monotonic()
        assert slow.decide(row).status_code == 200
        assert time.monotonic() - began < 3, "a person does not wait for a chart that hangs"
    slow.chart("evidence-away", spo2=82)
    case = slow.ended("evidence-away", case_id=row["case_id"])  # what came opens the next generation
    assert recorded(slow, case.case_id).evidence == Evidence.UNCHECKED
    assert (case.state, begun(slow, case.case_id)) == ("written", Evidence.CHANGED)


def delete(ward: Ward, encounter: str) -> None:
    token = ward.secrets.fhir_token.get_secret_value()
    url = f"{ward.settings.parts.fhir_url}/Observation/{encounter}-spo2"
    httpx.delete(url, headers={"Authorization": f"Bearer {token}"}).raise_for_status()


def move(ward: Ward, encounter: str) -> None:
    moved: Resource = {"encounter": {"reference": "Encounter/elsewhere"}, "subject": {"reference": "Patient/elsewhere"}}
    ward.send(observation(encounter, "spo2", 84) | moved)


def grow_old(ward: Ward, encounter: str) -> None:
    ward.send({"resourceType": "Patient", "id": encounter, "gender": "female", "birthDate": "1931-02-03"})


@pytest.mark.parametrize("change", [delete, move, grow_old])
def test_evidence_that_is_gone_moved_or_corrected_can_not_be_approved(ward: Ward, change: object) -> None:
    assert callable(change)
    encounter = f"evidence-{change.__name__.replace('_', '-')}"
    row = ward.suggested(ward.admit(encounter, hr=96, spo2=84))
    with ward.frozen("gateway"):  # no feed says it: the look alone finds it
        change(ward, encounter)
        refused = ward.decide(row)
    assert (refused.status_code, refused.json()["refused"]) == (409, "stale")
    again = ward.suggested(encounter, version=2)
    assert ward.decide(again).status_code == 200
    assert recorded(ward, row["case_id"]).evidence == Evidence.CHECKED


def test_a_new_version_with_equal_facts_is_no_change(ward: Ward) -> None:
    row = ward.suggested(ward.admit("evidence-same", spo2=97))
    with ward.frozen("gateway"):
        ward.send(observation("evidence-same", "spo2", 97) | {"note": [{"text": "seen again"}]})
        assert ward.decide(row).status_code == 200
    assert recorded(ward, row["case_id"]).evidence == Evidence.CHECKED
