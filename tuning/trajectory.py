"""Makes the trajectory of a case, and reads it again: what was asked, answered, shown and decided."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import ValidationError

from contracts.cases import CaseRef, CaseState
from contracts.decisions import Decision, contradiction
from contracts.errors import TuningError, TuningFault
from contracts.frozen import Frozen
from contracts.model_calls import Message, ModelCall
from contracts.suggestions import MadeBy, Suggestion
from contracts.trajectories import (
    Agent,
    AnswerStep,
    ApprovalArguments,
    ApprovalCall,
    ApprovalResult,
    CallDetails,
    CallPlace,
    CaseDetails,
    Extra,
    Metrics,
    Observation,
    PromptStep,
    ProposalDetails,
    ProposalStep,
    Sampling,
    ShownProposal,
    Step,
    Trajectory,
)
from contracts.tuning import Arm


class Run(Frozen):
    """One version of a case's suggestion, with the calls that made it, in order."""

    version: int
    snapshot_blob: str
    suggestion: Suggestion
    suggestion_hash: str
    shown_at: datetime
    calls: tuple[ModelCall, ...]


def build(
    ref: CaseRef, state: CaseState, runs: Sequence[Run], decision: Decision | None, agent_version: str
) -> Trajectory:
    """Return the validated file. A call whose ids and log-probabilities don't agree is kept without them."""
    steps: list[Step] = []
    for run in runs:
        for call in run.calls:
            steps += _call_steps(run, call)
        steps.append(_proposal_step(run, decision if decision and decision.version == run.version else None))
    calls = [call for run in runs for call in run.calls]
    token_exact = bool(calls) and all(map(_exact, calls))
    decided = next((run for run in runs if decision and decision.version == run.version), None)
    case = CaseDetails(
        pathway=ref.pathway,
        generation=ref.generation,
        state=state,
        decision=decision,
        arm=_arm(decided) if decision else None,
        token_exact=token_exact,
        trainable=bool(decided and decision and _trainable(decided.suggestion, decision, token_exact)),
    )
    trajectory = Trajectory(
        trajectory_id=ref.case_id,
        agent=Agent(name=f"wardflow.{ref.pathway}", version=agent_version),
        steps=tuple(step.model_copy(update={"step_id": number}) for number, step in enumerate(steps, 1)),
        extra=Extra(wardflow=case),
    )
    validate(trajectory)
    return trajectory


def read(content: bytes) -> Trajectory:
    """Return the trajectory of a file. Raises TuningError for what is none, or of a version that is not known here."""
    try:
        return Trajectory.model_validate_json(content)
    except ValidationError:  # it quotes the file, and so a patient
        raise TuningError(
            TuningFault.UNREADABLE, "the file is no trajectory that this version of Wardflow knows"
        ) from None


def _arm(decided: Run | None) -> Arm:
    return Arm.SHOWN if decided and decided.suggestion.selected is not None else Arm.UNAIDED


def _trainable(shown: Suggestion, decision: Decision, token_exact: bool) -> bool:
    """Return whether it is a label: a person's, of a model's suggestion or of none, that says what they meant.

    A level that rules proposed teaches a model nothing (I11, I13).
    """
    if contradiction(decision.kind, decision.selected, decision.reason, shown.selected):
        return False
    return shown.selected is None or (shown.made_by == MadeBy.MODEL and token_exact)


def validate(trajectory: Trajectory) -> None:
    """Refuse a file whose captured tokens can't be the server's own. Raises TuningError, naming the step."""
    for step in trajectory.steps:
        if not isinstance(step, AnswerStep):
            continue
        where, metrics = f"step {step.step_id}", step.metrics
        ids, logprobs = metrics.completion_token_ids, metrics.logprobs
        if (ids is None) != (metrics.prompt_token_ids is None):
            raise TuningError(TuningFault.HALF_CAPTURED, f"{where} has ids of prompt or completion only")
        if ids is not None and len(ids) != len(logprobs or ()):
            raise TuningError(TuningFault.MISALIGNED, f"{where} has not one log-probability for each token")
        if logprobs is not None and any(not value <= 0.0 for value in logprobs):
            raise TuningError(TuningFault.NO_LOGPROB, f"{where} has a log-probability above 0")
        call = metrics.extra.wardflow
        if not call.policy_version or call.sampling is None:
            raise TuningError(TuningFault.UNKNOWN_POLICY, f"{where} does not say which model sampled it, and how")


def _exact(call: ModelCall) -> bool:
    ids, logprobs = call.completion_token_ids, call.logprobs
    aligned = ids is not None and call.prompt_token_ids is not None and len(ids) == len(logprobs or ())
    return aligned and all(value <= 0.0 for value in logprobs or ())


def _call_steps(run: Run, call: ModelCall) -> list[Step]:
    captured = call if _exact(call) else None  # half a capture is none: it would train on what nobody sampled
    recording = call.request.recording
    spoken = (Message(role="user", content=f"recording {recording.blob}"),) if recording else ()
    details = CallDetails(
        policy_version=call.model,
        endpoint=call.endpoint,
        sampling=Sampling(temperature=call.request.temperature, max_tokens=call.request.max_tokens),
        grammar_hash=call.grammar_hash,
        choices=call.request.choices,
        top_logprobs=call.top_logprobs,
        finish_reason=call.finish_reason,
        latency_ms=call.latency_ms,
    )
    metrics = Metrics(
        prompt_token_ids=captured and captured.prompt_token_ids,
        completion_token_ids=captured and captured.completion_token_ids,
        logprobs=captured and captured.logprobs,
        extra=Extra(wardflow=details),
    )
    answer = AnswerStep(
        timestamp=call.called_at,
        model_name=call.model,
        message=call.content,
        metrics=metrics,
        extra=Extra(wardflow=CallPlace(step=call.request.step, version=run.version)),
    )
    return [*map(_prompt_step, (*call.request.messages, *spoken)), answer]


def _prompt_step(message: Message) -> Step:
    if message.role == "assistant":  # a worked example in the prompt, which nobody sampled: never trained on
        return PromptStep(source="agent", message=message.content, is_copied_context=True)
    return PromptStep(source=message.role, message=message.content)


def _proposal_step(run: Run, decision: Decision | None) -> ProposalStep:
    shown, call_id = run.suggestion, f"approval-{run.version}"
    details = ProposalDetails(
        snapshot_blob=run.snapshot_blob,
        suggestion_hash=run.suggestion_hash,
        shown_at=run.shown_at,
        suggestion=ShownProposal.model_validate(shown.model_dump(exclude={"facts", "earlier"})),
    )
    result = ApprovalResult(
        source_call_id=call_id,
        content=decision.kind if decision else "none",
        extra=Extra(wardflow=decision) if decision else None,
    )
    arguments = ApprovalArguments(version=run.version, selected=shown.selected)
    return ProposalStep(
        message=f"proposes {shown.selected or 'no level'} by {shown.made_by}, support {shown.support}",
        tool_calls=(ApprovalCall(tool_call_id=call_id, arguments=arguments),),
        observation=Observation(results=(result,)),
        extra=Extra(wardflow=details),
    )
