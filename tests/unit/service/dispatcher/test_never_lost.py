"""Faults and pauses at every step: an event is looked at, reaches every case that needs it, and hides no other."""

import asyncio
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from activities.reopening import ChartCheck
from activities.world import World
from contracts.cases import CaseRef, CaseState
from contracts.errors import LedgerError, LedgerFault
from contracts.events import Fate
from integrations import clock
from integrations.blobs.store import BlobStore
from integrations.ledger import cases, inbox, tables
from integrations.ledger.cases import CaseRow
from integrations.ledger.database import Database
from integrations.ledger.leases import Write
from service.dispatcher import loop, reopening, rules
from service.dispatcher.loop import Delays
from service.dispatcher.plan_writing import PlanWriter
from service.dispatcher.reopening import Reading
from service.dispatcher.triage import EventIds, Reexamination
from service.process.settings import TriggerSettings
from tests.fakes.samples import NOW
from tests.fakes.two_pathways import Starts, TwoPathways, fates, state, told

AT_ONCE = 3
FEW_STEPS = 8


class Away(Starts):
    """Temporal that refuses everything."""

    async def tell(self, case_id: str, events: list[int], **_: Any) -> bool:
        raise RuntimeError("Temporal is away")


@pytest.fixture(autouse=True)
def small_looks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(loop, "POLL_S", 0.01)
    monkeypatch.setattr(loop, "ENCOUNTERS_AT_ONCE", AT_ONCE)
    with capture_logs():  # a traceback for a person to read takes longer than the step that led to it
        yield


@pytest.fixture
def two(db: Database, blobs: BlobStore) -> TwoPathways:
    two = TwoPathways(db, blobs)
    two.dispatcher.starts = cast(Any, Starts())
    return two


@pytest.fixture
def ended(two: TwoPathways) -> TwoPathways:
    """Two pathways whose cases of one stay have both ended."""
    state(two, "c-says", CaseState.WRITTEN)
    with two.db.write() as tx:
        ref = CaseRef(case_id="c-hears", pathway="hears", encounter_id="enc", generation=1)
        cases.open_new(tx, ref, timedelta(minutes=5), NOW)
    state(two, "c-hears", CaseState.WRITTEN)
    return two


async def steps(two: TwoPathways, count: int = FEW_STEPS) -> None:
    for _ in range(count):
        two.dispatcher.delays = Delays()
        await two.dispatcher.step(two.db.write)


def latest(two: TwoPathways, pathway: str, encounter_id: str) -> CaseRow | None:
    with two.db.read() as tx:
        return cases.latest(tx, pathway, encounter_id)


async def test_a_case_that_could_not_be_opened_is_opened_though_another_pathway_needs_none(
    ended: TwoPathways, monkeypatch: pytest.MonkeyPatch
) -> None:
    concluding, failed = reopening.conclude, list[str]()

    def conclude(
        writer: PlanWriter, wanted: Reexamination, reading: Reading, taken: EventIds, write: Write
    ) -> CaseRow | None:
        if reading.check.demanded and not failed:
            failed.append(wanted.case.case_id)
            raise LedgerError(LedgerFault.DATABASE, "OperationalError", retryable=True)
        return concluding(writer, wanted, reading, taken, write)

    def check(_world: World, case: CaseRow) -> ChartCheck:
        return ChartCheck([], case.pathway == "says")

    monkeypatch.setattr(reopening, "check_chart", check)
    monkeypatch.setattr(reopening, "conclude", conclude)
    inbox.accept(ended.db, ended.blobs, [told("enc", 130)])
    for _ in range(20):
        await steps(ended, 1)
        await asyncio.sleep(0.02)
    case = latest(ended, "says", "enc")
    assert failed == ["c-says"] and case and case.generation == 2


