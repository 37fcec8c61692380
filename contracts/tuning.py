"""What the loop of tuning hands on: decided cases, training rows, jobs for the trainer, and registered models."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import computed_field, model_validator

from contracts.charts import ChartFacts
from contracts.decisions import DecisionKind, contradiction
from contracts.frozen import Frozen
from contracts.model_calls import ChatRequest, ModelCall
from contracts.suggestions import MadeBy


class Arm(StrEnum):
    """What the person had seen when they decided."""

    SHOWN = "shown"
    """A suggested level, a model's or the rules': either sways a person."""
    UNAIDED = "unaided"
    """No suggested level: the least biased label there is."""


class Outcome(Frozen):
    """What the chart told later; it may reweigh an earlier decision, never replace it."""

    kind: str
    """`admitted`, `icu`, `transferred`, `died`, `discharged`."""
    known_at: datetime
    resource: str
    """`Type/id/_history/version`."""


class DecidedCase(Frozen):
    """A frozen chart and what a person decided of it. An expert's label never stands here (I13)."""

    row_id: str
    """Of the case, unique in its set."""
    facts: ChartFacts
    kind: DecisionKind
    suggested: str | None = None
    """The code that was shown; None for the arm `unaided`."""
    selected: str | None = None
    """The code that the person stood for; None for a rejection."""
    reasoned: bool | None = None
    """Whether a reason was given, whose words may name somebody; None where that was not kept."""
    made_by: MadeBy | None = None
    source_model: str | None = None
    decision_id: str
    reviewer_id: str
    reviewer_role: str
    decided_at: datetime | None = None
    dwell_ms: int | None = None
    arm: Arm = Arm.SHOWN
    outcomes: tuple[Outcome, ...] = ()

    def contradiction(self) -> str | None:
        """Return what contradicts the kind of the decision, or None; such a decision neither trains nor measures."""
        reason = None if self.reasoned is None else "given" if self.reasoned else ""
        return contradiction(self.kind, self.selected, reason, self.suggested)


class NoLesson(StrEnum):
    """Why a decision trains nothing."""

    CONTRADICTORY = "contradictory"
    """Its reason or level contradicts its kind: nobody knows what the person meant."""
    RULES_ONLY = "rules_only"
    """What was shown came from rules, or nobody knows from where (I11, I13)."""
    REJECTED = "rejected"
    """A person says that the suggestion is wrong, not which choice is right: a target would be our guess."""
    REVISED = "revised"
    """What was written before was kept or withdrawn: that says nothing of a choice."""
    UNKNOWN_CHOICE = "unknown_choice"
    """None of the choices, as after a change of scale."""
    TOO_FAST = "too_fast"
    """Approved, or chosen as it was shown, sooner than it can be read, or nobody knows how fast."""


class Features(Frozen):
    """A chart for a judge that is no language model."""

    text: str
    numbers: dict[str, float | None]
    """None where it was not measured; every row of a set has the same keys."""


class TrainingRow(Frozen):
    """One decision as a lesson. `target`, `reward` and the choices of `request` have the same order and length."""

    row_id: str
    decision_id: str
    reviewer_role: str
    source_model: str | None = None
    request: ChatRequest
    """Exactly what the graph asks a model about this chart."""
    features: Features
    target: tuple[float, ...]
    """Probability of each choice; sums to 1."""
    reward: tuple[float, ...]
    """Of giving each choice, for training on the model's own samples."""
    no_answer: float
    """Reward of an answer outside the choice: below every one of `reward`."""
    weight: float


class FitKind(StrEnum):
    MODEL = "model"
    """LoRA, cross entropy of the decision token against `target`."""
    ON_POLICY = "on_policy"
    """LoRA, the policy's own samples against `reward`."""
    CLASSICAL = "classical"
    """scikit-learn on `features`."""


class FitJob(Frozen):
    """What the trainer reads from its standard input; rows stay in memory and pipes, only weights reach its folder."""

    schema_version: int = 1
    kind: FitKind
    base: str
    """Folder of the base model; empty for `classical`."""
    start: str = ""
    """Folder of the adapter to go on from; empty: a new one."""
    out: str
    """Folder of the result. A job that finds its own checkpoint there goes on from it."""
    rows: tuple[TrainingRow, ...]
    settings: dict[str, float | int | str] = {}
    """Those of the kind that differ from its defaults; an unknown one is refused."""
    calls: tuple[ModelCall, ...] = ()
    """Captured from the model that is gone on from; refused where it would read or answer them otherwise here."""


