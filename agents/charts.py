"""A frozen chart to facts, for any pathway that says what it reads; pure, and every loss has a line of its own."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from agents.physiology import POSSIBLE
from agents.quantities import Measure, UnusableError, measured
from contracts.charts import ChartFacts, Fact, FactKind
from contracts.errors import FhirError, FhirFault

Resource = dict[str, Any]
UNDER_WAY = ("planned", "arrived", "triaged", "in-progress", "onleave", None)  # FHIR R4, EncounterStatus
# FHIR R4 and R5, EncounterStatus: what is over, or never was
OVER = ("finished", "cancelled", "entered-in-error", "completed", "discharged", "discontinued")
IGNORED_STATUS = ("entered-in-error", "cancelled", "unknown")
NUMBER = re.compile(r"\d{1,6}(\.\d{1,6})?")
COMPLAINT_CHARS = 300
MOST_CHARS = 10_000  # of a text that are looked at; our judgement: no complaint is longer
# Unicode general categories of characters that nobody sees, or that reverse the text around them
UNSEEN = ("Cc", "Cf", "Cn", "Co", "Cs")
JOINERS = "\u200c\u200d"  # which Persian and Indic spelling needs
NAME_USES = ("official", "usual", None)  # FHIR R4, NameUse, in the order in which a person is called; others follow
IN_MONTHS_BELOW_YEARS = 3  # our judgement: limits of infants change by months (AHRQ, ESI handbook 2012, danger zone)
DAYS_A_YEAR = 365.25  # Julian year: IAU style manual, 1989
AHEAD = timedelta(minutes=10)  # our judgement: clocks differ; what is stamped further ahead is named, not used


@dataclass(frozen=True)
class Reading:
    """How a pathway reads one fact."""

    label: str
    unit: str = ""
    kind: FactKind = FactKind.VITAL
    measure: Measure | None = None
    """Of a fact that is a number; one without is words."""
    understood: Callable[[Sequence[str], Sequence[str]], str | None] | None = None
    """From the texts and the codes that were charted to the word that the rules know; else it stays as charted."""
    says: Mapping[str, str] = field(default_factory=dict)
    """Codes that say this word by themselves, whatever their value is."""
    rank: Callable[[str], int] | None = None
    """Of such a word: of two of one moment the higher one counts. None: the one that was kept last."""


Readings = Mapping[str, Reading]
"""By the fact's key, in the order in which a person reads them. The keys `complaint` and `encounter` are filled from
the Encounter's reason and, where the stay is not under way, its status."""


