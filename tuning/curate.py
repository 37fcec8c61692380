"""Makes lessons of decisions, and says of each that is left out why."""

import hashlib
from collections import Counter
from collections.abc import Sequence

from agents.pathway import TeachingPathway
from contracts.charts import ChartFacts
from contracts.frozen import Frozen
from contracts.tuning import DecidedCase, TrainingRow

MEASURES = "measures"
"""The case, or one with the same facts, is among those that measure."""


class Lessons(Frozen):
    rows: tuple[TrainingRow, ...]
    refused: dict[str, int]
    manifest_sha256: str
    """Over the ids and hashes of the rows, in order."""


def curate(decided: Sequence[DecidedCase], pathway: TeachingPathway, measured: Sequence[ChartFacts]) -> Lessons:
    """Return the rows that may train; what measures never does (I13)."""
    held = {mark for facts in measured for mark in (facts.encounter_id, _coded(facts))}
    rows: list[TrainingRow] = []
    refused: Counter[str] = Counter()
    for case in decided:
        made = pathway.lesson(case)
        if held & {case.facts.encounter_id, _coded(case.facts)}:
            refused[MEASURES] += 1
        elif isinstance(made, TrainingRow):
            rows.append(made)
        else:
            refused[made] += 1
    manifest = "\n".join(f"{row.row_id} {row.sha256()}" for row in rows)
    return Lessons(
        rows=tuple(rows), refused=dict(refused), manifest_sha256=hashlib.sha256(manifest.encode()).hexdigest()
    )


def _coded(facts: ChartFacts) -> str:
    """Return the facts without the names of patient and encounter: the same case under another id is the same."""
    return hashlib.sha256("\n".join(sorted(fact.shown() for fact in facts.facts)).encode()).hexdigest()
