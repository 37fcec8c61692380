"""The door: each sender gets an answer of its own, and our own trouble is never taken for theirs."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest

from activities.world import World
from contracts.errors import LedgerError, LedgerFault
from contracts.events import FhirEvent
from integrations.blobs.store import BlobStore
from integrations.ledger import inbox, tables
from integrations.ledger.audit import Auditor
from integrations.ledger.database import Database
from integrations.ledger.records import Records
from service.gateway.group_commit import GroupCommit
from tests.fakes.samples import event
from tests.fakes.silence import NobodyListens


@pytest.fixture
def world(db: Database, blobs: BlobStore) -> World:
    live, nothing = cast(Any, NobodyListens()), cast(Any, None)
    return World(Records(db, blobs, Auditor("gateway", b"a" * 32)), nothing, live, {}, {}, "0.1.0")


async def answers(world: World, *events: FhirEvent) -> list[Exception | None]:
    door = GroupCommit(world.records, asyncio.Event())
    asked = [asyncio.create_task(door.accept(event)) for event in events]
    await asyncio.sleep(0)
    await door.commit()
    return [cast("Exception | None", answer) for answer in await asyncio.gather(*asked, return_exceptions=True)]


def kept(world: World) -> list[tuple[str, str]]:
    with world.records.db.read() as tx:
        return [(row.fate, row.resource_id[:5]) for row in tx.execute(tables.inbox.select())]


@pytest.mark.parametrize(
    "trouble",
    [MemoryError(), PermissionError("keys"), KeyError("k2"), LedgerError(LedgerFault.DATABASE, retryable=True)],
)
async def test_our_own_trouble_leaves_the_event_with_its_sender(
    world: World, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    accept = inbox.accept

    def troubled(db: Database, blobs: BlobStore, events: Sequence[FhirEvent], _most: int) -> int:
        if any(event.resource_id == "big" for event in events):
            raise trouble
        return accept(db, blobs, events)

    monkeypatch.setattr(inbox, "accept", troubled)
    refused, taken = await answers(world, event("big"), event("small"))
    assert isinstance(refused, LedgerError) and refused.retryable
    assert (taken, kept(world)) == (None, [("pending", "small")])


async def test_what_no_database_can_keep_is_a_small_row_and_not_sent_again(world: World) -> None:
    odd = FhirEvent.model_construct(**event().model_dump() | {"resource_id": "\ud800", "body": b"{}"})
    assert await answers(world, odd, event("small")) == [None, None]
    assert sorted(fate for fate, _ in kept(world)) == ["pending", "quarantined"]
