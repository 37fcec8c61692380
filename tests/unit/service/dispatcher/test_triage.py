"""What becomes of pending events, as a pure function: whatever comes together, nothing is lost or decided twice."""

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.cases import CaseState
from contracts.events import REPEATED, AcceptedEvent, Fate, FhirEvent, Ignored
from integrations.ledger.cases import CaseRow
from service.dispatcher.triage import Judgement, Look, NoBody, OwnWrite, PathwayRules, Plan, Trigger, decide
from tests.fakes.samples import NOW

HIGH, BROKEN = 130, "not a number"


def high(sent: Any) -> Judgement:
    if sent == BROKEN:
        return Judgement.FAILED
    return Judgement.MATCH if sent == HIGH else Judgement.NO_MATCH


PATHWAYS = {
    "opens": PathwayRules("ehr", (Trigger("Encounter", opens=True), Trigger("Observation", high))),
    "values": PathwayRules("ehr", (Trigger("Observation", high, opens=True),)),
    "other": PathwayRules("lab", (Trigger("Observation", opens=True),)),
}
STAYS = ("stay-1", "stay-2")
Outcomes = dict[int, list[str]]


def accepted(event_id: int, stay: str | None = "stay-1", version: str = "1", **changes: Any) -> AcceptedEvent:
    known = {"feed": "ehr", "resource_type": "Observation", "resource_id": "o", "version_id": version}
    event = FhirEvent.model_validate(known | {"encounter_id": stay} | changes)
    return AcceptedEvent(event_id=event_id, event=event, accepted_at=NOW + timedelta(seconds=event_id))


def case(pathway: str, stay: str, state: CaseState) -> CaseRow:
    row: dict[str, Any] = dict.fromkeys(CaseRow.model_fields)
    row |= {"case_id": f"{pathway}/{stay}", "pathway": pathway, "encounter_id": stay, "generation": 1, "state": state}
    return CaseRow.model_validate(
        row | {"accepted_at": NOW, "due_at": NOW, "escalation_step": 0, "version": 0, "covers_event": 0}
    )


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Look, dict[int, Any]]:
    """Return what a dispatcher may see, and the body of each event."""
    pending, bodies, own = [], {}, {}
    for event_id in range(1, draw(st.integers(0, 8)) + 1):
        hint = draw(st.integers(0, 6)) == 0
        pending.append(
            accepted(
                event_id,
                draw(st.sampled_from([*STAYS, None])),
                f"{REPEATED}{event_id}" if hint else str(draw(st.sampled_from([1, 2, 3, 999999999999999]))),
                feed=draw(st.sampled_from(["ehr", "ehr", "lab"])),
                resource_type=draw(st.sampled_from(["Observation", "Encounter"])),
                resource_id=draw(st.sampled_from(["a", "b"])),
                own=draw(st.booleans()),
            )
        )
        bodies[event_id] = draw(st.sampled_from([HIGH, HIGH, 80, BROKEN, NoBody.OUT_OF_REACH, NoBody.NO_JSON]))
        if pending[-1].event.own:
            own[event_id] = OwnWrite(draw(st.sampled_from([None, "", *PATHWAYS])), draw(st.booleans()))
    states = st.sampled_from([None, *CaseState])
    cases = {(n, s): case(n, s, state) for n in PATHWAYS for s in STAYS if (state := draw(states))}
    look = Look(
        pending=tuple(pending),
        closed=draw(st.frozensets(st.sampled_from([*STAYS, None]))),
        cases=cases,
        own_writes=own,
        delayed_cases=draw(st.frozensets(st.sampled_from(sorted(c.case_id for c in cases.values()) or ["none"]))),
        delayed_encounters=draw(st.frozensets(st.sampled_from(STAYS), max_size=1)),
    )
    return look, bodies


def planned(look: Look, bodies: dict[int, Any]) -> Plan:
    return decide(look, PATHWAYS, bodies.__getitem__, NOW + timedelta(seconds=30))


def outcomes(plan: Plan) -> Outcomes:
    """Return by event its fate, or for whom it is: `deliver`, `held`, `reexamine`."""
    found: Outcomes = {}

    def note(events: frozenset[int], what: str) -> None:
        for event_id in events:
            found.setdefault(event_id, []).append(what)

    for settlement in plan.settlements:
        note(settlement.events, settlement.fate)
    for encounter in plan.encounters:
        for settlement in encounter.settlements:
            note(settlement.events, settlement.fate)
        note(frozenset().union(*(o.events for o in (*encounter.openings, *encounter.deliveries))), "deliver")
        note(frozenset().union(*(o.events for o in encounter.reexaminations)), "reexamine")
        note(encounter.held, "held")
    return found


