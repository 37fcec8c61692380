"""FHIR R4 in and out of emergency triage, pure: a frozen chart to facts, a decision to an acuity Observation."""

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from fhir.resources.R4B.observation import Observation

from agents.ed_triage import quantities
from contracts.charts import ChartFacts, Fact, FactKind
from contracts.decisions import Decision
from contracts.ed_triage import AcuityScale
from contracts.errors import FhirError, FhirFault

Resource = dict[str, Any]
# key: (label, unit, kind); an Observation of another key is left aside
SHOWN = {
    "complaint": ("Complaint", "", FactKind.PRESENTATION),
    "arrival_mode": ("Arrived by", "", FactKind.PRESENTATION),
    "injury": ("Injury", "", FactKind.PRESENTATION),
    "pain_nrs": ("Pain", "of 10", FactKind.PRESENTATION),
    "avpu": ("Responsiveness", "", FactKind.VITAL),
    "hr": ("HR", "/min", FactKind.VITAL),
    "rr": ("RR", "/min", FactKind.VITAL),
    "sbp": ("SBP", "mmHg", FactKind.VITAL),
    "dbp": ("DBP", "mmHg", FactKind.VITAL),
    "temp_c": ("Temp", "°C", FactKind.VITAL),
    "spo2": ("SpO2", "%", FactKind.VITAL),
    "oxygen_l_min": ("Oxygen", "L/min", FactKind.VITAL),
    "encounter": ("Encounter", "", FactKind.STAY),
}
UNDER_WAY = ("planned", "arrived", "triaged", "in-progress", "onleave", None)  # FHIR R4, EncounterStatus
# Whole answers only: "not alert" holds the word alert. Codes: LOINC 67775-7, answers of the ACVPU scale. What is not
# listed stays as it was charted, and counts as not alert.
AVPU = {
    answer: level
    for level, answers in {
        "alert": ("alert", "a", "la9340-6"),
        "confused": ("confused", "confusion", "new confusion", "c", "la6560-2"),
        "verbal": ("verbal", "voice", "responds to voice", "responds to verbal stimuli", "v", "la17108-4"),
        "pain": ("pain", "painful", "responds to pain", "responds to painful stimuli", "p", "la17107-6"),
        "unresponsive": ("unresponsive", "u", "la9343-0"),
    }.items()
    for answer in answers
}
IGNORED_STATUS = ("entered-in-error", "cancelled", "unknown")
ACUITY_LOINC = {"system": "http://loinc.org", "code": "11283-9", "display": "Acuity assessment at First encounter"}
NUMBER = re.compile(r"\d{1,6}(\.\d{1,6})?")
COMPLAINT_CHARS = 300
MOST_CHARS = 10_000  # of a text that are looked at
# Unicode general categories of characters that nobody sees, or that reverse the text around them
UNSEEN = ("Cc", "Cf", "Cn", "Co", "Cs")
JOINERS = "\u200c\u200d"  # which Persian and Indic spelling needs
OLDEST_YEARS = 130  # the oldest person on record reached 122 (Robine & Allard, Science 1998;279:1834)
AHEAD = timedelta(minutes=10)  # clocks differ; what is stamped further ahead is named, not used


