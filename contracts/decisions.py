"""What a person did with a suggestion, and the taking back of it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from contracts.errors import Refusal
from contracts.frozen import Frozen


class DecisionKind(StrEnum):
    APPROVE = "approve"
    CHANGE = "change"
    """Another choice than the suggested one; needs a reason."""
    CHOOSE = "choose"
    """A choice where none was proposed, or only by a model that was never measured on the pathway."""
    REJECT = "reject"
    """Nothing is written but our own Task; needs a reason."""
    KEEP = "keep"
    """What was written before stands although its evidence changed; nothing is written but our own Task."""
    WITHDRAW = "withdraw"
    """What was written before is marked as not to be used, and nothing takes its place; needs a reason."""


ACCEPTED = (DecisionKind.APPROVE, DecisionKind.CHANGE, DecisionKind.CHOOSE)
"""Kinds that write a result. On a revision they withdraw what was written before."""
WITHDRAWING = (*ACCEPTED, DecisionKind.WITHDRAW)


class Reviewer(Frozen):
    """Who decided, with the role they had at that moment."""

    reviewer_id: str
    name: str
    role: str


class Correction(Frozen):
    """An item of the suggestion as a person heard or knows it; the same words confirm what was in doubt."""

    key: str
    text: str


class Evidence(StrEnum):
    """What a look at the suggestion's evidence in the chart found, at the decision or before its write-back."""

    CHECKED = "checked"
    """Every resource is there in the version that was shown, or its facts are equal."""
    UNCHECKED = "unchecked"
    """The chart was away or slow: the look is repeated before write-back."""
    CHANGED = "changed"
    """Known only after the decision was taken: it is written as decided (I5)."""


class Decision(Frozen):
    """One person's decision, signed by the service that authenticated them."""

    schema_version: int = 1
    decision_id: str
    """Chosen by the page; the same id again is the same decision."""
    case_id: str
    version: int
    """Of the suggestion that was shown."""
    shown_hash: str
    kind: DecisionKind
    selected: str | None = None
    """The code to write; None for a rejection."""
    reason: str = ""
    reviewer: Reviewer
    decided_at: datetime
    dwell_ms: int | None = None
    """From the page's rendering to the click."""
    corrections: tuple[Correction, ...] = ()
    """Of items that the suggestion lets a person correct (`contracts.views.Item`)."""
    evidence: Evidence | None = None
    """None in decisions of before the evidence was looked at again."""
    signature: str = ""
    """Hex Ed25519 over `signed_bytes`."""

    def signed_bytes(self) -> bytes:
        """Return what the signature is taken over: everything but itself, and later fields where they say nothing.

        Decisions were signed before there were corrections and a look at the evidence; they stay valid.
        """
        silent = {name for name in ("corrections", "evidence") if not getattr(self, name)}
        return self.model_copy(update={"signature": ""}).model_dump_json(exclude=silent).encode()


class Undo(Frozen):
    """The author takes a decision back before write-back begins (I5); signed by the service that authenticated them."""

    schema_version: int = 1
    decision_id: str
    case_id: str
    reviewer: Reviewer
    undone_at: datetime
    signature: str = ""
    """Hex Ed25519 over `signed_bytes`."""

    def signed_bytes(self) -> bytes:
        """Return what the signature is taken over: everything but itself."""
        return self.model_copy(update={"signature": ""}).canonical()


class DecisionReceipt(Frozen):
    """Returned only when the decision is in the ledger (I5)."""

    decision_id: str
    case_id: str
    kind: DecisionKind
    selected: str | None
    decided_by: str
    reviewer_id: str = ""
    """Who may take it back."""
    recorded_at: datetime | None = None
    """When the ledger recorded it: the undo time runs from here. None in receipts of before there was an undo."""

    def undo_until(self, undo: timedelta) -> datetime | None:
        """Return until when the decision may be taken back, or None where it may not."""
        return self.recorded_at + undo if self.recorded_at else None


def contradiction(kind: DecisionKind, selected: str | None, reason: str | None, proposed: str | None) -> str | None:
    """Return what contradicts the kind of a decision, in a few words, or None.

    `proposed` is the level that was proposed, None where there was none; a reason of None was not kept. Ledgers hold
    such approvals: a person who had chosen a level, or `reject`, typed the reason, and pressed Enter.
    """
    if kind == DecisionKind.APPROVE:
        if selected != proposed or selected is None:
            return "an approval of another level than the proposed one"
        if reason and reason.strip():
            return "an approval with a reason"
    if kind == DecisionKind.CHANGE and reason is not None and not reason.strip():
        return "a change without a reason"
    if kind == DecisionKind.REJECT and selected is not None:
        return "a rejection with a level"
    if kind in (DecisionKind.KEEP, DecisionKind.WITHDRAW) and selected is not None:
        return f"to {kind} what was written, with a level"
    return None


def unfit(
    kind: DecisionKind,
    selected: str | None,
    reason: str,
    proposed: str | None,
    choices: Sequence[str],
    *,
    revises: bool = False,
) -> Refusal | None:
    """Return why that answer is none to what was shown, or None.

    `proposed` is what one key may approve, None where there is no such thing; `choices` are the codes to choose from;
    `revises` says whether something written before is in question.
    """
    bare = (DecisionKind.REJECT, DecisionKind.KEEP, DecisionKind.WITHDRAW)
    may_contradict = kind in bare or (kind == DecisionKind.APPROVE and proposed is not None)
    if may_contradict and contradiction(kind, selected, reason, proposed):
        return Refusal.CONTRADICTION
    fits = {
        DecisionKind.APPROVE: proposed is not None,
        DecisionKind.CHANGE: proposed not in (None, selected) and selected in choices and reason,
        DecisionKind.CHOOSE: proposed is None and selected in choices,
        DecisionKind.REJECT: reason and not revises,
        DecisionKind.KEEP: revises,
        DecisionKind.WITHDRAW: revises and reason,
    }
    return None if fits[kind] else Refusal.CHOICE
