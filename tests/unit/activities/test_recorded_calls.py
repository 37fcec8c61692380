"""What a model is asked within one run of an agent stands in the ledger, however many questions are under way."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from activities.run_agent import RecordedChat
from contracts.errors import Fallback, ModelError
from contracts.model_calls import ChatRequest, Message, ModelCall
from integrations.blobs.store import BlobStore
from integrations.ledger import tables
from integrations.ledger.audit import Auditor
from integrations.ledger.database import Database
from tests.fakes.samples import REF
from tests.fakes.scripted_chat import called


class Together:
    """Answers when so many questions are under way."""

    endpoint = SimpleNamespace(name="code", model="m", url="")

    def __init__(self, many: int) -> None:
        self.asked, self._many, self._all = 0, many, asyncio.Event()

    async def ask(self, request: ChatRequest) -> ModelCall:
        self.asked += 1
        if self.asked == self._many:
            self._all.set()
        await asyncio.wait_for(self._all.wait(), 5)
        return called(request, request.step)


async def test_questions_asked_at_once_are_each_recorded_and_read_back(db: Database, blobs: BlobStore) -> None:
    world: Any = SimpleNamespace(records=SimpleNamespace(db=db, blobs=blobs, auditor=Auditor("test", b"k")))
    requests = [
        ChatRequest(step=f"s{n}", messages=(Message(role="user", content="x"),), max_tokens=4) for n in range(5)
    ]
    asked: Any = SimpleNamespace(ref=REF, version=1, rules_only=False)
    model: Any = Together(5)
    said = await asyncio.gather(*(RecordedChat(world, asked, model).ask(request) for request in requests))
    assert [call.content for call in said] == [f"s{n}" for n in range(5)]
    with db.read() as tx:
        positions = tx.scalars(sa.select(tables.calls.c.position).order_by(tables.calls.c.position)).all()
    assert positions == [0, 1, 2, 3, 4]
    again = await asyncio.gather(*(RecordedChat(world, asked, model).ask(request) for request in requests))
    assert again == said and model.asked == 5

    assert {call.measured_on for call in said} == {()}, "what says nothing was measured nowhere"
    by_rules = RecordedChat(world, SimpleNamespace(ref=REF, version=1, rules_only=True), model)  # pyright: ignore[reportArgumentType]
    assert await by_rules.ask(requests[2]) == said[2], "what the model answered before its time was over"
    other = ChatRequest(step="s9", messages=(Message(role="user", content="x"),), max_tokens=4)
    with pytest.raises(ModelError) as refused:
        await by_rules.ask(other)
    assert refused.value.kind == Fallback.UNREACHABLE and model.asked == 5
