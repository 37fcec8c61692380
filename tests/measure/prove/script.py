"""What a hospital does in one run: who arrives when, and how charts change; fixed by the seed."""

import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import httpx

from integrations import clock
from tests.measure.prove import laboratory
from tests.measure.prove.laboratory import Result
from tests.ward import Resource, observation

CHANGED, DETERIORATES, MOVED = 0.45, 0.12, 0.15
"""Shares of the encounters with a new vital sign, with one that raises the rules' floor, and with a new status."""
TESTED, CHILDREN, BORN_OTHERWISE = 0.6, 0.15, 0.12
"""Shares of the encounters with a laboratory result, of a child, and with a birth date that is corrected."""
FOLLOWED = {"repeat": 3, "second": 3, "another": 3, "correct": 3, "withdraw": 2, "move": 3, "delete": 3}
"""Weights of what becomes of a result: the same again, another critical one, one of another test, another value,
entered in error, another patient's, deleted."""
SOON, AFTERWARDS = 0.3, 0.8
"""Shares of the results of which something becomes at once, and once people have decided."""
ACT_SHARE = 0.3
"""Length of the act after the decisions, as a share of the first."""
GROWN_DAYS, CHILD_DAYS = (round(56.8 * 365.25), round(81.3 * 365.25)), (round(4.4 * 365.25), round(9.6 * 365.25))


@dataclass(frozen=True, order=True)
class Step:
    """Resources of one encounter, written in one transaction; in a plan it follows the steps that it builds on."""

    afterwards: bool
    """Whether it belongs to the second act, which begins once people have decided."""
    at_s: float
    """From the beginning of its act."""
    encounter: str
    status: str = ""
    """Of the Encounter; empty where it is not written again."""
    vitals: dict[str, float | str] = field(default_factory=dict, compare=False)
    aged_days: int | None = field(default=None, compare=False)
    """Of the Patient; None where it is not written again."""
    results: tuple[Result, ...] = field(default=(), compare=False)
    deleted: tuple[str, ...] = field(default=(), compare=False)
    """Ids of Observations."""

    @property
    def events(self) -> int:
        """How many versions it makes: of a Patient, an Encounter, or Observations; a deletion makes one, too."""
        written = bool(self.status) + (self.aged_days is not None)
        return written + len(self.vitals) + len(self.results) + len(self.deleted)


def steps(seed: int, events: int, seconds: float) -> list[Step]:
    """Return steps of exactly that many events, each a version of a Patient, an Encounter or an Observation."""
    rng, made = random.Random(f"{seed}:script"), []
    arrived: list[Step] = []
    number = count = 0
    while count < events:
        number += 1
        name, start = f"s{seed}-{number:04d}", rng.uniform(0, 0.75) * seconds
        for step in sorted(_encounter(rng, name, start, seconds * ACT_SHARE, arrived)):
            if count + step.events > events:
                break  # what follows builds on it
            made.append(step)
            count += step.events
            arrived += [step] if step.status == "arrived" else []
        if events - count <= 2:
            made += _last(seed, events - count, arrived, seconds)
            break
    return sorted(made)


def _last(seed: int, events: int, arrived: list[Step], seconds: float) -> Iterator[Step]:
    """Yield a step of the events that are left, too few for an arrival with a vital sign."""
    if events == 1 and arrived:
        yield Step(False, max(seconds, arrived[-1].at_s + 1), arrived[-1].encounter, vitals={"spo2": 97.0})
    elif events:
        aged = GROWN_DAYS[0] if events > 1 else None
        yield Step(False, 0.5 * seconds, f"s{seed}-last", "arrived", aged_days=aged)


def _encounter(rng: random.Random, name: str, start: float, act_s: float, arrived: list[Step]) -> Iterator[Step]:
    # Values of many digits, so that each new version is another value and a stale one can be told.
    vitals: dict[str, float | str] = {"hr": rng.uniform(62, 88)}
    ages = CHILD_DAYS if rng.random() < CHILDREN else GROWN_DAYS
    aged = rng.choice(ages)
    yield Step(False, start, name, "arrived", vitals | ({"spo2": 97.0} if rng.random() < 0.3 else {}), aged)
    if rng.random() < CHANGED:
        yield Step(False, start + rng.uniform(0.3, 12), name, vitals={"hr": rng.uniform(62, 88)})
    if rng.random() < MOVED:
        yield Step(False, start + rng.uniform(0.5, 5), name, "in-progress")
    if rng.random() < DETERIORATES:
        yield Step(False, start + rng.uniform(9, 14), name, vitals={"avpu": "unresponsive"})
    if rng.random() < BORN_OTHERWISE:
        late, other = rng.random() < AFTERWARDS, rng.choice([days for days in GROWN_DAYS if days != aged])
        at = rng.uniform(0, act_s) if late else start + rng.uniform(3, 12)
        yield Step(late, at, name, aged_days=other)
    if rng.random() < TESTED:
        yield from _tested(rng, name, start, act_s, arrived)


