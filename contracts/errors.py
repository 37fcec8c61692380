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

    def log_fields(self) -> dict[str, object]:
        """Return what a log line says of the fault, as keys of the allow-list in `service.process.logs`."""
        return {"error": type(self).__name__, "kind": self.kind}


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
    CONTRADICTION = "contradiction"
    """An approval that carries another choice or a reason, or a rejection that carries a choice."""
    UNDONE = "undone"
    """This very decision was taken back: the case is open again, and wants a new one."""
    NOT_YOURS = "not_yours"
    """Only its author may take a decision back."""
    TOO_LATE = "too_late"
    """The decision is being written, or is in the chart: it can't be taken back any more."""
    EMPTY = "empty"
    """Nothing would be filed."""
    DOUBT = "doubt"
    """Something that was marked as doubtful is neither confirmed nor corrected."""


class ConfigurationError(WardflowError):
    """What an operator must mend before a start."""


class FhirError(WardflowError):
    """The chart's server; `kind` is a `FhirFault`.

    For operators, and not part of the message: `status` is the HTTP status, or None where no answer came; `url` is the
    address without what may identify a patient; `diagnostics` are the server's own words (at most 200 characters), or
    only its code where the words may quote a patient's data.
    """

    def __init__(
        self,
        kind: str,
        message: str = "",
        *,
        retryable: bool = False,
        retry_after: timedelta | None = None,
        status: int | None = None,
        url: str = "",
        diagnostics: str = "",
    ) -> None:
        super().__init__(kind, message, retryable=retryable, retry_after=retry_after)
        self.status, self.url, self.diagnostics = status, url, diagnostics

    @property
    def answer(self) -> str:
        """The status with the server's words, as `400 Cannot search on Binary`; without an answer, the message."""
        return " ".join([str(self.status), self.diagnostics]).strip() if self.status else str(self)

    def log_fields(self) -> dict[str, object]:
        said = {"status": self.status, "url": self.url, "diagnostics": self.diagnostics}
        return super().log_fields() | {key: value for key, value in said.items() if value}


class ModelError(WardflowError):
    """A model endpoint; `kind` is a `Fallback`."""


class ApprovalError(WardflowError):
    """A decision that can't be taken; `kind` is a `Refusal`."""


class LedgerError(WardflowError):
    """Our own records can't be written or don't agree."""


class TuningError(WardflowError):
    """A trajectory or training row that must not be used."""
