"""A frozen chart to facts, for any pathway that says what it reads; pure, and every loss has a line of its own."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from agents.physiology import POSSIBLE
from agents.quantities import Measure, UnusableError, measured
from contracts.charts import ChartFacts, Fact, FactKind
from contracts.errors import FhirError, FhirFault

Resource = dict[str, Any]
UNDER_WAY = ("planned", "arrived", "triaged", "in-progress", "onleave", None)  # FHIR R4, EncounterStatus
IGNORED_STATUS = ("entered-in-error", "cancelled", "unknown")
NUMBER = re.compile(r"\d{1,6}(\.\d{1,6})?")
COMPLAINT_CHARS = 300
MOST_CHARS = 10_000  # of a text that are looked at; our judgement: no complaint is longer
# Unicode general categories of characters that nobody sees, or that reverse the text around them
UNSEEN = ("Cc", "Cf", "Cn", "Co", "Cs")
JOINERS = "\u200c\u200d"  # which Persian and Indic spelling needs
AHEAD = timedelta(minutes=10)  # our judgement: clocks differ; what is stamped further ahead is named, not used


@dataclass(frozen=True)
class Reading:
    """How a pathway reads one fact."""

    label: str
    unit: str = ""
    kind: FactKind = FactKind.VITAL
    measure: Measure | None = None
    """Of a fact that is a number; one without is words."""
    answers: Mapping[str, str] = field(default_factory=dict)
    """Whole answers, in lower case, to the word that the rules know; another stays as it was charted."""


Readings = Mapping[str, Reading]
"""By the fact's key, in the order in which a person reads them. The keys `complaint` and `encounter` are filled from
the Encounter's reason and, where the stay is not under way, its status."""


def read_chart(
    resources: Sequence[Resource], encounter_id: str, as_of: datetime, readings: Readings, codes: Mapping[str, str]
) -> ChartFacts:
    """Return the newest value of each fact at `as_of`, whose codes lead to keys of the readings.

    Raises FhirError where the Encounter is missing.
    """
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
    patient = reference(encounter, "subject")  # empty where nobody knows yet who it is
    newest: dict[str, tuple[tuple[datetime, str], Fact]] = {}

    def take(source: Resource, read: Callable[[], Iterator[Fact | str]]) -> None:
        try:
            found = list(read())
        except (ValueError, TypeError, AttributeError, LookupError, OverflowError):
            left_out.append(f"{source['resourceType']}/{source['id']}, which can't be read")
            return
        kept_at = str((source.get("meta") or {}).get("lastUpdated") or "")  # decides between equal moments
        for fact in found:
            if isinstance(fact, str):
                left_out.append(clean(fact))
            elif fact.effective_at and fact.effective_at > as_of + AHEAD:
                left_out.append(f"{fact.shown()} of {fact.effective_at:%Y-%m-%d %H:%M} UTC, ahead of the clock")
            elif fact.key not in newest or newest[fact.key][0] <= (_at(fact), kept_at):
                newest[fact.key] = (_at(fact), kept_at), fact

    take(encounter, lambda: _stay(encounter, readings))
    for who in by_type.get("Patient", ()):
        if patient == f"Patient/{who['id']}":
            take(who, lambda who=who: _person(who, as_of))
    for resource in by_type.get("Observation", ()):
        take(resource, lambda resource=resource: _observed(resource, patient, encounter_id, readings, codes))
    ordered = tuple(newest[key][1] for key in ("name", "sex", "age", *readings) if key in newest)
    return ChartFacts(encounter_id=encounter_id, patient=patient, as_of=as_of, facts=ordered, left_out=tuple(left_out))


def reference(resource: Resource, element: str) -> str:
    """Return the reference of that element without its version; empty where it has none."""
    given = resource.get(element)
    told = given.get("reference") if isinstance(given, dict) else None
    return told.partition("/_history/")[0] if isinstance(told, str) else ""


def _at(fact: Fact) -> datetime:
    return fact.effective_at or datetime.min.replace(tzinfo=UTC)


def _stay(encounter: Resource, readings: Readings) -> Iterator[Fact]:
    told = (words for reason in encounter.get("reasonCode", ()) for words in _words(reason))
    text = next(told, None)
    if text and "complaint" in readings:
        yield _fact("complaint", readings["complaint"], text, None, encounter, None)
    if encounter.get("status") not in UNDER_WAY and "encounter" in readings:
        yield _fact("encounter", readings["encounter"], clean(encounter["status"]), None, encounter, None)


def _observed(
    resource: Resource, patient: str, encounter_id: str, readings: Readings, codes: Mapping[str, str]
) -> Iterator[Fact | str]:
    """Yield the facts of an Observation, and a line for each value of ours that can't be used."""
    if resource.get("status") in IGNORED_STATUS:
        return
    # A chart search can't be trusted to return one patient and one stay only (I7).
    if reference(resource, "encounter") not in ("", f"Encounter/{encounter_id}"):
        return
    parts = [
        (part, key)
        for part in (resource, *resource.get("component", ()))
        if (key := _key(part.get("code", {}), readings, codes))
    ]
    where = f"{resource['resourceType']}/{resource['id']}"
    if reference(resource, "subject") != patient:
        if parts and reference(resource, "encounter"):
            yield f"{where}, which is of this stay and names another patient"
        return
    period, meta = resource.get("effectivePeriod") or {}, resource.get("meta") or {}
    exact = (resource.get("effectiveDateTime"), resource.get("effectiveInstant"), period.get("start"))
    at = next((moment(text) for text in (*exact, resource.get("issued"), meta.get("lastUpdated")) if text), None)
    for part, key in parts:
        try:
            text, number = _value(part, readings[key])
        except UnusableError as fault:
            yield f"{readings[key].label} {fault} ({where})"
            continue
        yield _fact(key, readings[key], text, number, resource, at)


