"""A critical result becomes an order, with arithmetic by a model's program, on the real parts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integrations.fhir import proposals
from integrations.ledger import cases
from integrations.ledger.cases import CaseRow
from tests.fakes.lab import result
from tests.fakes.model_server import ModelServer, model_config
from tests.ward import CHARGE, Ward

pytestmark = pytest.mark.integration
PHYSICIAN = '\n[users.d-haddad]\nname = "Dr Haddad"\nrole = "physician"\n'


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, model: ModelServer) -> Iterator[Ward]:
    served = "".join(model_config(model, 20, role) for role in ("reasoning", "code"))
    ward = Ward(Path(tmp_path_factory.mktemp("lab")), extra=PHYSICIAN + served).start()
    yield ward
    ward.stop()


def normal(encounter: str, code: str, value: float, unit: str) -> dict[str, Any]:
    return result(encounter, code, value, unit, referenceRange=[{"low": {"value": 0}, "high": {"value": 1000}}])


def followed(ward: Ward, encounter: str) -> CaseRow | None:
    with ward.world.records.db.read() as tx:
        return cases.latest(tx, "result_followup", encounter)


def shown(ward: Ward, encounter: str, generation: int = 1, user: str = "d-haddad") -> dict[str, Any]:
    def ready() -> dict[str, Any] | None:
        rows = ward.page(user).get("/api/cases").raise_for_status().json()
        mine = (r for r in rows if r["encounter_id"] == encounter and r["pathway"] == "result_followup")
        return next((r for r in mine if r["decidable"] and r["generation"] == generation), None)

    return ward.until(ready)


def test_a_critical_potassium_waits_with_its_arithmetic_and_becomes_an_order(lab: Ward, model: ModelServer) -> None:
    model.program = "```python\nanion_gap = na - (cl + hco3)\n```"
    encounter = lab.admit("lab-1", "weakness", hr=60)
    lab.send(
        normal(encounter, "2951-2", 140, "mmol/L"),
        normal(encounter, "2075-0", 100, "mmol/L"),
        normal(encounter, "1963-8", 20, "mmol/L"),
        result(encounter, "2823-3", 7.1, "mmol/L", interpretation=[{"coding": [{"code": "HH"}]}]),
    )
    row = shown(lab, encounter)
    assert (row["selected"], row["made_by"]) == ("1", "model")
    page = lab.page("d-haddad").get(f"/cases/{row['case_id']}").text
    assert "Critical: Potassium 7.1 mmol/L" in page and "The rules demand this; the model is not sure" in page
    assert "Anion gap: <strong>20 mmol/L</strong>" in page and "an independent calculator agrees" in page
    assert "anion_gap = na - (cl + hco3)" in page

    assert lab.decide(row, user="d-haddad").status_code == 200
    case = lab.until(lambda: (c := followed(lab, encounter)) and c.state == "written" and c)
    order = lab.world.fhir.read("Task", proposals.resource_id(case.ref, "result"))
    assert (order["intent"], order["priority"]) == ("order", "stat")
    assert order["reasonReference"]["reference"] == f"Observation/{encounter}-2823-3"
    lab.until(lambda: lab.trajectory_blob(case.case_id))
    triage = lab.suggested(encounter)
    assert lab.decide(triage).status_code == 200
    lab.ended(encounter)
    assert lab.audit().findings == ()


def test_a_program_that_is_wrong_is_shown_to_nobody_as_a_number(lab: Ward, model: ModelServer) -> None:
    model.program = "anion_gap = na + cl"
    encounter = lab.admit("lab-2", "vomiting", hr=90)
    lab.send(
        normal(encounter, "2951-2", 140, "mmol/L"),
        normal(encounter, "2075-0", 100, "mmol/L"),
        result(encounter, "1963-8", 9, "mmol/L", referenceRange=[{"low": {"value": 22}, "high": {"value": 29}}]),
    )
    page = lab.page("d-haddad").get(f"/cases/{shown(lab, encounter)['case_id']}").text
    assert "Anion gap: <strong>not shown</strong>" in page and "gives another result" in page


def test_results_within_their_range_open_no_case_and_one_that_says_nothing_does(lab: Ward) -> None:
    calm, unknown = lab.admit("lab-3", "cough", hr=70), lab.admit("lab-4", "cough", hr=70)
    lab.send(normal(calm, "2823-3", 4.1, "mmol/L"), result(unknown, "2823-3", 4.1, "mmol/L"))
    shown(lab, unknown)
    lab.settled()
    assert followed(lab, calm) is None


def flagged(encounter: str, code: str, value: float, flag: str, **more: Any) -> dict[str, Any]:
    return result(encounter, code, value, "mmol/L", interpretation=[{"coding": [{"code": flag}]}], **more)


def test_a_second_critical_result_after_act_now_is_a_case_of_its_own(ward: Ward) -> None:
    encounter = ward.admit("lab-second", "weakness", hr=60)
    ward.send(flagged(encounter, "2823-3", 7.2, "HH"))
    first = shown(ward, encounter, user=CHARGE)
    assert first["selected"] == "1" and ward.decide(first, user=CHARGE).status_code == 200
    ward.until(lambda: (c := followed(ward, encounter)) and c.state == "written")
    ward.send(flagged(encounter, "2345-7", 1.1, "LL"))
    second = shown(ward, encounter, generation=2, user=CHARGE)
    page = ward.page(CHARGE).get(f"/cases/{second['case_id']}").text
    assert second["selected"] == "1" and "Critical: Glucose 1.1 mmol/L" in page
    assert ward.decide(second, user=CHARGE).status_code == 200


def test_a_rejection_of_one_result_hides_no_later_one(ward: Ward) -> None:
    encounter = ward.admit("lab-repeat", "weakness", hr=60)
    ward.send(flagged(encounter, "2823-3", 7.2, "HH"))
    first = shown(ward, encounter, user=CHARGE)
    assert ward.decide(first, kind="reject", reason="sample in doubt", user=CHARGE).status_code == 200
    ward.until(lambda: (c := followed(ward, encounter)) and c.state == "rejected")
    ward.send(flagged(encounter, "2823-3", 7.4, "HH", id=f"{encounter}-again"))
    second = shown(ward, encounter, generation=2, user=CHARGE)
    page = ward.page(CHARGE).get(f"/cases/{second['case_id']}").text
    assert second["selected"] == "1" and "Potassium 7.4 mmol/L" in page
    assert ward.decide(second, user=CHARGE).status_code == 200
