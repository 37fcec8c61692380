"""What a laboratory flagged, or what nobody knows to be in order, and no rule here judges: shown as it was charted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from agents.charts import AHEAD, Resource, clean, issued_at, reference, taken_at, version_of
from agents.result_followup import results
from agents.result_followup.analytes import ADULT_FROM_YEARS, ANALYTES
from agents.result_followup.flags import Words
from agents.result_followup.results import Result, Standing
from contracts.charts import Attention, ChartFacts, Fact, FactKind

KEY, CRITICAL_KEY = "other_", "critical_"
"""Begin the keys of such facts; the latter of those that the laboratory, or a limit of ours, calls critical."""
MOST = 20  # our judgement: of more, nobody reads the last; what is critical is always shown (I20)
ODD = (ValueError, TypeError, AttributeError, LookupError, OverflowError)
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Charted:
    """A result in its Observation."""

    result: Result
    version: str
    """`Type/id/_history/version`."""
    at: datetime | None
    """When its sample was taken, where the chart says so exactly; else when it was issued."""
    sampled: bool
    """Whether `at` is of the sample."""
    reliable: bool
    """Whether it may take the place of another value."""


@dataclass(frozen=True)
class Read:
    """What the chart holds of results that are not known to be in order."""

    facts: tuple[Fact, ...]
    lines: tuple[str, ...]
    """What could not be used, and what is not shown."""
    judged: frozenset[str]
    """`Type/id` of what was judged by its own flag and range, whatever a reading in our units makes of it."""


def read(chart: Sequence[Resource], facts: ChartFacts, words: Words) -> Read:
    """Return the newest of each such result of this patient and stay, and a line for what is not among them.

    Critical ones come first, all of them; then what is flagged, then the rest, the newest first, `MOST` in all. A later
    number of the same test takes the place of an earlier one, where both moments are known and its own is not ahead.
    """
    found, lines, judged = list[Charted](), list[str](), set[str]()
    for resource in chart:
        where = f"{resource.get('resourceType')}/{resource.get('id')}"
        try:
            if resource.get("resourceType") != "Observation" or not results.is_result(resource, words):
                continue
            if where in judged:  # pages of a search may overlap
                continue
            if why := _not_used(resource, facts):
                lines += [f"{where}, {why}"] if why != ELSEWHERE and results.demands_look(resource, words) else []
                continue
            taken, version = taken_at(resource), version_of(resource)
            at = taken or issued_at(resource)
            sure = resource.get("status") != "unknown" and not resource.get("modifierExtension")
            for one in results.results(resource, words):
                found.append(Charted(one, version, at, taken is not None, sure and one.standing != Standing.UNCLEAR))
            judged.add(where)
        except ODD:
            lines.append(f"{where}, which can't be read")
    shown = [(one, critical) for one in found if (critical := _demand(one, found, facts)) is not None]
    shown.sort(key=lambda told: (told[1], told[0].result.standing, told[0].at or NEVER), reverse=True)
    most = max(MOST, sum(critical for _, critical in shown))
    if hidden := shown[most:]:
        names = ", ".join(dict.fromkeys(one.result.name for one, _ in hidden))
        lines.append(clean(f"{len(hidden)} more results that are not known to be in order: see the chart: {names}"))
    known = {line.partition(",")[0] for line in facts.left_out}
    new = tuple(line for line in dict.fromkeys(lines) if line.partition(",")[0] not in known)
    return Read(tuple(_facts(shown[:most])), new, frozenset(judged))


def attention(chart: Sequence[Resource], facts: ChartFacts, words: Words) -> Iterator[Attention]:
    """Yield each result of these facts that its laboratory flags, or that is not known to be in order."""
    versions = {fact.resource for fact in facts.facts}
    for resource in chart:
        try:
            if resource.get("resourceType") != "Observation" or not results.is_result(resource, words):
                continue
            if not _not_used(resource, facts) and results.demands_look(resource, words):
                version = version_of(resource)
                if version in versions:
                    yield Attention(resource=version, rule="flagged")
        except ODD:
            continue  # there is a line that says so


def is_critical(fact: Fact) -> bool:
    """Return whether the laboratory, or a limit of ours, calls it critical."""
    return fact.key.startswith(CRITICAL_KEY)


ELSEWHERE = "which is of another stay"


def _not_used(resource: Resource, facts: ChartFacts) -> str:
    """Return why a result is not this patient's of this stay, for a person; empty where it is."""
    stay, whose = reference(resource, "encounter"), reference(resource, "subject")
    if stay not in ("", f"Encounter/{facts.encounter_id}"):
        return "which is of a stay of another server" if ":" in stay else ELSEWHERE
    if resource.get("focus"):
        return "which is about something else than the patient"
    if whose != facts.patient:
        return "which names another patient" if whose else "which names no patient"
    return ""


def _demand(one: Charted, found: Sequence[Charted], facts: ChartFacts) -> bool | None:
    """Return whether it is shown as critical, or None where it is in order, judged by a rule, or replaced."""
    result = one.result
    if result.standing == Standing.UNREMARKABLE or any(_replaces(other, one, facts) for other in found):
        return None
    age = facts.number("age")
    adult = age is None or age >= ADULT_FROM_YEARS
    analyte = ANALYTES.get(result.analyte or "")
    beyond = bool(adult and analyte and result.number is not None and analyte.beyond(result.number))
    if result.standing == Standing.CRITICAL:
        return True
    fact = facts.get(result.analyte or "")
    if adult and analyte and fact and fact.resource == one.version and fact.number == result.number is not None:
        if beyond:
            return None  # a rule says so, in our unit
        sides = {"low": analyte.low, "high": analyte.high}
        judging = [sides[result.side]] if result.side else [analyte.low, analyte.high]
        if all(limit is not None for limit in judging):
            return None
    return beyond


def _replaces(later: Charted, one: Charted, facts: ChartFacts) -> bool:
    """Return whether the other is a later number of the same test: words are about what was found, and stay."""
    if later.version == one.version or not one.result.identity or later.result.identity != one.result.identity:
        return False
    if not (later.result.is_number and one.result.is_number and later.reliable):
        return False
    if later.at is None or one.at is None or later.sampled != one.sampled:  # what was issued later may be older
        return False
    return one.at < later.at <= facts.as_of + AHEAD


def _facts(shown: Sequence[tuple[Charted, bool]]) -> Iterator[Fact]:
    keys: set[str] = set()
    for one, critical in shown:
        told = "_".join(one.result.identity[:1]) or one.result.name
        key = (CRITICAL_KEY if critical else KEY) + "".join(c if c.isalnum() else "_" for c in told)[:40]
        unique = next(name for name in (key, *(f"{key}_{n}" for n in range(2, len(shown) + 2))) if name not in keys)
        keys.add(unique)
        value = f"{one.result.value or 'without a value'} ({one.result.why})"
        yield Fact(
            key=unique, kind=FactKind.VITAL, label=one.result.name, value=value, resource=one.version,
            effective_at=one.at,
        )  # fmt: skip
