"""Records of earlier programs stay readable: trajectories, decisions, registered models and reports of rounds.

`records/PATHWAY.case.json` is what a case left in the ledger, `records/PATHWAY.trajectory.json` the file that was kept
of it, as of November 2026. Everyone in them is made up.
"""

import json
from pathlib import Path
from typing import Any

import atif
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from contracts.cases import CaseRef, CaseState
from contracts.decisions import Decision
from contracts.rounds import RoundsReport
from contracts.tuning import RegisteredModel
from tests.fakes.full_ledger import VERIFY
from tuning import trajectory

RECORDS = Path(__file__).parent / "records"
PATHWAYS = ("ed_triage", "result_followup", "dictation")


def kept(pathway: str) -> bytes:
    return (RECORDS / f"{pathway}.trajectory.json").read_bytes()


def built(pathway: str) -> trajectory.Document:
    """Return the trajectory of the same case, as this program makes it."""
    case: dict[str, Any] = json.loads((RECORDS / f"{pathway}.case.json").read_text())
    runs = [trajectory.Run.model_validate_json(json.dumps(run)) for run in case["runs"]]
    decision = Decision.model_validate_json(json.dumps(case["decision"])) if case["decision"] else None
    ref = CaseRef.model_validate(case["ref"])
    return trajectory.build(ref, CaseState(case["state"]), runs, decision, case["agent_version"])


@pytest.mark.parametrize("pathway", PATHWAYS)
def test_the_same_case_still_makes_the_same_bytes(pathway: str) -> None:
    assert json.dumps(built(pathway), sort_keys=True).encode() == kept(pathway)


@pytest.mark.parametrize("pathway", PATHWAYS)
def test_a_foreign_reader_opens_the_trajectory_of_each_pathway(pathway: str) -> None:
    assert atif.Trajectory.model_validate_json(kept(pathway)).trajectory_id == f"case-{pathway}"


def test_an_earlier_decision_is_still_signed() -> None:
    text = (RECORDS / "decision.json").read_text()
    decision = Decision.model_validate_json(text)
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(VERIFY)).verify(
        bytes.fromhex(decision.signature), decision.signed_bytes()
    )
    assert decision.model_dump_json() == text.strip()


def test_earlier_models_and_rounds_are_readable() -> None:
    models = [
        RegisteredModel.model_validate_json(line) for line in (RECORDS / "models.ndjson").read_text().splitlines()
    ]
    report = RoundsReport.model_validate_json((RECORDS / "rounds.json").read_text())
    assert [model.name for model in models] == ["base", *(told.name for told in report.rounds)]
