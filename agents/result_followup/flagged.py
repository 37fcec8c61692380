"""What a laboratory flagged, or what nobody knows to be in order, and no rule here judges: shown as it was charted."""

from collections.abc import Iterator, Sequence

from agents.charts import Resource, moment, reference
from agents.result_followup import results
from agents.result_followup.analytes import ADULT_FROM_YEARS, JUDGED
from agents.result_followup.results import Result, Standing, Words
from contracts.charts import Attention, ChartFacts, Fact, FactKind

KEY, CRITICAL_KEY = "other_", "critical_"
"""Begin the keys of such facts; the latter of those that the laboratory itself calls critical."""
MOST = 20  # our judgement: of more, nobody reads the last; what is critical is always shown (I20)
ODD = (ValueError, TypeError, AttributeError, LookupError, OverflowError)


def others(chart: Sequence[Resource], facts: ChartFacts, words: Words) -> tuple[tuple[Fact, ...], tuple[str, ...]]:
    """Return the newest of each such result of this patient and stay, and a line for what is not among them.

    Critical ones come first, all of them; then the newest first, `MOST` in all. A later value of the same test that is
    in order takes the place of an earlier one.
    """
    newest: dict[str, tuple[str, Fact | None]] = {}
    lines: list[str] = []
    for resource in chart:
        try:
            for result in _of_stay(resource, facts, words):
                at = _charted_at(resource)
                if result.code not in newest or newest[result.code][0] <= at:
                    newest[result.code] = at, _fact(result, resource, facts)
        except ODD:
            lines.append(f"{resource.get('resourceType')}/{resource.get('id')}, which can't be read")
    shown = sorted((found for found in newest.values() if found[1]), key=_urgency, reverse=True)
    told = [fact for _, fact in shown if fact]
    most = max(MOST, sum(is_critical(fact) for fact in told))
    if len(told) > most:
        lines.append(f"{len(told) - most} more results that are flagged or not known to be in order: see the chart")
    new = tuple(line for line in dict.fromkeys(lines) if line not in facts.left_out)
    return tuple(told[:most]), new


def attention(chart: Sequence[Resource], facts: ChartFacts, words: Words) -> Iterator[Attention]:
    """Yield each result of these facts that its laboratory flags, or that is not known to be in order."""
    versions = {fact.resource for fact in facts.facts}
    for resource in chart:
        try:
            demands = any(one.standing > Standing.UNREMARKABLE for one in _of_stay(resource, facts, words))
            version = _version(resource) if demands else ""
        except ODD:
            continue  # there is a line that says so
        if version in versions:
            yield Attention(resource=version)


def is_critical(fact: Fact) -> bool:
    """Return whether the laboratory itself called it critical."""
    return fact.key.startswith(CRITICAL_KEY)


def _of_stay(resource: Resource, facts: ChartFacts, words: Words) -> tuple[Result, ...]:
    if resource.get("resourceType") != "Observation" or not results.is_result(resource):
        return ()
    stay = reference(resource, "encounter") in ("", f"Encounter/{facts.encounter_id}")
    if not stay or reference(resource, "subject") != facts.patient:
        return ()
    return results.results(resource, words)


def _fact(result: Result, resource: Resource, facts: ChartFacts) -> Fact | None:
    if result.standing == Standing.UNREMARKABLE or (result.standing < Standing.CRITICAL and _judged(result, facts)):
        return None
    at = resource.get("effectiveDateTime") or resource.get("issued")
    key = CRITICAL_KEY if result.standing == Standing.CRITICAL else KEY
    return Fact(
        key=key + "".join(c if c.isalnum() else "_" for c in result.code)[:40],
        kind=FactKind.VITAL,
        label=result.name,
        value=f"{result.value or 'without a value'} ({result.why})",
        resource=_version(resource),
        effective_at=moment(at) if at else None,
    )


def _judged(result: Result, facts: ChartFacts) -> bool:
    """Return whether limits of ours judge it: those of an analyte that has some, of adults, on a number."""
    age = facts.number("age")
    adult = age is None or age >= ADULT_FROM_YEARS
    return adult and result.analyte in JUDGED and facts.number(result.analyte) is not None


def _urgency(found: tuple[str, Fact | None]) -> tuple[bool, str]:
    at, fact = found
    return fact is not None and is_critical(fact), at


def _charted_at(resource: Resource) -> str:
    at = resource.get("effectiveDateTime") or resource.get("issued")
    kept = str((resource.get("meta") or {}).get("lastUpdated") or "")
    return f"{moment(at).isoformat() if at else ''} {kept}"


def _version(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}/_history/{resource.get('meta', {}).get('versionId', '1')}"
