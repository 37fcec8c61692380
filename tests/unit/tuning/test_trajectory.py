"""One file a case, which others can open and which never claims tokens that the server did not give."""

import json
from typing import Any

import atif
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.ed_triage import graph
from contracts.cases import CaseState
from contracts.decisions import Decision, DecisionKind
from contracts.ed_triage import EdTriageOptions
from contracts.errors import Fallback, TuningError, TuningFault
from contracts.model_calls import ChatRequest, Message, ModelCall
from contracts.suggestions import MadeBy
from contracts.trajectories import Trajectory
from tests.fakes.samples import ESI, REF, decision, facts, suggestion
from tests.fakes.scripted_chat import ScriptedChat, called, favouring, reasons
from tuning import reading, trajectory

REQUEST = ChatRequest(
    step="judge",
    messages=(Message(role="system", content="You triage."), Message(role="user", content="hr: HR 112")),
    max_tokens=4,
)
CALL = called(REQUEST, "2", favouring("2"))
RULES = suggestion(made_by=MadeBy.RULES, model=None, fallback=Fallback.UNREACHABLE)


def run(version: int = 1, calls: tuple[ModelCall, ...] = (CALL,), **changes: Any) -> trajectory.Run:
    given = {
        "version": version,
        "snapshot_blob": f"chart-{version}",
        "suggestion": suggestion(),
        "suggestion_hash": f"hash-{version}",
        "shown_at": "2026-01-05T08:31:00+00:00",
        "calls": calls,
    }
    return trajectory.Run.model_validate(given | changes)


def build(*runs: trajectory.Run, made: Decision | None = None) -> dict[str, Any]:
    return trajectory.build(REF, CaseState.WRITTEN, runs, made, "0.1.0").model_dump(mode="json")


def read(document: dict[str, Any]) -> Trajectory:
    return trajectory.read(json.dumps(document).encode())


def extra(document: dict[str, Any]) -> dict[str, Any]:
    return document["extra"]["wardflow"]


def test_a_foreign_reader_opens_the_file_and_finds_the_servers_own_tokens() -> None:
    document = json.loads(json.dumps(build(run(), run(2), made=decision(version=2))))
    opened = atif.Trajectory.model_validate(document)
    assert (opened.schema_version, opened.trajectory_id, opened.agent.name) == (
        "ATIF-v1.8", "case-1", "wardflow.ed_triage",
    )  # fmt: skip
    assert [step.source for step in opened.steps] == ["system", "user", "agent", "agent"] * 2
    metrics = opened.steps[2].metrics
    assert metrics is not None
    assert (metrics.prompt_token_ids, metrics.completion_token_ids, metrics.logprobs) == ([1, 2, 3], [50], [-0.5])


async def test_a_foreign_reader_opens_what_the_graph_of_emergency_triage_asked() -> None:
    chat = ScriptedChat(favouring("2"), reasons(("HR 112 is fast", ["hr"])))
    made = await graph.build(ESI, EdTriageOptions(), chat).ainvoke({"facts": facts(hr=112)})
    document = build(run(calls=tuple(chat.calls), suggestion=made["suggestion"]), made=decision())
    atif.Trajectory.model_validate(document)


def test_the_decision_stands_at_the_version_that_it_was_taken_on() -> None:
    document = build(run(), run(2), made=decision(version=2))
    results = [s["observation"]["results"][0] for s in document["steps"] if "observation" in s]
    assert [r["content"] for r in results] == ["none", DecisionKind.APPROVE]
    assert Decision.model_validate(results[1]["extra"]["wardflow"]) == decision(version=2)
    assert Decision.model_validate(extra(document)["decision"]) == decision(version=2)


def test_what_was_shown_and_what_it_rests_on_are_named() -> None:
    proposal = build(run(), made=decision())["steps"][-1]["extra"]["wardflow"]
    assert (proposal["snapshot_blob"], proposal["suggestion_hash"]) == ("chart-1", "hash-1")
    assert "facts" not in proposal["suggestion"]


NOTHING = suggestion(made_by=MadeBy.RULES, model=None, selected=None, support="rules only")


