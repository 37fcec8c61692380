"""What the validator of a decision refuses, before anything enters history."""

from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from contracts.cases import CaseInput, CaseSignal
from contracts.decisions import DecisionKind, DecisionReceipt, Reviewer, Undo
from contracts.errors import ApprovalError, Refusal
from tests.fakes.samples import NOW, NURSE, PHYSICIAN, REF, SIGNING_KEY, VERIFY_KEY, decision, shown, signed
from workflows.case import Case


@pytest.fixture
def case() -> Case:
    """A case that shows version 1 to a triage nurse."""
    given = CaseInput(ref=REF, due_at=NOW, ladder=(timedelta(0),), roles=(NURSE.role,), verify_key=VERIFY_KEY)
    made = Case(given)
    made.progress.shown = shown()
    return made


def ask(case: Case, **changes: Any) -> Refusal | None:
    unsigned = decision(**changes)
    return answer(case, signed(unsigned))


def answer(case: Case, asked: Any) -> Refusal | None:
    try:
        case.check_decision(asked)
    except ApplicationError as refused:
        assert (refused.type, refused.non_retryable) == (ApprovalError.__name__, True)
        return Refusal(refused.details[0])
    return None


def test_a_signed_approval_of_what_is_shown_is_admitted(case: Case) -> None:
    assert ask(case) is None


@pytest.mark.parametrize("signature", ["", "00" * 64, "no hex", "ü"])
def test_a_decision_that_the_service_did_not_sign_is_refused(case: Case, signature: str) -> None:
    assert answer(case, decision(signature=signature)) == Refusal.SIGNATURE


def test_a_signature_does_not_carry_over_to_another_choice(case: Case) -> None:
    signature = SIGNING_KEY.sign(decision().signed_bytes()).hex()
    forged = decision(kind=DecisionKind.CHANGE, selected="5", reason="x", signature=signature)
    assert answer(case, forged) == Refusal.SIGNATURE


def test_a_role_that_may_not_decide_is_refused(case: Case) -> None:
    assert ask(case, reviewer=NURSE.model_copy(update={"role": "porter"})) == Refusal.ROLE


@pytest.mark.parametrize("changes", [{"version": 2}, {"shown_hash": "hash-2"}])
def test_what_is_not_shown_any_more_is_stale(case: Case, changes: dict[str, Any]) -> None:
    assert ask(case, **changes) == Refusal.STALE


def test_news_make_it_stale_and_what_was_told_before_does_not(case: Case) -> None:
    case.progress.covered = {1, 2}
    case.chart_changed(CaseSignal(event_ids=(1, 2)))
    assert ask(case) is None
    case.chart_changed(CaseSignal(event_ids=(2, 3)))
    assert ask(case) == Refusal.STALE


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"selected": "3"}, Refusal.CONTRADICTION),
        ({"reason": "walks normally"}, Refusal.CONTRADICTION),
        ({"selected": None}, Refusal.CONTRADICTION),
        ({"kind": DecisionKind.CHANGE, "selected": "3", "reason": "calm"}, None),
        ({"kind": DecisionKind.CHANGE, "selected": "3"}, Refusal.CHOICE),
        ({"kind": DecisionKind.CHANGE, "selected": "2", "reason": "same"}, Refusal.CHOICE),
        ({"kind": DecisionKind.CHANGE, "selected": "9", "reason": "no level"}, Refusal.CHOICE),
        ({"kind": DecisionKind.REJECT, "selected": None, "reason": "wrong patient"}, None),
        ({"kind": DecisionKind.REJECT, "selected": None}, Refusal.CHOICE),
        ({"kind": DecisionKind.REJECT, "selected": "2", "reason": "x"}, Refusal.CONTRADICTION),
        ({"kind": DecisionKind.CHOOSE, "selected": "4"}, Refusal.CHOICE),
    ],
)
def test_choice_and_reason_must_fit_the_kind(case: Case, changes: dict[str, Any], expected: Refusal | None) -> None:
    assert ask(case, **changes) == expected


