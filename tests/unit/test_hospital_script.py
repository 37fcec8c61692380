"""What the hospital of `make prove` does is fixed by its seed, adds up, and gets through a server that is killed."""

import json
import threading
from collections import Counter
from collections.abc import Callable

import httpx
import pytest

from tests.measure.oracle import items
from tests.measure.prove import script
from tests.measure.prove.laboratory import Result
from tests.measure.prove.script import Hospital, Step


@pytest.mark.parametrize("events", [1, 2, 3, 4, 120, 250])
def test_a_plan_has_exactly_the_events_that_were_asked_for(events: int) -> None:
    for seed in range(40):
        plan = script.steps(seed, events, events / 4)
        assert sum(step.events for step in plan) == events
        assert all(step.events for step in plan)


def test_a_seed_always_makes_the_same_plan_and_another_seed_another() -> None:
    first, again, other = (repr(script.steps(seed, 120, 30)) for seed in (7, 7, 8))
    assert first == again != other


def test_nothing_changes_that_is_not_there_yet() -> None:
    for seed in range(40):
        patients, stays, observations = set[str](), set[str](), set[str]()
        for step in script.steps(seed, 120, 30):
            patients |= {step.encounter} if step.aged_days is not None else set()
            stays |= {step.encounter} if step.status == "arrived" else set()
            assert step.encounter in stays & patients, step
            changed = {r.id for r in step.results if r.status != "final"} | set(step.deleted)
            assert changed <= observations, step
            observations |= {r.id for r in step.results}


def test_every_kind_of_news_occurs() -> None:
    kinds = Counter[str]()
    for seed in range(100, 112):
        home: dict[str, str] = {}
        for step in script.steps(seed, 250, 62):
            kinds["afterwards"] += step.afterwards
            kinds["child" if step.status == "arrived" and (step.aged_days or 0) < 3700 else "grown"] += 1
            kinds["born otherwise"] += step.aged_days is not None and not step.status
            kinds["deleted"] += len(step.deleted)
            for result in step.results:
                kinds[result.status] += 1
                kinds["moved"] += home.setdefault(result.id, step.encounter) != step.encounter
                kinds["repeated"] += result.id.endswith("-again")
                kinds["second"] += result.id.endswith("-second")
                kinds["another"] += result.id.endswith("-another")
                kinds["critical"] += result.flag in ("HH", "LL")
                kinds["critical in words"] += bool(result.flag_text)
                kinds["in words"] += isinstance(result.value, str)
                kinds["unknown unit"] += result.unit == "arb.U"
                kinds["without unit"] += not result.unit
                kinds["without range"] += result.loinc == "1798-8"
                kinds["in order"] += result.flag == "N"
    assert min(kinds.values()) >= 5 and len(kinds) == 19, kinds


def test_before_people_have_decided_patients_arrive_and_afterwards_only_charts_change() -> None:
    for seed in range(40):
        plan = script.steps(seed, 120, 30)
        first, second = ([step for step in plan if step.afterwards == act] for act in (False, True))
        assert plan == first + second and second
        assert not any(step.status or step.vitals for step in second)
        assert all(0 <= step.at_s <= 30 * script.ACT_SHARE for step in second)


def test_another_result_is_of_another_test() -> None:
    for seed in range(40):
        tests = {r.id: r.loinc for step in script.steps(seed, 120, 30) for r in step.results}
        for name, loinc in tests.items():
            first, _, which = name.rpartition("-")
            assert which not in ("second", "another") or loinc != tests[first], name


def test_what_is_critical_by_the_laboratory_is_most_urgent_to_the_oracle() -> None:
    written: dict[str, dict] = {}
    hospital = Hospital("http://chart.example")
    hospital._http = httpx.Client(base_url="http://chart.example", transport=httpx.MockTransport(_kept(written)))
    result = Result("lab", "2951-2", "Sodium", 110.0, "mmol/L", "LL", low=135, high=145)
    hospital.write(Step(False, 0, "s", "arrived", {"hr": 70.0}, 20_000, (result,)))
    hospital.close()
    found = items.of_chart(written, script.clock.now())
    assert [(item.resource, item.floor) for item in found] == [("Observation/lab", "1")]


def test_a_step_is_one_transaction_that_is_sent_again_unchanged_until_it_is_acknowledged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.content)
        if len(sent) == 1:
            raise httpx.ConnectError("killed")
        return httpx.Response(500 if len(sent) == 2 else 200)

    class Impatient(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            return True

    monkeypatch.setattr(script.threading, "Event", Impatient)
    hospital = Hospital("http://chart.example")
    hospital._http = httpx.Client(base_url="http://chart.example", transport=httpx.MockTransport(answer))
    hospital.write(Step(False, 0, "s", "arrived", {"hr": 70.0}, 400, (Result("k", "2823-3", "K", 7.2),), ("old",)))
    hospital.close()
    assert len(sent) == 3 and len(set(sent)) == 1
    bundle = json.loads(sent[0])
    assert bundle["type"] == "transaction"
    requests = [(e["request"]["method"], e["request"]["url"]) for e in bundle["entry"]]
    assert requests == [
        ("PUT", "Patient/s"),
        ("PUT", "Encounter/s"),
        ("PUT", "Observation/s-hr"),
        ("PUT", "Observation/k"),
        ("DELETE", "Observation/old"),
    ]


def test_a_correction_keeps_the_moment_of_its_sample() -> None:
    written: dict[str, dict] = {}
    hospital = Hospital("http://chart.example")
    hospital._http = httpx.Client(base_url="http://chart.example", transport=httpx.MockTransport(_kept(written)))
    first = Result("k", "2823-3", "Potassium", 7.2)
    hospital.write(Step(False, 0, "s", results=(first,)))
    taken_at = written["Observation/k"]["effectiveDateTime"]
    hospital.write(Step(False, 1, "s", results=(script.laboratory.withdrawn(first),)))
    hospital.close()
    assert written["Observation/k"]["status"] == "entered-in-error"
    assert written["Observation/k"]["effectiveDateTime"] == taken_at


def _kept(written: dict[str, dict]) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        for entry in json.loads(request.content)["entry"]:
            written[entry["request"]["url"]] = entry["resource"]
        return httpx.Response(200)

    return answer
