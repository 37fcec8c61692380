"""A chart that refuses, lies or hangs up: an acknowledged decision is still written, once."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from integrations.fhir import proposals
from tests.fakes.chart_proxy import ChartProxy
from tests.ward import Ward

pytestmark = pytest.mark.integration
FAULTS = ["conflict", "refuse", "fail", "phantom", "drop"]


@dataclass
class Faulty:
    ward: Ward
    proxy: ChartProxy


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    state = tmp_path_factory.mktemp("faulty")
    proxy = ChartProxy(lambda: json.loads((state / "ports.json").read_text())["fhir"])
    ward = Ward(state, extra=f'\n[parts]\nfhir_url = "{proxy.url}"\n').start()
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


def test_after_all_faults_every_record_agrees(faulty: Faulty) -> None:
    faulty.ward.settled()
    assert faulty.ward.audit().findings == ()
