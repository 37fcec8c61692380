"""What becomes of each role: which model serves it, where, how fast, at what cost."""

import json
import os
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from activities.world import World
from contracts.errors import ModelError
from contracts.frozen import Frozen
from contracts.roles import Role
from integrations.ledger import spending, switches
from service.operate.rehearsal import small
from service.process.settings import ModelSettings, Settings


class RoleState(StrEnum):
    SERVING = "serving"
    JOINING = "joining"
    """`wardflow up` runs, and brings it in."""
    AWAY = "away"
    """It does not answer, or serves another model."""
    STOPPED = "stopped"
    """A person stopped it (I14)."""
    NOT_CONFIGURED = "not configured"


class RoleStanding(Frozen):
    role: str
    state: RoleState
    endpoint: str = ""
    model: str = ""
    dialect: str = ""
    phi: str = ""
    latency_ms: float | None = None
    """Of a small question without a patient; None: it was not asked, or did not answer."""
    cost_1000_tokens: float = 0.0
    budget_a_day: float | None = None
    spent_today: float = 0.0
    told: str = ""
    """Why there is no latency."""


async def standing(settings: Settings, world: World) -> list[RoleStanding]:
    """Return every role, configured or not; what serves is asked a small question."""
    roles = [*Role, *(role for role in settings.models if role not in list(Role))]
    return [await _standing(settings, world, role) for role in roles]


async def _standing(settings: Settings, world: World, role: str) -> RoleStanding:
    model = settings.models.get(role)
    if model is None:
        return RoleStanding(role=role, state=RoleState.NOT_CONFIGURED)
    with world.records.db.read() as tx:
        stopped, spent = f"model:{role}" in switches.all_stopped(tx), spending.today(tx, role)
    client, state, latency_ms, told = world.models[role], RoleState.STOPPED, None, ""
    endpoint = client.endpoint
    if not stopped:
        try:
            endpoint = await client.now()
            state = RoleState.SERVING if endpoint.model in await client.served() else RoleState.AWAY
            told = "" if state == RoleState.SERVING else "another model is served there"
        except ModelError as fault:
            state, told = _missing(settings, model), str(fault)
    if state == RoleState.SERVING:
        try:
            latency_ms = (await client.ask_without_patient(small(world, role))).latency_ms
        except ModelError as fault:
            told = str(fault)
    return RoleStanding(
        role=role, state=state, endpoint=endpoint.url, model=endpoint.model, dialect=model.dialect, phi=model.phi,
        latency_ms=latency_ms, cost_1000_tokens=model.cost_1000_tokens, budget_a_day=model.budget_a_day,
        spent_today=spent.cost, told=told,
    )  # fmt: skip


def _missing(settings: Settings, model: ModelSettings) -> RoleState:
    return RoleState.JOINING if model.embedded and _supervised(settings.state) else RoleState.AWAY


def _supervised(state: Path) -> bool:
    """Return whether a `wardflow up` runs on the state folder."""
    with suppress(OSError, ValueError, KeyError):
        os.kill(json.loads((state / "pids.json").read_text())["stack"], 0)
        return True
    return False
