"""What a feed told us, and what became of it."""

from datetime import datetime
from enum import StrEnum

from contracts.frozen import Frozen


class Fate(StrEnum):
    """accepted = pending + ignored + superseded + quarantined + absorbed, at every moment (I1)."""

    PENDING = "pending"
    IGNORED = "ignored"
    """Looked at, and no case needs it; the reason is an `Ignored`."""
    SUPERSEDED = "superseded"
    """A newer version of the same resource is accepted."""
    QUARANTINED = "quarantined"
    """Unreadable; a person must look."""
    ABSORBED = "absorbed"
    """Given to a case that exists."""


class Ignored(StrEnum):
    OWN_WRITE = "own_write"
    NO_ENCOUNTER = "no_encounter"
    NO_TRIGGER = "no_trigger"
    """No pathway waits for it, and no open case of its encounter; the chart still holds it."""
    CASE_CLOSED = "case_closed"


class FhirEvent(Frozen):
    """One version of one resource, as a feed notified it."""

    feed: str
    resource_type: str
    resource_id: str
    version_id: str
    """Empty for what could not be read."""
    encounter_id: str | None = None
    own: bool = False
    """Carries our tag: perhaps our own write come back (the ledger decides)."""
    body: bytes = b""
    quarantine: str | None = None
    """Why it could not be read."""


class AcceptedEvent(Frozen):
    """An event in the ledger; `event_id` grows in the order of acceptance."""

    event_id: int
    event: FhirEvent
    accepted_at: datetime
    case_id: str | None = None
