"""One broken row hides no other."""

from types import SimpleNamespace
from typing import Any

from service.worklist.rows import Worklist


def test_a_case_of_a_pathway_that_left_the_configuration_is_a_row_still() -> None:
    world: Any = SimpleNamespace(pathways={}, records=SimpleNamespace(suggestion=lambda _blob: None))
    case: Any = SimpleNamespace(case_id="c", pathway="gone", suggestion_blob="b", state="open")
    row = Worklist(world)._row(case, newer=False, decision=None)
    assert "judge by hand" in row.headline