def read_chart(
    resources: Sequence[Resource], encounter_id: str, as_of: datetime, codes: Mapping[str, str]
) -> ChartFacts:
    """Return the newest value of each fact at `as_of`. Raises FhirError where the Encounter is missing."""
    by_type: dict[str, list[Resource]] = {}
    left_out: list[str] = []
    for resource in resources:
        if isinstance(resource.get("id"), str):
            by_type.setdefault(str(resource.get("resourceType")), []).append(resource)
        else:
            left_out.append("a resource without an id")
    encounter = next((e for e in by_type.get("Encounter", ()) if e["id"] == encounter_id), None)
    if encounter is None:
        raise FhirError(FhirFault.MISSING, "chart without its Encounter")
    patient = _reference(encounter, "subject")  # empty where nobody knows yet who it is
    newest: dict[str, Fact] = {}

    def take(source: Resource, read: Callable[[], Iterator[Fact | str]]) -> None:
        try:
            found = list(read())
        except (ValueError, TypeError, AttributeError, LookupError, OverflowError):
            left_out.append(f"{source['resourceType']}/{source['id']}, which can't be read")
            return
        for fact in found:
            if isinstance(fact, str):
                left_out.append(fact)
            elif fact.effective_at and fact.effective_at > as_of + AHEAD:
                left_out.append(f"{fact.shown()} of {fact.effective_at:%Y-%m-%d %H:%M} UTC, ahead of the clock")
            elif fact.key not in newest or _at(newest[fact.key]) <= _at(fact):
                newest[fact.key] = fact

    take(encounter, lambda: _arrived(encounter))
    for who in by_type.get("Patient", ()):
        if patient == f"Patient/{who['id']}":
            take(who, lambda who=who: _person(who, as_of))
    for resource in by_type.get("Observation", ()):
        take(resource, lambda resource=resource: _observed(resource, patient, encounter_id, codes))
    ordered = tuple(newest[key] for key in ("name", "sex", "age", *SHOWN) if key in newest)
    return ChartFacts(encounter_id=encounter_id, patient=patient, as_of=as_of, facts=ordered, left_out=tuple(left_out))


def _reference(resource: Resource, element: str) -> str:
    named = resource.get(element)
    reference = named.get("reference") if isinstance(named, dict) else None
    return reference if isinstance(reference, str) else ""


def _at(fact: Fact) -> datetime:
    return fact.effective_at or datetime.min.replace(tzinfo=UTC)


def _arrived(encounter: Resource) -> Iterator[Fact]:
    told = (words for reason in encounter.get("reasonCode", ()) for words in _words(reason))
    text = next(told, None)
    if text:
        yield _fact("complaint", text, None, encounter, None)
    if encounter.get("status") not in UNDER_WAY:
        yield _fact("encounter", str(encounter.get("status")), None, encounter, None)


def _observed(resource: Resource, patient: str, encounter_id: str, codes: Mapping[str, str]) -> Iterator[Fact | str]:
    """Yield the facts of an Observation, and a line for each value of ours that can't be used."""
    if resource.get("status") in IGNORED_STATUS:
        return
    # A chart search can't be trusted to return one patient and one stay only (I7).
    if _reference(resource, "encounter") not in ("", f"Encounter/{encounter_id}"):
        return
    parts = [(part, key) for part in (resource, *resource.get("component", ())) if (key := _key(part["code"], codes))]
    where = f"{resource['resourceType']}/{resource['id']}"
    if _reference(resource, "subject") != patient:
        if parts and _reference(resource, "encounter"):
            yield f"{where}, which is of this stay and names another patient"
        return
    period, meta = resource.get("effectivePeriod") or {}, resource.get("meta") or {}
    exact = (resource.get("effectiveDateTime"), resource.get("effectiveInstant"), period.get("start"))
    at = next((_moment(text) for text in (*exact, resource.get("issued"), meta.get("lastUpdated")) if text), None)
    for part, key in parts:
        try:
            text, number = _value(part, key)
        except quantities.UnusableError as fault:
            yield f"{SHOWN[key][0]} {fault} ({where})"
            continue
        yield _fact(key, text, number, resource, at)


def _key(code: Resource, codes: Mapping[str, str]) -> str | None:
    names = [c.get("code") for c in code.get("coding", ())] + [code.get("text")]
    return next((codes[n] for n in names if n in codes and codes[n] in SHOWN), None)


def _value(part: Resource, key: str) -> tuple[str, float | None]:
    """Return the value as text, and as a number where the fact is one. Raises UnusableError."""
    concept = part.get("valueCodeableConcept") or {}
    texts = [*_words({"text": part.get("valueString")}), *_words(concept)]
    if key in quantities.LIMITS:
        text = next(iter(texts), None)
        bare = part.get("valueInteger", float(text) if text and NUMBER.fullmatch(text) else text)
        return quantities.measured(part.get("valueQuantity") or {"value": bare}, key)
    if "valueBoolean" in part:
        return ("yes" if part["valueBoolean"] else "no"), None
    texts += [text for c in concept.get("coding", ()) if (text := _clean(c.get("code")))]
    if not texts:
        raise quantities.UnusableError("without a value")
    if key == "avpu":
        told = [text.lower() for text in texts]
        return next((AVPU[text] for text in told if text in AVPU), told[0]), None
    return texts[0], None


