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
from contracts.errors import TuningError
from contracts.model_calls import TokenLogprob
from contracts.rounds import RoundsReport
from contracts.suggestions import Suggestion
from contracts.trajectories import AnswerStep, CallDetails, Extra, Trajectory
from contracts.tuning import RegisteredModel, VerdictOutcome
from tests.fakes.full_ledger import VERIFY
from tuning import trajectory

RECORDS = Path(__file__).parent / "records"
PATHWAYS = ("ed_triage", "result_followup", "dictation")


def kept(pathway: str) -> bytes:
    return (RECORDS / f"{pathway}.trajectory.json").read_bytes()


def built(pathway: str) -> Trajectory:
    """Return the trajectory of the same case, as this program makes it."""
    case: dict[str, Any] = json.loads((RECORDS / f"{pathway}.case.json").read_text())
    runs = [trajectory.Run.model_validate_json(json.dumps(run)) for run in case["runs"]]
    decision = Decision.model_validate_json(json.dumps(case["decision"])) if case["decision"] else None
    ref = CaseRef.model_validate(case["ref"])
    return trajectory.build(ref, CaseState(case["state"]), runs, decision, case["agent_version"])


@pytest.mark.parametrize("pathway", PATHWAYS)
def test_the_same_case_still_makes_the_same_bytes(pathway: str) -> None:
    assert built(pathway).canonical() == kept(pathway)


@pytest.mark.parametrize("pathway", PATHWAYS)
def test_a_foreign_reader_opens_the_trajectory_of_each_pathway(pathway: str) -> None:
    assert atif.Trajectory.model_validate_json(kept(pathway)).trajectory_id == f"case-{pathway}"


@pytest.mark.parametrize("pathway", PATHWAYS)
def test_an_earlier_trajectory_is_read_as_what_it_is_and_hashed_alike(pathway: str) -> None:
    read = trajectory.read(kept(pathway))
    assert read == built(pathway) and read.canonical() == kept(pathway)


def without(value: Any, names: set[str]) -> Any:
    """Return a JSON value without the fields of these names, wherever they stand."""
    if isinstance(value, dict):
        return {key: without(inner, names) for key, inner in value.items() if key not in names}
    return [without(inner, names) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("pathway", PATHWAYS)
def test_a_trajectory_of_before_later_fields_were_kept_is_read(pathway: str) -> None:
    later = {"arm", "dwell_ms", "corrections", "evidence", "measured", "worked", "note"}
    older = trajectory.read(json.dumps(without(json.loads(kept(pathway)), later)).encode())
    newer = built(pathway)
    assert older.case.arm is None and older.case.trainable == newer.case.trainable
    assert [step.message for step in older.steps] == [step.message for step in newer.steps]


@pytest.mark.parametrize("broken", [b"", b"{}", b'{"trajectory_id": "Zebedee Quillfeather"}'])
def test_a_file_that_is_no_trajectory_is_refused_without_quoting_it(broken: bytes) -> None:
    with pytest.raises(TuningError, match="unreadable") as fault:
        trajectory.read(broken)
    assert "Quillfeather" not in str(fault.value)


def test_a_trajectory_of_another_version_is_refused() -> None:
    other = kept("dictation").replace(
        b'"pathway": "dictation", "schema_version": 1', b'"pathway": "dictation", "schema_version": 2', 1
    )
    assert other != kept("dictation")
    with pytest.raises(TuningError, match="unreadable"):
        trajectory.read(other)


@pytest.mark.parametrize("value", [float("-inf"), float("inf"), float("nan")])
def test_a_number_that_json_has_no_word_for_is_kept_as_ever(value: float) -> None:
    case = built("ed_triage")
    steps = [step for step in case.steps if isinstance(step, AnswerStep)]
    details = steps[0].metrics.extra.wardflow
    odd = details.model_copy(update={"top_logprobs": ((TokenLogprob(token="2", logprob=value),),)})
    metrics = steps[0].metrics.model_copy(update={"extra": Extra[CallDetails](wardflow=odd)})
    file = case.model_copy(update={"steps": (steps[0].model_copy(update={"metrics": metrics}),)})
    assert f'"logprob": {json.dumps(value)}'.encode() in file.canonical()
    assert trajectory.read(file.canonical()).canonical() == file.canonical()


@pytest.mark.parametrize("pathway", PATHWAYS)
@pytest.mark.parametrize("measured", [True, False])
def test_a_suggestion_is_hashed_as_it_was_shown(pathway: str, measured: bool) -> None:
    run = json.loads((RECORDS / f"{pathway}.case.json").read_text())["runs"][-1]
    suggestion = Suggestion.model_validate(run["suggestion"] | {"measured": measured})
    fields = list(suggestion.model_dump(mode="json"))
    assert fields[:-1] == list(run["suggestion"]) and fields[-1] == "earlier", "the order of fields is hashed"
    assert (suggestion.sha256() == run["suggestion_hash"]) == measured


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
