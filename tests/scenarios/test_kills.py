"""Processes killed with -9 at the worst moments; nothing is lost, nothing done twice."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest

from infra import stack
from infra.ports import Ports
from integrations.fhir import proposals
from service.process import wiring
from tests.fakes.model_server import ModelServer, model_config
from tests.ward import Ward

pytestmark = pytest.mark.integration
RECORDING_S = 32  # more than a step that only reads and writes the ledger was ever given
SHORT = {"deadline_s = 300": "deadline_s = 25", "ladder_s = [600, 1800, 3600]": "ladder_s = [600, 1800]"}


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ward, ModelServer]]:
    server = ModelServer()
    ward = Ward(tmp_path_factory.mktemp("killed"), SHORT, model_config(server, timeout_s=60)).start()
    yield ward, server
    ward.stop()
    server.close()


def test_a_worker_killed_between_two_model_calls_does_not_ask_the_first_again(killed: tuple[Ward, ModelServer]) -> None:
    ward, server = killed
    server.stall = "explain"
    encounter = ward.admit("kill-calls", hr=96)
    ward.until(lambda: server.asked["explain"] == 1)
    ward.kill("worker")
    server.stall = None
    server.released.set()
    row = ward.suggested(encounter, seconds=60)
    assert server.asked == {"judge": 1, "explain": 2}
    assert row["made_by"] == "model"
    assert ward.decide(row).status_code == 200
    ward.ended(encounter)


def test_worker_and_temporal_killed_while_people_wait_lose_and_repeat_nothing(killed: tuple[Ward, ModelServer]) -> None:
    ward, _ = killed
    encounters = [ward.admit(f"kill-wait-{n}", hr=70 + n) for n in range(4)]
    rows = [ward.suggested(encounter) for encounter in encounters]
    ward.kill("worker")
    ward.kill("temporal")
    answers = [ward.until(lambda row=row: _taken(ward, row), 60) for row in rows]
    assert all(answers)
    for encounter in encounters:
        case = ward.ended(encounter, 60)
        result = ward.world.fhir.read("Observation", proposals.resource_id(case.ref, "result"))
        assert result["meta"]["versionId"] == "1", "written once"
    ward.settled()
    assert ward.audit().findings == ()


def test_a_decision_whose_recording_outlasts_the_workers_is_still_written(killed: tuple[Ward, ModelServer]) -> None:
    ward, _ = killed
    row = ward.suggested(ward.admit("kill-recorded", hr=77))
    with ThreadPoolExecutor(1) as person:
        with ward.frozen("valkey"):  # the step waits a second for it, after its commit
            answer = person.submit(ward.decide, row)
            ward.until(lambda: (case := ward.case("kill-recorded")) and case.state == "decided")
            pid = ward.pid("worker")
            ward.until(lambda: ward.hold(pid))
        time.sleep(RECORDING_S)
        os.kill(pid, signal.SIGCONT)
        assert answer.result().status_code == 200, "the ledger has it"
    assert ward.ended("kill-recorded", 60).state == "written"


def _taken(ward: Ward, row: dict) -> bool:
    answer = ward.decide(row)
    return answer.status_code == 200 or (answer.status_code == 409 and answer.json()["refused"] == "decided")


def test_a_case_past_its_deadline_is_raised_by_the_ledger_alone(killed: tuple[Ward, ModelServer]) -> None:
    ward, _ = killed
    encounter = ward.admit("kill-deadline")
    ward.until(lambda: ward.case(encounter))
    with ward.frozen("temporal", "worker"):
        late = ward.until(lambda: (row := ward.case(encounter)) and row.escalated_at and row, 45)
    assert late.escalated_at and timedelta() <= late.escalated_at - late.due_at < timedelta(seconds=5)
    ward.decide(ward.suggested(encounter, seconds=60))
    ward.ended(encounter, 60)


def test_a_gateway_that_starts_without_temporal_accepts_and_goes_on(killed: tuple[Ward, ModelServer]) -> None:
    ward, _ = killed
    old = ward.pid("gateway")
    with ward.frozen("temporal"):
        ward.kill("gateway")
        new = ward.until(lambda: (pid := ward.pid("gateway")) != old and ward.notify(b"{}").status_code == 200 and pid)
        encounter = ward.admit("kill-gateway", hr=91)
        ward.until(lambda: ward.case(encounter))  # the ledger knows the case, so the watchdog does
        ward.until(lambda: (row := ward.case(encounter)) and row.escalated_at, 45)
        assert ward.pid("gateway") == new, "it did not die of it"
    ward.decide(ward.suggested(encounter, seconds=60))
    ward.ended(encounter, 60)


def test_events_missed_while_the_gateway_was_away_are_found_at_the_next_start(killed: tuple[Ward, ModelServer]) -> None:
    ward, _ = killed
    ward.settled()
    assert ward.stop() == 0
    with fhir_alone(ward):  # what it notifies reaches nobody, and its Subscriptions end in error
        encounter = ward.admit("kill-missed", hr=120, spo2=90)
        ward.until(lambda: len(ward.world.fhir.search("Subscription?status=error")) == 3, 40)
    ward.start()
    assert ward.decide(ward.suggested(encounter, seconds=60)).status_code == 200
    ward.ended(encounter)
    ward.settled()
    assert ward.audit().findings == ()


@contextmanager
def fhir_alone(ward: Ward) -> Iterator[None]:
    with Ports() as reserved:
        (fhir,) = [part for part in stack.prepare(ward.state, reserved) if part.name == "fhir"]
        fhir.start(ward.state / "logs")
        ward.until(fhir.ready)
        ward.world = wiring.world(ward.settings, ward.secrets, "test")
        yield
        ward.world.close()
        fhir.stop()