class FitReport(Frozen):
    """The last line that the trainer prints; lines before it are progress."""

    kind: FitKind
    rows: int
    steps: int
    resumed_from: int
    """Steps that a former try had done."""
    seconds: float
    cpu_seconds: float
    peak_memory_mb: float
    settings: dict[str, float | int | str]
    """All of them, as used."""
    losses: tuple[float, ...]
    """Mean of each epoch."""
    artefact: str
    """Folder with `adapter/` and `merged/` (a served model's folder), or with the classical estimator."""
    file_sha256: dict[str, str]
    """Of each file of the artefact, by its path in the folder."""


class ScoreJob(Frozen):
    """What `tuning.train score` reads: requests with a closed choice."""

    schema_version: int = 1
    model: str
    """Folder of weights that a server could serve."""
    requests: tuple[ChatRequest, ...]


class ScoreReport(Frozen):
    probabilities: tuple[tuple[float, ...], ...]
    """Of each choice, in the order of the requests; each sums to 1."""
    seconds: float
    cpu_seconds: float


class VerdictOutcome(StrEnum):
    """Whether a model may be promoted, or why not."""

    UNTUNED = "untuned"
    """A base, which was compared with nothing; it serves until a better model is promoted."""
    BETTER = "better"
    """More agreement on the same cases, and no less safe: a person may promote it."""
    NOT_BETTER = "not_better"
    """The interval of its gain in agreement includes 0."""
    LESS_SAFE = "less_safe"
    """Its under-triage may have grown by the margin of the plan or more."""
    NO_SKILL = "no_skill"
    """It gives one level to nearly every case, or the urgent levels to most (`tuning.judgement.hacked`)."""
    REFUSED = "refused"
    """Refused in words of another version that this one does not know."""


_PHRASES = {
    "not better": VerdictOutcome.NOT_BETTER,
    "less safe than": VerdictOutcome.LESS_SAFE,
    "no skill": VerdictOutcome.NO_SKILL,
}
"""How refusals begin in records whose `verdict` was a field, in place of outcome and reason."""


class Assessed(Frozen):
    """What is known of a model's worth."""

    outcome: VerdictOutcome
    reason: str = ""
    """Why it was refused, with the figures; empty where it was not."""

    @model_validator(mode="before")
    @classmethod
    def _read_verdict(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "verdict" not in given:
            return given
        rest = {key: value for key, value in given.items() if key != "verdict"}
        if "outcome" in rest:
            return rest  # `verdict` was computed of the two
        verdict = given["verdict"]
        if verdict in (VerdictOutcome.UNTUNED, VerdictOutcome.BETTER):
            return rest | {"outcome": verdict}
        known = (outcome for phrase, outcome in _PHRASES.items() if str(verdict).startswith(phrase))
        return rest | {"outcome": next(known, VerdictOutcome.REFUSED), "reason": verdict}

    @computed_field
    @property
    def verdict(self) -> str:
        """Both in one phrase, as commands print it."""
        return self.reason or str(self.outcome)


class RegisteredModel(Assessed):
    """A row of the registry: all that is needed to make the model again, and to know whether to."""

    name: str
    """Immutable: pathway, kind, and the start of the artefact's hash; what its server calls it."""
    pathway: str
    kind: FitKind
    parent: str | None
    """The model it was tuned from."""
    base_sha256: str
    adapter_sha256: str
    tokenizer_sha256: str
    template_sha256: str
    data_sha256: str
    """Of the manifest: row ids and their hashes."""
    rows_blob: str = ""
    """The rows themselves, sealed; empty for a base."""
    code_sha256: str
    settings: dict[str, float | int | str]
    folder: str
    """Of the artefact, relative to the state folder; absolute for a base that was registered where it lay."""
    file_sha256: dict[str, str] = {}
    """Of each file in that folder."""
    evaluation: dict[str, object]
    """What `evaluate` printed of it."""
    made_at: datetime


class Deployment(Frozen):
    """What an alias meant for a while, and who wanted that."""

    deployment_id: int
    alias: str
    name: str
    """Of a registered model; empty: the endpoint's own."""
    since: datetime
    until: datetime | None
    by: str
    reason: str
    replaced: str | None
    """What going back leads to; None where nothing was before."""
