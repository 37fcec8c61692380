"""Reads trajectories for people: the steps of one, and what differs between two."""

import json

from contracts.charts import ChartFacts
from contracts.decisions import Decision, contradiction
from contracts.errors import TuningError, TuningFault
from contracts.frozen import Frozen
from contracts.trajectories import AnswerStep, PromptStep, ProposalStep, ShownProposal, Step, Trajectory
from contracts.tuning import Outcome


class Version(Frozen):
    """One version of a case: the chart that it was made from, and what was suggested and decided."""

    facts: ChartFacts
    suggestion: ShownProposal
    decision: Decision | None


def steps(trajectory: Trajectory, outcomes: tuple[Outcome, ...]) -> list[str]:
    """Return the file as lines: what was asked, answered, shown and decided, then what the chart told later."""
    case = trajectory.case
    arm = f", arm {case.arm}" if case.arm else ""
    wrong = contradictory(trajectory)
    trainable = f"not trainable, {wrong}" if wrong else "trainable" if case.trainable else "not trainable"
    lines = [f"{trajectory.trajectory_id}: {case.pathway}, {case.state}, {trainable}{arm}"]
    for step in trajectory.steps:
        lines.append(f"{step.step_id:>3} {_heading(step)}")
        lines += [f"      {line}" for line in step.message.splitlines() or [""]]
        if isinstance(step, ProposalStep):
            lines += [f"      {line}" for line in _shown(step.shown.suggestion)]
            lines.append(f"    = {_decided(step.decision)}")
    lines += [f"later {one.known_at:%Y-%m-%d %H:%M}: {one.kind} ({one.resource})" for one in outcomes]
    return lines


def contradictory(trajectory: Trajectory) -> str | None:
    """Return what contradicts the kind of the file's decision, or None; older such files say `trainable`."""
    decision = trajectory.case.decision
    if decision is None:
        return None
    decided = (step for step in trajectory.proposals if step.version == decision.version)
    proposed = next((step.shown.suggestion.selected for step in decided), None)
    return contradiction(decision.kind, decision.selected, decision.reason, proposed)


def version(trajectory: Trajectory, number: int | None) -> ProposalStep:
    """Return what a version proposed, by default the newest. Raises TuningError."""
    proposals = {step.version: step for step in trajectory.proposals}
    if not proposals or (number is not None and number not in proposals):
        raise TuningError(TuningFault.NO_VERSION, f"{trajectory.trajectory_id} has versions {sorted(proposals)}")
    return proposals[max(proposals) if number is None else number]


def differences(left: Version, right: Version) -> list[str]:
    """Return what changed in facts, suggestion and decision, as `-` and `+` lines; none where nothing did."""
    lines = _changed(
        "fact", {f.key: f.shown() for f in left.facts.facts}, {f.key: f.shown() for f in right.facts.facts}
    )
    lines += _changed("suggestion", _flat(left.suggestion), _flat(right.suggestion))
    return lines + _changed("decision", _flat(left.decision), _flat(right.decision))


def _heading(step: Step) -> str:
    if not isinstance(step, AnswerStep):
        return step.source + (" (an example)" if isinstance(step, PromptStep) and step.is_copied_context else "")
    tokens = len(step.metrics.completion_token_ids or ())
    place, seconds = step.extra.wardflow, step.metrics.extra.wardflow.latency_ms / 1000
    return f"{place.step} v{place.version} by {step.model_name}, {tokens} tokens, {seconds:.1f} s"


def _shown(suggestion: ShownProposal) -> list[str]:
    chances = [f"{c.code}: {c.probability:.2f}" for c in suggestion.choices if c.probability is not None]
    lines = [" · ".join(chances)] if chances else []
    lines += [f"rule: {found.text}" for found in suggestion.findings]
    return lines + [f"claim: {claim.text} [{', '.join(claim.cites)}]" for claim in suggestion.claims]


def _decided(decision: Decision | None) -> str:
    if decision is None:
        return "not decided"
    after = "" if decision.dwell_ms is None else f" after {decision.dwell_ms / 1000:.1f} s"
    reason = f": {decision.reason}" if decision.reason else ""
    reviewer = decision.reviewer
    return f"{decision.kind} {decision.selected or ''} by {reviewer.name} ({reviewer.role}){after}{reason}"


def _flat(value: ShownProposal | Decision | None) -> dict[str, str]:
    """Return each field as text; those that only name or sign the thing say nothing about what changed."""
    named = {"schema_version", "decision_id", "case_id", "shown_hash", "signature", "version", "decided_at", "pathway"}
    fields = value.model_dump(mode="json", exclude=named) if value else {}
    return {key: json.dumps(fields[key], sort_keys=True) for key in sorted(fields)}


def _changed(what: str, left: dict[str, str], right: dict[str, str]) -> list[str]:
    lines: list[str] = []
    for key in [*left, *(key for key in right if key not in left)]:
        if left.get(key) != right.get(key):
            lines += [f"- {what} {key}: {left[key]}"] if key in left else []
            lines += [f"+ {what} {key}: {right[key]}"] if key in right else []
    return lines
