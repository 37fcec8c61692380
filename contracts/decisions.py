"""What a person did with a suggestion."""

from datetime import datetime
from enum import StrEnum

from contracts.frozen import Frozen


class DecisionKind(StrEnum):
    APPROVE = "approve"
    CHANGE = "change"
    """Another choice than the suggested one; needs a reason."""
    REJECT = "reject"
    """Nothing is written but our own Task; needs a reason."""


class Reviewer(Frozen):
    """Who decided, with the role they had at that moment."""

    reviewer_id: str
    name: str
    role: str


class Correction(Frozen):
    """An item of the suggestion as a person heard or knows it; the same words confirm what was in doubt."""

    key: str
    text: str


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
    signature: str = ""
    """Hex Ed25519 over `signed_bytes`."""

    def signed_bytes(self) -> bytes:
        """Return what the signature is taken over: everything but itself, and corrections where there are none.

        Decisions were signed before there were corrections; they stay valid.
        """
        unsigned = self.model_copy(update={"signature": ""})
        return unsigned.canonical() if self.corrections else unsigned.model_dump_json(exclude={"corrections"}).encode()


class DecisionReceipt(Frozen):
    """Said only when the decision is in the ledger (I5)."""

    decision_id: str
    case_id: str
    kind: DecisionKind
    selected: str | None
    decided_by: str
