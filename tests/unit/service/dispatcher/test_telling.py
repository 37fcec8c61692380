"""What becomes of an event that concerns two pathways, when one of their cases can't take it yet."""

import asyncio
from collections.abc import Collection
from datetime import timedelta
from typing import Any

import pytest

from contracts.cases import CaseRef, CaseState
from integrations.blobs.store import BlobStore
from integrations.ledger import cases, inbox
from integrations.ledger.database import Database
from service.dispatcher.loop import Delays
from service.operate import ledger_checks
from tests.fakes.samples import NOW
from tests.fakes.two_pathways import Starts, TwoPathways, fates, state, told

SAYS, HEARS = "c-says", "c-hears"


@pytest.fixture
def two(db: Database, blobs: BlobStore) -> TwoPathways:
    """Two pathways with an open case each of the stay `enc`."""
    made = TwoPathways(db, blobs)
    with db.write() as tx:
        ref = CaseRef(case_id=HEARS, pathway="hears", encounter_id="enc", generation=1)
        cases.open_new(tx, ref, timedelta(minutes=5), NOW)
    return made


async def steps(two: TwoPathways, number: int) -> None:
    for _ in range(number):
        two.dispatcher.woken.set()
        await asyncio.wait_for(two.dispatcher.step(two.db.write), 5)


async def deliver(two: TwoPathways, away: Collection[str] = (), rounds: int = 3) -> list[tuple[str, tuple[int, ...]]]:
    starts: Any = Starts(away)
    two.dispatcher.starts = starts
    await steps(two, rounds)
    return starts.taken


async def test_what_one_case_could_not_be_told_waits_though_another_took_it(two: TwoPathways) -> None:
    inbox.accept(two.db, two.blobs, [told("enc", 130)])
    assert await deliver(two, away=[SAYS]) == [(HEARS, (1,))]
    assert fates(two) == ["pending"], "the case that could not be told is stale meanwhile"
    with two.db.read() as tx:
        assert inbox.newest_event(tx, "enc", SAYS) == 1
    two.dispatcher.delays = Delays()
    assert (SAYS, (1,)) in await deliver(two)
    assert fates(two) == ["absorbed"]


async def test_a_case_hears_once_of_what_waits_for_another_that_is_decided(two: TwoPathways) -> None:
    state(two, HEARS, CaseState.DECIDED)
    inbox.accept(two.db, two.blobs, [told("enc", 130)])
    assert await deliver(two, rounds=6) == [(SAYS, (1,))]
    assert fates(two) == ["pending"]


async def test_what_a_case_was_told_is_absorbed_though_a_later_version_replaced_it_for_another(
    two: TwoPathways,
) -> None:
    state(two, HEARS, CaseState.DECIDED)
    inbox.accept(two.db, two.blobs, [told("enc", 130)])
    await deliver(two)
    inbox.accept(two.db, two.blobs, [told("enc", 140).model_copy(update={"version_id": "2"})])
    await deliver(two)
    assert fates(two)[0] == "absorbed"
    with two.db.read() as tx:
        assert list(ledger_checks._deliveries(tx)) == []
