"""One ATIF v1.8 file a case: what was asked, answered, shown and decided (docs/trajectory.md describes `extra`)."""

from collections.abc import Sequence
from typing import Any

from contracts.cases import CaseRef, CaseState
from contracts.decisions import Decision, contradiction
from contracts.errors import TuningError
from contracts.frozen import Frozen
from contracts.model_calls import Message, ModelCall
from contracts.suggestions import MadeBy, Suggestion
from contracts.tuning import Arm

ATIF = "ATIF-v1.8"
EXTRA_VERSION = 1
Document = dict[str, Any]


class Run(Frozen):
    """One version of a case's suggestion, with the calls that made it, in order."""

    version: int
    snapshot_blob: str
    suggestion: Suggestion
    suggestion_hash: str
    shown_at: str
    calls: tuple[ModelCall, ...]


def build(
    ref: CaseRef, state: CaseState, runs: Sequence[Run], decision: Decision | None, agent_version: str
) -> Document:
    """Return the validated file. A call whose ids and log-probabilities don't agree is kept without them."""
    steps: list[Document] = []
    for run in runs:
        for call in run.calls:
            steps += _call_steps(run, call)
        steps.append(_proposal_step(run, decision if decision and decision.version == run.version else None))
    for number, step in enumerate(steps, 1):
        step["step_id"] = number
    calls = [call for run in runs for call in run.calls]
    token_exact = bool(calls) and all(map(_exact, calls))
    decided = next((run for run in runs if decision and decision.version == run.version), None)
    document: Document = {
        "schema_version": ATIF,
        "trajectory_id": ref.case_id,
        "agent": {"name": f"wardflow.{ref.pathway}", "version": agent_version},
        "steps": steps,
        "extra": {
            "wardflow": {
                "schema_version": EXTRA_VERSION,
                "pathway": ref.pathway,
                "generation": ref.generation,
                "state": state,
                "decision": decision.model_dump(mode="json") if decision else None,
                "arm": _arm(decided) if decision else None,
                "token_exact": token_exact,
                "deidentified": False,
                "trainable": bool(decided and decision and _trainable(decided.suggestion, decision, token_exact)),
            }
        },
    }
    validate(document)
    return document


def _arm(decided: Run | None) -> Arm:
    return Arm.SHOWN if decided and decided.suggestion.selected is not None else Arm.UNAIDED


def _trainable(shown: Suggestion, decision: Decision, token_exact: bool) -> bool:
    """Return whether it is a label: a person's, of a model's suggestion or of none, that says what they meant.

    A level that rules proposed teaches a model nothing (I11, I13).
    """
    if contradiction(decision.kind, decision.selected, decision.reason, shown.selected):
        return False
    return shown.selected is None or (shown.made_by == MadeBy.MODEL and token_exact)


def validate(document: Document) -> None:
    """Refuse a file whose captured tokens can't be the server's own. Raises TuningError, naming the step."""
    for step in document["steps"]:
        metrics = step.get("metrics")
        if metrics is None:
            continue
        where = f"step {step['step_id']}"
        ids, logprobs = metrics.get("completion_token_ids"), metrics.get("logprobs")
        if (ids is None) != (metrics.get("prompt_token_ids") is None):
            raise TuningError("half_captured", f"{where} has ids of prompt or completion only")
        if ids is not None and len(ids) != len(logprobs or ()):
            raise TuningError("misaligned", f"{where} has not one log-probability for each token")
        if logprobs is not None and any(not value <= 0.0 for value in logprobs):
            raise TuningError("no_logprob", f"{where} has a log-probability above 0")
        extra = metrics["extra"]["wardflow"]
        if not extra["policy_version"] or extra["sampling"] is None:
            raise TuningError("unknown_policy", f"{where} does not say which model sampled it, and how")


def _exact(call: ModelCall) -> bool:
    ids, logprobs = call.completion_token_ids, call.logprobs
    aligned = ids is not None and call.prompt_token_ids is not None and len(ids) == len(logprobs or ())
    return aligned and all(value <= 0.0 for value in logprobs or ())


def _call_steps(run: Run, call: ModelCall) -> list[Document]:
    captured = call if _exact(call) else None  # half a capture is none: it would train on what nobody sampled
    heard = call.request.recording
    spoken = (Message(role="user", content=f"recording {heard.blob}"),) if heard else ()
    asked = [_asked(message) for message in (*call.request.messages, *spoken)]
    metrics = {
        "prompt_token_ids": captured and captured.prompt_token_ids,
        "completion_token_ids": captured and captured.completion_token_ids,
        "logprobs": captured and captured.logprobs,
        "extra": {
            "wardflow": {
                "policy_version": call.model,
                "endpoint": call.endpoint,
                "sampling": {"temperature": call.request.temperature, "max_tokens": call.request.max_tokens},
                "grammar_hash": call.grammar_hash,
                "choices": list(call.request.choices),
                "top_logprobs": [[t.model_dump() for t in row] for row in call.top_logprobs],
                "finish_reason": call.finish_reason,
                "latency_ms": call.latency_ms,
            }
        },
    }
    answered = {
        "source": "agent",
        "timestamp": call.called_at.isoformat(),
        "model_name": call.model,
        "message": call.content,
        "metrics": {name: list(v) if isinstance(v, tuple) else v for name, v in metrics.items() if v is not None},
        "llm_call_count": 1,
        "extra": {"wardflow": {"step": call.request.step, "version": run.version}},
    }
    return [*asked, answered]


def _asked(message: Message) -> Document:
    if message.role == "assistant":  # a worked example in the prompt, which nobody sampled: never trained on
        return {"source": "agent", "message": message.content, "is_copied_context": True}
    return {"source": message.role, "message": message.content}


def _proposal_step(run: Run, decision: Decision | None) -> Document:
    shown = run.suggestion
    decided = {"content": decision.kind, "extra": {"wardflow": decision.model_dump(mode="json")}} if decision else None
    proposal = {
        "snapshot_blob": run.snapshot_blob,
        "suggestion_hash": run.suggestion_hash,
        "shown_at": run.shown_at,
        "suggestion": shown.model_dump(mode="json", exclude={"facts"}),
    }
    return {
        "source": "agent",
        "message": f"proposes {shown.selected or 'no level'} by {shown.made_by}, support {shown.support}",
        "llm_call_count": 0,
        "tool_calls": [
            {
                "tool_call_id": f"approval-{run.version}",
                "function_name": "request_approval",
                "arguments": {"version": run.version, "selected": shown.selected},
            }
        ],
        "observation": {"results": [{"source_call_id": f"approval-{run.version}", **(decided or {"content": "none"})}]},
        "extra": {"wardflow": proposal},
    }
