"""What people do with a suggestion, and when: seeded by the stay and the moment at which they see it, so that two rules
that show the same at the same moment meet the same people."""

import math
import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from agents.result_followup import rules
from contracts.decisions import Decision, DecisionKind, Reviewer, unfit
from contracts.suggestions import Suggestion
from tests.measure.burden import assumptions as a
from tests.measure.burden.stays import Setting

PHYSICIAN = Reviewer(reviewer_id="d-silva", name="Dr Silva", role="physician")
REASON = "seen at the bedside"


@dataclass(frozen=True)
class Shown:
    """A version that waits for a decision."""

    case_id: str
    version: int
    suggestion: Suggestion
    at: datetime


class People:
    def __init__(self, seed: str, setting: Setting) -> None:
        self._seed, self._setting = seed, setting

    def decides_at(self, shown: Shown, planned: datetime | None, floor_before: str | None) -> datetime:
        """Return when somebody decides on a version: as planned for the one before it, once the new one is read, and
        at once where it is more urgent."""
        rng = self._rng(shown.at)
        urgent = shown.suggestion.floor == rules.ACT_NOW
        median = a.ACT_NOW_MIN.value if urgent else self._setting.others_min
        drawn = shown.at + timedelta(minutes=median * math.exp(rng.gauss(0, a.DECISION_SPREAD.value)))
        if planned is None:
            return drawn
        if urgent and floor_before != rules.ACT_NOW:
            planned = min(planned, drawn)
        return max(planned, shown.at + timedelta(minutes=a.READ_MIN.value))

    def decision(self, shown: Shown, at: datetime) -> Decision:
        """Return what somebody decides."""
        suggestion, rng = shown.suggestion, self._rng(at)
        proposed = suggestion.selected if suggestion.approvable else None
        kind, selected, reason = self._answer(rng, suggestion, proposed)
        codes = [choice.code for choice in suggestion.choices]
        assert unfit(kind, selected, reason, proposed, codes, revises=suggestion.revises) is None
        return Decision(
            decision_id=f"d-{shown.case_id}", case_id=shown.case_id, version=shown.version,
            shown_hash=suggestion.sha256(), kind=kind, selected=selected, reason=reason, reviewer=PHYSICIAN,
            decided_at=at,
        )  # fmt: skip

    def _answer(
        self, rng: random.Random, suggestion: Suggestion, proposed: str | None
    ) -> tuple[DecisionKind, str | None, str]:
        if suggestion.revises and rng.random() < a.KEPT.value:
            return DecisionKind.KEEP, None, ""
        if proposed is None:
            selected = rules.SEEN if rng.random() < a.SEEN_ONLY.value else rules.TODAY
            return DecisionKind.CHOOSE, selected, ""
        drawn = rng.random()
        if drawn < a.APPROVED.value:
            return DecisionKind.APPROVE, proposed, ""
        if drawn < a.APPROVED.value + a.CHANGED.value:
            return DecisionKind.CHANGE, rules.TODAY if proposed != rules.TODAY else rules.SEEN, REASON
        return DecisionKind.WITHDRAW if suggestion.revises else DecisionKind.REJECT, None, REASON

    def _rng(self, at: datetime) -> random.Random:
        return random.Random(f"{self._seed}/{at.isoformat()}")
