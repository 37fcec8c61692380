"""What is new in a case since a page of it was rendered, in the words that its page shows."""

from enum import StrEnum

from contracts.cases import CaseState
from contracts.charts import Fact
from contracts.decisions import Decision, DecisionKind
from contracts.frozen import Frozen
from contracts.suggestions import Suggestion
from integrations.ledger.cases import CaseRow


class News(StrEnum):
    NONE = "none"
    UPDATING = "updating"
    """An accepted event is newer than the suggestion; the same version may come out of it."""
    ENDED = "ended"
    """A decided case went on as it was decided: nothing to acknowledge."""
    CHANGED = "changed"
    """Something a person has to look at before deciding."""


class Seen(Frozen):
    """What a page showed when it was rendered."""

    version: int
    state: CaseState
    stale: bool = False
    decision_id: str = ""


class Change(Frozen):
    news: News
    message: str = ""


def since(
    seen: Seen,
    case: CaseRow,
    stale: bool,
    decision: Decision | None,
    outcome: str,
    before: Suggestion | None,
    after: Suggestion | None,
) -> Change:
    """Return what is new since the page showed `before`; `outcome` says what `decision` decided."""
    decision_id = decision.decision_id if decision else ""
    if (case.version, case.state, decision_id) == (seen.version, seen.state, seen.decision_id):
        if stale == seen.stale:
            return Change(news=News.NONE)
        if stale:
            return Change(news=News.UPDATING, message="New data: the suggestion is being updated.")
        return Change(news=News.CHANGED, message="Looked at again: the suggestion stands as it was.")
    if decision and decision_id == seen.decision_id:
        return Change(news=News.ENDED, message="In the chart.")
    parts: list[str] = []
    if case.version != seen.version:
        parts.append(sentence(before, after))
    if decision:
        parts.append(f"Decided by {decision.reviewer.name}: {outcome}.")
    elif case.state == CaseState.CLOSED_UNDECIDED and seen.state != case.state:
        parts.append("Closed: nobody decided in time.")
    elif case.state == CaseState.STAY_ENDED and seen.state != case.state:
        parts.append("Closed: the stay is over, and nobody had decided.")
    elif case.state == CaseState.CONTINUED and seen.state != case.state:
        parts.append("The decision was taken back: the newer suggestion of this stay asks for all of it.")
    elif case.state == CaseState.OPEN and seen.state != case.state:
        parts.append("The decision was taken back: the case is open again.")
    return Change(news=News.CHANGED, message=" ".join(parts))


def sentence(before: Suggestion | None, after: Suggestion | None) -> str:
    """Return one sentence on what differs between two versions."""
    if after is None:
        return "Changed: the suggestion can't be read."
    if before is None:
        return f"The suggestion has come: {proposal(after)}."
    return f"Changed: {' · '.join(differences(before, after))}."


def differences(before: Suggestion, after: Suggestion) -> list[str]:
    """Return what differs, facts first, the suggestion last; never empty."""
    found: list[str] = []
    if before.facts.patient != after.facts.patient:
        found.append("the patient's record")
    old, new = ({fact.key: fact for fact in version.facts.facts} for version in (before, after))
    found += [_differs(old.get(key), fact) for key, fact in new.items() if _value(old.get(key)) != _value(fact)]
    found += [f"{fact.label} {_value(fact)} is gone" for key, fact in old.items() if key not in new]
    lines = [line for line in after.facts.left_out if line not in before.facts.left_out]
    found += [f"not used: {line}" for line in lines]
    if before.note != after.note:
        found.append("the note")
    shown = {finding.text for finding in before.findings}
    found += [finding.text for finding in after.findings if finding.text not in shown]
    if before.floor != after.floor:
        found.append(_floor(before.floor, after.floor))
    if proposal(before) != proposal(after):
        found.append(f"suggestion {proposal(before)} → {proposal(after)}")
    elif before.support != after.support:
        found.append(f"support {before.support} → {after.support}")
    return found or ["the suggestion was made anew, and is the same"]


def proposal(suggestion: Suggestion) -> str:
    """Return what one key would approve, or that there is no such thing."""
    if suggestion.approvable:
        return suggestion.selected or ""
    return "none" if suggestion.selected is None else f"model unsure ({suggestion.selected})"


def outcome(decision: Decision | None, suggestion: Suggestion | None, noun: str) -> str:
    """Return what was decided: `Level 3 approved`."""
    if decision is None:
        return ""
    if decision.kind == DecisionKind.KEEP:
        return "What was written is kept"
    if decision.kind == DecisionKind.WITHDRAW:
        return "What was written is withdrawn"
    if decision.kind == DecisionKind.REJECT or decision.selected is None:
        return "Suggestion rejected"
    choice = suggestion.choice(decision.selected) if suggestion else None
    if suggestion and choice and len(suggestion.choices) == 1:
        return f"{choice.display}: approved"
    done = {DecisionKind.APPROVE: "approved", DecisionKind.CHANGE: "recorded instead"}
    return f"{noun.capitalize() or 'Code'} {decision.selected} {done.get(decision.kind, 'recorded')}"


def _floor(before: str | None, after: str | None) -> str:
    if after is None:
        return f"rules no longer demand at least {before}"
    return f"rules demand at least {before} → {after}" if before else f"rules now demand at least {after}"


def _differs(before: Fact | None, after: Fact) -> str:
    unit = f" {after.unit}".rstrip()
    if before is None:
        return f"{after.label} {after.value}{unit} is new"
    unit_before = f" {before.unit}" if before.unit and before.unit != after.unit else ""
    return f"{after.label} {before.value}{unit_before} → {after.value}{unit}"


def _value(fact: Fact | None) -> str | None:
    return f"{fact.value} {fact.unit}".rstrip() if fact else None
