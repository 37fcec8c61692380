"""What decisions teach: whose word counts how much, and which answer costs most."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.ed_triage import reward
from agents.ed_triage.pathway import EdTriage
from agents.pathway import TeachingPathway
from contracts.decisions import DecisionKind
from contracts.ed_triage import EdTriageOptions
from contracts.suggestions import MadeBy
from contracts.tuning import Arm, DecidedCase, NoLesson, Outcome, TrainingRow
from tests.fakes.samples import NOW, facts

PATHWAY = EdTriage(EdTriageOptions(scale="ktas"))
LEVELS = st.integers(0, 4)


def case(**changes: object) -> DecidedCase:
    shown = DecidedCase(
        row_id="c-1",
        facts=facts(complaint="chest pain", hr=112),
        kind=DecisionKind.CHANGE,
        suggested="4",
        selected="3",
        made_by=MadeBy.MODEL,
        decision_id="d-1",
        reviewer_id="r-1",
        reviewer_role="triage_nurse",
        dwell_ms=20000,
    )
    return shown.model_copy(update=changes)


UNAIDED = {"arm": Arm.UNAIDED, "suggested": None, "made_by": None}
APPROVED = {"kind": DecisionKind.APPROVE, "suggested": "3"}


def row(**changes: object) -> TrainingRow:
    made = PATHWAY.lesson(case(**changes))
    assert isinstance(made, TrainingRow)
    return made


def after(*kinds: str) -> tuple[Outcome, ...]:
    return tuple(Outcome(kind=kind, known_at=NOW, resource="Encounter/e-1/_history/2") for kind in kinds)


def test_triage_is_a_pathway_that_teaches() -> None:
    assert isinstance(PATHWAY, TeachingPathway)


def test_an_approval_weighs_less_than_a_change_and_an_unaided_decision_most() -> None:
    assert 0 < row(**APPROVED).weight < row().weight < row(**UNAIDED).weight


def test_a_choice_beside_an_unsure_level_weighs_by_how_far_that_may_have_been_its_anchor() -> None:
    chosen = {"kind": DecisionKind.CHOOSE, "reasoned": False}
    as_shown, otherwise = row(**chosen, suggested="3").weight, row(**chosen).weight
    assert row(**APPROVED).weight < as_shown < otherwise == row().weight
    assert row(**chosen, **UNAIDED | {"made_by": MadeBy.RULES}).weight == row(**UNAIDED).weight


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"made_by": MadeBy.RULES}, NoLesson.RULES_ONLY),
        ({"made_by": None}, NoLesson.RULES_ONLY),
        ({"kind": DecisionKind.REJECT, "selected": None}, NoLesson.REJECTED),
        ({"selected": "9"}, NoLesson.UNKNOWN_CHOICE),
        ({**APPROVED, "reasoned": True}, NoLesson.CONTRADICTORY),
        ({"kind": DecisionKind.APPROVE}, NoLesson.CONTRADICTORY),  # of another level than was shown
        ({"kind": DecisionKind.REJECT}, NoLesson.CONTRADICTORY),
        ({"reasoned": False}, NoLesson.CONTRADICTORY),  # a change
        ({"kind": DecisionKind.CHOOSE, "suggested": "3", "dwell_ms": 100}, NoLesson.TOO_FAST),
        ({**APPROVED, "dwell_ms": reward.DWELL_FLOOR_MS - 1}, NoLesson.TOO_FAST),
        ({**APPROVED, "dwell_ms": None}, NoLesson.TOO_FAST),
    ],
)
def test_what_teaches_nothing_says_why(changes: dict[str, object], why: NoLesson) -> None:
    assert PATHWAY.lesson(case(**changes)) == why


def test_a_quick_change_still_counts_since_it_took_a_reason() -> None:
    assert row(dwell_ms=100).weight == row().weight


def test_the_row_asks_what_the_graph_asks_and_names_where_it_came_from() -> None:
    made = row(source_model="m-1")
    assert (made.decision_id, made.reviewer_role, made.source_model) == ("d-1", "triage_nurse", "m-1")
    assert made.request.step == "judge"
    assert len(made.request.choices) == len(made.target) == len(made.reward)
    assert made.features == PATHWAY.features(case().facts)


@given(LEVELS)
def test_the_target_is_a_distribution_around_what_the_person_chose(chosen: int) -> None:
    made = reward.target(chosen, 5)
    assert sum(made) == pytest.approx(1)
    assert max(made) == made[chosen] > 0.75
    assert all(a > b for a, b in pairwise(made[chosen:]))
    assert all(a < b for a, b in pairwise(made[: chosen + 1]))


@given(LEVELS, st.integers(1, 4))
def test_under_triage_costs_more_than_as_much_over_triage_and_less_than_no_answer(chosen: int, by: int) -> None:
    made = reward.rewards(chosen, 5)
    assert max(made) == made[chosen] == 1
    if by <= chosen < 5 - by:
        assert made[chosen + by] < made[chosen - by] < 1
    assert min(made) > reward.NO_ANSWER


def test_an_outcome_doubts_or_confirms_a_decision_and_never_replaces_it() -> None:
    low, high = row(selected="5"), row(selected="2")
    for kind in ("died", "icu", "admitted", "transferred", "discharged"):
        for plain, selected in ((low, "5"), (high, "2")):
            made = row(selected=selected, outcomes=after(kind))
            assert (made.target, made.reward) == (plain.target, plain.reward)
            assert made.weight > 0
    assert row(selected="5", outcomes=after("icu")).weight < row(selected="5", outcomes=after("admitted")).weight
    assert row(selected="5", outcomes=after("admitted")).weight < low.weight
    assert row(selected="2", outcomes=after("died")).weight > high.weight
    assert row(selected="2", outcomes=after("discharged")).weight == high.weight
