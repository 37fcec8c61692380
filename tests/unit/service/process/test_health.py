"""Which parts a process takes for live, and whether it is ready; and what its endpoints say of it."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, HTTPException
from prometheus_client.parser import text_string_to_metric_families

from contracts.errors import FhirError, FhirFault, LedgerError, LedgerFault
from integrations import clock
from integrations.ledger import feed_progress, signs_of_life, switches
from integrations.ledger.audit import Auditor
from integrations.ledger.database import Database
from service.process import endpoints, health
from service.process.health import Health, Probe, State
from service.process.metrics import Metrics
from service.process.settings import TimingSettings
from tests.fakes.chart import StrictServer
from tests.fakes.samples import NOW

TIMING = TimingSettings(health_s=5, reconcile_s=15)


class Parts:
    """Parts that a test takes away, and a clock that it turns."""

    def __init__(self, db: Database) -> None:
        self.away: set[str] = set()
        self.seconds = 0.0
        self.world: Any = SimpleNamespace(records=SimpleNamespace(db=db))

    def health(self, process: str, *needs: str) -> Health:
        probes = {part: self._probe(part) for part in ("temporal", "chart", "model:reasoning")}
        return Health(self.world, TIMING, process, needs, probes)

    def _probe(self, part: str) -> Probe:
        async def answer() -> bool:
            if part in self.away:
                raise FhirError(FhirFault.UNREACHABLE)
            return True

        return answer


@pytest.fixture
def parts(db: Database, monkeypatch: pytest.MonkeyPatch) -> Parts:
    made = Parts(db)
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(seconds=made.seconds))
    return made


async def look(*known: Health) -> None:
    for one in known:
        for round_ in one.loops().values():
            assert await round_() == TIMING.health_s


def away(known: Health) -> set[str]:
    return {part for part, seen in known.parts().items() if seen.state == State.AWAY}


async def test_what_never_gave_a_sign_is_away_and_nobody_is_ready_before_a_look(parts: Parts) -> None:
    gateway = parts.health("gateway", "ledger")
    assert not gateway.ready() and away(gateway) == set(gateway.parts())
    await look(gateway)
    assert gateway.ready()
    assert {"ledger", "temporal", "chart", "model:reasoning", "gateway"} == set(gateway.parts()) - away(gateway)


async def test_a_part_is_away_when_it_missed_four_looks_and_back_with_one(parts: Parts) -> None:
    worklist = parts.health("worklist", "ledger", "temporal")
    await look(worklist)
    parts.away = {"temporal"}
    for parts.seconds in (5, 10, 15, 20):
        await look(worklist)
        assert worklist.ready()
    parts.seconds = 25
    await look(worklist)
    assert away(worklist) >= {"temporal"} and not worklist.ready()
    assert worklist.parts()["temporal"].age_s == 25
    parts.away = set()
    await look(worklist)
    assert worklist.ready()


async def test_processes_know_of_each_other_through_the_ledger(parts: Parts) -> None:
    gateway, worklist = parts.health("gateway"), parts.health("worklist", "worker")
    gateway.done("dispatcher")
    gateway.done("some other loop")
    await look(gateway, parts.health("worker"), worklist)
    assert worklist.ready() and away(worklist) == {"reconciler", "watchdog", "audit"}
    with parts.world.records.db.read() as tx:
        assert set(signs_of_life.seen(tx)) == {"gateway", "dispatcher", "worker", "worklist"}
    parts.seconds = 30
    await look(worklist)
    assert away(worklist) == {"reconciler", "watchdog", "audit", "gateway", "dispatcher", "worker"}


async def test_a_dispatcher_that_waits_for_its_turn_gives_no_sign(parts: Parts) -> None:
    works, waits = (Health(parts.world, TIMING, "dispatcher", (), {}, by_rounds=True) for _ in range(2))
    await look(waits)
    assert away(waits) >= {"dispatcher"}
    works.done("dispatcher")
    await look(works, waits)
    assert "dispatcher" not in away(works) | away(waits)
    works.rest("dispatcher")  # it lost its turn, and nobody took it
    parts.seconds = 21
    await look(works, waits)
    assert "dispatcher" in away(works) & away(waits)


async def test_a_slow_loop_has_as_long_as_its_own_rounds_take(parts: Parts) -> None:
    gateway = parts.health("gateway")
    for part in ("reconciler", "dispatcher"):
        gateway.done(part)
    parts.seconds = 59
    assert {"dispatcher"} == {"dispatcher", "reconciler"} & away(gateway)
    parts.seconds = 61
    assert "reconciler" in away(gateway)


async def test_a_stopped_model_is_neither_live_nor_away(parts: Parts, db: Database) -> None:
    worklist = parts.health("worklist")
    with db.write() as tx:
        switches.switch(tx, Auditor("test", b"k"), "model:reasoning", "n-okafor", stopped=True)
    await look(worklist)
    assert worklist.parts()["model:reasoning"].state == State.STOPPED


async def test_a_ledger_that_takes_no_writes_keeps_the_gateway_from_its_duty(parts: Parts) -> None:
    gateway = parts.health("gateway", "ledger")
    await look(gateway)

    @contextmanager
    def full() -> Iterator[None]:
        raise LedgerError(LedgerFault.DATABASE, "disk full")
        yield

    parts.world.records.db = SimpleNamespace(write=full)
    parts.seconds = 21
    await look(gateway)
    assert away(gateway) >= {"ledger"} and not gateway.ready()
    assert "temporal" not in away(gateway)


async def test_a_part_that_hangs_is_given_up(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang() -> bool:
        await asyncio.Event().wait()
        return True

    monkeypatch.setattr(health, "PROBE_S", 0.01)
    known = Health(parts.world, TIMING, "gateway", (), {"chart": hang})
    await asyncio.wait_for(look(known), 5)
    assert "chart" in away(known)


async def test_the_endpoints_say_what_is_known_and_count_what_was_sent(parts: Parts, db: Database) -> None:
    gateway = parts.health("gateway", "ledger")
    app, metrics = FastAPI(), Metrics(gateway, db)
    endpoints.mount(app, gateway, metrics)

    @app.put("/refused")
    def refuse() -> None:
        raise HTTPException(401)

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as http:
        assert (await http.get("/livez")).status_code == 200
        assert (await http.get("/readyz")).status_code == 503
        await look(gateway)
        ready = await http.get("/readyz")
        assert ready.status_code == 200 and ready.json()["ready"]
        assert ready.json()["parts"]["chart"] == {"state": "live", "age_s": 0.0, "reason": ""}
        assert ready.json()["parts"]["worker"] == {"state": "away", "age_s": None, "reason": ""}
        for _ in range(3):
            await http.put("/refused")
        text = (await http.get("/metrics")).text
    samples = {(s.name, *s.labels.values()): s.value for f in text_string_to_metric_families(text) for s in f.samples}
    assert samples["wardflow_answers_total", "401"] == 3
    assert ("wardflow_answers_total", "200") not in samples, "what is asked is no event"
    assert samples["wardflow_part_live", "worker"] == 0 and samples["wardflow_part_live", "chart"] == 1
    assert samples["wardflow_events_unaccounted",] == 0
    assert samples["wardflow_suggestion_lag_seconds_bucket", "+Inf"] == 0


def test_the_figures_without_a_ledger_still_tell_of_the_parts(parts: Parts) -> None:
    @contextmanager
    def gone() -> Iterator[None]:
        raise LedgerError(LedgerFault.DATABASE, "gone", retryable=True)
        yield

    db: Any = SimpleNamespace(read=gone)
    text = Metrics(parts.health("gateway"), db).text().decode()
    assert 'wardflow_part_live{part="ledger"} 0.0' in text and "wardflow_events" not in text


def test_the_figures_of_a_full_ledger_have_closed_labels(parts: Parts, db: Database) -> None:
    with db.write() as tx:
        signs_of_life.give(tx, {"patient Zebedee": NOW})
    text = Metrics(parts.health("gateway"), db).text().decode()
    assert {*re.findall(r'(\w+)="', text)} == {"part", "fate", "state", "kind", "by", "le"}
    assert "Zebedee" not in text


TYPES = ("Encounter", "Binary")


async def look_at_feed(parts: Parts) -> Health:
    """Return what the worklist knows after the gateway has given signs of its search."""
    gateway = parts.health("gateway")
    gateway.done("reconciler")
    gateway.done("dispatcher")
    await look(gateway)
    worklist = Health(parts.world, TIMING, "worklist", ("ledger",), {}, {"ehr": TYPES})
    await look(worklist)
    return worklist


async def test_a_process_is_not_ready_before_the_feed_is_known_to_be_followed(parts: Parts, db: Database) -> None:
    worklist = await look_at_feed(parts)
    assert not worklist.ready() and worklist.parts()["feed:ehr"].state == State.AWAY
    for type_ in TYPES:
        with db.write() as tx:
            feed_progress.note_read(tx, "ehr", type_, NOW, pushed=True)
    worklist = await look_at_feed(parts)
    assert worklist.ready() and worklist.parts()["feed:ehr"].state == State.LIVE and worklist.unseen() == []


async def test_a_blind_type_is_named_and_keeps_nobody_from_the_rest(parts: Parts, db: Database) -> None:
    with db.write() as tx:
        feed_progress.note_read(tx, "ehr", "Encounter", NOW, pushed=True)
        feed_progress.note_fault(tx, "ehr", "Binary", "400 Cannot search on Binary", refused=True, pushed=False)
    worklist = await look_at_feed(parts)
    seen = worklist.parts()["feed:ehr"]
    assert worklist.ready()
    assert (seen.state, seen.reason) == (State.PARTLY, "blind: Binary (400 Cannot search on Binary)")
    assert worklist.unseen() == ["New recordings are not seen: the chart refuses them."]


async def test_a_feed_is_not_followed_without_a_gateway(parts: Parts, db: Database) -> None:
    for type_ in TYPES:
        with db.write() as tx:
            feed_progress.note_read(tx, "ehr", type_, NOW, pushed=True)
    worklist = await look_at_feed(parts)
    parts.seconds = 25
    await look(worklist)
    assert not worklist.ready()
    assert worklist.unseen() == ["Not connected to the chart since 08:30 UTC: new arrivals are not shown."]


async def test_a_feed_that_is_read_while_nobody_dispatches_is_no_calm_list(parts: Parts, db: Database) -> None:
    for type_ in TYPES:
        with db.write() as tx:
            feed_progress.note_read(tx, "ehr", type_, NOW, pushed=True)
    gateway = parts.health("gateway")
    gateway.done("reconciler")
    await look(gateway)
    worklist = Health(parts.world, TIMING, "worklist", ("ledger",), {}, {"ehr": TYPES})
    await look(worklist)
    assert worklist.unseen() == ["What arrives is not being looked at: new arrivals are not shown."]


async def test_a_chart_that_refuses_us_is_away_at_once_with_its_words(parts: Parts) -> None:
    server = StrictServer()
    client: Any = None
    parts.world.fhir, parts.world.models, parts.world.live = server.client(), {}, None
    chart = health.probes(parts.world, client, {"ehr": ("Binary", "Encounter")})["chart"]
    known = Health(parts.world, TIMING, "gateway", (), {"chart": chart})
    await look(known)
    assert known.parts()["chart"].state == State.LIVE, "one type that is refused is not the chart"
    server.token = "another"
    await look(known)
    assert known.parts()["chart"].state == State.AWAY and known.parts()["chart"].reason == "401 Unauthorized"
    server.token = "t0ken"
    await look(known)
    assert known.parts()["chart"].state == State.LIVE
