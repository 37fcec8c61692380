"""What speaks against a proof."""

from typing import Any

import pytest

from tests.measure.prove import report


def kept(*attention: dict[str, int]) -> dict[str, Any]:
    runs = [{"seed": n, "findings": [], "attention": counts} for n, counts in enumerate(attention)]
    return {"runs": runs, "controls": [], "power": []}


def test_what_demanded_attention_is_summed() -> None:
    runs = kept({"decided": 3, "open": 1}, {"decided": 2, "unaccounted": 1})["runs"]
    assert report.attention(runs) == "attention: 7 = 5 decided + 0 repeat + 1 open + 0 undecided, 1 unaccounted"


def test_records_of_before_the_oracle_have_no_attention() -> None:
    assert report.attention([{}]).startswith("attention: 0 = ")


@pytest.mark.parametrize(("undecided", "wrong"), [(33, 0), (34, 1)])
def test_more_left_undecided_than_simulated_people_leave_speaks_against_it(undecided: int, wrong: int) -> None:
    assert report.MOST_UNDECIDED == 0.25
    assert len(report.verdict(kept({"decided": 100, "undecided": undecided}))) == wrong


def test_where_nothing_that_demands_attention_was_decided_nothing_is_proved() -> None:
    assert report.verdict(kept({"open": 3})) == [
        "nothing that demands attention was decided: that nothing was lost proves nothing"
    ]
    assert report.verdict(kept()) == []
