"""What stands behind a suggestion, whether a decision showed it, and what of it says otherwise now; pure (I17, I18)."""

import hashlib
import json
import re
from collections.abc import Sequence
from datetime import datetime

from agents.charts import reference, stay_of, version_of
from agents.pathway import Pathway, Resource
from contracts.charts import Attention, ChartFacts, Fact, FactKind

NAMED = re.compile(r"\b[A-Z][A-Za-z]{2,63}/[A-Za-z0-9.\-]{1,64}")
"""How a line of what could not be used names a resource."""
WITHDRAWN = ("entered-in-error", "cancelled", "not-done", "rejected", "retracted")


def behind(chart: Sequence[Resource], facts: ChartFacts) -> dict[str, str]:
    """Return the version of each resource (`Type/id`) behind these facts: those of the stay and the patient, those that
    a fact was read from, and those that a line of what could not be used names."""
    cited = {fact.resource for fact in facts.facts}
    cited |= {version for heard in facts.recordings for version in (heard.resource, *heard.copies)}
    lines = {name.rstrip(".") for line in facts.left_out for name in NAMED.findall(line)}
    wanted = {f"Encounter/{facts.encounter_id}", facts.patient} | lines
    cited |= {version_of(one) for one in chart if isinstance(one.get("id"), str) and _name(one) in wanted}
    return {name: version for name, _, version in (one.partition("/_history/") for one in sorted(cited))}


def said_of(resource: str, facts: ChartFacts) -> tuple[tuple[str, str, str], ...]:
    """Return what these facts say of a resource (`Type/id`): label, value and unit of each, in one order.

    A name is no finding, and where the stay itself stands is no news of what was charted, unless it never was.
    """
    told = [(f.label, f.value, f.unit) for f in facts.facts if _of(f) == resource and _counts(f)]
    told += [("recording", heard.blob, heard.told) for heard in facts.recordings if _named(heard.resource) == resource]
    return tuple(sorted(told))


def hash_of(resource: str, facts: ChartFacts) -> str:
    """Return the SHA-256 of what these facts say of a resource, and of the lines that name it."""
    lines = sorted(line for line in facts.left_out if resource in NAMED.findall(line))
    return hashlib.sha256(json.dumps([said_of(resource, facts), lines]).encode()).hexdigest()


def shows(shown: ChartFacts, item: Attention, facts: ChartFacts) -> bool:
    """Return whether a suggestion made of the facts `shown` shows an item of these facts: in this very version, or in
    one that said the same."""
    if not item.resource:
        return item.line in shown.left_out
    if shown.shows(item) or any(item.resource == heard.resource for heard in shown.recordings):
        return True
    name = _named(item.resource)
    said = said_of(name, facts)
    return bool(said) and said == said_of(name, shown)


def changed(
    pathway: Pathway, encounter_id: str, before: Sequence[Resource], now: Sequence[Resource], as_of: datetime
) -> dict[str, tuple[str, str]]:
    """Return what resources said and what they say now, in words, of those of which something is not so any more.

    Both are read as of one moment, so that an age, or what is too old, is no difference. What is missing of `now` is
    gone; what a new version adds is no change of what was read, but of the stay and the patient.
    """
    was, told = pathway.read_chart(before, encounter_id, as_of), _read(pathway, now, encounter_id, as_of)
    there = {_name(one): one for one in now}
    found: dict[str, tuple[str, str]] = {}
    for resource in before:
        name = _name(resource)
        said = set(said_of(name, was))
        says = set(said_of(name, told)) if told else set()
        both_ways = name in (f"Encounter/{encounter_id}", was.patient)  # an age that comes is news as well
        if said - says or (both_ways and said != says):
            words = _words(name, told) if told else ""
            found[name] = (
                _words(name, was) or ("a recording" if name in _heard(was) else "nothing"),
                words or _why_gone(there.get(name), encounter_id, was.patient),
            )
    return found


def _heard(facts: ChartFacts) -> set[str]:
    return {_named(heard.resource) for heard in facts.recordings}


def _words(name: str, facts: ChartFacts) -> str:
    """Return what facts say of a resource as people read it, nothing twice that another one says with more words."""
    shown = [fact.shown() for fact in facts.facts if _of(fact) == name and _counts(fact)]
    return "; ".join(one for one in shown if not any(other != one and other.startswith(one) for other in shown))


def _read(pathway: Pathway, chart: Sequence[Resource], encounter_id: str, as_of: datetime) -> ChartFacts | None:
    """Return the facts, or None where the stay itself is gone."""
    return pathway.read_chart(chart, encounter_id, as_of) if stay_of(chart, encounter_id) else None


def _why_gone(resource: Resource | None, encounter_id: str, patient: str) -> str:
    if resource is None:
        return "deleted, or not to be found any more"
    if resource.get("status") in WITHDRAWN:
        return f"withdrawn ({resource['status']})"
    if reference(resource, "encounter") not in ("", f"Encounter/{encounter_id}"):
        return "of another stay"
    if reference(resource, "subject") not in ("", patient):
        return "of another patient"
    return "not to be used any more"


def _counts(fact: Fact) -> bool:
    return fact.kind != FactKind.IDENTITY and (fact.kind != FactKind.STAY or fact.value == "entered-in-error")


def _of(fact: Fact) -> str:
    return _named(fact.resource)


def _named(version: str) -> str:
    return version.partition("/_history/")[0]


def _name(resource: Resource) -> str:
    return f"{resource.get('resourceType')}/{resource.get('id')}"
