"""Reads FHIR resources as plain JSON: codes, numbers, moments, ages and references. Pure; knows no pathway."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

Resource = dict[str, Any]
LOINC = "http://loinc.org"
OURS = "urn:wardflow:written"
"""System of the tag on all that Wardflow writes; written out, so that the oracle shares nothing with the writer."""
WITHDRAWN = frozenset(["entered-in-error", "cancelled"])
ASIDE = ("focus", "modifierExtension")
"""Elements that may make an Observation speak of somebody else, or mean something else."""
_NUMBER = re.compile(r"(<=|>=|<|>)?\s*(-?\d+(?:[.,]\d+)?)\s*(.*)", re.DOTALL)
OLDEST_YEARS = 130
ZONES = timedelta(hours=14)
"""How far any time zone is from UTC."""
_ONE_DAY_YEARS = 1 / 365.25
_SAID = (
    "code", "component", "interpretation", "referenceRange", "dataAbsentReason", "modifierExtension", "subject",
    "encounter", "specimen", "bodySite", "method", "focus", "hasMember",
)  # fmt: skip


@dataclass(frozen=True)
class Number:
    value: float
    units: frozenset[str] = frozenset()
    """Its coded and its written unit, in lower case; empty where the chart names none."""
    comparator: str = ""
    """`<`, `<=`, `>` or `>=`; empty for an exact number."""


@dataclass(frozen=True)
class Part:
    """An Observation's own value, or one of its components, with the codes that name it."""

    element: Resource
    codes: frozenset[tuple[str, str]]
    """System and code of each coding; system `text` for a name without a code."""

    @property
    def loinc(self) -> frozenset[str]:
        return frozenset(code for system, code in self.codes if system == LOINC)


