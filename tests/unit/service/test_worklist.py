"""What the page measured is believed only where it can be."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from integrations.ledger import tables
from service.worklist import Row, believed


def shown(seconds_ago: float) -> Row:
    case: Any = SimpleNamespace(suggested_at=tables.now() - timedelta(seconds=seconds_ago))
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
