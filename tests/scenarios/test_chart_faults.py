"""A chart that refuses, lies or hangs up: an acknowledged decision is still written, once."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from integrations.fhir import proposals
from tests.fakes.chart_proxy import ChartProxy
from tests.ward import Ward

pytestmark = pytest.mark.integration
FAULTS = ["conflict", "refuse", "fail", "phantom", "drop"]
SLOW_FAULTS = ["precondition", "throttle", "throttle-date", "hang"]
DEADLINE = {"deadline_s = 300": "deadline_s = 6"}


@dataclass
class Faulty:
    ward: Ward
    proxy: ChartProxy


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    state = tmp_path_factory.mktemp("faulty")
    proxy = ChartProxy(lambda: json.loads((state / "ports.json").read_text())["fhir"])
    ward = Ward(state, DEADLINE, extra=f'\n[parts]\nfhir_url = "{proxy.url}"\n').start()
    yield Faulty(ward, proxy)
    ward.stop()
    proxy.close()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_at_the_write_leaves_one_effect_of_the_acknowledged_decision(faulty: Faulty, fault: str) -> None:
    ward = faulty.ward
    row = ward.suggested(ward.admit(f"write-{fault}", hr=90), seconds=60)
    faulty.proxy.faults.append(fault)
    assert ward.decide(row).status_code == 200
    case = ward.ended(f"write-{fault}", seconds=90)
    assert fault in faulty.proxy.taken and case.state == "written"
    result = ward.world.fhir.read("Observation", proposals.resource_id(case.ref, "result"))
    task = ward.world.fhir.read("Task", proposals.resource_id(case.ref, "task"))
    assert (result["meta"]["versionId"], task["meta"]["versionId"], task["status"]) == ("1", "2", "completed")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_while_proposing_delays_the_suggestion_and_loses_nothing(faulty: Faulty, fault: str) -> None:
    ward = faulty.ward
    faulty.proxy.faults.append(fault)
    row = ward.suggested(ward.admit(f"propose-{fault}", hr=90), seconds=60)
    assert ward.decide(row).status_code == 200
    case = ward.ended(f"propose-{fault}", seconds=60)
    assert ward.world.fhir.read("Task", proposals.resource_id(case.ref, "task"))["status"] == "completed"


def test_faults_that_take_time_delay_a_suggestion_and_leave_one_effect_of_each_decision(faulty: Faulty) -> None:
    ward, proxy = faulty.ward, faulty.proxy
    proxy.faults.extend(SLOW_FAULTS)
    encounters = [ward.admit(f"slow-{n}", hr=90 + n) for n in range(len(SLOW_FAULTS))]
    rows = [ward.suggested(encounter, seconds=60) for encounter in encounters]
    proxy.faults.extend(SLOW_FAULTS)
    assert [ward.decide(row).status_code for row in rows] == [200] * len(rows)
    for encounter in encounters:
        case = ward.ended(encounter, seconds=90)
        result = ward.world.fhir.read("Observation", proposals.resource_id(case.ref, "result"))
        task = ward.world.fhir.read("Task", proposals.resource_id(case.ref, "task"))
        assert (result["meta"]["versionId"], task["meta"]["versionId"], task["status"]) == ("1", "2", "completed")
    ward.settled()
    assert {fate for encounter in encounters for fate, _ in ward.fates(encounter)} <= {"absorbed", "ignored"}
    assert not proxy.faults
    assert proxy.too_early == []


def test_a_chart_that_asks_to_wait_holds_up_no_deadline(faulty: Faulty) -> None:
    ward, proxy = faulty.ward, faulty.proxy
    proxy.faults.extend(["throttle"] * 4)
    encounter = ward.admit("throttled", hr=90)
    late = ward.until(lambda: (row := ward.case(encounter)) and row.escalated_at and row, 20)
    assert late.escalated_at and late.escalated_at - late.due_at < timedelta(seconds=5)
    assert late.version == 0, "raised before anything could be shown"
    assert ward.decide(ward.suggested(encounter, seconds=60)).status_code == 200
    assert ward.ended(encounter).state == "written"
    assert proxy.too_early == []


def test_after_all_faults_every_record_agrees(faulty: Faulty) -> None:
    faulty.ward.settled()
    assert faulty.ward.audit().findings == ()
