"""What an earlier decision answers, and what of it is in question again (I17, I18)."""

from typing import Any

import pytest

from activities import earlier
from activities.earlier import Before, Stay
from agents.pathway import Pathway
from contracts.cases import CaseState
from contracts.charts import Attention, ChartFacts
from contracts.decisions import DecisionKind
from contracts.revisions import Changed, Earlier
from contracts.suggestions import Suggestion
from integrations.ledger.cases import CaseRow
from service.process.settings import pathway_named
from tests.fakes.results import ENCOUNTER, result
from tests.fakes.samples import NOW, decision, suggestion

LAB: Pathway = pathway_named("result_followup", {})
K, VERSION = "Observation/lab-k", "Observation/lab-k/_history/3"


def facts(value: float = 7.1, version: str = "3") -> ChartFacts:
    charted = result("k", value) | {"meta": {"versionId": version}}
    return LAB.read_chart([ENCOUNTER, charted], "enc-1", NOW)


def before(n: int, kind: DecisionKind, of: ChartFacts | None = None, floor: str | None = "1", **told: Any) -> Before:
    """Return the n-th case of a stay with a decision of that kind; `told` is what it was told of earlier ones."""
    shown: Suggestion = suggestion(facts=of or facts(), floor=floor, earlier=Earlier(**told) if told else None)
    row = CaseRow.model_construct(case_id=f"c-{n}", generation=n, state=CaseState.WRITTEN, snapshot_blob=None)
    selected = "1" if kind in (DecisionKind.APPROVE, DecisionKind.CHOOSE) else None
    return Before(row, decision(case_id=f"c-{n}", kind=kind, selected=selected), shown)


def gone(case_id: str) -> Changed:
    return Changed(resource=K, version="4", was="Potassium 7.1 mmol/L", now="withdrawn", case_id=case_id)


def item(version: str = "3", floor: str | None = "1") -> Attention:
    return Attention(resource=f"{K}/_history/{version}", rule="critical", floor=floor)


APPROVE, KEEP, WITHDRAW, REJECT = (DecisionKind.APPROVE, DecisionKind.KEEP, DecisionKind.WITHDRAW, DecisionKind.REJECT)


def test_a_decision_covers_what_it_showed_and_what_says_the_same() -> None:
    stay = Stay((before(1, REJECT),))
    assert earlier.covered(item("3"), facts(), stay)
    assert earlier.covered(item("4"), facts(7.1, "4"), stay), "a new version that says the same"
    assert not earlier.covered(item("4"), facts(7.3, "4"), stay)


def test_what_rules_judge_more_urgent_since_is_not_covered() -> None:
    stay = Stay((before(1, APPROVE, floor="2"),))
    assert not earlier.covered(item(floor="1"), facts(), stay) and earlier.covered(item(floor="2"), facts(), stay)


@pytest.mark.parametrize("answer", [KEEP, WITHDRAW])
def test_what_was_withdrawn_and_comes_back_is_news_whatever_was_answered(answer: DecisionKind) -> None:
    empty = LAB.read_chart([ENCOUNTER], "enc-1", NOW)
    told = before(2, answer, empty, None, changed=(gone("c-1"),), in_question=("c-1",))
    stay = Stay((before(1, APPROVE), told))
    assert not earlier.covered(item("5"), facts(7.1, "5"), stay)


def test_nobody_acts_on_what_was_withdrawn_so_that_its_repeats_ask() -> None:
    first = before(1, APPROVE)
    assert Stay((first,)).accepted == [first]
    assert Stay((first, before(2, WITHDRAW, in_question=("c-1",), asked_by="Nurse"))).accepted == []
    assert Stay((before(1, REJECT),)).accepted == []


def test_what_stands_is_found_through_what_was_kept_and_not_through_what_was_withdrawn() -> None:
    kept = before(2, KEEP, in_question=("c-1",), changed=(gone("c-1"),))
    assert Stay((before(1, APPROVE), kept)).standing("c-2") == ("c-1",)
    gone_since = before(3, WITHDRAW, in_question=("c-1",), asked_by="Nurse")
    stay = Stay((before(1, APPROVE), kept, gone_since))
    assert stay.standing("c-2") == stay.standing("c-1") == stay.standing("c-3") == ()
    assert Stay((before(1, REJECT),)).standing("c-1") == ()


def test_a_replacement_stands_in_place_of_what_it_replaced() -> None:
    stay = Stay((before(1, APPROVE), before(2, APPROVE, in_question=("c-1",), changed=(gone("c-1"),))))
    assert (stay.standing("c-1"), stay.standing("c-2")) == ((), ("c-2",))