def normal(plan: Plan) -> Any:
    """Return a plan without the order of its parts, which means nothing."""

    def unordered(parts: Any) -> frozenset[Any]:
        return frozenset(map(repr, parts))

    encounters = [
        (
            e.encounter_id,
            e.held,
            *map(unordered, (e.assumed, e.openings, e.deliveries, e.reexaminations, e.settlements)),
        )
        for e in plan.encounters
    ]
    return unordered(plan.settlements), frozenset(encounters), plan.unreadable, plan.next_close


FATES = {str(fate) for fate in Fate}


@given(worlds())
def test_each_event_gets_one_fate_or_goes_to_cases_or_stays_pending(world: tuple[Look, dict[int, Any]]) -> None:
    look, bodies = world
    found = outcomes(planned(look, bodies))
    assert found.keys() <= {a.event_id for a in look.pending}
    for what in found.values():
        assert len(what) == len(set(what))
        assert len(what) == 1 or not set(what) & FATES, f"{what}: settled, and yet for a case"


@given(worlds())
def test_what_is_superseded_has_a_higher_version_of_its_resource_in_its_window(
    world: tuple[Look, dict[int, Any]],
) -> None:
    look, bodies = world
    events = {a.event_id: a.event for a in look.pending}
    for event_id, what in outcomes(planned(look, bodies)).items():
        if what == [Fate.SUPERSEDED]:
            old = events[event_id]
            key = (old.feed, old.resource_type, old.resource_id, old.encounter_id)
            assert any(
                later_id > event_id
                and (new.feed, new.resource_type, new.resource_id, new.encounter_id) == key
                and not new.hint
                and int(new.version_id) > int(old.version_id)
                for later_id, new in events.items()
            )


@given(worlds())
def test_what_matches_a_trigger_of_a_live_case_is_delivered_or_held(world: tuple[Look, dict[int, Any]]) -> None:
    look, bodies = world
    plan = planned(look, bodies)
    found = outcomes(plan)
    for one in look.pending:
        event, own = one.event, look.own_writes.get(one.event_id, OwnWrite())
        for name, rules in PATHWAYS.items():
            live = look.cases.get((name, event.encounter_id or ""))
            if live is None or live.state not in (CaseState.OPEN, CaseState.DECIDED) or rules.feed != event.feed:
                continue
            matches = any(
                t.resource == event.resource_type
                and (t.condition is None or t.condition(bodies[one.event_id]) == Judgement.MATCH)
                for t in rules.triggers
            )
            stay, unknown = event.encounter_id, own.under_way and event.own
            looked_at = stay in look.closed and stay not in {*look.delayed_encounters, *plan.unreadable}
            if matches and not event.hint and own.writer is None and looked_at and not unknown:
                what = found[one.event_id]
                assert set(what) & {"deliver", "held"} or what == [Fate.SUPERSEDED]


@given(worlds(), st.randoms())
def test_the_order_of_the_input_does_not_matter_and_twice_is_equal(
    world: tuple[Look, dict[int, Any]], rng: random.Random
) -> None:
    look, bodies = world
    shuffled = list(look.pending)
    rng.shuffle(shuffled)
    assert planned(look, bodies) == planned(look, bodies)
    assert normal(planned(replace(look, pending=tuple(shuffled)), bodies)) == normal(planned(look, bodies))


@given(worlds())
def test_an_event_that_breaks_a_condition_never_changes_what_becomes_of_others(
    world: tuple[Look, dict[int, Any]],
) -> None:
    """In its place one that no condition matches would leave all others as they are."""
    look, bodies = world
    broken = {event_id for event_id, body in bodies.items() if body in (BROKEN, NoBody.NO_JSON)}
    harmless = {event_id: 80 if event_id in broken else body for event_id, body in bodies.items()}
    with_it, without_it = outcomes(planned(look, bodies)), outcomes(planned(look, harmless))
    for event_id in bodies.keys() - broken:
        assert with_it.get(event_id) == without_it.get(event_id)