@pytest.mark.parametrize("proposed", [{"selected": None}, {"selected": "2"}])
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"kind": DecisionKind.CHOOSE, "selected": "2"}, None),
        ({"kind": DecisionKind.CHOOSE, "selected": "5"}, None),
        ({"kind": DecisionKind.CHOOSE, "selected": "9"}, Refusal.CHOICE),
        ({"kind": DecisionKind.CHOOSE, "selected": None}, Refusal.CHOICE),
        ({"selected": "2"}, Refusal.CHOICE),
        ({"selected": None}, Refusal.CHOICE),
        ({"kind": DecisionKind.CHANGE, "selected": "3", "reason": "calm"}, Refusal.CHOICE),
        ({"kind": DecisionKind.REJECT, "selected": None, "reason": "wrong patient"}, None),
    ],
)
def test_where_nothing_proven_is_proposed_a_person_chooses_and_cannot_approve(
    case: Case, proposed: dict[str, Any], changes: dict[str, Any], expected: Refusal | None
) -> None:
    assert case.progress.shown
    result = case.progress.shown.result.model_copy(update={"approvable": False} | proposed)
    case.progress.shown = case.progress.shown.model_copy(update={"result": result})
    assert ask(case, **changes) == expected


def undo(case: Case, by: Reviewer = NURSE, decision_id: str = "d-1", case_id: str = REF.case_id) -> Refusal | None:
    unsigned = Undo(decision_id=decision_id, case_id=case_id, reviewer=by, undone_at=NOW)
    return answer_undo(case, unsigned.model_copy(update={"signature": SIGNING_KEY.sign(unsigned.signed_bytes()).hex()}))


def answer_undo(case: Case, signed: Undo) -> Refusal | None:
    try:
        case.check_undo(signed)
    except ApplicationError as refused:
        return Refusal(refused.details[0])
    return None


def test_only_its_author_takes_a_decision_back_and_only_until_it_is_being_written(case: Case) -> None:
    assert undo(case) == Refusal.NOT_OPEN
    case.progress.receipt = DecisionReceipt(
        decision_id="d-1", case_id=REF.case_id, kind=DecisionKind.APPROVE, selected="2", decided_by=NURSE.name,
        reviewer_id=NURSE.reviewer_id, recorded_at=NOW,
    )  # fmt: skip
    assert undo(case) is None
    assert undo(case, by=PHYSICIAN) == Refusal.NOT_YOURS
    assert undo(case, decision_id="d-0") == Refusal.DECIDED
    assert undo(case, case_id="case-2") == Refusal.NOT_OPEN
    unsigned = Undo(decision_id="d-1", case_id=REF.case_id, reviewer=NURSE, undone_at=NOW)
    assert answer_undo(case, unsigned) == Refusal.SIGNATURE
    case.progress.final = True
    assert undo(case) == Refusal.TOO_LATE


def test_a_look_at_the_evidence_that_found_a_change_makes_it_stale(case: Case) -> None:
    case.chart_changed(CaseSignal(event_ids=(), look=True))
    assert ask(case) == Refusal.STALE


def test_a_case_that_shows_nothing_has_ended_or_is_another_is_not_open(case: Case) -> None:
    assert ask(case, case_id="case-2") == Refusal.NOT_OPEN
    case.progress.ladder_ended = True
    assert ask(case) == Refusal.NOT_OPEN
    case.progress.ladder_ended, case.progress.shown = False, None
    assert ask(case) == Refusal.NOT_OPEN


def test_a_case_started_anew_is_stale_until_it_has_shown_its_next_version(case: Case) -> None:
    anew = Case(case.case.model_copy(update={"version": 1}))
    assert ask(anew) == Refusal.STALE
    anew.progress.shown = shown(version=anew.progress.version + 1)
    assert ask(anew) == Refusal.STALE
    assert ask(anew, version=2, shown_hash="hash-2") is None


def test_a_case_started_anew_after_its_decision_takes_no_other(case: Case) -> None:
    anew = Case(case.case.model_copy(update={"version": 1, "decided": True}))
    assert ask(anew) == Refusal.NOT_OPEN


def test_the_second_person_is_told_who_decided(case: Case) -> None:
    case.progress.receipt = DecisionReceipt(
        decision_id="d-0", case_id=REF.case_id, kind=DecisionKind.APPROVE, selected="2", decided_by="Dr Silva"
    )
    with pytest.raises(ApplicationError, match="Dr Silva") as refused:
        unsigned = decision()
        case.check_decision(unsigned.model_copy(update={"signature": SIGNING_KEY.sign(unsigned.signed_bytes()).hex()}))
    assert refused.value.details == (Refusal.DECIDED,)