def _words(concept: Resource) -> Iterator[str]:
    """Yield the texts of a CodeableConcept, the hospital's own first."""
    for words in (concept.get("text"), *(c.get("display") for c in concept.get("coding", ()))):
        if text := _clean(words):
            yield text


def _clean(words: object) -> str:
    """Return the words as one line without what is not seen or changes the order of what is, cut where too long."""
    told = "" if words is None else str(words)
    seen = "".join(c for c in told[:MOST_CHARS] if unicodedata.category(c) not in UNSEEN or c in JOINERS or c in "\n\t")
    line = " ".join(seen.split())
    return line if len(line) <= COMPLAINT_CHARS else f"{line[: COMPLAINT_CHARS - 1]}…"


def _fact(key: str, value: str, number: float | None, source: Resource, at: datetime | None) -> Fact:
    label, unit, kind = SHOWN[key]
    version = source.get("meta", {}).get("versionId", "1")
    where = f"{source['resourceType']}/{source['id']}/_history/{version}"
    return Fact(key=key, kind=kind, label=label, value=value, number=number, unit=unit, resource=where, effective_at=at)


def _person(patient: Resource, as_of: datetime) -> Iterator[Fact | str]:
    where = f"Patient/{patient['id']}/_history/{patient.get('meta', {}).get('versionId', '1')}"
    name = next(iter(patient.get("name", ())), {})
    words = name.get("text") or " ".join([*name.get("given", ()), name.get("family", "")]).strip()
    words = _clean(words)
    if words:
        yield Fact(key="name", kind=FactKind.IDENTITY, label="Name", value=words, resource=where)
    if patient.get("gender"):
        kind = FactKind.PRESENTATION
        yield Fact(key="sex", kind=kind, label="Sex", value=patient["gender"], resource=where)
    if len(patient.get("birthDate", "")) >= 4:
        born = _moment(patient["birthDate"]).date()
        today = as_of.date()
        years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
        if not 0 <= years <= OLDEST_YEARS:  # else a mistyped year would take an adult out of the adults' scores
            yield f"age {years}, from a birth date of {patient['birthDate']}"
            return
        yield Fact(
            key="age",
            kind=FactKind.PRESENTATION,
            label="Age",
            value=str(years),
            number=years,
            unit="years",
            resource=where,
        )


def _moment(text: str) -> datetime:
    """Return the moment of a FHIR dateTime in UTC; a date alone is its first moment."""
    if "T" not in text:
        return datetime.fromisoformat((text + "-01-01")[:10]).replace(tzinfo=UTC)
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def acuity(facts: ChartFacts, scale: AcuityScale, decision: Decision, id_: str, meta: Resource) -> Resource:
    """Return the acuity that a person decided, as an Observation of the encounter."""
    level = next(level for level in scale.levels if level.code == decision.selected)
    coding = {"system": scale.system, "code": level.code, "display": level.display}
    category = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}
    body = {
        "resourceType": "Observation",
        "id": id_,
        "meta": meta,
        "identifier": [{"system": meta["tag"][0]["system"], "value": decision.case_id}],
        "status": "final",
        "category": [{"coding": [category]}],
        "code": {"coding": [ACUITY_LOINC], "text": "Triage acuity"},
        **({"subject": {"reference": facts.patient}} if facts.patient else {}),
        "encounter": {"reference": f"Encounter/{facts.encounter_id}"},
        "effectiveDateTime": decision.decided_at.isoformat(),
        "valueCodeableConcept": {"coding": [coding], "text": f"{level.code} {level.display}"},
    }
    if decision.reason:
        body["note"] = [{"text": decision.reason}]
    Observation.model_validate(body)
    return json.loads(json.dumps(body))
