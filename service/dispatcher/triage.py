"""Which case needs which pending event: a pure function from what the ledger holds to a plan of what to write.

It reads no clock, no ledger and no network, and changes nothing that it is given. `loop` gathers its input and writes
its plan.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any, TypeAlias

from contracts.cases import CaseState
from contracts.events import AcceptedEvent, Fate, FhirEvent, Ignored
from integrations.ledger import inbox
from integrations.ledger.cases import CaseRow

OWN_WRITE_PATIENCE = timedelta(seconds=60)
"""How long the notification of our own write may be ahead of our knowledge of its version."""
UNJUDGED = "a trigger's condition can't be evaluated on it"
EventIds: TypeAlias = frozenset[int]
NO_EVENTS: EventIds = frozenset()


class Judgement(Enum):
    """What a trigger's condition says of a resource."""

    MATCH = auto()
    NO_MATCH = auto()
    FAILED = auto()
    """It can't be evaluated on this resource."""


@dataclass(frozen=True)
class Trigger:
    """Which resources a pathway waits for."""

    resource: str
    """Resource type."""
    condition: Callable[[Any], Judgement] | None = None
    """On the resource as the feed sent it; never raises. None: all of the type."""
    opens: bool = False
    """Whether it opens a case, or only informs an open case."""


@dataclass(frozen=True)
class PathwayRules:
    feed: str
    triggers: tuple[Trigger, ...]


class NoBody(Enum):
    """Why a rule can't see what a feed sent."""

    OUT_OF_REACH = auto()
    """It can't be read at the moment."""
    NO_JSON = auto()


Bodies: TypeAlias = Callable[[int], Any]
"""Returns the body of an event as parsed JSON, or a `NoBody`. Called only for what a condition needs to see."""


@dataclass(frozen=True)
class OwnWrite:
    """What the ledger knows of a resource that carries our tag."""

    writer: str | None = None
    """Pathway that wrote this very version, empty where its case is gone; None: not our write."""
    under_way: bool = False
    """A write of the resource has begun and its version is not known yet."""


NOT_OURS = OwnWrite()


@dataclass(frozen=True)
class Look:
    """What the dispatcher sees at one moment."""

    pending: Sequence[AcceptedEvent]
    """All pending events of the `closed` encounters, and those of others that are seen for the first time."""
    closed: frozenset[str | None]
    """Encounters whose window is closed; None stands for events without an encounter."""
    cases: Mapping[tuple[str, str], CaseRow]
    """Newest case of each pathway and encounter, where there is any."""
    own_writes: Mapping[int, OwnWrite]
    """By event, for events that carry our tag."""
    undelivered: Collection[str] = ()
    """Open cases that got no event yet: what opened them may be superseded before they were signalled."""
    delayed_cases: Collection[str] = ()
    """Case ids that are left alone until their delay is over, after a fault."""
    delayed_encounters: Collection[str] = ()
    next_close: datetime | None = None
    """When the next open window closes."""
    used: Mapping[int, Collection[str]] = field(default_factory=dict)
    """By event, the pathways whose cases of its encounter use its resource as evidence, whatever their triggers."""


@dataclass(frozen=True)
class Settlement:
    """Events that get this fate, for this reason."""

    fate: Fate
    reason: str | None
    events: EventIds


@dataclass(frozen=True)
class Opening:
    """A new case of a pathway, to which these events are delivered."""

    pathway: str
    accepted_at: datetime
    """When the first event of the window was accepted: the clock of the case starts there (I4)."""
    events: EventIds


@dataclass(frozen=True)
class Delivery:
    """Events that an open case is signalled with."""

    case_id: str
    events: EventIds


@dataclass(frozen=True)
class Reexamination:
    """A case that waits for nobody, with new events: its chart has to be read for whether the next one is needed (I17,
    I18). One that is not written yet holds nothing back (I3)."""

    case: CaseRow
    events: EventIds


@dataclass(frozen=True)
class Assumption:
    """The newest case of a pathway as the plan takes it to be; None: the encounter has none."""

    pathway: str
    case_id: str | None
    state: CaseState | None