def test_a_choice_where_nothing_was_proposed_is_an_unaided_label() -> None:
    document = build(run(calls=(), suggestion=NOTHING), made=decision(kind=DecisionKind.CHOOSE, selected="4"))
    assert (extra(document)["arm"], extra(document)["trainable"]) == ("unaided", True)
    assert document["steps"][-1]["message"].startswith("proposes no level by rules")


@pytest.mark.parametrize("made", [decision(reason="wrong patient"), decision(selected="4")])
def test_a_decision_that_contradicts_itself_is_not_trainable(made: Decision) -> None:
    document = build(run(), made=made)
    assert extra(document)["trainable"] is False
    document["extra"]["wardflow"]["trainable"] = True  # as older files have it
    older = read(document)
    assert reading.contradictory(older) and "not trainable, an approval" in reading.steps(older, ())[0]


def test_a_models_decided_case_with_exact_tokens_is_trainable() -> None:
    document = extra(build(run(), made=decision()))
    assert (document["token_exact"], document["trainable"], document["deidentified"]) == (True, True, False)


@pytest.mark.parametrize(
    ("runs", "made"),
    [
        ((run(calls=(), suggestion=RULES),), decision()),  # rules only
        ((run(suggestion=RULES),), decision()),  # the model answered nonsense
        ((run(), run(2, calls=(), suggestion=RULES)), decision(version=2)),  # decided on rules
        ((run(),), None),  # nobody decided
        ((run(),), decision(version=7)),  # decided on what is not there
        ((run(calls=(CALL, CALL.model_copy(update={"prompt_token_ids": None, "completion_token_ids": None}))),),
         decision()),  # one call without the server's tokens
    ],
    ids=range(6),
)  # fmt: skip
def test_a_case_that_teaches_nothing_is_not_trainable(runs: tuple[trajectory.Run, ...], made: Decision | None) -> None:
    assert extra(build(*runs, made=made))["trainable"] is False


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"logprobs": [-0.1, -0.2]}, "misaligned"),
        ({"logprobs": None}, "misaligned"),
        ({"completion_token_ids": [50, 51]}, "misaligned"),
        ({"prompt_token_ids": None}, "half_captured"),
        ({"completion_token_ids": None}, "half_captured"),
        ({"logprobs": [0.1]}, "no_logprob"),
        ({"logprobs": [float("nan")]}, "no_logprob"),
    ],
)
def test_a_file_whose_tokens_cannot_be_the_servers_own_is_refused(changes: dict[str, Any], kind: str) -> None:
    document = build(run(calls=(CALL,)))
    document["steps"][2]["metrics"] |= changes
    with pytest.raises(TuningError, match="step 3") as fault:
        trajectory.validate(read(document))
    assert fault.value.kind == kind


def test_a_call_of_an_unknown_model_is_refused() -> None:
    with pytest.raises(TuningError) as fault:
        build(run(calls=(CALL.model_copy(update={"model": ""}),)))
    assert fault.value.kind == TuningFault.UNKNOWN_POLICY


def test_a_call_without_sampling_settings_is_refused() -> None:
    document = build(run())
    document["steps"][2]["metrics"]["extra"]["wardflow"]["sampling"] = None
    with pytest.raises(TuningError) as fault:
        trajectory.validate(read(document))
    assert fault.value.kind == TuningFault.UNKNOWN_POLICY


@given(st.lists(st.floats(-100, 1), max_size=4), st.lists(st.integers(0, 9), max_size=4))
def test_tokens_are_kept_exactly_when_they_agree_with_logprobs(logprobs: list[float], ids: list[int]) -> None:
    call = CALL.model_copy(update={"logprobs": tuple(logprobs), "completion_token_ids": tuple(ids)})
    agree = len(ids) == len(logprobs) and all(value <= 0 for value in logprobs)
    document = build(run(calls=(call,)), made=decision())
    atif.Trajectory.model_validate(document)
    assert extra(document)["token_exact"] is extra(document)["trainable"] is agree
    assert ("completion_token_ids" in document["steps"][2]["metrics"]) is agree


def test_an_empty_answer_with_tokens_is_no_reason_to_lose_the_whole_file() -> None:
    build(run(calls=(CALL.model_copy(update={"content": "", "completion_token_ids": (), "logprobs": None}),)))
