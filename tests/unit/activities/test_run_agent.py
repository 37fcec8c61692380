"""Which model an agent may ask, and what it is told where it may not."""

from typing import Any, cast

import pytest

from activities.run_agent import RecordedChat, RunAgent
from activities.world import World
from contracts.cases import AgentRequest, CaseRef, ChartSnapshot
from contracts.errors import Fallback, ModelError
from contracts.model_calls import ChatRequest, Message
from integrations.blobs.store import BlobStore
from integrations.inference.chat import ChatClient
from integrations.ledger.audit import Auditor
from integrations.ledger.database import Database
from integrations.ledger.records import Records
from tests.fakes.models import endpoint, promote
from tests.fakes.silence import NobodyListens

ASKED = ChatRequest(step="judge", messages=(Message(role="user", content="k"),), max_tokens=1)


@pytest.fixture
def world(db: Database, blobs: BlobStore) -> World:
    nobody = cast(Any, NobodyListens())
    models = {"reasoning": ChatClient(endpoint("http://gpu/v1")), "labs": ChatClient(endpoint("http://gpu/v1", "m"))}
    return World(Records(db, blobs, Auditor("worker", b"a" * 32)), nobody, nobody, {}, models, "0.1.0")


def request(pathway: str) -> AgentRequest:
    ref = CaseRef(case_id="c", pathway=pathway, encounter_id="enc-1", generation=1)
    return AgentRequest(ref=ref, version=1, snapshot=ChartSnapshot(snapshot_blob="", facts_hash=""))


async def test_a_model_that_was_tuned_for_another_pathway_is_not_asked(world: World, db: Database) -> None:
    promote(db)
    port = RunAgent(world).ports(request("result_followup")).model("reasoning")
    with pytest.raises(ModelError) as refused:
        await port.ask(ASKED)
    assert refused.value.kind == Fallback.OTHER_PATHWAY


def test_a_pathway_may_name_another_model_for_a_role(world: World) -> None:
    agent = RunAgent(World(**vars(world) | {"ports": {"result_followup": {"reasoning": "labs"}}}))

    def named(pathway: str) -> str:
        recorded = agent.ports(request(pathway)).model("reasoning")
        assert isinstance(recorded, RecordedChat)
        return recorded.client.endpoint.model

    assert (named("ed_triage"), named("result_followup")) == ("alias:champion", "m")