def read_chart(
    resources: Sequence[Resource],
    encounter_id: str,
    as_of: datetime,
    readings: Readings,
    codes: Mapping[str, str],
    zone: tzinfo = UTC,
) -> ChartFacts:
    """Return the newest value of each fact at `as_of`, whose codes lead to keys of the readings.

    Ages change at midnight in the hospital's zone, and what has no zone of its own is a time of that zone. Raises
    FhirError where the Encounter is missing.
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
        meta = source.get("meta")
        kept_at = str(meta.get("lastUpdated") or "") if isinstance(meta, dict) else ""  # decides between equal moments
        for fact in found:
            if isinstance(fact, str):
                left_out.append(clean(fact))
            elif fact.effective_at and fact.effective_at > as_of + AHEAD:
                left_out.append(f"{fact.shown()} of {fact.effective_at:%Y-%m-%d %H:%M} UTC, ahead of the clock")
            elif fact.key not in newest or _newer(fact, kept_at, newest[fact.key], readings.get(fact.key)):
                newest[fact.key] = (_at(fact), kept_at), fact

    take(encounter, lambda: _stay(encounter, readings, by_type.get("Condition", ())))
    for who in by_type.get("Patient", ()):
        if patient == f"Patient/{who['id']}":
            for read in (_name, _sex, _age):  # an odd element costs no other
                take(who, lambda who=who, read=read: read(who, as_of, zone))
    for resource in by_type.get("Observation", ()):
        take(resource, lambda resource=resource: _observed(resource, patient, encounter_id, readings, codes, zone))
    ordered = tuple(newest[key][1] for key in ("name", "sex", "age", *readings) if key in newest)
    return ChartFacts(encounter_id=encounter_id, patient=patient, as_of=as_of, facts=ordered, left_out=tuple(left_out))


def over_since(encounter: Resource) -> datetime | None:
    """Return since when a stay is over, as far as the chart says it; None while it goes on.

    Without an end of its own it is over since its newest version. Never raises.
    """
    if encounter.get("status") not in OVER:
        return None
    period, meta = (encounter.get(element) for element in ("period", "meta"))
    told = [part.get(key) for part, key in ((period, "end"), (meta, "lastUpdated")) if isinstance(part, dict)]
    for text in told:
        try:
            return moment(str(text))
        except (ValueError, TypeError, AttributeError):
            continue
    return datetime.min.replace(tzinfo=UTC)


def stay_of(chart: Sequence[Resource], encounter_id: str) -> Resource:
    """Return the Encounter of a frozen chart; empty where it is missing."""
    return next((one for one in chart if (one.get("resourceType"), one.get("id")) == ("Encounter", encounter_id)), {})


def is_over(chart: Sequence[Resource], encounter_id: str) -> bool:
    """Return whether the stay is over by its status, or the patient has died. Never raises."""
    stay = stay_of(chart, encounter_id)
    who = reference(stay, "subject")
    died = (
        one.get("deceasedBoolean") is True or isinstance(one.get("deceasedDateTime"), str)
        for one in chart
        if one.get("resourceType") == "Patient" and who == f"Patient/{one.get('id')}"
    )
    return stay.get("status") in OVER or any(died)


def reference(resource: Resource, element: str) -> str:
    """Return the reference of that element without its version; empty where it has none."""
    given = resource.get(element)
    told = given.get("reference") if isinstance(given, dict) else None
    return told.partition("/_history/")[0] if isinstance(told, str) else ""


def _newer(fact: Fact, kept_at: str, other: tuple[tuple[datetime, str], Fact], reading: Reading | None) -> bool:
    if reading and reading.rank and _at(fact) == other[0][0]:
        return reading.rank(fact.value) >= reading.rank(other[1].value)
    return other[0] <= (_at(fact), kept_at)


def _at(fact: Fact) -> datetime:
    return fact.effective_at or datetime.min.replace(tzinfo=UTC)


def _stay(encounter: Resource, readings: Readings, conditions: Sequence[Resource]) -> Iterator[Fact]:
    if "complaint" in readings and (text := clean("; ".join(_reasons(encounter, conditions)))):
        yield _fact("complaint", readings["complaint"], text, None, encounter, None)
    if encounter.get("status") not in UNDER_WAY and "encounter" in readings:
        yield _fact("encounter", readings["encounter"], clean(encounter["status"]), None, encounter, None)


def _reasons(encounter: Resource, conditions: Sequence[Resource]) -> list[str]:
    """Return every reason of the stay once: in the words of the Encounter, or those of the Condition that it names."""
    told = [named(reason) for reason in encounter.get("reasonCode") or ()]
    known = {f"Condition/{condition['id']}": condition for condition in conditions}
    for reason in encounter.get("reasonReference") or ():
        where = str(reason.get("reference") or "").partition("/_history/")[0]
        told.append(named((known.get(where) or {}).get("code") or {}) or clean(reason.get("display")))
    return list(dict.fromkeys(text for text in told if text))


def _observed(
    resource: Resource, patient: str, encounter_id: str, readings: Readings, codes: Mapping[str, str], zone: tzinfo
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
    if parts and (resource.get("focus") or resource.get("modifierExtension")):
        why = (
            "is about something else than the patient" if resource.get("focus") else "has a modifier that is not known"
        )
        yield f"{where}, which {why}"
        return
    period, meta = resource.get("effectivePeriod") or {}, resource.get("meta") or {}
    exact = (resource.get("effectiveDateTime"), resource.get("effectiveInstant"), period.get("start"))
    at = next((moment(text, zone) for text in (*exact, resource.get("issued"), meta.get("lastUpdated")) if text), None)
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
    if reading.says and (word := _said_by_code(part, reading.says)):
        return word, None
    concept = part.get("valueCodeableConcept") or {}
    texts = [*_words({"text": part.get("valueString")}), *_words(concept)]
    coded = [text for c in concept.get("coding", ()) if (text := clean(c.get("code")))]
    if reading.understood and (word := reading.understood(texts, coded)):
        return word, None
    if reading.measure:
        text = next(iter(texts), None)
        bare = part.get("valueInteger", float(text) if text and NUMBER.fullmatch(text) else text)
        return measured(part.get("valueQuantity") or {"value": bare}, reading.measure)
    if "valueBoolean" in part:
        return ("yes" if part["valueBoolean"] else "no"), None
    if not texts and not coded:
        raise UnusableError("without a value")
    return ("; ".join(texts or coded).lower() if reading.understood else (texts or coded)[0]), None


def _said_by_code(part: Resource, says: Mapping[str, str]) -> str | None:
    """Return the word that the part's code says, if the part has any value."""
    if not any(name.startswith("value") for name in part):
        return None
    return next((says[c["code"]] for c in part["code"].get("coding", ()) if c.get("code") in says), None)


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


def has_code(resource: Any, code: str) -> bool:
    """Return whether one of the codes that it is about is this one; False where it can't be read."""
    about = resource.get("code") if isinstance(resource, dict) else None
    codings = about.get("coding") if isinstance(about, dict) else None
    found = codings if isinstance(codings, list) else []
    return any(coding.get("code") == code for coding in found if isinstance(coding, dict))


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
    return Fact(
        key=key, kind=reading.kind, label=reading.label, value=value, number=number, unit=reading.unit,
        resource=version_of(source), effective_at=at,
    )  # fmt: skip


