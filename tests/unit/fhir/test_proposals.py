"""What we write to a chart, before and after a decision."""

import uuid

import pytest
from fhir.resources.R4B.provenance import Provenance
from fhir.resources.R4B.task import Task
from hypothesis import given
from hypothesis import strategies as st

from agents.ed_triage import resources
from contracts.charts import TAG, ChartRecording
from contracts.decisions import Decision, DecisionKind
from contracts.suggestions import MadeBy
from integrations.fhir import proposals
from integrations.fhir.client import Resource
from tests.fakes.samples import ESI, NURSE, REF, decision, suggestion

REJECTION = decision(kind=DecisionKind.REJECT, selected=None, reason="not this patient")
CHANGE = decision(kind=DecisionKind.CHANGE, selected="3", reason="calm by now")
TASK = proposals.proposal(REF, suggestion(), "hash-1") | {"text": {"status": "generated", "div": "<div/>"}}
TASK = TASK | {"meta": TASK["meta"] | {"versionId": "7", "lastUpdated": "2026-01-05T08:31:00Z"}}


def entries(made: Decision) -> list[Resource]:
    shown = suggestion()
    results = []
    if made.selected:
        meta = proposals.own_meta(ai=False)
        results = [resources.acuity(shown.facts, ESI, made, proposals.resource_id(REF, "result"), meta)]
    return proposals.decision_entries(REF, shown, made, TASK, results)


def test_a_proposal_is_a_valid_requested_task_that_carries_the_suggestion_and_its_hash() -> None:
    task = proposals.proposal(REF, suggestion(), "hash-1")
    Task.model_validate(task)
    assert (task["status"], task["intent"]) == ("requested", "proposal")
    assert task["encounter"] == {"reference": "Encounter/enc-1"}
    assert [i["value"] for i in task["identifier"]] == ["case-1", "hash-1"]
    coding = task["output"][0]["valueCodeableConcept"]["coding"][0]
    assert (coding["system"], coding["code"], coding["display"]) == (ESI.system, "2", "Emergent")


def test_where_nothing_is_proposed_the_task_says_so_and_carries_no_choice() -> None:
    task = proposals.proposal(REF, suggestion(selected=None, made_by=MadeBy.RULES, model=None), "hash-1")
    Task.model_validate(task)
    assert "output" not in task and task["description"] == "No suggestion: a person chooses"


def test_a_task_says_that_its_model_was_not_measured() -> None:
    assert "not measured" in proposals.proposal(REF, suggestion(measured=False), "hash-1")["description"]
    assert "measured" not in proposals.proposal(REF, suggestion(), "hash-1")["description"]


def test_what_a_person_chose_alone_was_asserted_by_nobody_else() -> None:
    chosen = decision(kind=DecisionKind.CHOOSE, selected="4")
    written = next(e["resource"] for e in entries(chosen) if e["resource"]["resourceType"] == "Provenance")
    Provenance.model_validate(written)
    (author,) = written["agent"]
    assert author["who"]["display"] == NURSE.name and author["type"]["coding"][0]["code"] == "author"


def test_a_task_names_the_recordings_that_it_is_about_and_keeps_them_when_it_is_closed() -> None:
    heard = ChartRecording(resource="Media/m/_history/3", blob="b", copies=("DocumentReference/d/_history/1",))
    shown = suggestion()
    about = shown.model_copy(update={"facts": shown.facts.model_copy(update={"recordings": (heard,)})})
    task = proposals.proposal(REF, about, "hash-1")
    Task.model_validate(task)
    task |= {"meta": task["meta"] | {"versionId": "1"}}
    after = proposals.closed(task, "rejected", "another patient", REJECTION)
    for body in (task, after):
        named = [told["valueReference"]["reference"] for told in body["input"]]
        assert named == ["Media/m", "DocumentReference/d"]
    assert "input" not in proposals.proposal(REF, shown, "hash-1")


@pytest.mark.parametrize(("made_by", "labelled"), [(MadeBy.MODEL, True), (MadeBy.RULES, False)])
def test_only_what_a_model_asserted_is_labelled_so(made_by: MadeBy, labelled: bool) -> None:
    meta = proposals.proposal(REF, suggestion(made_by=made_by), "hash-1")["meta"]
    assert (proposals.AI_ASSERTED in meta.get("security", [])) is labelled
    assert meta["tag"] == [{"system": TAG, "code": "case"}]


def test_ids_are_the_same_at_each_try_and_others_for_other_parts_and_generations() -> None:
    parts = [(REF, "task"), (REF, "result"), (REF.model_copy(update={"generation": 2}), "task")]
    ids = [proposals.resource_id(ref, part) for ref, part in parts]
    assert len(set(ids)) == 3
    assert ids[0] == proposals.resource_id(REF, "task") == str(uuid.UUID(ids[0]))


def test_a_rejection_changes_only_the_task() -> None:
    (entry,) = entries(REJECTION)
    task = entry["resource"]
    Task.model_validate(task)
    assert (task["status"], task["statusReason"]["text"]) == ("rejected", "not this patient")
    assert entry["request"] == {"method": "PUT", "url": f"Task/{TASK['id']}", "ifMatch": 'W/"7"'}


@pytest.mark.parametrize("made", [decision(), CHANGE], ids=["approve", "change"])
def test_an_approval_writes_task_result_and_provenance_under_our_own_ids(made: Decision) -> None:
    task, result, provenance = (entry["resource"] for entry in entries(made))
    Task.model_validate(task)
    assert (task["status"], proposals.decided_in(task)) == ("completed", "d-1")
    assert result["valueCodeableConcept"]["coding"][0]["code"] == made.selected
    requests = [entry["request"] for entry in entries(made)]
    assert {r["method"] for r in requests} == {"PUT"}
    assert "ifMatch" in requests[0]
    assert provenance["target"] == [{"reference": f"Observation/{result['id']}"}]


def test_provenance_names_the_device_the_clinician_and_what_was_shown() -> None:
    provenance = entries(decision())[2]["resource"]
    Provenance.model_validate(provenance)
    author, verifier = provenance["agent"]
    assert (author["who"]["display"], verifier["who"]["display"]) == ("scripted@1", NURSE.name)
    assert verifier["who"]["identifier"]["value"] == NURSE.reviewer_id
    assert provenance["entity"][0]["what"]["identifier"] == {"system": proposals.HASH, "value": "hash-1"}


def test_a_closed_task_keeps_our_marks_and_one_decision() -> None:
    once = proposals.closed(TASK, "completed", "approve", decision())
    twice = proposals.closed(once, "completed", "approve", decision(decision_id="d-2"))
    assert [i["value"] for i in twice["identifier"]] == ["case-1", "hash-1", "d-2"]
    assert proposals.decided_in(twice) == "d-2"
    assert proposals.decided_in(TASK) is None
    assert "versionId" not in twice["meta"]


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5)), st.text(max_size=9))
def test_the_content_hash_ignores_meta_and_narrative(meta: dict[str, str], div: str) -> None:
    other = TASK | {"meta": meta, "text": {"div": div}}
    assert proposals.content_hash(other) == proposals.content_hash(TASK)
    assert proposals.content_hash(dict(reversed(TASK.items()))) == proposals.content_hash(TASK)


@pytest.mark.parametrize("key", sorted(TASK.keys() - {"meta", "text"}))
def test_the_content_hash_sees_every_other_field(key: str) -> None:
    without = {k: v for k, v in TASK.items() if k != key}
    assert proposals.content_hash(without) != proposals.content_hash(TASK)
