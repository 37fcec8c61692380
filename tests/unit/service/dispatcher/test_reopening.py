"""The charts of ended cases are read beside the loop: one that hangs holds up nobody else."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from activities.reopening import ChartCheck
from contracts.cases import CaseState
from contracts.errors import FhirError, FhirFault
from contracts.events import Fate, Ignored
from integrations.blobs.store import BlobStore
from integrations.ledger import inbox, tables
from integrations.ledger.database import Database
from service.dispatcher import reopening
from service.dispatcher.loop import Delays
from tests.fakes.two_pathways import Starts, TwoPathways, fates, state, told


class Charts:
    """Charts that are read only once they are let go (see `activities.reopening.check_chart`)."""

    def __init__(self) -> None:
        self.free, self.demanded, self.fault, self.reads = threading.Event(), False, None, 0

    def check(self, _world: Any, _case: Any) -> ChartCheck:
        self.reads += 1
        self.free.wait(20)
        if self.fault:
            raise self.fault
        return ChartCheck([], self.demanded)


@pytest.fixture
def charts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Charts]:
    made: Any = Charts()
    monkeypatch.setattr(reopening, "check_chart", made.check)
    yield made
    made.free.set()


@pytest.fixture
def two(db: Database, blobs: BlobStore) -> TwoPathways:
    """Pathway `says` has an ended case of the stay `enc`, and `hears` none yet."""
    made = TwoPathways(db, blobs)
    state(made, made.ref.case_id, CaseState.WRITTEN)
    return made


async def stepped(two: TwoPathways, starts: Any, until: Any) -> None:
    two.dispatcher.starts = starts
    async with asyncio.timeout(15):
        while not until():
            await two.dispatcher.step(two.db.write)


async def test_a_chart_that_hangs_holds_up_no_other_encounter(two: TwoPathways, charts: Charts) -> None:
    inbox.accept(two.db, two.blobs, [told("enc", 130), told("enc-2", 130)])
    starts = Starts()
    await stepped(two, starts, lambda: fates(two)[1] == Fate.ABSORBED)
    assert charts.reads == 1 and fates(two)[0] == Fate.PENDING
    assert len(starts.taken) == 3, "two new cases of the other stay, and the other pathway's of this one"
    charts.free.set()
    await stepped(two, starts, lambda: fates(two)[0] == Fate.ABSORBED)


async def test_what_was_read_settles_the_events_that_it_covers(two: TwoPathways, charts: Charts) -> None:
    two.dispatcher.rules.pop("hears")
    inbox.accept(two.db, two.blobs, [told("enc", 130)])
    starts = Starts()
    await stepped(two, starts, lambda: charts.reads)
    later = told("enc", 140).model_copy(update={"resource_id": "obs-later"})
    inbox.accept(two.db, two.blobs, [later])
    charts.free.set()
    await stepped(two, starts, lambda: fates(two)[0] == Fate.IGNORED)
    assert fates(two)[1] == Fate.PENDING, "it came after the chart was read"
    await stepped(two, starts, lambda: fates(two)[1] == Fate.IGNORED)
    assert charts.reads == 2
    with two.db.read() as tx:
        assert set(tx.scalars(sa.select(tables.inbox.c.reason))) == {Ignored.CASE_CLOSED}


async def test_what_the_chart_demands_opens_the_next_generation(two: TwoPathways, charts: Charts) -> None:
    two.dispatcher.rules.pop("hears")
    inbox.accept(two.db, two.blobs, [told("enc", 130)])
    charts.demanded = True
    charts.free.set()
    starts = Starts()
    await stepped(two, starts, lambda: fates(two) == [Fate.ABSORBED])
    assert len(starts.taken) == 1


async def test_a_chart_out_of_reach_is_read_again_later(two: TwoPathways, charts: Charts) -> None:
    two.dispatcher.rules.pop("hears")
    inbox.accept(two.db, two.blobs, [told("enc", 130)])
    charts.fault = FhirError(FhirFault.UNREACHABLE)
    charts.free.set()
    await stepped(two, Starts(), lambda: two.dispatcher.delays.cases)
    assert fates(two) == [Fate.PENDING]
    charts.fault = None
    two.dispatcher.delays = Delays()
    await stepped(two, Starts(), lambda: fates(two) == [Fate.IGNORED])


async def test_reading_has_a_time_limit(two: TwoPathways, charts: Charts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reopening, "READ_S", 0.05)
    inbox.accept(two.db, two.blobs, [told("enc", 130)])
    await stepped(two, Starts(), lambda: two.ref.case_id in two.dispatcher.delays.cases)
    assert fates(two) == [Fate.PENDING]
