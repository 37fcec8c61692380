"""Lists every item of a chart that demands attention, by published rules alone. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.measure.oracle import results, signs, vitals
from tests.measure.oracle.resources import Resource, meaning, moment, named, number, ours, parts, reference, version

TRIAGE, FOLLOW_UP = "ed_triage", "result_followup"
EMERGENCY_CLASSES = frozenset(["EMER", "E"])
LEAST = "~"
"""Sorts after every code of a floor: no floor is the least urgent."""
FLOORS = {results.Standing.CRITICAL: "1", results.Standing.LOOK: "2", results.Standing.JUDGED: LEAST}
UNDER_WAY = frozenset(["arrived", "triaged", "in-progress", "onleave"])


@dataclass(frozen=True)
class Item:
    """A resource, in the version that is current, that a person must look at."""

    pathway: str
    encounter: str
    """Id, without the type."""
    resource: str
    """`Observation/id`."""
    version: str
    rule: str
    floor: str
    """Code that the rule demands at least; `1` is the most urgent, `LEAST` is none: it only has to be shown."""
    key: str
    """Analyte, vital sign, or the text or code of the Observation."""
    number: float | None
    units: frozenset[str]
    direction: int
    """1: too high, -1: too low, 0: not known."""
    effective: datetime | None
    content: str
    """Hash of all that the resource says, without `meta` (`resources.meaning`)."""
    in_doubt: bool
    """Whether an element of it may turn its meaning, so that naming it is all that can be done."""


def of_chart(current: dict[str, Resource], at: datetime, pathways: Sequence[str] = (TRIAGE, FOLLOW_UP)) -> list[Item]:
    """Return the items of all stays that are under way, from resources by `Type/id`."""
    stays: dict[str, list[Resource]] = {}
    for resource in current.values():
        if resource["resourceType"] == "Observation" and not ours(resource):
            stays.setdefault(reference(resource, "encounter"), []).append(resource)
    found: list[Item] = []
    for encounter in current.values():
        if encounter["resourceType"] != "Encounter" or encounter.get("status") not in UNDER_WAY:
            continue
        subject = reference(encounter, "subject")
        mine = [o for o in stays.get(named(encounter), ()) if subject and reference(o, "subject") == subject]
        for pathway in pathways:
            found += of_stay(pathway, encounter, current.get(subject), mine, at)
    return found


def of_stay(
    pathway: str, encounter: Resource, patient: Resource | None, observations: list[Resource], at: datetime
) -> list[Item]:
    """Return the items of one stay and pathway, one for each resource: that of its most urgent rule."""
    made = _triage if pathway == TRIAGE else _follow_up
    most: dict[str, Item] = {}
    for item in made(encounter, patient, observations, at):
        known = most.get(item.resource)
        if known is None or item.floor < known.floor:
            most[item.resource] = item
    return list(most.values())


def _triage(
    encounter: Resource, patient: Resource | None, observations: list[Resource], at: datetime
) -> Iterator[Item]:
    given = encounter.get("class") or {}
    classes = given if isinstance(given, list) else [given]
    coded = {c.get("code") for one in classes for c in [one, *one.get("coding", ())]}
    if not coded & EMERGENCY_CLASSES:
        return
    for found in vitals.demands(patient, observations, at):
        sign = found.sign
        value = None if sign.key == "avpu" else sign.value
        yield _item(TRIAGE, encounter, sign.observation, found.rule, found.floor, sign.key, value)


def _follow_up(
    encounter: Resource, patient: Resource | None, observations: list[Resource], at: datetime
) -> Iterator[Item]:
    for found in results.demands(patient, observations, at):
        floor = FLOORS[found.standing]
        key = results.named(found.observation)
        shown = (found.number, found.units, found.direction)
        yield _item(FOLLOW_UP, encounter, found.observation, found.rule, floor, key, *shown)


def _item(
    pathway: str,
    encounter: Resource,
    observation: Resource,
    rule: str,
    floor: str,
    key: str,
    value: float | None,
    units: frozenset[str] = frozenset(),
    direction: int = 0,
) -> Item:
    return Item(
        pathway=pathway,
        encounter=encounter["id"],
        resource=named(observation),
        version=version(observation),
        rule=rule,
        floor=floor,
        key=key,
        number=value,
        units=units,
        direction=direction,
        effective=moment(observation),
        content=meaning(observation),
        in_doubt=bool(observation.get("modifierExtension")),
    )


def repeats(item: Item, mine: Resource, earlier: Resource) -> bool:
    """Return whether an item only repeats an earlier Observation that a person accepted.

    The same analyte or vital sign, not worse, close to it and soon after (docs/result-followup.md, "After a decision").
    """
    share, hours = (0.10, 1.0) if item.pathway == TRIAGE else (0.05, 4.0)
    before = moment(earlier)
    if item.effective is None or before is None or not 0 <= (item.effective - before).total_seconds() <= hours * 3600:
        return False
    if item.pathway == TRIAGE:
        return _vital_repeats(item, mine, earlier, share)
    judged, known = (results.judge(one, adult=True, child=False, albumin=True) for one in (earlier, mine))
    if not results.same_test(mine, earlier) or judged.standing < max(known.standing, results.Standing.JUDGED):
        return False
    value = next((found for part in parts(earlier) if (found := number(part.element))), None)
    if value is None or item.number is None or value.units != item.units:
        return False
    return _close(item.number, value.value, share) and (item.number - value.value) * item.direction <= 0


def _vital_repeats(item: Item, mine: Resource, earlier: Resource, share: float) -> bool:
    now, then = (
        {key: value for part in parts(o) for key in signs.keys(part) if (value := signs.read(key, part)) is not None}
        for o in (mine, earlier)
    )
    if item.key not in now or item.key not in then:
        return False
    new, old = now[item.key], then[item.key]
    if item.key == "avpu":
        return new <= old
    return _close(new, old, share) and signs.points(item.key, new) <= signs.points(item.key, old)


def _close(new: float, old: float, share: float) -> bool:
    return abs(new - old) <= share * abs(old)
