"""Everything that can go wrong at a boundary, one type for each.

WardflowError
├── ConfigurationError   what an operator must mend before a start
├── FhirError            the chart's server
├── ModelError           a model endpoint
├── ApprovalError        a decision that can't be taken
├── LedgerError          our own records
└── TuningError          trajectories and training

Clients classify where they see the fault (`kind`, `retryable`); nobody parses messages. Messages are bounded
and never hold patient content, since exceptions travel to logs and to Temporal.
"""

from datetime import timedelta
from enum import StrEnum

MESSAGE_CHARS = 300


class WardflowError(Exception):
    """The root. `retryable` says whether the same call may succeed later, `retry_after` how much later at least."""

    def __init__(
        self, kind: str, message: str = "", *, retryable: bool = False, retry_after: timedelta | None = None
    ) -> None:
        super().__init__(f"{kind}: {message}"[:MESSAGE_CHARS] if message else kind)
        self.kind = kind
        self.retryable = retryable
        self.retry_after = retry_after


class FhirFault(StrEnum):
    UNREACHABLE = "unreachable"
    """No answer, or 5xx, or 429: try again."""
    CONFLICT = "conflict"
    """409 or 412: somebody else wrote first; read again before anything else."""
    MISSING = "missing"
    """404 or 410."""
    REFUSED = "refused"
    """Any other 4xx: our request is wrong."""
    TOO_LARGE = "too_large"
    """More than was asked for at most."""
    NOT_WRITTEN = "not_written"
    """A 2xx whose effect can't be read back."""


class Fallback(StrEnum):
    """Why a model did not take part; the case goes on by rules, labelled so."""

    NOT_CONFIGURED = "not_configured"
    UNREACHABLE = "unreachable"
    TOO_SLOW = "too_slow"
    NONSENSE = "nonsense"
    """The answer does not fit the closed choice, or lacks the probability of a level."""
    STOPPED = "stopped"
    """A person stopped the model or its pathway (I14)."""
    OTHER_PATHWAY = "other_pathway"
    """What serves the role was tuned for another pathway, and measured on that one alone."""
    FORBIDDEN = "forbidden"
    """The endpoint may not see patient data (`phi`)."""
    SPENT = "spent"
    """Its budget of the day is spent."""


class Refusal(StrEnum):
    """Why a decision was not taken; the person is told this word and what to do."""

    STALE = "stale"
    """Newer data of the encounter was accepted, or another version is shown by now."""
    DECIDED = "decided"
    """Someone else was first."""
    NOT_OPEN = "not_open"
    UNCONFIRMED = "unconfirmed"
    """No answer in time: it may still be taken, and the ledger will tell."""
    SIGNATURE = "signature"
    ROLE = "role"
    CHOICE = "choice"
    """The selected code is not one of the choices, or a reason is missing."""
    DOUBT = "doubt"
    """Something that was marked as doubtful is neither confirmed nor corrected."""


class ConfigurationError(WardflowError):
    """What an operator must mend before a start."""


class FhirError(WardflowError):
    """The chart's server; `kind` is a `FhirFault`."""


class ModelError(WardflowError):
    """A model endpoint; `kind` is a `Fallback`."""


class ApprovalError(WardflowError):
    """A decision that can't be taken; `kind` is a `Refusal`."""


class LedgerError(WardflowError):
    """Our own records can't be written or don't agree."""


class TuningError(WardflowError):
    """A trajectory or training row that must not be used."""