def _key(code: Resource, readings: Readings, codes: Mapping[str, str]) -> str | None:
    names = [c.get("code") for c in code.get("coding", ())] + [code.get("text")]
    return next((codes[n] for n in names if n in codes and codes[n] in readings), None)


def _value(part: Resource, reading: Reading) -> tuple[str, float | None]:
    """Return the value as text, and as a number where the fact is one. Raises UnusableError."""
    concept = part.get("valueCodeableConcept") or {}
    texts = [*_words({"text": part.get("valueString")}), *_words(concept)]
    if reading.measure:
        text = next(iter(texts), None)
        bare = part.get("valueInteger", float(text) if text and NUMBER.fullmatch(text) else text)
        return measured(part.get("valueQuantity") or {"value": bare}, reading.measure)
    if "valueBoolean" in part:
        return ("yes" if part["valueBoolean"] else "no"), None
    texts += [text for c in concept.get("coding", ()) if (text := clean(c.get("code")))]
    if not texts:
        raise UnusableError("without a value")
    if reading.answers:
        told = [text.lower() for text in texts]
        return next((reading.answers[text] for text in told if text in reading.answers), told[0]), None
    return texts[0], None


def attachments(resource: Resource) -> list[Resource]:
    """Return where a Media, DocumentReference or Binary holds its contents; a Binary itself is like an attachment."""
    kind, content = resource.get("resourceType"), resource.get("content")
    found: list[Any] = []
    if kind == "Media":
        found = [content]
    elif kind == "DocumentReference" and isinstance(content, list):
        found = [part.get("attachment") for part in content if isinstance(part, dict)]
    elif kind == "Binary":
        found = [resource]
    return [attachment for attachment in found if isinstance(attachment, dict)]


def is_audio(attachment: Resource) -> bool:
    """Return whether it says that it is speech, or another sound."""
    return str(attachment.get("contentType")).lower().startswith("audio/")


def binary_id(attachment: Resource) -> str:
    """Return the id of the Binary of this server that it points at; empty where it points elsewhere or nowhere."""
    kind, _, rest = str(attachment.get("url") or "").partition("/")
    id_, _, version = rest.partition("/_history/")
    return id_ if kind == "Binary" and "/" not in id_ and "/" not in version else ""


def categories(resource: Resource) -> set[object]:
    """Return the codes of its categories."""
    return {coding.get("code") for one in resource.get("category", ()) for coding in one.get("coding", ())}


def named(concept: Resource) -> str:
    """Return what a CodeableConcept is called, the hospital's own words first; empty where it says nothing."""
    return next(_words(concept), "")


def _words(concept: Resource) -> Iterator[str]:
    """Yield the texts of a CodeableConcept, the hospital's own first."""
    for words in (concept.get("text"), *(c.get("display") for c in concept.get("coding", ()))):
        if text := clean(words):
            yield text


def clean(words: object) -> str:
    """Return the words as one line without what is not seen or changes the order of what is, cut where too long."""
    told = "" if words is None else str(words)
    seen = "".join(c for c in told[:MOST_CHARS] if unicodedata.category(c) not in UNSEEN or c in JOINERS or c in "\n\t")
    line = " ".join(seen.split())
    return line if len(line) <= COMPLAINT_CHARS else f"{line[: COMPLAINT_CHARS - 1]}…"


def _fact(key: str, reading: Reading, value: str, number: float | None, source: Resource, at: datetime | None) -> Fact:
    version = source.get("meta", {}).get("versionId", "1")
    where = f"{source['resourceType']}/{source['id']}/_history/{version}"
    return Fact(
        key=key, kind=reading.kind, label=reading.label, value=value, number=number, unit=reading.unit,
        resource=where, effective_at=at,
    )  # fmt: skip


def _person(patient: Resource, as_of: datetime) -> Iterator[Fact | str]:
    where = f"Patient/{patient['id']}/_history/{patient.get('meta', {}).get('versionId', '1')}"
    name = next(iter(patient.get("name", ())), {})
    words = name.get("text") or " ".join([*name.get("given", ()), name.get("family", "")]).strip()
    words = clean(words)
    if words:
        yield Fact(key="name", kind=FactKind.IDENTITY, label="Name", value=words, resource=where)
    if patient.get("gender"):
        kind = FactKind.PRESENTATION
        yield Fact(key="sex", kind=kind, label="Sex", value=patient["gender"], resource=where)
    if len(patient.get("birthDate", "")) >= 4:
        born = moment(patient["birthDate"]).date()
        today = as_of.date()
        years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
        if not POSSIBLE["age"].holds(years):  # else a mistyped year would take an adult out of the adults' scores
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


def moment(text: str) -> datetime:
    """Return the moment of a FHIR dateTime in UTC; a date alone is its first moment."""
    if "T" not in text:
        return datetime.fromisoformat((text + "-01-01")[:10]).replace(tzinfo=UTC)
    told = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return told.astimezone(UTC) if told.tzinfo else told.replace(tzinfo=UTC)