def _tested(rng: random.Random, name: str, start: float, act_s: float, arrived: list[Step]) -> Iterator[Step]:
    """Yield a laboratory result, what becomes of it soon, and what once people may have decided on it."""
    first = laboratory.drawn(rng, f"{name}-lab")
    reported = start + rng.uniform(0, 4)
    yield Step(False, reported, name, results=(first,))
    soon = later = ""
    if rng.random() < SOON:
        (soon,) = rng.choices(list(FOLLOWED), list(FOLLOWED.values()))
        yield from _followed(rng, name, Step(False, reported + rng.uniform(2, 12), name), first, soon, arrived)
    if rng.random() < AFTERWARDS and soon not in ("move", "delete"):
        (later,) = rng.choices([one for one in FOLLOWED if one != soon], [FOLLOWED[o] for o in FOLLOWED if o != soon])
        yield from _followed(rng, name, Step(True, rng.uniform(0, act_s), name), first, later, arrived)


def _followed(
    rng: random.Random, name: str, step: Step, first: Result, what: str, arrived: list[Step]
) -> Iterator[Step]:
    """Yield what becomes of a result, as that step."""
    others = [one for one in arrived if one.encounter != name and (step.afterwards or one.at_s < step.at_s)]
    if what == "repeat":
        yield replace(step, results=(laboratory.repeated(rng, first, f"{name}-lab-again"),))
    elif what == "second":
        yield replace(step, results=(laboratory.critical(rng, f"{name}-lab-second", other_than=first),))
    elif what == "another":
        yield replace(step, results=(laboratory.drawn(rng, f"{name}-lab-another", other_than=first),))
    elif what == "correct":
        yield replace(step, results=(laboratory.corrected(rng, first),))
    elif what == "withdraw":
        yield replace(step, results=(laboratory.withdrawn(first),))
    elif what == "move" and others:
        yield replace(step, encounter=rng.choice(others).encounter, results=(first,))
    elif what == "delete":
        yield replace(step, deleted=(first.id,))


class Hospital:
    """Writes to its own chart, never through the faulty network, until the chart has acknowledged."""

    def __init__(self, base_url: str) -> None:
        self._http = httpx.Client(base_url=base_url, timeout=10)
        self.token = ""
        self._taken_at: dict[str, str] = {}
        """By the id of a result: when its sample was taken, which no correction changes."""

    def play(self, plan: list[Step], start: float) -> None:
        """Write the steps of one act, which begins at that moment of the monotonic clock."""
        for step in plan:
            time.sleep(max(0.0, start + step.at_s - time.monotonic()))
            self.write(step)

    def write(self, step: Step) -> None:
        """Write a step in one transaction. Safe to be sent again: all of it is PUT or DELETE under ids of its own."""
        bodies: list[Resource] = [_patient(step)] if step.aged_days is not None else []
        if step.status:
            bodies.append(_stay(step))
        bodies += [observation(step.encounter, key, value) for key, value in step.vitals.items()]
        for result in step.results:
            taken_at = self._taken_at.setdefault(result.id, clock.now().isoformat())
            bodies.append(laboratory.observation(result, step.encounter, taken_at))
        entries: list[Resource] = [
            {"resource": b, "request": {"method": "PUT", "url": f"{b['resourceType']}/{b['id']}"}} for b in bodies
        ]
        entries += [{"request": {"method": "DELETE", "url": f"Observation/{id_}"}} for id_ in step.deleted]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        while True:
            try:
                headers = {"Authorization": f"Bearer {self.token}"}
                if self._http.post("", json=bundle, headers=headers).status_code < 300:
                    return
            except httpx.HTTPError:
                pass
            threading.Event().wait(0.3)  # its server was killed

    def close(self) -> None:
        self._http.close()


def _patient(step: Step) -> Resource:
    born = (clock.now() - timedelta(days=step.aged_days or 0)).date()
    return {"resourceType": "Patient", "id": step.encounter, "gender": "female", "birthDate": born.isoformat()}


def _stay(step: Step) -> Resource:
    return {
        "resourceType": "Encounter",
        "id": step.encounter,
        "status": step.status,
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "EMER"},
        "subject": {"reference": f"Patient/{step.encounter}"},
        "period": {"start": clock.now().isoformat()},
        "reasonCode": [{"text": "cough"}],
    }
