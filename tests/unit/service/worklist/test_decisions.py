"""A decision has one id however often it is sent, and what the page measured is believed only where it can be."""

import random
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from contracts.decisions import Correction, DecisionKind
from contracts.errors import ApprovalError, Refusal
from integrations import clock
from service.worklist.decisions import believed, decision_id
from service.worklist.forms import DecisionForm
from service.worklist.rows import Row
from tests.fakes.page_ward import PageWard
from tests.fakes.samples import NURSE

HEARD = (Correction(key="hr", text="88"),)
ANSWER: dict[str, Any] = {
    "page_id": "page-1",
    "case_id": "c1",
    "reviewer_id": "n-okafor",
    "kind": DecisionKind.CHANGE,
    "selected": "3",
    "version": 1,
    "shown_hash": "a" * 64,
    "reason": "geht gut, läuft",
    "corrections": HEARD,
}
CHANGED: dict[str, Any] = {
    "page_id": "page-2",
    "case_id": "c2",
    "reviewer_id": "c-lindqvist",
    "kind": DecisionKind.CHOOSE,
    "selected": None,
    "version": 2,
    "shown_hash": "b" * 64,
    "reason": "",
    "corrections": (),
}


def test_the_id_of_a_decision_does_not_depend_on_the_order_of_its_fields() -> None:
    expected, names, shuffle = decision_id(**ANSWER), list(ANSWER), random.Random(1).shuffle
    for _ in range(20):
        shuffle(names)
        assert decision_id(**{name: ANSWER[name] for name in names}) == expected


@pytest.mark.parametrize("name", list(ANSWER))
def test_another_answer_is_another_decision(name: str) -> None:
    assert decision_id(**ANSWER | {name: CHANGED[name]}) != decision_id(**ANSWER)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "f8646badf8f5739fc77f8c1660923339"),
        (
            {"kind": DecisionKind.REJECT, "selected": None, "version": 2, "shown_hash": "b", "reason": "wrong patient"}
            | {"corrections": ()},
            "250271b49e6ffb599c784b881625dabc",
        ),
    ],
)
def test_a_form_that_is_sent_again_after_an_upgrade_is_the_same_decision(
    changes: dict[str, Any], expected: str
) -> None:
    assert decision_id(**ANSWER | changes) == expected, "as it was when the fields had no names"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"kind": DecisionKind.APPROVE}, "a188b53d1c16907d7bd65d1e170930ab"),
        (
            {"kind": DecisionKind.CHANGE, "selected": "4", "reason": "geht gut, läuft", "corrections": HEARD},
            "386a90f632bd745419b21190e15c7231",
        ),
    ],
)
async def test_the_same_form_sent_twice_is_one_decision_whatever_was_measured(
    tmp_path: Path, answer: dict[str, Any], expected: str
) -> None:
    ward = PageWard(tmp_path)
    ward.show("c1")
    row = ward.worklist.row("c1", NURSE)
    assert row is not None
    for dwell_ms in ("5", "5000"):
        form = DecisionForm(page_id="page-1", version=1, shown_hash="a" * 64, dwell_ms=dwell_ms, **answer)
        with pytest.raises(ApprovalError) as refused:
            await ward.decisions.decide(row, form, NURSE)
        assert refused.value.kind == Refusal.STALE, "this hash was never shown"
    assert [sent.decision_id for sent in ward.sent.decisions] == [expected, expected]


def shown(seconds_ago: float) -> Row:
    case: Any = SimpleNamespace(suggested_at=clock.now() - timedelta(seconds=seconds_ago))
    return Row(case, None, None, stale=False, headline="", colour="")


@pytest.mark.parametrize(
    ("measured", "dwell_ms"),
    [
        ("4200", 4200),
        ("0", 0),
        ("", None),
        ("-5", None),
        ("4.2", None),
        ("never", None),
        ("99999", None),
        ("9" * 400, None),
    ],
)
def test_a_dwell_is_a_whole_number_no_longer_than_the_suggestion_was_there(measured: str, dwell_ms: int | None) -> None:
    assert believed(measured, shown(seconds_ago=10)) == dwell_ms
