"""What decisions may leave in the chart: a result once, and its withdrawal where a later decision says so."""

import pytest

from tests.measure.prove import effects
from tests.measure.prove.records import Records
from tests.unit.measure_prove.made import decided, level, order, records

CHANGED = {"changed": [{"case_id": "c1", "resource": "Observation/k"}], "in_question": ["c1"]}
PATHWAYS = ("ed_triage", "result_followup")


def found(r: Records) -> list[str]:
    return [str(finding) for finding in effects.one_effect(r)]


def revised(kind: str, pathway: str, selected: str | None = "2") -> Records:
    """Return a result that was approved, whose evidence changed, and what a person decided of that."""
    r = records()
    decided(r, "c1", "approve", "1", pathway)
    decided(r, "c2", kind, selected, pathway, generation=2, earlier=dict(CHANGED))
    return r


def withdraw(r: Records, pathway: str, status: str = "entered-in-error", version: str = "2") -> None:
    result = order("c1", status, version) if pathway == "result_followup" else level("c1", "1", status, version)
    r.chart.current[f"{result['resourceType']}/r-c1"] = result


@pytest.mark.parametrize("pathway", PATHWAYS)
@pytest.mark.parametrize(("kind", "selected"), [("approve", "1"), ("change", "2"), ("choose", "3"), ("reject", None)])
def test_an_answer_leaves_its_task_and_what_it_writes(kind: str, selected: str | None, pathway: str) -> None:
    r = records()
    decided(r, "c1", kind, selected, pathway)
    assert found(r) == []


def test_an_order_is_not_taken_for_the_proposal_and_has_no_level() -> None:
    r = records()
    decided(r, "c1", "approve", "1", "result_followup")
    r.chart.current["Task/again"] = order("c1") | {"id": "again"}
    assert found(r) == ["I2 e#1: 2 results in the chart, its decision demands 1"]


def test_a_level_that_is_not_the_decided_one_is_found() -> None:
    r = records()
    decided(r, "c1", "approve", "3")
    r.chart.current["Observation/r-c1"] = level("c1", "2")
    assert found(r) == ["I6 e#1: 2 is in the chart, 3 was decided"]


def test_what_is_kept_stays_as_it_was_written() -> None:
    r = revised("keep", "ed_triage", None)
    assert found(r) == []
    withdraw(r, "ed_triage")
    assert found(r) == [
        "I2 e#1: its result was written 2 times, and withdrawn by 0 decisions",
        "I2 e#1: its result is entered-in-error, 0 decisions withdrew it",
    ]


@pytest.mark.parametrize("pathway", PATHWAYS)
@pytest.mark.parametrize(("kind", "selected"), [("withdraw", None), ("approve", "2"), ("change", "2"), ("choose", "2")])
def test_a_revision_withdraws_what_was_written_before(kind: str, selected: str | None, pathway: str) -> None:
    r = revised(kind, pathway, selected)
    assert found(r) == [
        "I2 e#1: its result was written 1 times, and withdrawn by 1 decisions",
        f"I2 e#1: its result is {'final' if pathway == 'ed_triage' else 'requested'}, 1 decisions withdrew it",
    ]
    withdraw(r, pathway)
    assert found(r) == []


def test_an_order_may_be_cancelled_and_a_level_may_not() -> None:
    for pathway, wrong in (
        ("result_followup", []),
        ("ed_triage", ["its result is cancelled, 1 decisions withdrew it"]),
    ):
        r = revised("withdraw", pathway, None)
        withdraw(r, pathway, "cancelled")
        assert [text.removeprefix("I2 e#1: ") for text in found(r)] == wrong


def test_a_revision_withdraws_nothing_that_was_not_in_question() -> None:
    r = revised("withdraw", "ed_triage", None)
    r.ledger.told_to_people.shown[-1].suggestion["earlier"]["in_question"] = []
    assert found(r) == []
    withdraw(r, "ed_triage")
    assert len(found(r)) == 2


def test_a_withdrawal_without_provenance_is_found() -> None:
    r = revised("withdraw", "ed_triage", None)
    withdraw(r, "ed_triage")
    del r.chart.current["Provenance/p-c2"]
    assert found(r) == ["I2 e#2: 0 Provenances, its decision demands 1"]
