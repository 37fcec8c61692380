"""What the page measured is believed only where it can be, and one broken row hides no other."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from integrations import clock
from service.worklist.rows import Row, Worklist, believed


def shown(seconds_ago: float) -> Row:
    case: Any = SimpleNamespace(suggested_at=clock.now() - timedelta(seconds=seconds_ago))
    return Row(case, None, None, stale=False, headline="", colour="")


@pytest.mark.parametrize(
    ("told", "dwell_ms"),
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
def test_a_dwell_is_a_whole_number_no_longer_than_the_suggestion_was_there(told: str, dwell_ms: int | None) -> None:
    assert believed(told, shown(seconds_ago=10)) == dwell_ms


def test_a_case_of_a_pathway_that_left_the_configuration_is_a_row_still() -> None:
    world: Any = SimpleNamespace(pathways={}, suggestion=lambda _blob: None)
    nothing: Any = None
    case: Any = SimpleNamespace(case_id="c", pathway="gone", suggestion_blob="b", state="open")
    row = Worklist(world, nothing, nothing)._row(case, newer=False, decision=None)
    assert "judge by hand" in row.headline
