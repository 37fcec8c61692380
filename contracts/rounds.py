"""Rounds of tuning: what is planned, and what each step hands to the next; references and hashes, never a chart."""

from contracts.charts import ChartFacts
from contracts.frozen import Frozen
from contracts.tuning import Assessed, FitKind, FitReport


class MeasuredCase(Frozen):
    """A frozen chart and the level that a judge's is measured against; it never trains (I13)."""

    facts: ChartFacts
    reference: str


class RoundsPlan(Frozen):
    """The same plan is the same workflow, so that a command given again goes on."""

    schema_version: int = 1
    pathway: str
    options: dict[str, str]
    """Of the pathway, as in the configuration."""
    decided_blob: str
    """Sealed, a `DecidedCase` a line."""
    measured_blob: str
    """Sealed, a `MeasuredCase` a line."""
    measured_against: str
    """Whose levels these are, for people."""
    champion: str
    """The registered model that the first round starts from and has to beat."""
    base: str
    """The registered base of it."""
    parts: tuple[int, ...]
    """How many of the decided cases each round learns from; they grow."""
    kind: FitKind
    settings: dict[str, float | int | str] = {}
    margin: float
    """A candidate is refused where under-triage may have grown by this share of all cases or more."""


class RoundRequest(Frozen):
    plan: RoundsPlan
    number: int
    """From 1."""
    champion: str
    """The best model before this round."""


class Curated(Frozen):
    rows_blob: str
    """Sealed, a `TrainingRow` a line."""
    data_sha256: str
    rows: int
    refused: dict[str, int]
    """Why decisions were left out, and how many."""


class FitRequest(Frozen):
    round: RoundRequest
    curated: Curated


class Fitted(Frozen):
    name: str
    """That it will be registered under."""
    folder: str
    """Relative to the state folder."""
    report: FitReport


class JudgeRequest(Frozen):
    round: RoundRequest
    fitted: Fitted


class Verdict(Assessed):
    """Differences are the candidate's figure less the other's, on resampled cases that both judged."""

    kappa_gain: float
    kappa_gain_95: tuple[float, float]
    yardstick: str
    """Whose under-triage was compared: the champion's, or the rules' where the champion is no better than chance."""
    under_triage_change: float
    under_triage_change_95: tuple[float, float]


class JudgedCandidate(Verdict):
    """The candidate against the champion on the same cases, and against rules alone."""

    evaluation: dict[str, object]
    """Figures of the candidate, as `evaluate` prints them, and what else a tuner wants to know."""
    champion: dict[str, object]
    """The same figures of the champion."""


class RegisterRequest(Frozen):
    round: RoundRequest
    curated: Curated
    fitted: Fitted
    judged: JudgedCandidate


class RoundResult(Frozen):
    """One line of the climb."""

    number: int
    name: str
    rows: int
    refused: dict[str, int]
    started_from: str
    seconds: float
    """Of fitting."""
    judged: JudgedCandidate


class RoundsReport(Frozen):
    rounds: tuple[RoundResult, ...]
    champion: str
    """The best model after the last round; it serves nobody until a person promotes it."""
