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
from typing import Generic, TypeVar

MESSAGE_CHARS = 300

Kind = TypeVar("Kind", bound=StrEnum)


class WardflowError(Exception, Generic[Kind]):
    """The root. `retryable` says whether the same call may succeed later, `retry_after` how much later at least."""

    def __init__(
        self, kind: Kind, message: str = "", *, retryable: bool = False, retry_after: timedelta | None = None
    ) -> None:
        super().__init__(_text(kind, message))
        self.kind = kind
        self.retryable = retryable
        self.retry_after = retry_after

    def log_fields(self) -> dict[str, object]:
        """Return what a log line says of the fault, as keys of the allow-list in `service.process.logs`."""
        return {"error": type(self).__name__, "kind": self.kind}


def _text(label: str, message: str) -> str:
    return f"{label}: {message}"[:MESSAGE_CHARS] if message else str(label)


class ConfigurationFault(StrEnum):
    """What an operator must mend before a start."""

    SETTING = "setting"
    """A key of the configuration, an option of the command or a file that it names: the error's `setting`."""
    NOT_STARTED = "not_started"
    """The state folder has no stack, or the stack ended."""
    NOT_READY = "not_ready"
    """A part did not answer in time."""
    NO_WORKER = "no_worker"
    """No worker of this code polls the queues."""
    STOPPED = "stopped"
    """A person stopped the model or the pathway (I14)."""
    IN_USE = "in_use"
    """Another command works on this state."""
    STATE_IN_USE = "state_in_use"
    """The folder holds a state already."""
    PORT_IN_USE = "port_in_use"
    NO_PORT = "no_port"
    """No port is left for a part to listen at."""
    DISK_FULL = "disk_full"
    PART_MISSING = "part_missing"
    """A package that the command or the part needs is not installed."""
    RIGHTS = "rights"
    """A file belongs to another user."""
    NO_HEADS = "no_heads"
    """The file of signed heads of the audit chains can't be read."""
    TOO_FEW = "too_few"
    """Decided cases: too few to train and to measure."""
    NO_KEYS = "no_keys"
    """The state folder lacks `keys.json`."""
    KEY_LOST = "key_lost"
    """The key that a value was sealed with is not in `keys.json`."""
    NOT_SEALED = "not_sealed"
    """What was read is no sealed value."""
    CHANGED_AT_REST = "changed_at_rest"
    """A sealed value was changed, or sealed for another purpose."""
    UNBOUND = "unbound"
    """A value can only be sealed for a workflow."""


class LedgerFault(StrEnum):
    DATABASE = "database"
    """The database is away, busy or full: try again."""
    NOT_STORABLE = "not_storable"
    """The database has no way to store the value."""
    NOT_KEPT = "not_kept"
    """An event could not be accepted, for a reason that was not foreseen: the feed sends it again."""
    SCHEMA_VERSION = "schema_version"
    """The ledger was made by another version of the program."""
    LEASE_LOST = "lease_lost"
    """The term of a lease has ended, or another process has it: whoever holds it goes on."""
    UNSETTLED = "unsettled"
    """A write of our own is being looked at: try again."""
    BLOB_MISSING = "blob_missing"
    BLOB_NOT_READ = "blob_not_read"
    """It is there, and its disk or store refuses to give it at the moment."""
    BLOB_NOT_STORED = "blob_not_stored"
    FOREIGN_RESULT = "foreign_result"
    """A model's result names another case, version or snapshot (I21)."""
    FOREIGN_SUGGESTION = "foreign_suggestion"
    """The suggestion that was decided is of another case (I21)."""
    NOT_PUBLISHED = "not_published"
    """Redis is away, so that the pages' live stream can't be filled."""
    NOT_SQLITE = "not_sqlite"
    """Only SQLite is backed up by Wardflow itself."""
    NOT_COPIED = "not_copied"
    """The database could not be copied while it is in use: try again."""
    LEDGER_THERE = "ledger_there"
    """A backup is restored to a folder without a ledger only."""
    NO_BACKUP = "no_backup"
    """The folder holds no complete backup."""
    BACKUP_DAMAGED = "backup_damaged"
    """Ledger, blobs or manifest are not those that were backed up."""
    WRONG_KEYS = "wrong_keys"
    """The backup was made with another `keys.json`."""


