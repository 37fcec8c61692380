"""What a person typed is kept as a chart can take it, and what is in doubt has to be answered."""

import pytest
from fastapi import HTTPException
from starlette.datastructures import FormData

from contracts.views import Item, View
from service.worklist import forms


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("  looks\x00 worse\r\nthan\u202e numbers ", "looks worse than numbers"),
        ("\x00\x0b", ""),
        ("日本語 ok", "日本語 ok"),
    ],
)
def test_a_reason_is_one_line_that_any_chart_takes(written: str, kept: str) -> None:
    assert forms.one_line(written) == kept


DOUBTFUL = Item(key="hr", label="Heart rate", text="70", doubt="number")
PLAIN = Item(key="history", label="History", text="fell  at home")
EMPTY = Item(key="told", label="Told", text="", doubt="nobody has heard it")


@pytest.mark.parametrize(
    ("form", "corrected"),
    [
        ({"item-hr": "70", "item-history": "fell  at home", "item-told": ""}, {}),
        ({"item-hr": "70", "confirm-hr": "yes"}, {"hr": "70"}),
        ({"item-hr": "72"}, {"hr": "72"}),
        ({"item-hr": ""}, {"hr": ""}),
        ({"confirm-hr": "yes"}, {}),
        ({"item-told": "", "confirm-told": "yes"}, {}),
        ({"item-told": "fell\nand hit the head"}, {"told": "fell and hit the head"}),
        ({"item-history": "fell at work", "item-unknown": "x"}, {"history": "fell at work"}),
    ],
)
def test_a_mark_is_answered_by_confirming_or_changing_and_what_is_empty_cannot_be_confirmed(
    form: dict[str, str], corrected: dict[str, str]
) -> None:
    view = View(noun="answer", reasons=(), items=(DOUBTFUL, PLAIN, EMPTY))
    found = forms.corrections(view, FormData(form))
    assert {correction.key: correction.text for correction in found} == corrected


TYPED = Item(key="spo2", label="Saturation", text="", doubt="can hardly be right", must_type=True, heard="saturation 9")
UNHEARD = Item(key="told", label="Told", text="", doubt="nobody has heard it", must_type=True)


@pytest.mark.parametrize(
    ("form", "corrected"),
    [
        ({"item-spo2": "", "confirm-spo2": "yes"}, {}),
        ({"confirm-spo2": "yes"}, {}),
        ({"item-spo2": "\u2009 ", "confirm-spo2": "yes"}, {}),
        ({"item-spo2": "94", "confirm-spo2": "yes"}, {"spo2": "94"}),
        ({"item-spo2": "9"}, {"spo2": "9"}),
        ({"item-spo2": "", "leave-out-spo2": "yes"}, {"spo2": ""}),
        ({"item-spo2": "9", "leave-out-spo2": "yes"}, {}),
        ({"item-told": "", "leave-out-told": "yes"}, {}),
    ],
)
def test_what_must_be_typed_is_typed_or_left_out_and_never_confirmed(
    form: dict[str, str], corrected: dict[str, str]
) -> None:
    view = View(noun="answer", reasons=(), items=(TYPED, UNHEARD))
    found = forms.corrections(view, FormData(form))
    assert {c.key: c.text for c in found} == corrected


def test_words_without_end_are_refused_and_not_cut() -> None:
    view = View(noun="answer", reasons=(), items=(PLAIN,))
    with pytest.raises(HTTPException):
        forms.corrections(view, FormData({"item-history": "x" * (forms.ITEM_CHARS + 1)}))
