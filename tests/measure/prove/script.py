"""What a hospital does in one run: who arrives when, and how charts change meanwhile; fixed by the seed."""

import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx

from integrations import clock
from tests.ward import Resource, observation

CHANGED, DETERIORATES, MOVED = 0.45, 0.12, 0.15
"""Shares of the encounters with a new vital sign, with one that raises the rules' floor, and with a new status."""


@dataclass(frozen=True, order=True)
class Step:
    """Resources of one encounter, written in one transaction."""

    at_s: float
    encounter: str
    status: str = ""
    """Of the Encounter; empty where it is not written again."""
    vitals: dict[str, float | str] = field(default_factory=dict, compare=False)

    @property
    def events(self) -> int:
        return bool(self.status) + len(self.vitals)


def steps(seed: int, events: int, seconds: float) -> list[Step]:
    """Return steps of exactly that many events, each a version of an Encounter or an Observation."""
    rng, made = random.Random(f"{seed}:script"), []
    number = count = 0
    while count < events:
        number += 1
        for step in _encounter(rng, f"s{seed}-{number:04d}", rng.uniform(0, 0.75) * seconds):
            if count + step.events <= events:
                made.append(step)
                count += step.events
        if events - count == 1:
            made.append(Step(rng.uniform(0, seconds), f"s{seed}-last", "arrived"))
            break
    return sorted(made)


def _encounter(rng: random.Random, name: str, start: float) -> Iterator[Step]:
    # Values of many digits, so that each new version is another value and a stale one can be told.
    vitals: dict[str, float | str] = {"hr": rng.uniform(62, 88)}
    yield Step(start, name, "arrived", vitals | ({"spo2": 97.0} if rng.random() < 0.3 else {}))
    if rng.random() < CHANGED:
        yield Step(start + rng.uniform(0.3, 12), name, vitals={"hr": rng.uniform(62, 88)})
    if rng.random() < MOVED:
        yield Step(start + rng.uniform(0.5, 5), name, "in-progress")
    if rng.random() < DETERIORATES:
        yield Step(start + rng.uniform(9, 14), name, vitals={"avpu": "unresponsive"})


class Hospital:
    """Writes to its own chart, never through the faulty network, until the chart has acknowledged."""

    def __init__(self, base_url: str) -> None:
        self._http = httpx.Client(base_url=base_url, timeout=10)
        self.token = ""

    def play(self, plan: list[Step], start: float) -> None:
        for step in plan:
            time.sleep(max(0.0, start + step.at_s - time.monotonic()))
            self.write(step)

    def write(self, step: Step) -> None:
        bodies: list[Resource] = []
        if step.status == "arrived":
            bodies.append({"resourceType": "Patient", "id": step.encounter, "birthDate": "1970-02-03"})
        if step.status:
            bodies.append(_stay(step))
        bodies += [observation(step.encounter, key, value) for key, value in step.vitals.items()]
        entries = [
            {"resource": b, "request": {"method": "PUT", "url": f"{b['resourceType']}/{b['id']}"}} for b in bodies
        ]
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