@dataclass(frozen=True)
class EncounterPlan:
    """What becomes of the pending events of one encounter and feed: all of it is written, or nothing."""

    encounter_id: str
    assumed: tuple[Assumption, ...]
    openings: tuple[Opening, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    reexaminations: tuple[Reexamination, ...] = ()
    held: EventIds = NO_EVENTS
    """Events that stay pending for a case that is left alone for a while, after a fault."""
    settlements: tuple[Settlement, ...] = ()

    @property
    def events(self) -> EventIds:
        """All events that the plan says something about."""
        groups = (self.openings, self.deliveries, self.reexaminations, self.settlements)
        return self.held.union(*(one.events for group in groups for one in group))


@dataclass(frozen=True)
class Plan:
    """What one look decided. Events that it does not name stay pending until a later look."""

    settlements: tuple[Settlement, ...] = ()
    """Of events that need no case, whatever their encounter holds."""
    encounters: tuple[EncounterPlan, ...] = ()
    unreadable: frozenset[str] = frozenset()
    """Encounters that wait because a body that a rule needs is out of reach."""
    next_close: datetime | None = None


def decide(look: Look, pathways: Mapping[str, PathwayRules], bodies: Bodies, now: datetime) -> Plan:
    """Return what becomes of each pending event; the order of `look.pending` does not matter.

    A condition that fails on an event quarantines that event, unless some case needs it; a body out of reach makes its
    encounter wait.
    """
    pending = sorted(look.pending, key=lambda accepted: accepted.event_id)
    outdated = frozenset(inbox.replaced(pending))
    plain: dict[tuple[Fate, Ignored | None], set[int]] = {}
    groups: dict[tuple[str, str], list[AcceptedEvent]] = {}
    for accepted in pending:
        own = look.own_writes.get(accepted.event_id, NOT_OURS)
        fate = _plain_fate(accepted, own, accepted.event_id in outdated, pathways)
        encounter_id = accepted.event.encounter_id
        # Superseded within its window, an event still says since when the encounter waits.
        if fate and not (fate == (Fate.SUPERSEDED, None) and encounter_id):
            plain.setdefault(fate, set()).add(accepted.event_id)
        elif encounter_id and not _unknown_writer(accepted, own, now):
            groups.setdefault((accepted.event.feed, encounter_id), []).append(accepted)
    encounters: list[EncounterPlan] = []
    unreadable: set[str] = set()
    for (feed, encounter_id), group in groups.items():
        if encounter_id not in look.closed or encounter_id in look.delayed_encounters:
            continue
        found = _Encounter(look, feed, encounter_id, tuple(group), outdated, pathways, bodies)
        if found.unreadable:
            unreadable.add(encounter_id)
        else:
            encounters.append(found.plan())
    settlements = tuple(Settlement(*fate, frozenset(events)) for fate, events in plain.items())
    return Plan(settlements, tuple(encounters), frozenset(unreadable), look.next_close)


def _plain_fate(
    accepted: AcceptedEvent, own: OwnWrite, outdated: bool, pathways: Mapping[str, PathwayRules]
) -> tuple[Fate, Ignored | None] | None:
    event = accepted.event
    if own.writer is not None and (outdated or not _may_inform_others(event, own.writer, pathways)):
        return Fate.IGNORED, Ignored.OWN_WRITE
    if outdated:
        return Fate.SUPERSEDED, None
    if not event.encounter_id:
        return Fate.IGNORED, Ignored.HINT if event.hint else Ignored.NO_ENCOUNTER
    return None


def _may_inform_others(event: FhirEvent, writer: str, pathways: Mapping[str, PathwayRules]) -> bool:
    """Return whether another pathway than the writer waits for resources of that type.

    That can lead in no circle: between two of our writes stands the decision of a person.
    """
    return bool(event.encounter_id) and any(
        trigger.resource == event.resource_type
        for name, rules in pathways.items()
        if name != writer and rules.feed == event.feed
        for trigger in rules.triggers
    )


def _unknown_writer(accepted: AcceptedEvent, own: OwnWrite, now: datetime) -> bool:
    return accepted.event.own and own.under_way and now - accepted.accepted_at < OWN_WRITE_PATIENCE


class _Encounter:
    """The pending events of one encounter and feed, matched with the triggers of each pathway of that feed."""

    def __init__(
        self, look: Look, feed: str, encounter_id: str, group: tuple[AcceptedEvent, ...], outdated: EventIds,
        pathways: Mapping[str, PathwayRules], bodies: Bodies,
    ) -> None:  # fmt: skip
        self.encounter_id, self._look, self._group, self._bodies = encounter_id, look, group, bodies
        self._pathways = {name: rules for name, rules in pathways.items() if rules.feed == feed}
        self._known = {name: look.cases.get((name, encounter_id)) for name in self._pathways}
        self._superseded = frozenset(a.event_id for a in group) & outdated
        self._newest = tuple(a for a in group if a.event_id not in outdated)
        own = ((a.event_id, look.own_writes.get(a.event_id, NOT_OURS).writer) for a in self._newest)
        self._writers = {event_id: writer for event_id, writer in own if writer is not None}
        self._sent: dict[int, Any] = {}
        self._failed: set[int] = set()
        self.unreadable = False
        """Whether a body that a condition needs is out of reach."""
        self._matches = {name: self._matching(name) for name in self._pathways}

    def plan(self) -> EncounterPlan:
        hints = frozenset(a.event_id for a in self._newest if a.event.hint)
        openings: list[Opening] = []
        deliveries: list[Delivery] = []
        reexaminations: list[Reexamination] = []
        wanted, held = set[int](), set[int]()
        for name, matches in self._matches.items():
            case, matched = self._known[name], frozenset(matches)
            if case:
                matched |= self._used_by(name)
            if case and case.state == CaseState.OPEN:
                matched |= hints
                if case.case_id in self._look.undelivered:  # else nobody would signal it
                    matched |= self._superseded
            opens = any(trigger.opens for trigger in matches.values())
            if not matched or (case is None and not opens):
                continue
            wanted |= matched
            if case is None:
                openings.append(Opening(name, self._accepted_at, matched))
            elif case.case_id in self._look.delayed_cases:
                held |= matched
            elif case.state == CaseState.OPEN:
                deliveries.append(Delivery(case.case_id, matched))
            else:
                reexaminations.append(Reexamination(case, matched))
        return EncounterPlan(
            self.encounter_id, self._assumed, tuple(openings), tuple(deliveries), tuple(reexaminations),
            frozenset(held), self._settlements(frozenset(wanted), hints),
        )  # fmt: skip

    def _used_by(self, name: str) -> EventIds:
        """Return the events of what a pathway's cases use; what we wrote informs others by triggers alone (I15)."""
        used = (a.event_id for a in self._newest if name in self._look.used.get(a.event_id, ()))
        return frozenset(event_id for event_id in used if event_id not in self._writers)

    @property
    def _accepted_at(self) -> datetime:
        return min(a.accepted_at for a in self._group)

    @property
    def _assumed(self) -> tuple[Assumption, ...]:
        return tuple(Assumption(n, c.case_id if c else None, c.state if c else None) for n, c in self._known.items())

    def _settlements(self, wanted: EventIds, hints: EventIds) -> tuple[Settlement, ...]:
        left = frozenset(a.event_id for a in self._newest) - wanted
        broken = left & self._failed
        own = (left - broken) & self._writers.keys()
        hinted = (left - broken - own) & hints
        fates = (
            Settlement(Fate.QUARANTINED, UNJUDGED, broken),
            Settlement(Fate.IGNORED, Ignored.OWN_WRITE, own),
            Settlement(Fate.IGNORED, Ignored.HINT, hinted),
            Settlement(Fate.IGNORED, Ignored.NO_TRIGGER, left - broken - own - hinted),
            Settlement(Fate.SUPERSEDED, None, self._superseded - wanted),
        )
        return tuple(settlement for settlement in fates if settlement.events)

    def _matching(self, name: str) -> dict[int, Trigger]:
        """Return the trigger that each event matches of those that count, without what the pathway wrote itself."""
        triggers = self._pathways[name].triggers
        if self._known[name]:
            return self._first_matches(name, triggers)
        # Without a case only what opens it counts, and conditions are costly; what informs the new case goes along.
        opening = self._first_matches(name, tuple(t for t in triggers if t.opens))
        return self._first_matches(name, triggers) | opening if opening else opening

    def _first_matches(self, name: str, triggers: Sequence[Trigger]) -> dict[int, Trigger]:
        news = (a for a in self._newest if self._writers.get(a.event_id) != name and not a.event.hint)
        return {a.event_id: trigger for a in news if (trigger := self._first_match(a, triggers))}

    def _first_match(self, accepted: AcceptedEvent, triggers: Sequence[Trigger]) -> Trigger | None:
        """Return the first trigger that the event matches by type and condition."""
        for trigger in triggers:
            if trigger.resource != accepted.event.resource_type:
                continue
            judged = self._judge(accepted.event_id, trigger)
            if judged == Judgement.MATCH:
                return trigger
            if judged == Judgement.FAILED:
                self._failed.add(accepted.event_id)
        return None

    def _judge(self, event_id: int, trigger: Trigger) -> Judgement:
        if trigger.condition is None:
            return Judgement.MATCH
        if event_id not in self._sent:
            self._sent[event_id] = self._bodies(event_id)
        sent = self._sent[event_id]
        if sent is NoBody.OUT_OF_REACH:
            self.unreadable = True
            return Judgement.NO_MATCH
        return Judgement.FAILED if sent is NoBody.NO_JSON else trigger.condition(sent)
