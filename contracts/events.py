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
    """A newer version of the same resource was accepted before anybody looked at this one."""
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
    HINT = "hint"
    """A notice without a version, such as a deletion, of what no open case has to read again."""


REPEATED = "#"
"""Parts a version, as the chart has it, from what makes the event's key its own; FHIR allows it in no version."""


class FhirEvent(Frozen):
    """One version of one resource, as a feed notified it or as our own search found it."""

    feed: str
    resource_type: str
    resource_id: str
    version_id: str
    """Empty for what could not be read; `3#1` for version 3 once more; `#...` for a notice without a version."""
    encounter_id: str | None = None
    own: bool = False
    """Carries our tag: perhaps our own write come back (the ledger decides)."""
    body: bytes = b""
    quarantine: str | None = None
    """Why it could not be read."""

    @property
    def hint(self) -> bool:
        """Whether it only says that something happened to the resource, such as its deletion."""
        return self.version_id.startswith(REPEATED)

    @property
    def version(self) -> str:
        """The version as the chart has it."""
        return self.version_id.partition(REPEATED)[0]


class AcceptedEvent(Frozen):
    """An event in the ledger; `event_id` grows in the order of acceptance."""

    event_id: int
    event: FhirEvent
    accepted_at: datetime
    case_id: str | None = None
