"""What records of a run must agree on, where a stay has several cases and resources move or vanish."""

import pytest

from tests.measure.oracle.chart import keep
from tests.measure.prove import rules
from tests.measure.prove.network import Delivery
from tests.measure.prove.people import Click, Seen
from tests.measure.prove.records import Execution, Records, moment
from tests.unit.measure_oracle.made import AT, encounter, patient, result
from tests.unit.measure_prove.made import SEEN_AT, decided, records

CLICKED = moment(SEEN_AT)


def next_began(after_s: float, **before: str | None) -> Records:
    """Return a decided case of the stay, and its next, whose run began so long after that decision."""
    r = records()
    decided(r, "c1", "approve", "1")
    decided(r, "c2", "approve", "1", generation=2)
    r.ledger.cases[0] |= before
    r.executions.append(Execution("c2", CLICKED + after_s, None, completed=False, state=None))
    return r


def test_the_next_case_of_a_stay_may_begin_once_the_last_is_decided() -> None:
    assert list(rules.one_live_case(next_began(1))) == []
    assert [str(f) for f in rules.one_live_case(next_began(-1))] == [
        "I3 e: ed_triage: has a case that began before the one before it was decided or had ended"
    ]


def test_a_case_that_nobody_decided_has_to_end_first() -> None:
    r = next_began(1)
    del r.ledger.decisions[0]
    assert len(list(rules.one_live_case(r))) == 1
    r.executions[0].started_at = CLICKED + 61
    assert list(rules.one_live_case(r)) == []


def test_a_case_that_goes_on_in_the_next_ended_after_that_began() -> None:
    r = next_began(1, state="continued")
    del r.ledger.decisions[0]
    assert list(rules.one_live_case(r)) == []


def test_the_cases_of_two_pathways_are_not_in_each_others_way() -> None:
    r = records()
    decided(r, "c1", "approve", "1")
    decided(r, "c2", "approve", "1", "result_followup")
    r.executions.append(Execution("c2", CLICKED - 9, None, completed=False, state=None))
    assert list(rules.one_live_case(r)) == []


def test_only_a_triage_is_the_case_of_an_arrival() -> None:
    arrived = encounter() | {"meta": {"versionId": "1"}}
    r = records(e=arrived, p=patient())
    decided(r, "c1", "approve", "1", "result_followup")
    r.sent.append(Delivery("Encounter", "e", "1", "e", "{}", CLICKED, 200))
    r.seen["c1"] = Seen("result_followup", "e", 1, CLICKED, over_at=CLICKED)
    heard = {"feed": "ehr", "resource_type": "Encounter", "resource_id": "e", "version_id": "1"}
    r.ledger.inbox += [heard, heard | {"resource_type": "Patient", "resource_id": "p"}]
    assert [str(f) for f in rules.gaps_are_filled(r)] == ["I1 e: arrived, and has no case"]
    r.ledger.inbox.pop()
    assert "I8 p: Patient/p/1 is in the chart and was never heard of" in map(str, rules.gaps_are_filled(r))
    r.ledger.cases.clear()
    r.ledger.inbox.clear()
    assert [str(f) for f in rules.seen_in_time(r)] == ["I4 e: nobody ever saw it raised or over"]


def clicked(pathway: str, **found: object) -> Records:
    """Return an approval without an Observation `k` that was sent before, and is in the chart as `found` says."""
    r = records(k=result("k") | found)
    decided(r, "c1", "approve", "1", pathway)
    answer = {"decision_id": "d-c1"}
    r.clicks.append(Click("c1", "e", "u", "approve", "1", 1, "h", CLICKED, 200, answer))
    r.ledger.evidence["c1", 1] = {}
    r.sent.append(Delivery("Observation", "k", "1", "e", "{}", CLICKED - 1, 200))
    return r


@pytest.mark.parametrize(("category", "pathway"), [(None, "ed_triage"), ([{}], "result_followup")])
def test_a_decision_without_what_was_accepted_before_is_found(category: object, pathway: str) -> None:
    r = clicked(pathway, category=category)
    assert [str(f) for f in rules.shown_is_written(r)] == ["I6 e: was decided without Observation/k version 1"]
    elsewhere = clicked(pathway, category=category, encounter={"reference": "Encounter/other"})
    assert list(rules.shown_is_written(elsewhere)) == []
    del r.chart.current["Observation/k"]
    assert list(rules.shown_is_written(r)) == []


def test_a_triage_rests_on_no_result_of_a_laboratory() -> None:
    assert list(rules.shown_is_written(clicked("ed_triage", category=[{}]))) == []
    assert list(rules.shown_is_written(clicked("result_followup", category=None))) == []


def test_what_demands_attention_and_nobody_saw_is_found() -> None:
    r = records()
    for resource in (patient(), encounter(), result("k")):
        keep(r.whole_chart, resource)
    assert r.whole_chart.at == AT
    assert [(f.rule, f.case) for f in rules.no_news_is_lost(r)] == [("I17", "e")]
