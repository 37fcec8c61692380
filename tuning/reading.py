"""Reads trajectory files for people: the steps of one, and what differs between two."""

import json
from typing import Any

from contracts.charts import ChartFacts
from contracts.decisions import Decision, contradiction
from contracts.errors import TuningError
from contracts.frozen import Frozen
from contracts.tuning import Outcome

Document = dict[str, Any]


class Version(Frozen):
    """One version of a case: the chart that it was made from, and what was suggested and decided."""

    facts: ChartFacts
    suggestion: dict[str, Any]
    decision: dict[str, Any] | None


def steps(document: Document, outcomes: tuple[Outcome, ...]) -> list[str]:
    """Return the file as lines: what was asked, answered, shown and decided, then what the chart told later."""
    told = document["extra"]["wardflow"]
    arm = f", arm {told['arm']}" if told.get("arm") else ""
    wrong = contradictory(document)
    trainable = f"not trainable, {wrong}" if wrong else "trainable" if told["trainable"] else "not trainable"
    lines = [f"{document['trajectory_id']}: {told['pathway']}, {told['state']}, {trainable}{arm}"]
    for step in document["steps"]:
        extra = step.get("extra", {}).get("wardflow", {})
        lines.append(f"{step['step_id']:>3} {_heading(step, extra)}")
        lines += [f"      {line}" for line in step["message"].splitlines() or [""]]
        if "suggestion" in extra:
            lines += [f"      {line}" for line in _shown(extra["suggestion"])]
            for result in step["observation"]["results"]:
                lines.append(f"    = {_decided(result.get('extra', {}).get('wardflow'))}")
    lines += [f"later {one.known_at:%Y-%m-%d %H:%M}: {one.kind} ({one.resource})" for one in outcomes]
    return lines


def contradictory(document: Document) -> str | None:
    """Return what contradicts the kind of the file's decision, or None; older such files say `trainable`."""
    told = document["extra"]["wardflow"]["decision"]
    if told is None:
        return None
    decision = Decision.model_validate(told)
    proposed = next(
        (
            step["extra"]["wardflow"]["suggestion"]["selected"]
            for step in document["steps"]
            if step.get("tool_calls") and step["tool_calls"][0]["arguments"]["version"] == decision.version
        ),
        None,
    )
    return contradiction(decision.kind, decision.selected, decision.reason, proposed)


def version(document: Document, number: int | None) -> tuple[str, dict[str, Any]]:
    """Return the snapshot's blob and the proposal of a version, by default the newest. Raises TuningError."""
    proposals = {
        step["tool_calls"][0]["arguments"]["version"]: step for step in document["steps"] if step.get("tool_calls")
    }
    if not proposals or (number is not None and number not in proposals):
        raise TuningError("no_version", f"{document['trajectory_id']} has versions {sorted(proposals)}")
    step = proposals[max(proposals) if number is None else number]
    decision = step["observation"]["results"][0].get("extra", {}).get("wardflow")
    shown = step["extra"]["wardflow"]
    return shown["snapshot_blob"], {"suggestion": shown["suggestion"], "decision": decision}


def differences(left: Version, right: Version) -> list[str]:
    """Return what changed in facts, suggestion and decision, as `-` and `+` lines; none where nothing did."""
    lines = _changed(
        "fact", {f.key: f.shown() for f in left.facts.facts}, {f.key: f.shown() for f in right.facts.facts}
    )
    lines += _changed("suggestion", _flat(left.suggestion), _flat(right.suggestion))
    return lines + _changed("decision", _flat(left.decision or {}), _flat(right.decision or {}))


def _heading(step: Document, extra: Document) -> str:
    if step.get("llm_call_count") != 1:
        return step["source"] + (" (an example)" if step.get("is_copied_context") else "")
    metrics = step["metrics"]
    tokens = len(metrics.get("completion_token_ids") or ())
    seconds = metrics["extra"]["wardflow"]["latency_ms"] / 1000
    return f"{extra['step']} v{extra['version']} by {step['model_name']}, {tokens} tokens, {seconds:.1f} s"


def _shown(suggestion: Document) -> list[str]:
    chances = [f"{c['code']}: {c['probability']:.2f}" for c in suggestion["choices"] if c["probability"] is not None]
    lines = [" · ".join(chances)] if chances else []
    lines += [f"rule: {found['text']}" for found in suggestion["findings"]]
    return lines + [f"claim: {claim['text']} [{', '.join(claim['cites'])}]" for claim in suggestion["claims"]]


def _decided(decision: Document | None) -> str:
    if decision is None:
        return "not decided"
    dwell = decision["dwell_ms"]
    after = "" if dwell is None else f" after {dwell / 1000:.1f} s"
    reason = f": {decision['reason']}" if decision["reason"] else ""
    reviewer = decision["reviewer"]
    return f"{decision['kind']} {decision['selected'] or ''} by {reviewer['name']} ({reviewer['role']}){after}{reason}"


def _flat(told: Document) -> dict[str, str]:
    """Return each field as text; those that only name or sign the thing say nothing about what changed."""
    named = {"schema_version", "decision_id", "case_id", "shown_hash", "signature", "version", "decided_at", "pathway"}
    return {key: json.dumps(value, sort_keys=True) for key, value in told.items() if key not in named}


def _changed(what: str, left: dict[str, str], right: dict[str, str]) -> list[str]:
    lines: list[str] = []
    for key in [*left, *(key for key in right if key not in left)]:
        if left.get(key) != right.get(key):
            lines += [f"- {what} {key}: {left[key]}"] if key in left else []
            lines += [f"+ {what} {key}: {right[key]}"] if key in right else []
    return lines
