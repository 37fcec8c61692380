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
from contracts.tuning import RegisteredModel, VerdictOutcome
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


def test_earlier_models_and_rounds_say_by_their_words_what_they_were_found_to_be() -> None:
    lines = (RECORDS / "models.ndjson").read_text().splitlines()
    models = [RegisteredModel.model_validate_json(line) for line in lines]
    rounds = RoundsReport.model_validate_json((RECORDS / "rounds.json").read_text()).rounds
    assert [model.name for model in models] == ["base", *(told.name for told in rounds)]
    outcomes = [VerdictOutcome(told.name.replace("-", "_")) for told in rounds]
    assert [model.outcome for model in models] == [VerdictOutcome.UNTUNED, *outcomes]
    assert [told.judged.outcome for told in rounds] == outcomes
    assert [model.verdict for model in models] == [json.loads(line)["verdict"] for line in lines], "printed as ever"
    assert [model.reason for model in models] == ["", "", *(told.judged.verdict for told in rounds[1:])]


def test_words_that_nobody_knows_any_more_are_a_refusal() -> None:
    line = (RECORDS / "models.ndjson").read_text().splitlines()[1]
    found = RegisteredModel.model_validate(json.loads(line) | {"verdict": "betterish"})
    assert (found.outcome, found.verdict) == (VerdictOutcome.REFUSED, "betterish")


def test_a_model_is_stored_and_read_again_unchanged() -> None:
    for line in (RECORDS / "models.ndjson").read_text().splitlines():
        model = RegisteredModel.model_validate_json(line)
        assert RegisteredModel.model_validate_json(model.model_dump_json()) == model
