"""One arrival becomes a decision in the chart, on the real parts."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import atif
import httpx
import pytest

from integrations.fhir import proposals
from integrations.ledger import tables
from tests.fakes.model_server import ModelServer
from tests.ward import CHARGE, ROOT, Ward, observation

pytestmark = pytest.mark.integration


def test_an_approved_suggestion_is_written_once_and_leaves_a_trajectory(ward: Ward) -> None:
    encounter = ward.admit("loop-approve", "chest pain", hr=104, spo2=97)
    row = ward.suggested(encounter)
    assert (row["made_by"], row["selected"]) == ("model", "3")
    case = ward.case(encounter)
    assert case
    task = ward.world.fhir.read("Task", proposals.resource_id(case.ref, "task"))
    assert (task["status"], task["intent"]) == ("requested", "proposal")
    assert task["meta"]["security"][0]["code"] == "AIAST"
    assert not ward.world.fhir.search(f"Provenance?_id={proposals.resource_id(case.ref, 'provenance')}")

    answer = ward.decide(row)
    assert answer.status_code == 200 and answer.json()["decided_by"].startswith("Nurse Okafor")
    case = ward.ended(encounter)
    assert case.state == "written"
    result = ward.world.fhir.read("Observation", proposals.resource_id(case.ref, "result"))
    assert result["valueCodeableConcept"]["coding"][0]["code"] == "3" and result["meta"]["versionId"] == "1"
    task = ward.world.fhir.read("Task", task["id"])
    assert task["status"] == "completed" and proposals.decided_in(task) == answer.json()["decision_id"]
    provenance = ward.world.fhir.read("Provenance", proposals.resource_id(case.ref, "provenance"))
    assert provenance["target"][0]["reference"] == f"Observation/{result['id']}"

    blob = ward.trajectory_blob(case.case_id)
    assert blob
    document = json.loads(ward.world.records.blobs.get(blob))
    opened = atif.Trajectory.model_validate(document)
    sampled = [step.metrics for step in opened.steps if step.metrics]
    assert [m.completion_token_ids for m in sampled] == [[100, 101], [100, 101, 102]]
    assert document["extra"]["wardflow"]["trainable"] is True
    assert document["extra"]["wardflow"]["decision"]["reviewer"]["role"] == "triage_nurse"


def test_trajectories_are_listed_and_exported_with_an_audit_record_each(ward: Ward, tmp_path: Path) -> None:
    ward.decide(ward.suggested(ward.admit("loop-export")))
    case = ward.ended("loop-export")
    argv = [sys.executable, "-m", "service.commands.cli", "trajectories"]
    where = ["--state", str(ward.state), "--trainable"]
    out = subprocess.run([*argv, "ls", *where, "--json"], capture_output=True, text=True, cwd=ROOT, check=True)
    assert case.case_id in {row["case_id"] for row in json.loads(out.stdout)}
    by = ["--to", str(tmp_path / "out"), "--by", "n-okafor"]
    subprocess.run([*argv, "export", *where, *by], capture_output=True, cwd=ROOT, check=True)
    atif.Trajectory.model_validate_json((tmp_path / "out" / f"{case.case_id}.json").read_text())
    with ward.world.records.db.read() as tx:
        records = [r.record for r in tx.execute(tables.audit.select()) if case.case_id in r.record]
    assert sum('"export"' in record and "person:n-okafor" in record for record in records) == 1


def test_a_changed_level_is_what_the_chart_gets(ward: Ward) -> None:
    row = ward.suggested(ward.admit("loop-change"))
    assert ward.decide(row, "change", "2").status_code == 409, "a change without a reason is refused"
    assert ward.decide(row, "change", "2", "looks worse than the numbers").status_code == 200
    case = ward.ended("loop-change")
    result = ward.world.fhir.read("Observation", proposals.resource_id(case.ref, "result"))
    assert result["valueCodeableConcept"]["coding"][0]["code"] == "2"
    assert result["note"][0]["text"] == "looks worse than the numbers"


def test_a_rejection_changes_only_the_task(ward: Ward) -> None:
    row = ward.suggested(ward.admit("loop-reject"))
    assert ward.decide(row, "reject", reason="not a triage case").status_code == 200
    case = ward.ended("loop-reject")
    assert case.state == "rejected"
    assert ward.world.fhir.read("Task", proposals.resource_id(case.ref, "task"))["status"] == "rejected"
    for type_, part in (("Observation", "result"), ("Provenance", "provenance")):
        assert not ward.world.fhir.search(f"{type_}?_id={proposals.resource_id(case.ref, part)}")


def test_of_two_decisions_at_once_one_wins_and_the_other_is_told_who(ward: Ward) -> None:
    row = ward.suggested(ward.admit("loop-two"))
    answers: list[httpx.Response] = []
    ward.page(CHARGE)
    ward.page()
    people = [
        threading.Thread(target=lambda kind=kind, user=user: answers.append(ward.decide(row, *kind, user=user)))
        for kind, user in ((("approve",), CHARGE), (("change", "1", "gut feeling"), "n-okafor"))
    ]
    for person in people:
        person.start()
    for person in people:
        person.join()
    won, lost = sorted(answers, key=lambda answer: answer.status_code)
    assert (won.status_code, lost.status_code) == (200, 409)
    assert lost.json()["refused"] == "decided" and won.json()["decided_by"] in lost.json()["message"]
    case = ward.ended("loop-two")
    result = ward.world.fhir.read("Observation", proposals.resource_id(case.ref, "result"))
    assert result["valueCodeableConcept"]["coding"][0]["code"] == won.json()["selected"]


def test_new_data_makes_a_suggestion_stale_and_brings_a_new_one(ward: Ward) -> None:
    old = ward.suggested(ward.admit("loop-stale", hr=80, spo2=98))
    ward.chart("loop-stale", spo2=84)
    ward.until(lambda: "2" in ward.heard("Observation/loop-stale-spo2"))
    refused = ward.decide(old)
    assert refused.status_code == 409 and refused.json()["refused"] == "stale"
    new = ward.suggested("loop-stale", version=2)
    assert ward.decide(old).status_code == 409, "the old version stays undecidable"
    assert ward.decide(new).status_code == 200
    assert ward.ended("loop-stale").version == 2


def test_a_message_told_again_or_late_changes_nothing(ward: Ward) -> None:
    encounter = ward.admit("loop-again", hr=88)
    row = ward.suggested(encounter)
    ward.settled()
    first = ward.world.fhir.read("Observation", f"{encounter}-hr")
    before = ward.fates(encounter)
    assert ward.notify(json.dumps(first).encode()).status_code == 200
    assert ward.fates(encounter) == before, "the same version is one row"
    ward.chart(encounter, hr=88)  # the same value as a new version
    ward.until(lambda: len(ward.fates(encounter)) == len(before) + 1)
    late = first | {"meta": first["meta"] | {"versionId": "0"}}
    assert ward.notify(json.dumps(late).encode()).status_code == 200
    ward.settled()
    assert ward.fates(encounter)[-1] == ("absorbed", None), "its case read the chart, which says nothing new"
    again = ward.suggested(encounter)
    assert (again["version"], again["suggestion_hash"]) == (row["version"], row["suggestion_hash"])
    assert ward.decide(again).status_code == 200


def test_data_after_the_decision_opens_a_new_case_only_when_rules_demand_more(ward: Ward) -> None:
    ward.decide(ward.suggested(ward.admit("loop-after", hr=80, avpu="alert")))
    decided = ward.ended("loop-after")
    ward.send(observation("loop-after", "hr", 84) | {"id": "loop-after-hr-later"})
    ward.until(lambda: ("ignored", "case_closed") in ward.fates("loop-after"))
    ward.send(observation("loop-after", "avpu", "unresponsive") | {"id": "loop-after-avpu-later"})
    again = ward.until(
        lambda: (row := ward.listed("loop-after")) and row["generation"] == 2 and row["decidable"] and row
    )
    assert again["selected"] == "1" and again["case_id"] != decided.case_id
    untouched = ward.world.fhir.read("Observation", proposals.resource_id(decided.ref, "result"))
    assert untouched["meta"]["versionId"] == "1"
    ward.decide(again)
    assert ward.ended("loop-after").generation == 2


def test_our_own_writes_come_back_as_ignored(ward: Ward) -> None:
    ward.decide(ward.suggested(ward.admit("loop-own")))
    ward.ended("loop-own")
    ward.until(lambda: ("ignored", "own_write") in ward.fates("loop-own"))


@pytest.mark.parametrize(
    ("mode", "fallback"), [("nonsense", "nonsense"), ("failing", "unreachable"), ("stalled", "too_slow")]
)
def test_without_a_usable_model_the_case_goes_on_by_rules_and_says_so(
    ward: Ward, model_server: ModelServer, mode: str, fallback: str
) -> None:
    model_server.mode = mode
    model_server.released.clear()
    row = ward.suggested(ward.admit(f"loop-{mode}", hr=120, rr=26, spo2=90))
    model_server.released.set()
    assert (row["made_by"], row["selected"]) == ("rules", "2")
    page = ward.page().get(f"/cases/{row['case_id']}").text
    assert f"RULES ONLY: model {fallback.replace('_', ' ')}" in page
    ward.decide(row)
    case = ward.ended(f"loop-{mode}")
    blob = ward.trajectory_blob(case.case_id)
    assert blob and json.loads(ward.world.records.blobs.get(blob))["extra"]["wardflow"]["trainable"] is False


def test_a_model_that_asks_to_be_left_alone_is_and_joins_again_by_itself(ward: Ward, model_server: ModelServer) -> None:
    model_server.mode, model_server.retry_after_s = "busy", 10
    asked = model_server.asked["judge"]
    rows = [ward.suggested(ward.admit("loop-busy-1", hr=80))]
    model_server.mode = "good"
    rows.append(ward.suggested(ward.admit("loop-busy-2", hr=80)))
    assert [row["made_by"] for row in rows] == ["rules", "rules"]
    assert model_server.asked["judge"] == asked + 1, "the second case did not ask before its time"
    time.sleep(model_server.retry_after_s)
    rows.append(ward.suggested(ward.admit("loop-busy-3", hr=80)))
    assert rows[-1]["made_by"] == "model"
    for row in rows:
        assert ward.decide(row).status_code == 200


def test_a_cut_off_reason_leaves_the_level_and_counts_the_loss(ward: Ward, model_server: ModelServer) -> None:
    model_server.mode = "truncated"
    row = ward.suggested(ward.admit("loop-truncated", hr=80))
    case = ward.case("loop-truncated")
    assert case and case.suggestion_blob
    suggestion = ward.world.records.suggestion(case.suggestion_blob)
    assert (suggestion.made_by, suggestion.claims, suggestion.dropped_claims) == ("model", (), 1)
    ward.decide(row)


def test_claims_that_the_chart_does_not_bear_out_are_not_shown(ward: Ward) -> None:
    row = ward.suggested(ward.admit("loop-claims", hr=80))
    page = ward.page().get(f"/cases/{row['case_id']}").text
    assert "Complaint as told" in page and "HR 999" not in page
    assert "The model gave a reason that the chart does not bear out; it is hidden." in page
    ward.decide(row)