async def test_ended_cases_whose_charts_are_read_out_of_step_settle_after_one_reading_each(
    ended: TwoPathways, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def check(_world: World, case: CaseRow) -> ChartCheck:
        read.append(case.pathway)
        time.sleep(0.05 if case.pathway == "says" else 0.1)
        return ChartCheck([], False)

    monkeypatch.setattr(reopening, "check_chart", check)
    inbox.accept(ended.db, ended.blobs, [told("enc", 130)])
    end = time.monotonic() + 3
    while fates(ended) == [Fate.PENDING] and time.monotonic() < end:
        await asyncio.sleep(await ended.dispatcher.step(ended.db.write))
    assert fates(ended) == [Fate.IGNORED] and sorted(read) == ["hears", "says"]


@pytest.mark.parametrize("why", ["temporal is away", "decided"])
async def test_however_many_encounters_wait_a_new_one_gets_its_case(two: TwoPathways, why: str) -> None:
    inbox.accept(two.db, two.blobs, [told(f"e{number}", 130) for number in range(AT_ONCE)])
    if why == "decided":
        await steps(two, 3)
        with two.db.write() as tx:
            tx.execute(tables.cases.update().values(state=CaseState.DECIDED))
        again = (told(f"e{number}", 150).model_copy(update={"version_id": "2"}) for number in range(AT_ONCE))
        inbox.accept(two.db, two.blobs, list(again))
    else:
        two.dispatcher.starts = cast(Any, Away())
        await steps(two, 3)
    inbox.accept(two.db, two.blobs, [told("new", 130)])
    await steps(two)
    assert latest(two, "says", "new")


async def test_a_body_whose_disk_refuses_it_holds_up_its_own_encounter_alone(
    two: TwoPathways, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.accept(two.db, two.blobs, [told("bad", 130, padding=70_000), told("good", 130)])

    def refused(*_: object, **__: object) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(type(two.blobs.fs), "cat_file", refused)
    await steps(two, 3)
    assert fates(two) == [Fate.PENDING, Fate.ABSORBED]


async def test_an_event_that_one_case_could_not_record_is_recorded_for_both_in_the_end(
    two: TwoPathways, monkeypatch: pytest.MonkeyPatch
) -> None:
    absorb, calls = PlanWriter.absorb, list[str]()

    def second_fails(
        writer: PlanWriter, case_id: str, events: EventIds, held: frozenset[int] | set[int], write: Write
    ) -> None:
        calls.append(case_id)
        if len(calls) == 2:
            raise LedgerError(LedgerFault.DATABASE, "OperationalError", retryable=True)
        absorb(writer, case_id, events, held, write)

    monkeypatch.setattr(PlanWriter, "absorb", second_fails)
    inbox.accept(two.db, two.blobs, [told("x", 130)])
    await steps(two)
    with two.db.read() as tx:
        given = set(tx.scalars(sa.select(tables.deliveries.c.case_id)))
    assert fates(two) == [Fate.ABSORBED] and given == set(calls) and len(given) == 2


async def test_a_case_whose_opening_event_was_replaced_before_it_was_signalled_is_signalled(two: TwoPathways) -> None:
    signals = two.dispatcher.starts
    two.dispatcher.starts = cast(Any, Away())
    inbox.accept(two.db, two.blobs, [told("x", 130)])
    await steps(two, 2)
    inbox.accept(two.db, two.blobs, [told("x", 100).model_copy(update={"version_id": "2"})])
    two.dispatcher.starts = signals
    await steps(two)
    opened = {case.case_id for name in ("says", "hears") if (case := latest(two, name, "x"))}
    with two.db.read() as tx:
        given = set(tx.scalars(sa.select(tables.deliveries.c.case_id)))
    assert opened and opened <= given


async def test_a_trigger_that_opens_opens_whatever_stands_before_it(two: TwoPathways) -> None:
    pathway = two.settings.pathways["hears"]
    informing = (TriggerSettings(resource="Observation"), *pathway.triggers)
    two.dispatcher.rules = rules.compiled({"hears": pathway.model_copy(update={"triggers": informing})}, {})
    inbox.accept(two.db, two.blobs, [told("y", 130)])
    await steps(two, 2)
    assert latest(two, "hears", "y") and fates(two) == [Fate.ABSORBED]


async def test_a_clock_that_is_set_back_freezes_no_window(two: TwoPathways, monkeypatch: pytest.MonkeyPatch) -> None:
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(hours=1))
    inbox.accept(two.db, two.blobs, [told("k", 130)])
    monkeypatch.setattr(clock, "now", real)
    await steps(two, 3)
    assert fates(two) == [Fate.ABSORBED]