class TuningFault(StrEnum):
    """Trajectories, rows and jobs of training, registered models; in this order."""

    NO_TRAJECTORY = "no_trajectory"
    """None, or several, begin with that name."""
    NO_VERSION = "no_version"
    """The case has no such version."""
    UNREADABLE = "unreadable"
    """The file is no trajectory, or one of another version."""
    HALF_CAPTURED = "half_captured"
    """Token ids of the prompt or of the completion only."""
    MISALIGNED = "misaligned"
    """Not one log-probability for each token."""
    NO_LOGPROB = "no_logprob"
    """A log-probability above 0, or no number."""
    UNKNOWN_POLICY = "unknown_policy"
    """The call does not say which model sampled it, and how."""

    NO_LESSONS = "no_lessons"
    """The pathway's decisions teach nothing."""
    SUBGROUP = "subgroup"
    """One side of a subgroup was decided by other rules than the other."""
    NO_CASES = "no_cases"
    """Nothing to judge."""
    ALERTS = "alerts"
    """A budget of a second reader that allows not one case."""
    NO_CALLS = "no_calls"
    """No captured call has a closed choice with token ids and log-probabilities."""
    PROMPT = "prompt"
    """Captured prompts are rendered otherwise here."""
    OFF_POLICY = "off_policy"
    """Captured log-probabilities are not those of this model."""
    CHOICE = "choice"
    """A choice is more than one token, or a captured answer is no choice."""

    KIND = "kind"
    """The trainer trains no such kind."""
    SETTINGS = "settings"
    """An unknown setting, or one that does not fit the model."""
    NO_ROWS = "no_rows"
    ROWS = "rows"
    """Choices, targets and rewards differ in number."""
    TOO_FEW = "too_few"
    """Rows: too few to fit the estimator."""
    ONE_SIDED = "one_sided"
    """All rows are on one side of a subgroup."""
    OTHER_FEATURES = "other_features"
    """A row has other numbers than those that were learned."""
    OTHER_JOB = "other_job"
    """The folder holds another job."""
    BAD_JOB = "bad_job"
    """The trainer's process refuses the job."""
    TRAINER_ENDED = "trainer_ended"
    """The trainer's process ended without an answer: try again."""
    NO_REPORT = "no_report"
    """The trainer's last line is no report: try again."""
    DIVERGED = "diverged"
    """The loss is no number."""
    NOT_EQUAL = "not_equal"
    """Weights that were read back answer otherwise than those that were trained."""
    NO_MODEL_ENVIRONMENT = "no_model_environment"
    """The environment of the models is not installed."""
    FAILED = "failed"
    """A step of a round failed for good."""

    NO_MODEL = "no_model"
    """The folder holds no weights."""
    NO_ADAPTER = "no_adapter"
    """The folder holds no adapter that we made."""
    CHANGED_ON_DISK = "changed_on_disk"
    """A file is not the one that was fitted or registered."""
    UNKNOWN_MODEL = "unknown_model"
    """Not registered."""
    NAME_TAKEN = "name_taken"
    """The name is registered with other weights."""
    OTHER_BASE = "other_base"
    """The model is not of that base, or its base is not registered."""
    NOT_BETTER = "not_better"
    """Only a model that was found better is promoted."""
    DEPLOYED = "deployed"
    """The alias means the model already."""
    NOTHING_BEFORE = "nothing_before"
    """The alias has nothing to go back to."""


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


class ConfigurationError(WardflowError[ConfigurationFault]):
    """What an operator must mend before a start.

    Where a setting is at fault, `setting` names it, and the text begins with that name instead of the kind. Settings
    are places, as many as there are keys, options and input files, so they are no enum.
    """

    def __init__(
        self,
        kind: ConfigurationFault,
        message: str = "",
        *,
        setting: str = "",
        retryable: bool = False,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(kind, message, retryable=retryable, retry_after=retry_after)
        self.setting = setting
        self.args = (_text(setting or kind, message),)

    def log_fields(self) -> dict[str, object]:
        """Return the name of the setting as the kind, where there is one."""
        return super().log_fields() | {"kind": self.setting or self.kind}


class FhirError(WardflowError[FhirFault]):
    """The chart's server.

    For operators, and not part of the message: `status` is the HTTP status, or None where no answer came; `url` is the
    address without what may identify a patient; `diagnostics` are the server's own words (at most 200 characters), or
    only its code where the words may quote a patient's data.
    """

    def __init__(
        self,
        kind: FhirFault,
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


class ModelError(WardflowError[Fallback]):
    """A model endpoint."""


class ApprovalError(WardflowError[Refusal]):
    """A decision that can't be taken."""


class LedgerError(WardflowError[LedgerFault]):
    """Our own records can't be written or don't agree."""


class TuningError(WardflowError[TuningFault]):
    """A trajectory or training row that must not be used."""