def named(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def version(resource: Resource) -> str:
    return str(resource.get("meta", {}).get("versionId", ""))


def ours(resource: Resource) -> bool:
    """Return whether Wardflow wrote it."""
    return any(tag.get("system") == OURS for tag in resource.get("meta", {}).get("tag", ()))


def withdrawn(resource: Resource) -> bool:
    return resource.get("status") in WITHDRAWN


def reference(resource: Resource, element: str) -> str:
    """Return `Type/id` of a relative reference; empty for none, and for one that points elsewhere."""
    text = (resource.get(element) or {}).get("reference", "").partition("/_history/")[0]
    return text if re.fullmatch(r"[A-Z][A-Za-z]+/[A-Za-z0-9.\-]+", text) else ""


def codes(concept: Resource | None) -> frozenset[tuple[str, str]]:
    concept = concept or {}
    found = {(c.get("system", ""), c["code"]) for c in concept.get("coding", ()) if c.get("code")}
    if not found and concept.get("text"):
        found = {("text", concept["text"].strip().lower())}
    return frozenset(found)


def texts(concept: Resource | None) -> list[str]:
    """Return the text and the displays of a concept."""
    concept = concept or {}
    found = [concept.get("text"), *(c.get("display") for c in concept.get("coding", ()))]
    return [text.strip() for text in found if text and text.strip()]


def parts(observation: Resource) -> Iterator[Part]:
    """Yield the Observation itself where it carries a value or has no components, then its components."""
    components = observation.get("component") or []
    if valued(observation) or not components:
        yield Part(observation, codes(observation.get("code")))
    for component in components:
        yield Part(component, codes(component.get("code")))


def valued(element: Resource) -> Resource:
    """Return the `value[x]` of an element."""
    return {k: v for k, v in element.items() if re.match(r"value[A-Z]", k) and v is not None}


def number(element: Resource) -> Number | None:
    """Return the number that an element holds, also as an integer or in words; None where it holds no single one."""
    if len(found := valued(element)) != 1:
        return None
    kind, value = next(iter(found.items()))
    if kind == "valueQuantity":
        return quantity(value)
    if kind in ("valueInteger", "valueDecimal") and isinstance(value, int | float) and not isinstance(value, bool):
        return Number(float(value))
    return parsed(value) if kind == "valueString" and isinstance(value, str) else None


def quantity(found: Resource) -> Number | None:
    value = found.get("value")
    if isinstance(value, str):
        value = exact.value if (exact := parsed(value)) and not exact.units and not exact.comparator else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return Number(float(value), units(found), found.get("comparator") or "")


def units(found: Resource) -> frozenset[str]:
    return frozenset(str(found[key]).strip().lower() for key in ("code", "unit") if found.get(key))


def parsed(text: str) -> Number | None:
    """Return the number that begins a text, with a comparator before and a unit behind it."""
    found = _NUMBER.fullmatch(text.strip())
    if not found:
        return None
    behind = found[3].strip().lower()
    return Number(float(found[2].replace(",", ".")), frozenset([behind] if behind else ()), found[1] or "")


def moment(observation: Resource) -> datetime | None:
    """Return when it was true of the patient; a time without a zone is UTC; None where only a day is known."""
    period = observation.get("effectivePeriod") or {}
    return instant(
        observation.get("effectiveDateTime") or observation.get("effectiveInstant") or period.get("start") or ""
    )


def span(observation: Resource) -> tuple[datetime, datetime] | None:
    """Return the first and the last moment that it may mean; None without any.

    Of a day alone, or a time without a zone, only the hospital knows the zone.
    """
    period = observation.get("effectivePeriod") or {}
    said = observation.get("effectiveDateTime") or observation.get("effectiveInstant") or period.get("start") or ""
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        return None
    if found.tzinfo:
        return found, found
    begun, lasts = found.replace(tzinfo=UTC), timedelta() if "T" in said else timedelta(days=1)
    return begun - ZONES, begun + lasts + ZONES


def instant(text: str | None) -> datetime | None:
    if not text or "T" not in text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def ages(patient: Resource | None, at: datetime) -> tuple[float, float] | None:
    """Return the least and the greatest age in years that a birth date allows, a day more or less for time zones.

    None where there is none that can be.
    """
    text = (patient or {}).get("birthDate") or ""
    try:
        first = date.fromisoformat(f"{text}-01-01"[:10]) if len(text) == 4 else date.fromisoformat(f"{text}-01"[:10])
    except ValueError:
        return None
    spread = {4: 366, 7: 31}.get(len(text), 0)
    oldest = (at.date() - first) / timedelta(days=365.25)
    youngest = oldest - spread * _ONE_DAY_YEARS
    if oldest < -1.5 * _ONE_DAY_YEARS or oldest > OLDEST_YEARS:
        return None
    return max(0.0, youngest - _ONE_DAY_YEARS), oldest + _ONE_DAY_YEARS


def meaning(resource: Resource) -> str:
    """Return a hash of all that a resource says: without `meta`, and with a status only as withdrawn or not."""
    said = {k: v for k, v in resource.items() if k in _SAID or k.startswith(("value", "effective"))}
    return _hash(said | {"withdrawn": withdrawn(resource)})


def facts(resource: Resource) -> str:
    """Return a hash of what a decision rests on: values, whose they are, whether withdrawn; of a person age and sex."""
    if resource["resourceType"] == "Patient":
        return _hash({key: resource.get(key) for key in ("birthDate", "gender")})
    components = [[sorted(codes(c.get("code"))), valued(c)] for c in resource.get("component", ())]
    whose = [reference(resource, "subject"), reference(resource, "encounter")]
    return _hash([valued(resource), components, whose, withdrawn(resource)])


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(_plain(content), sort_keys=True).encode()).hexdigest()


def _plain(content: Any) -> Any:
    """Return the same with every number a float: 4 and 4.0 are one value."""
    if isinstance(content, dict):
        return {k: _plain(v) for k, v in content.items()}
    if isinstance(content, list | tuple):
        return [_plain(v) for v in content]
    return float(content) if isinstance(content, int) and not isinstance(content, bool) else content
