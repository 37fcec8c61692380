"""What a laboratory flagged and no rule here knows, or called critical itself: shown as it was charted."""

from collections.abc import Iterator, Sequence

from agents.charts import IGNORED_STATUS, Resource, categories, clean, moment, named, reference
from agents.result_followup.analytes import CODES
from contracts.charts import Attention, ChartFacts, Fact, FactKind

# HL7 v3 ObservationInterpretation: beyond a limit, or abnormal; those of the pathway's trigger
CRITICAL_FLAGS = ("HH", "LL", "AA")
FLAGS = (*CRITICAL_FLAGS, "H", "L", "HU", "LU", "A")
KEY = "other_"
"""Begins the key of each such fact."""
MOST = 20  # our judgement: of more, nobody reads the last; critical ones come first


def others(chart: Sequence[Resource], facts: ChartFacts) -> tuple[Fact, ...]:
    """Return the newest of each such result of this patient and stay: critical ones first, then the newest first."""
    newest: dict[str, Fact] = {}
    for resource in chart:
        try:
            fact = _fact(resource, facts)
        except (ValueError, TypeError, AttributeError, LookupError):
            continue  # `agents.charts` says of it that it can't be read
        if fact and (fact.key not in newest or _at(newest[fact.key]) <= _at(fact)):
            newest[fact.key] = fact
    return tuple(sorted(newest.values(), key=lambda fact: (is_critical(fact), _at(fact)), reverse=True)[:MOST])


def attention(chart: Sequence[Resource], facts: ChartFacts) -> Iterator[Attention]:
    """Yield each result of these facts that its laboratory flags, or says nothing of: what opens a case."""
    versions = {fact.resource for fact in facts.facts}
    for resource in chart:
        try:
            flag = _flag(resource) if "laboratory" in categories(resource) else None
            version = _version(resource)
        except (ValueError, TypeError, AttributeError, LookupError):
            continue  # `agents.charts` says of it that it can't be read
        if flag and version in versions:
            yield Attention(resource=version)


def is_critical(fact: Fact) -> bool:
    """Return whether the laboratory itself called it critical."""
    return any(fact.value.endswith(f"(flagged {flag})") for flag in CRITICAL_FLAGS)


def _at(fact: Fact) -> str:
    return fact.effective_at.isoformat() if fact.effective_at else ""


def _fact(resource: Resource, facts: ChartFacts) -> Fact | None:
    if resource["resourceType"] != "Observation" or resource.get("status") in IGNORED_STATUS:
        return None
    stay = reference(resource, "encounter") in ("", f"Encounter/{facts.encounter_id}")
    if not stay or reference(resource, "subject") != facts.patient:
        return None
    codings, flag = resource["code"].get("coding", ()), _flag(resource)
    if "laboratory" not in categories(resource) or flag is None:
        return None
    if any(coding.get("code") in CODES for coding in codings) and flag.split()[-1] not in CRITICAL_FLAGS:
        return None
    name = named(resource["code"]) or "A result"
    quantity, said = resource.get("valueQuantity") or {}, named(resource.get("valueCodeableConcept") or {})
    value = clean(quantity.get("value", resource.get("valueString") or said))
    words = " ".join(part for part in (clean(quantity.get("comparator")), value, clean(quantity.get("unit"))) if part)
    at = resource.get("effectiveDateTime") or resource.get("issued")
    code = next((coding["code"] for coding in codings if coding.get("code")), name)
    return Fact(
        key=KEY + "".join(c if c.isalnum() else "_" for c in str(code))[:40],
        kind=FactKind.VITAL,
        label=name,
        value=f"{words or 'without a value'} ({flag})",
        resource=_version(resource),
        effective_at=moment(at) if at else None,
    )


def _version(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}/_history/{resource.get('meta', {}).get('versionId', '1')}"


def _flag(resource: Resource) -> str | None:
    """Return how it is flagged, or that nobody says; None where it is in order."""
    told = [coding.get("code") for one in resource.get("interpretation", ()) for coding in one.get("coding", ())]
    flags = [code for code in told if code in FLAGS]
    if flags:
        return f"flagged {flags[0]}"
    value, ranges = (resource.get("valueQuantity") or {}).get("value"), resource.get("referenceRange", ())
    for limits in ranges if isinstance(value, int | float) else ():
        if value > limits.get("high", {}).get("value", value) or value < limits.get("low", {}).get("value", value):
            return "out of its range"
    return None if told or ranges else "no flag and no range"
