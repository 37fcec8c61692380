"""What the classical estimator, alone or pooled with a model, says of the cases of an evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from agents.pathway import Pathway, TeachingPathway
from contracts.classical import CrossFitJob, EstimateJob, Told
from contracts.errors import ConfigurationError, ConfigurationFault
from contracts.suggestions import MadeBy, Suggestion
from contracts.tuning import FitReport, TrainingRow
from integrations import files
from tuning import combined, estimating
from tuning.combined import Member
from tuning.decoding import Array, Decoding, Levels
from tuning.evaluation import labelled, predictions
from tuning.evaluation.predictions import Prediction

PYTHON = Path("bin/python")
REPORT, DECODING = "report.json", "decoding.json"


@dataclass(frozen=True)
class Estimating:
    """A fitted estimator, or decisions on the very cases that are judged, on which one is cross-fitted; or both."""

    venv: Path
    """The model environment."""
    fitted: Path | None = None
    """Folder of the estimator with the report of its fit."""
    decisions: Path | None = None
    column: str | None = None


class Estimates:
    """Of one evaluation. Raises ConfigurationError for input that is amiss, TuningError for an estimator that is."""

    def __init__(
        self, wanted: Estimating, pathway: Pathway, by_rules: Sequence[Suggestion], levels: tuple[str, ...],
        state: Path | None,
    ) -> None:  # fmt: skip
        if not isinstance(pathway, TeachingPathway):
            raise ConfigurationError(
                ConfigurationFault.SETTING, f"{pathway.name} does not say what its decisions teach", setting="pathway"
            )
        if bool(wanted.decisions) != bool(wanted.column):
            raise ConfigurationError(
                ConfigurationFault.SETTING, "--decisions and --decision-column go together", setting="decisions"
            )
        self._wanted, self._pathway, self._by_rules, self._levels = wanted, pathway, by_rules, levels
        self._state, self._python = state, wanted.venv / PYTHON
        self._rows = self._lessons(wanted.decisions, wanted.column) if wanted.decisions and wanted.column else ()
        self._decided = np.array([int(np.argmax(row.target)) for row in self._rows])
        self._weights = np.array([row.weight for row in self._rows])
        self._member: Member | None = None

    async def alone(self) -> list[Prediction]:
        """Return what the estimator and the rules' floor say."""
        if self._rows:
            pooled = combined.pool([await self._estimator()], self._decided, self._weights)
            return self._predictions(pooled.probabilities, pooled.levels)
        told, fixed = await self._scored(), self._fixed()  # the process checks the hash of both files first
        return self._predictions(fixed.calibrated(told), fixed.levels(told))

    async def with_model(self, by_model: Array) -> list[Prediction]:
        """Return the same with the model's probabilities in the pool, (cases, levels)."""
        if not self._rows:
            raise ConfigurationError(
                ConfigurationFault.SETTING,
                "with a model it needs --decisions, on which the two are weighed",
                setting="combined",
            )
        estimator = await self._estimator()
        members = [estimator, combined.frozen(by_model, estimator.fold)]
        pooled = combined.pool(members, self._decided, self._weights)
        predictions.tell(f"the model has {pooled.share:.2f} of the combined judge, mean over folds")
        return self._predictions(pooled.probabilities, pooled.levels)

    def _lessons(self, file: Path, column: str) -> tuple[TrainingRow, ...]:
        charts = [suggestion.facts for suggestion in self._by_rules]
        decided = labelled.decided(charts, file, column, column, self._levels)
        made = map(self._pathway.lesson, decided)
        return tuple(row for row in made if isinstance(row, TrainingRow))

    async def _estimator(self) -> Member:
        if self._member is None:
            if self._wanted.fitted:
                self._member = combined.frozen(await self._scored(), combined.folds(self._decided))
            else:
                self._member = _member(await self._cross_fitted())
        return self._member

    async def _cross_fitted(self) -> Told:
        job = CrossFitJob(rows=self._rows, folds=combined.FOLDS, inner_folds=combined.INNER_FOLDS)
        kept = self._state / f"cross-fit-{job.sha256()[:16]}.json" if self._state else None
        if kept and kept.exists():
            return Told.model_validate_json(kept.read_bytes())
        told = await estimating.cross_fit(self._python, job, lambda line: predictions.tell(f"classical {line}"))
        if kept:
            kept.parent.mkdir(parents=True, exist_ok=True)
            files.write(kept, told.model_dump_json())
        return told

    async def _scored(self) -> Array:
        folder = self._folder()
        try:
            report = FitReport.model_validate_json((folder / REPORT).read_bytes())
        except (OSError, ValidationError):
            raise ConfigurationError(
                ConfigurationFault.SETTING, f"{folder} has no {REPORT} of a fit", setting="classical"
            ) from None
        rows = tuple(self._pathway.features(suggestion.facts) for suggestion in self._by_rules)
        job = EstimateJob(artefact=str(folder.resolve()), file_sha256=report.file_sha256, rows=rows)
        return np.array((await estimating.score(self._python, job, predictions.tell)).probabilities)

    def _fixed(self) -> Decoding:
        return Decoding.model_validate_json((self._folder() / DECODING).read_bytes())

    def _folder(self) -> Path:
        if self._wanted.fitted is None:
            raise ConfigurationError(
                ConfigurationFault.SETTING,
                "it needs --classical, or --decisions and --decision-column",
                setting="classical",
            )
        return self._wanted.fitted

    def _predictions(self, probabilities: Array, levels: Levels) -> list[Prediction]:
        return [
            Prediction(
                asked="",
                encounter_id=by_rules.facts.encounter_id,
                selected=self._raised(self._levels[int(level)], by_rules.floor),
                probabilities=dict(zip(self._levels, map(float, told), strict=True)),
                made_by=MadeBy.MODEL,
            )
            for by_rules, told, level in zip(self._by_rules, probabilities, levels, strict=True)
        ]

    def _raised(self, level: str, floor: str | None) -> str:
        return floor if floor and self._pathway.more_urgent(floor, level) else level


def _member(told: Told) -> Member:
    return Member(np.array(told.probabilities), np.array(told.fold), [np.array(rows) for rows in told.inner])
