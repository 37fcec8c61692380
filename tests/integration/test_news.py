"""What becomes of news that comes after a decision, on the real parts: nothing of it is lost (I3, I17, I18)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.cases import CaseState
from integrations import clock
from integrations.fhir import proposals
from integrations.ledger import cases
from integrations.ledger.cases import CaseRow
from tests.fakes.lab import result
from tests.ward import AGED_56, CHARGE, NURSE, Resource, Ward

pytestmark = pytest.mark.integration
LAB, TRIAGE = "result_followup", "ed_triage"


@pytest.fixture(scope="module")
def slow_undo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    """A ward in which a decision waits so long that news comes before it is written."""
    ward = Ward(Path(tmp_path_factory.mktemp("undo")), extra="\n[timing]\nundo_s = 8\nevidence_watch_s = 1\n").start()
    yield ward
    ward.stop()


def potassium(encounter: str, value: float, flag: str = "HH", id_: str = "k", **more: Any) -> Resource:
    given = result(encounter, "2823-3", value, "mmol/L", interpretation=[{"coding": [{"code": flag}]}], **more)
    return given | {"id": f"{encounter}-{id_}"}


def latest(ward: Ward, encounter: str, pathway: str = LAB) -> CaseRow:
    with ward.world.records.db.read() as tx:
        found = cases.latest(tx, pathway, encounter)
    assert found is not None
    return found


def shown(ward: Ward, encounter: str, generation: int = 1, pathway: str = LAB) -> Resource:
    def ready() -> Resource | None:
        rows = ward.page(CHARGE).get("/api/cases").raise_for_status().json()
        mine = (r for r in rows if (r["encounter_id"], r["pathway"]) == (encounter, pathway))
        return next((r for r in mine if r["decidable"] and r["generation"] == generation), None)

    return ward.until(ready)


def written(ward: Ward, row: Resource) -> CaseRow:
    return ward.ended(row["encounter_id"], case_id=row["case_id"])


def acted(ward: Ward, encounter: str) -> CaseRow:
    """Return the case of a critical potassium on which somebody acted, with its order in the chart."""
    ward.admit(encounter, "weakness", hr=64)
    ward.send(potassium(encounter, 7.2))
    row = shown(ward, encounter)
    assert ward.decide(row, "choose" if not row["approvable"] else "approve", user=CHARGE).status_code == 200
    return written(ward, row)


def chosen(ward: Ward, row: Resource, level: str) -> httpx.Response:
    return ward.decide(row, "change" if row["approvable"] else "choose", level, reason="as seen")


def order(ward: Ward, case: CaseRow) -> Resource:
    return ward.world.fhir.read("Task", proposals.resource_id(case.ref, "result"))


def page(ward: Ward, row: Resource) -> str:
    return ward.page(CHARGE).get(f"/cases/{row['case_id']}").raise_for_status().text


def test_a_corrected_result_asks_what_becomes_of_the_order_and_a_withdrawal_marks_it(ward: Ward) -> None:
    case = acted(ward, "news-corrected")
    assert order(ward, case)["status"] == "requested"
    ward.send(potassium("news-corrected", 4.2, "N", status="corrected"))
    row = shown(ward, "news-corrected", 2)
    assert {"keep", "withdraw"} < set(row["kinds"]) and "reject" not in row["kinds"]
    told = page(ward, row)
    assert "Decided on <strong>Potassium 7.2 mmol/L" in told and "4.2" in told and "Charge nurse Lindqvist" in told
    assert ward.decide(row, "withdraw", user=CHARGE).status_code == 409, "without a reason"
    answer = ward.decide(row, "withdraw", reason="haemolysed", user=CHARGE)
    assert answer.status_code == 200, answer.text
    again = written(ward, row)
    gone = order(ward, case)
    assert gone["status"] == "cancelled" and "haemolysed" in gone["statusReason"]["text"]
    proof = ward.world.fhir.read("Provenance", proposals.resource_id(again.ref, "provenance"))
    assert {"reference": f"Task/{gone['id']}"} in proof["target"]
    assert ward.audit().findings == ()


@pytest.mark.parametrize("how", ["entered-in-error", "deleted", "moved"])
def test_a_result_that_left_the_stay_brings_a_revision_and_what_was_written_may_be_kept(ward: Ward, how: str) -> None:
    encounter = f"news-{how}"
    case = acted(ward, encounter)
    if how == "deleted":
        ward.world.fhir.delete("Observation", f"{encounter}-k")
        assert ward.notify(b"", method="DELETE", path=f"Observation/{encounter}-k").status_code == 200
    elif how == "moved":
        other = ward.admit(f"{encounter}-other", hr=64)
        ward.send(potassium(other, 7.2) | {"id": f"{encounter}-k"})
        assert shown(ward, other)["selected"] == "1", "the stay that it belongs to hears of it"
    else:
        ward.send(potassium(encounter, 7.2, status="entered-in-error"))
    row = shown(ward, encounter, 2)
    words = {"entered-in-error": "withdrawn (entered-in-error)", "deleted": "deleted", "moved": "of another stay"}
    assert words[how] in page(ward, row)
    assert ward.decide(row, "keep", user=CHARGE).status_code == 200
    written(ward, row)
    assert order(ward, case)["status"] == "requested"
    assert ward.audit().findings == ()


def test_a_deletion_that_no_feed_told_of_is_found_for_an_open_case(slow_undo: Ward) -> None:
    ward = slow_undo
    encounter = ward.admit("news-silent", spo2=79)
    ward.suggested(encounter)
    ward.world.fhir.delete("Observation", f"{encounter}-spo2")
    assert 'id="fact-spo2"' not in page(ward, ward.suggested(encounter, version=2))


def test_a_deletion_that_no_feed_told_of_is_found_after_the_decision_too(slow_undo: Ward) -> None:
    case = acted(slow_undo, "news-silent-lab")
    slow_undo.world.fhir.delete("Observation", "news-silent-lab-k")
    row = shown(slow_undo, "news-silent-lab", 2)
    assert "deleted" in page(slow_undo, row) and row["generation"] == case.generation + 1


def test_a_moved_vital_sign_makes_the_wrong_stays_open_suggestion_stale_at_once(ward: Ward) -> None:
    wrong, right = ward.admit("news-wrong", spo2=79), ward.admit("news-right", hr=70)
    row = ward.suggested(wrong)
    ward.suggested(right)
    moved = ward.world.fhir.read("Observation", f"{wrong}-spo2")
    to = {"subject": {"reference": f"Patient/{right}"}, "encounter": {"reference": f"Encounter/{right}"}}
    ward.send({k: v for k, v in moved.items() if k != "meta"} | to)
    ward.until(lambda: ward.decide(row).status_code == 409)
    again = ward.suggested(wrong, version=2)
    assert 'id="fact-spo2"' not in page(ward, again), "it comes back without it"
    assert 'id="fact-spo2"' in page(ward, ward.suggested(right, version=2))


def test_a_corrected_birth_date_comes_to_the_open_suggestion(ward: Ward) -> None:
    encounter = ward.admit("news-born", hr=128, rr=28, spo2=93)
    child = {"resourceType": "Patient", "id": encounter, "gender": "female"}
    ward.send(child | {"birthDate": "2019-03-02"})
    ward.until(lambda: "7 years" in page(ward, ward.suggested(encounter)))
    version = ward.suggested(encounter)["version"]
    ward.send(child | {"birthDate": "1949-03-02"})
    row = ward.suggested(encounter, version=version + 1)
    assert "77 years" in page(ward, row) and "NEWS2" in page(ward, row) and row["selected"] in ("1", "2")


def test_a_corrected_birth_date_after_the_decision_brings_a_revision(ward: Ward) -> None:
    encounter = ward.admit("news-older", hr=70)
    assert ward.decide(ward.suggested(encounter)).status_code == 200
    ward.ended(encounter)
    born = (clock.now() - AGED_56 / 8).date().isoformat()
    ward.send({"resourceType": "Patient", "id": encounter, "gender": "female", "birthDate": born, "active": True})
    row = shown(ward, encounter, 2, TRIAGE)
    assert "Age 56 years" in page(ward, row)
    assert ward.decide(row, "keep").status_code == 200
    ward.ended(encounter)
    born_again = {"resourceType": "Patient", "id": encounter, "gender": "female", "birthDate": born}
    ward.send(born_again | {"address": [{"city": "Sevenoaks"}]})
    ward.settled()
    assert latest(ward, encounter, TRIAGE).generation == 2, "an address is no news"


def test_a_decision_that_waits_for_its_undo_time_holds_nothing_back(slow_undo: Ward) -> None:
    ward = slow_undo
    encounter = ward.admit("news-undo", "weakness", hr=64)
    ward.send(potassium(encounter, 7.2))
    first = shown(ward, encounter)
    receipt = ward.decide(first, user=CHARGE)
    assert receipt.status_code == 200
    ward.send(result(encounter, "2345-7", 1.1, "mmol/L", interpretation=[{"coding": [{"code": "LL"}]}]))
    second = shown(ward, encounter, 2)
    assert latest(ward, encounter).generation == 2
    told = page(ward, second)
    assert told.count('<strong class="tag">NEW</strong>') >= 1 and "Decided before in this stay" in told
    assert ward.undo(first, receipt.json()["decision_id"], user=CHARGE).status_code == 200
    assert written(ward, first).state == CaseState.CONTINUED
    with ward.world.records.db.read() as tx:
        now = cases.find(tx, second["case_id"])
    assert now and now.due_at == written(ward, first).due_at, "no later than the one that was taken back"
    ward.until(lambda: ward.listed(encounter, CHARGE)["decidable"])  # type: ignore[index]
    again = shown(ward, encounter, 2)
    assert ward.decide(again, user=CHARGE).status_code == 200
    written(ward, again)
    assert ward.decide(shown(ward, encounter, pathway=TRIAGE)).status_code == 200
    ward.ended(encounter)
    assert ward.audit().findings == ()


def test_a_stay_that_ended_closes_its_triage_and_stays_listed_until_somebody_takes_note(ward: Ward) -> None:
    urgent, calm = ward.admit("news-left", spo2=84), ward.admit("news-calm", hr=70)
    for encounter in (urgent, calm):
        ward.suggested(encounter)
        stay = ward.world.fhir.read("Encounter", encounter)
        ward.send({k: v for k, v in stay.items() if k != "meta"} | {"status": "finished"})
        assert ward.ended(encounter).state == CaseState.STAY_ENDED
    case = ward.ended(urgent)
    told = page(ward, {"case_id": case.case_id})
    assert "The stay was over before anybody decided" in told and "Noted" in told
    assert "Noted" not in page(ward, {"case_id": ward.ended(calm).case_id}), "nothing demanded a look"
    with ward.world.records.db.read() as tx:
        assert case.case_id in cases.unnoticed_ids(tx)
    noted = ward.page(NURSE).post(f"/cases/{case.case_id}/acknowledge", headers=Ward.JSON)
    assert noted.status_code == 200
    with ward.world.records.db.read() as tx:
        assert case.case_id not in cases.unnoticed_ids(tx)
    assert ward.audit().findings == ()


def test_a_person_corrects_what_was_decided_and_the_earlier_result_is_marked(ward: Ward) -> None:
    encounter = ward.admit("news-wrong-level", hr=70)
    first = ward.suggested(encounter)
    assert chosen(ward, first, "5").status_code == 200
    before = ward.ended(encounter)
    result_id = proposals.resource_id(before.ref, "result")
    assert "Correct this decision" in page(ward, first)
    for _ in range(2):
        answer = ward.page().post(f"/cases/{before.case_id}/correct", headers=Ward.JSON)
        assert answer.status_code == 200
    assert answer.json()["case_id"] == latest(ward, encounter, TRIAGE).case_id
    row = shown(ward, encounter, 2, TRIAGE)
    assert "to correct what was decided" in page(ward, row)
    assert chosen(ward, row, "4").status_code == 200
    again = ward.ended(encounter)
    assert ward.world.fhir.read("Observation", result_id)["status"] == "entered-in-error"
    now = ward.world.fhir.read("Observation", proposals.resource_id(again.ref, "result"))
    assert now["status"] == "final" and now["valueCodeableConcept"]["coding"][0]["code"] == "4"
    assert ward.audit().findings == ()
