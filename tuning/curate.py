"""Makes a training set of decisions: which rows teach, which were refused and why, and what is odd about the people."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from agents.pathway import TeachingPathway
from contracts.charts import ChartFacts, FactKind
from contracts.classical import CrossFitJob, Probabilities
from contracts.errors import TuningError, TuningFault
from contracts.frozen import Frozen
from contracts.tuning import DecidedCase, TrainingRow
from tuning import estimating, suspicion
from tuning.suspicion import Alarm

FOLDS = 5
FACTS_OF_A_PATIENT = 6
"""Charts of fewer facts may be alike by chance: a complaint, a sex and no vital sign."""


class Reason(StrEnum):
    """Why a lesson is left out, beside `NoLesson` and `Fault`."""

    LEAK = "leak"
    """Its chart, one that differs in a single fact, or its patient is among those that measure."""
    DUPLICATE = "duplicate"
    """The same facts were decided before in this set."""


class RowHash(Frozen):
    row_id: str
    row_sha256: str


class Manifest(Frozen):
    """What a model was made of: enough to prove it, and nothing of a chart."""

    schema_version: int = 1
    pathway: str
    reward_version: int
    rows: tuple[RowHash, ...]
    refused: dict[str, int]
    alarms: tuple[Alarm, ...]


@dataclass(frozen=True)
class Beliefs:
    """What estimators say of rows they did not learn from, by row id."""

    out_of_fold: Mapping[str, Sequence[float]]
    apart: Mapping[str, Mapping[str, Sequence[float]]] = field(default_factory=dict)
    """By yes/no number: each side as the other side's decisions would have it."""


@dataclass(frozen=True)
class CuratedSet:
    rows: tuple[TrainingRow, ...]
    manifest: Manifest

    @property
    def manifest_sha256(self) -> str:
        return self.manifest.sha256()

    @property
    def refused(self) -> dict[str, int]:
        return self.manifest.refused


def curate(
    decided: Sequence[DecidedCase],
    pathway: TeachingPathway,
    held_out: Sequence[ChartFacts],
    beliefs: Beliefs | None = None,
) -> CuratedSet:
    """Return the set; `beliefs` about its rows (`believe`) also judge the people who decided.

    Raises TuningError where a subgroup was decided by other rules than the rest: whose rules are wrong, a person says.
    """
    lessons, refused = _lessons(decided, pathway, held_out)
    alarms: list[Alarm] = []
    if beliefs:
        told = [beliefs.out_of_fold[row.row_id] for _, row in lessons]
        alarms = suspicion.reviewers(lessons, told)
        for name, apart in beliefs.apart.items():
            found = suspicion.subgroup(name, lessons, told, [apart[row.row_id] for _, row in lessons])
            if found:
                raise TuningError(TuningFault.SUBGROUP, found.text)
        by_reviewer = {alarm.subject: alarm.fault for alarm in alarms}
        refused.update(by_reviewer[case.reviewer_id] for case, _ in lessons if case.reviewer_id in by_reviewer)
        lessons = [(case, row) for case, row in lessons if case.reviewer_id not in by_reviewer]
    rows = tuple(_capped(lessons))
    manifest = Manifest(
        pathway=pathway.name,
        reward_version=pathway.reward_version,
        rows=tuple(RowHash(row_id=row.row_id, row_sha256=row.sha256()) for row in rows),
        refused=dict(sorted(refused.items())),
        alarms=tuple(alarms),
    )
    return CuratedSet(rows, manifest)


async def believe(
    python: Path, rows: Sequence[TrainingRow], apart_by: Sequence[str], told: Callable[[str], None]
) -> Beliefs:
    """Cross-fit the classical estimator on these rows, and apart by each yes/no number that has rows on both sides."""

    async def asked(apart: str) -> dict[str, Sequence[float]]:
        job = CrossFitJob(rows=tuple(rows), folds=FOLDS, apart_by=apart)
        said: Probabilities = (await estimating.cross_fit(python, job, told)).probabilities
        return {row.row_id: one for row, one in zip(rows, said, strict=True)}

    return Beliefs(await asked(""), {name: await asked(name) for name in apart_by if suspicion.two_sided(name, rows)})


def _lessons(
    decided: Sequence[DecidedCase], pathway: TeachingPathway, held_out: Sequence[ChartFacts]
) -> tuple[list[tuple[DecidedCase, TrainingRow]], Counter[str]]:
    kept: list[tuple[DecidedCase, TrainingRow]] = []
    refused: Counter[str] = Counter()
    measuring = {mark for facts in held_out for mark in _marks(facts)}
    seen: set[str] = set()
    for case in decided:
        made = pathway.lesson(case)
        same = _same(case.facts)
        if not isinstance(made, TrainingRow):
            refused[made] += 1
        elif not measuring.isdisjoint(_marks(case.facts)):
            refused[Reason.LEAK] += 1
        elif same in seen:
            refused[Reason.DUPLICATE] += 1
        else:
            kept.append((case, made))
        if same:
            seen.add(same)
    return kept, refused


def _same(facts: ChartFacts) -> str | None:
    told = _told(facts)
    return _hash(told) if len(told) >= FACTS_OF_A_PATIENT else None


def _marks(facts: ChartFacts) -> Iterator[str]:
    """Yield what two charts share where they are the same patient's, or differ in one fact at most."""
    yield f"encounter {facts.encounter_id}"
    if facts.patient:
        yield f"patient {facts.patient}"
    told = _told(facts)
    if len(told) >= FACTS_OF_A_PATIENT:
        yield _hash(told)
        for left_out in range(len(told)):
            yield _hash([*told[:left_out], *told[left_out + 1 :]])


def _told(facts: ChartFacts) -> list[tuple[str, str]]:
    return [(f.key, f.value.strip().lower()) for f in facts.facts if f.kind != FactKind.IDENTITY]


def _hash(told: Sequence[tuple[str, str]]) -> str:
    return hashlib.sha256(repr(list(told)).encode()).hexdigest()


def _capped(lessons: Sequence[tuple[DecidedCase, TrainingRow]]) -> Iterator[TrainingRow]:
    """Yield the rows, none of whose reviewers weighs more than two average ones: no one person's habits are a model."""
    total: dict[str, float] = {}
    for case, row in lessons:
        total[case.reviewer_id] = total.get(case.reviewer_id, 0.0) + row.weight
    most = 2 * sum(total.values()) / max(len(total), 1)
    for case, row in lessons:
        share = min(1.0, most / total[case.reviewer_id])
        yield row if share == 1.0 else row.model_copy(update={"weight": row.weight * share})