@given(worlds())
def test_a_body_out_of_reach_keeps_its_own_encounter_waiting_alone(world: tuple[Look, dict[int, Any]]) -> None:
    look, bodies = world
    lost = {event_id for event_id, body in bodies.items() if body is NoBody.OUT_OF_REACH}
    near = {a.event.encounter_id for a in look.pending if a.event_id in lost}
    there = {event_id: 80 if event_id in lost else body for event_id, body in bodies.items()}
    with_it, without_it = outcomes(planned(look, bodies)), outcomes(planned(look, there))
    for one in look.pending:
        if one.event.encounter_id not in near:
            assert with_it.get(one.event_id) == without_it.get(one.event_id)


@given(worlds())
def test_nothing_is_planned_for_a_case_before_the_window_of_its_encounter_closes(
    world: tuple[Look, dict[int, Any]],
) -> None:
    look, bodies = world
    for encounter in planned(look, bodies).encounters:
        assert encounter.encounter_id in look.closed
        assert encounter.encounter_id not in look.delayed_encounters


def seen(*pending: AcceptedEvent, **changes: Any) -> Look:
    return replace(Look(pending, frozenset(STAYS), {}, {}), **changes)


def test_a_new_case_takes_along_what_informs_it_and_starts_with_the_first_event_of_the_window() -> None:
    look = seen(accepted(1), accepted(2, version="2"), accepted(3, resource_type="Encounter", resource_id="stay-1"))
    (encounter,) = planned(look, {1: 80, 2: HIGH, 3: None}).encounters
    opened = {opening.pathway: opening for opening in encounter.openings}
    assert opened["opens"].events == {2, 3} and opened["values"].events == {2}
    assert opened["opens"].accepted_at == NOW + timedelta(seconds=1)
    assert [(s.fate, s.events) for s in encounter.settlements] == [(Fate.SUPERSEDED, {1})]


def test_bodies_are_read_for_conditions_alone() -> None:
    read: list[int] = []

    def body(event_id: int) -> Any:
        read.append(event_id)
        return HIGH

    look = seen(accepted(1, resource_type="Encounter"), accepted(2), accepted(3, resource_type="Media"))
    decide(look, PATHWAYS, body, NOW)
    assert read == [2]


@pytest.mark.parametrize(
    "state, expected",
    [
        (CaseState.OPEN, "deliver"),
        (CaseState.DECIDED, "reexamine"),
        (CaseState.WRITTEN, "reexamine"),
        (CaseState.CLOSED_UNDECIDED, "reexamine"),
        (CaseState.STAY_ENDED, "reexamine"),
        (CaseState.CONTINUED, "reexamine"),
    ],
)
def test_the_state_of_the_case_decides_what_it_gets(state: CaseState, expected: str) -> None:
    look = seen(accepted(1), cases={("values", "stay-1"): case("values", "stay-1", state)})
    assert outcomes(planned(look, {1: HIGH})) == {1: [expected]}


def test_an_own_write_waits_for_its_version_only_for_a_while() -> None:
    look = seen(accepted(1, own=True), own_writes={1: OwnWrite(None, under_way=True)})
    assert planned(look, {1: HIGH}).encounters == ()
    late = decide(look, PATHWAYS, {1: HIGH}.__getitem__, NOW + timedelta(seconds=62))
    assert outcomes(late) == {1: ["deliver"]}


@pytest.mark.parametrize(
    "state, own, expected",
    [
        (CaseState.OPEN, None, ["deliver"]),
        (CaseState.WRITTEN, None, ["reexamine"]),
        (CaseState.OPEN, "opens", [Fate.IGNORED]),
        (CaseState.OPEN, "values", [Fate.IGNORED]),
    ],
)
def test_what_a_case_uses_reaches_it_whatever_its_triggers_but_not_what_we_wrote(
    state: CaseState, own: str | None, expected: list[str]
) -> None:
    """A resource that changed to what no trigger matches, such as a Patient, or a result that is in order now."""
    look = seen(
        accepted(1, resource_type="Observation", own=own is not None),
        cases={("values", "stay-1"): case("values", "stay-1", state)}, used={1: {"values"}},
        own_writes={1: OwnWrite(own)} if own else {},
    )  # fmt: skip
    assert outcomes(planned(look, {1: 80})) == {1: expected}


def test_what_no_pathway_waits_for_is_ignored_with_its_reason() -> None:
    (encounter,) = planned(seen(accepted(1, resource_type="Media")), {}).encounters
    assert [(s.fate, s.reason) for s in encounter.settlements] == [(Fate.IGNORED, Ignored.NO_TRIGGER)]
