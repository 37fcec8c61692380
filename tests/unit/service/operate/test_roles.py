"""How each role stands, and what its model is asked about nobody."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from contracts.errors import Fallback, ModelError
from contracts.model_calls import ChatRequest, ModelCall
from integrations.inference.chat import ChatEndpoint, Dialect, Phi
from integrations.ledger import spending, switches
from integrations.ledger.audit import Auditor
from integrations.ledger.database import Database
from service.operate import rehearsal, roles
from service.operate.roles import RoleStanding, RoleState
from service.process.settings import ModelSettings, pathway_named
from tests.fakes.scripted_chat import ScriptedChat, favouring, reasons


class Served:
    """An endpoint that is there, or away, and answers as the scripted chat does."""

    def __init__(
        self, chat: ScriptedChat, serves: tuple[str, ...] = ("ward-8b",), fault: ModelError | None = None
    ) -> None:
        self.endpoint = ChatEndpoint("x", "http://m/v1", "ward-8b", Phi.NONE, Dialect.VLLM, 5)
        self._chat, self._serves, self._fault = chat, serves, fault

    async def now(self) -> ChatEndpoint:
        return self.endpoint

    async def served(self) -> list[str]:
        if self._fault:
            raise self._fault
        return list(self._serves)

    async def ask_without_patient(self, request: ChatRequest) -> ModelCall:
        return await self._chat.ask(request)


AWAY = ModelError(Fallback.UNREACHABLE, "ConnectError")


def answering() -> ScriptedChat:
    return ScriptedChat(favouring("3"), reasons(("HR 80.", ["hr"])))


async def stands(
    db: Database, state: Path, served: Mapping[str, Served], **settings: dict[str, Any]
) -> dict[str, RoleStanding]:
    models = {
        role: ModelSettings.model_validate({"url": "http://m/v1", "model": "ward-8b"} | settings.get(role, {}))
        for role in served
    }
    opened: Any = SimpleNamespace(models=models, state=state)
    world: Any = SimpleNamespace(records=SimpleNamespace(db=db), models=served)
    return {one.role: one for one in await roles.standing(opened, world)}


async def test_every_role_is_shown_whether_it_is_configured_or_not(db: Database, tmp_path: Path) -> None:
    found = await stands(db, tmp_path, {"reasoning": Served(answering())})
    assert found["reasoning"].state == RoleState.SERVING and found["reasoning"].latency_ms == 12
    assert found["reasoning"].phi == "none", "asked all the same: nothing of a patient is in it"
    assert found["code"] == RoleStanding(role="code", state=RoleState.NOT_CONFIGURED)


async def test_one_that_does_not_answer_is_away_and_joining_while_it_is_brought_in(
    db: Database, tmp_path: Path
) -> None:
    served = {"code": Served(answering(), fault=AWAY)}
    embedded = {"code": {"embedded": True}}
    assert (await stands(db, tmp_path, served))["code"].state == RoleState.AWAY
    assert (await stands(db, tmp_path, served, **embedded))["code"].state == RoleState.AWAY, "nobody brings it in"
    (tmp_path / "pids.json").write_text(json.dumps({"stack": os.getpid()}))
    assert (await stands(db, tmp_path, served, **embedded))["code"].state == RoleState.JOINING
    assert (await stands(db, tmp_path, served))["code"].state == RoleState.AWAY, "it is somebody else's"
    other = await stands(db, tmp_path, {"code": Served(answering(), serves=("another",))})
    assert (other["code"].state, other["code"].told) == (RoleState.AWAY, "another model is served there")


async def test_a_stopped_one_is_not_asked_and_a_budget_is_shown(db: Database, tmp_path: Path) -> None:
    chat = answering()
    with db.write() as tx:
        switches.switch(tx, Auditor("test", b"k"), "model:reasoning", "n-okafor", stopped=True)
        spending.note(tx, "reasoning", spending.today(tx, "reasoning").model_copy(update={"cost": 0.7}))
    paid = {"reasoning": {"cost_1000_tokens": 0.2, "budget_a_day": 0.5}}
    found = (await stands(db, tmp_path, {"reasoning": Served(chat)}, **paid))["reasoning"]
    assert found.state == RoleState.STOPPED and not chat.asked
    assert (found.cost_1000_tokens, found.budget_a_day, found.spent_today) == (0.2, 0.5, 0.7)


def test_a_budget_without_a_cost_is_refused() -> None:
    with pytest.raises(ValueError, match="budget_a_day needs cost_1000_tokens"):
        ModelSettings(url="http://m/v1", model="ward-8b", budget_a_day=1)


async def test_a_role_is_asked_what_every_pathway_asks_of_it_about_nobody() -> None:
    chat, code = answering(), ScriptedChat(AWAY, AWAY)
    pathways = {
        "ed_triage": pathway_named("ed_triage", {"scale": "esi"}),
        "result_followup": pathway_named("result_followup", {}),
    }
    world: Any = SimpleNamespace(
        pathways=pathways,
        models={"reasoning": Served(chat), "code": Served(code)},
        calculator=None,
        reference=NoResults(),
    )
    asked = await rehearsal.rehearse(world, ["reasoning"])
    assert [one.step for one in asked] == ["judge", "explain"] * 2
    assert asked[0].answer == "3" and asked[0].model == "scripted@1" and asked[0].tokens
    programs = await rehearsal.rehearse(world, ["code"])
    assert {one.step for one in programs} == {
        f"program {name}" for name in ("egfr", "anion_gap", "corrected_calcium", "corrected_sodium", "qtc")
    }
    assert {one.fault for one in programs} == {Fallback.UNREACHABLE} and programs[0].told == "ConnectError"


class NoResults:
    async def result(self, name: str, inputs: dict[str, float]) -> None:
        return None
