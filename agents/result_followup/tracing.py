"""The heart rate that belongs to a QT interval: of the same tracing, not the newest one."""

from collections.abc import Sequence
from datetime import UTC, timedelta, tzinfo

from agents import charts, codes
from agents.charts import Resource
from agents.result_followup.analytes import CODES, READINGS
from agents.result_followup.formulas import ONE_TRACING
from contracts.charts import ChartFacts, Fact

FAR = timedelta.max


def with_its_rate(facts: ChartFacts, chart: Sequence[Resource], zone: tzinfo = UTC) -> ChartFacts:
    """Return the facts with the heart rate charted nearest to the QT interval, or none where all are of other times."""
    qt = facts.get("qt")
    if qt is None or qt.effective_at is None:
        return facts
    rates = [rate for resource in chart if (rate := _rate(facts, chart, resource, zone))]
    nearest = min(rates, key=lambda rate: _apart(qt, rate), default=None)
    kept = [fact for fact in facts.facts if fact.key != "hr"]
    if nearest and _apart(qt, nearest) <= ONE_TRACING:
        kept.append(nearest)
    return facts.model_copy(update={"facts": tuple(kept)})


def _apart(one: Fact, other: Fact) -> timedelta:
    return abs(one.effective_at - other.effective_at) if one.effective_at and other.effective_at else FAR


def _rate(facts: ChartFacts, chart: Sequence[Resource], resource: Resource, zone: tzinfo) -> Fact | None:
    """Return the heart rate of one Observation, as the chart would be read without any other."""
    if not isinstance(resource.get("id"), str) or not _has_rate(resource):
        return None
    stay = next(one for one in chart if one.get("resourceType") == "Encounter" and one.get("id") == facts.encounter_id)
    return charts.read_chart([stay, resource], facts.encounter_id, facts.as_of, READINGS, CODES, zone).get("hr")


def _has_rate(resource: Resource) -> bool:
    parts = resource.get("component")
    return any(
        charts.has_code(part, codes.HEART_RATE) for part in (resource, *(parts if isinstance(parts, list) else ()))
    )
