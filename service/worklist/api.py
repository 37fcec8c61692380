"""The list as JSON, for programs."""

from typing import Any

from fastapi import APIRouter

from service.worklist.dependencies import SignedIn, Worklist
from service.worklist.rows import Row

router = APIRouter(prefix="/api")


@router.get("/cases")
def cases(me: SignedIn, worklist: Worklist) -> list[dict[str, Any]]:
    """Return the rows of the list, in its order."""
    return [_as_json(row) for row in worklist.rows(me)]


def _as_json(row: Row) -> dict[str, Any]:
    return {
        **row.case.model_dump(mode="json", exclude={"suggestion_blob", "snapshot_blob"}),
        "decidable": row.decidable,
        "approvable": row.approvable,
        "kinds": list(row.kinds),
        "choices": [choice.code for choice in row.suggestion.choices] if row.suggestion else [],
        "selected": row.suggestion.selected if row.suggestion else None,
        "made_by": row.suggestion.made_by if row.suggestion else None,
        "items": [item.model_dump() for item in row.view.items] if row.view else [],
    }
