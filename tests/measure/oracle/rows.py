"""Makes the oracle's data from rows of the ledger, as plain SQL gives them, without the ledger's code."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.measure.oracle.answers import Case, Decision, Shown

Row = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """What the ledger says of cases, suggestions and decisions; the last three arguments of `account.check`."""

    cases: list[Case]
    shown: list[Shown]
    decisions: list[Decision]


def told(
    cases: Iterable[Row],
    runs: Iterable[Row],
    decisions: Iterable[Row],
    acknowledged: Iterable[Row],
    read: Callable[[str], bytes],
) -> Told:
    """Return it from the rows of these tables; `read` gets the content of a blob."""
    noted = {row["case_id"] for row in acknowledged}
    made = {
        row["case_id"]: Case(
            case_id=row["case_id"],
            pathway=row["pathway"],
            encounter_id=row["encounter_id"],
            generation=row["generation"],
            state=row["state"],
            version=row["version"],
            acknowledged=row["case_id"] in noted,
        )
        for row in cases
    }
    shown = [
        Shown(
            of.case_id,
            of.pathway,
            of.encounter_id,
            of.generation,
            row["version"],
            json.loads(read(row["suggestion_blob"])),
        )
        for row in runs
        if (of := made.get(row["case_id"]))
    ]
    return Told(list(made.values()), shown, [_decision(json.loads(row["document"])) for row in decisions])


def _decision(document: Row) -> Decision:
    return Decision(
        case_id=document["case_id"],
        version=document["version"],
        kind=document["kind"],
        selected=document.get("selected"),
        decided_at=datetime.fromisoformat(document["decided_at"]),
    )