def _name(patient: Resource, as_of: datetime, zone: tzinfo) -> Iterator[Fact]:
    words = clean(_called(_current(patient.get("name") or (), as_of, zone)))
    if words:
        yield Fact(key="name", kind=FactKind.IDENTITY, label="Name", value=words, resource=version_of(patient))


def _current(names: Sequence[Resource], as_of: datetime, zone: tzinfo) -> Resource:
    """Return the name that holds at that moment, the official one first; an old one only where there is no other."""

    def rank(name: Resource) -> tuple[bool, int]:
        end = (name.get("period") or {}).get("end")
        over = name.get("use") in ("old", "maiden") or bool(end and moment(end, zone) < as_of)
        return over, NAME_USES.index(name.get("use")) if name.get("use") in NAME_USES else len(NAME_USES)

    told = [name for name in names if isinstance(name, dict) and _called(name)]
    return min(told, key=rank, default={})


def _called(name: Resource) -> str:
    given = [part for part in name.get("given") or () if isinstance(part, str)]  # null where an extension says why
    return str(name.get("text") or " ".join([*given, name.get("family") or ""]).strip())


def _sex(patient: Resource, _as_of: datetime, _zone: tzinfo) -> Iterator[Fact]:
    if sex := clean(patient.get("gender")):
        yield Fact(key="sex", kind=FactKind.PRESENTATION, label="Sex", value=sex, resource=version_of(patient))


def _age(patient: Resource, as_of: datetime, zone: tzinfo) -> Iterator[Fact | str]:
    told = patient.get("birthDate") or ""
    if len(told) < len("1900"):
        return
    born, today = _day(told, zone), as_of.astimezone(zone).date()
    years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    if born > today and (born - today).days <= 1:  # born today, east of where our day is
        born, years = today, 0
    if not POSSIBLE["age"].holds(years):  # else a mistyped year would take an adult out of the adults' scores
        yield f"age {years}, from a birth date of {told}"
        return
    value, number, unit = str(years), float(years), "years"
    if years < IN_MONTHS_BELOW_YEARS and len(told) == len("1900-01-01"):
        days = (today - born).days
        months = (today.year - born.year) * 12 + today.month - born.month - (today.day < born.day)
        value, unit = _count(months, "month") if months else _count(days, "day"), ""
        number = round(days / DAYS_A_YEAR, 3)
    yield Fact(
        key="age", kind=FactKind.PRESENTATION, label="Age", value=value, number=number, unit=unit,
        resource=version_of(patient),
    )  # fmt: skip


def _day(text: str, zone: tzinfo) -> date:
    """Return the day of a FHIR dateTime in that zone; the first one of a year or month alone."""
    if "T" in text:
        return moment(text, zone).astimezone(zone).date()
    return date.fromisoformat(_whole(text))


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def version_of(resource: Resource) -> str:
    """Return `Type/id/_history/version`; a server that names no version has one."""
    meta = resource.get("meta")
    version = meta.get("versionId") if isinstance(meta, dict) else None
    return f"{resource['resourceType']}/{resource['id']}/_history/{version or '1'}"


def taken_at(resource: Resource) -> datetime | None:
    """Return when what was observed was so, where the chart says it to the minute; None where it says a day or less."""
    period = resource.get("effectivePeriod")
    start = period.get("start") if isinstance(period, dict) else None
    return _minute(resource.get("effectiveDateTime") or resource.get("effectiveInstant") or start)


def issued_at(resource: Resource) -> datetime | None:
    """Return when it was made known, which says nothing of when it was so."""
    return _minute(resource.get("issued"))


def _minute(told: Any) -> datetime | None:
    try:
        return moment(told) if told and "T" in told else None
    except (ValueError, TypeError):
        return None


def moment(text: str, zone: tzinfo = UTC) -> datetime:
    """Return the moment of a FHIR dateTime in UTC; a date alone is its first moment.

    What has no zone of its own is taken as a time of `zone`: the earlier one of an hour that comes twice.
    """
    told = datetime.fromisoformat(text.replace("Z", "+00:00") if "T" in text else _whole(text))
    return (told if told.tzinfo else told.replace(tzinfo=zone)).astimezone(UTC)


def _whole(text: str) -> str:
    """Return a FHIR date with its month and day: the first, where it has none."""
    return (text + "-01-01")[: len("1900-01-01")]


CLOCKED = frozenset(("effectiveDateTime", "effectiveInstant", "issued", "lastUpdated", "start", "end"))
"""Elements that hold a time, of those that pathways read by themselves."""
NO_ZONE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+")


def zoned(value: Any, zone: tzinfo) -> Any:
    """Return resources in which each time without a zone, which is one of that zone, says so; dates alone stay."""
    if zone is UTC:
        return value
    if isinstance(value, list | tuple):
        return [zoned(one, zone) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _zoned(one, zone) if name in CLOCKED and isinstance(one, str) else zoned(one, zone)
        for name, one in value.items()
    }


def _zoned(text: str, zone: tzinfo) -> str:
    try:
        return moment(text, zone).isoformat() if NO_ZONE.fullmatch(text) else text
    except (ValueError, OverflowError):
        return text
