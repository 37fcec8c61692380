"""Commands on the models of the roles: how they stand, what they answer, and what is installed."""

import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer

from activities.world import World
from contracts.errors import ConfigurationError, ConfigurationFault
from integrations.ledger import switches
from service.commands import console
from service.operate import rehearsal, roles
from service.operate.rehearsal import Asked
from service.operate.roles import RoleStanding
from service.process import wiring
from service.process.lifecycle import leave
from service.process.settings import Settings

models = typer.Typer(no_args_is_help=True, help="The models of the roles: how they stand, and what they answer.")
DEFAULT = Path(".state")
INSTALLER = (sys.executable, "-m", "infra.models", "install")


@models.command(name="ls")
def list_roles(state: console.State = DEFAULT, as_json: console.AsJson = False) -> None:
    """Show for each role its state, endpoint, model, what it may see, latency, cost and budget."""

    async def work(opened: Settings, world: World) -> int:
        found = await roles.standing(opened, world)
        rows = [one.model_dump(mode="json") for one in found]
        console.say(json.dumps(rows) if as_json else "\n".join(_row(one) for one in found))
        return 0

    _finish(state, work)


@models.command(name="test")
def ask_role(
    role: Annotated[str, typer.Argument(help="Such as reasoning or code.")],
    state: console.State = DEFAULT,
    as_json: console.AsJson = False,
) -> None:
    """Ask a role's model what its pathways ask, about nobody, and say what came back; 1 if an answer is missing."""

    async def work(opened: Settings, world: World) -> int:
        return await _rehearse(opened, world, [role], as_json, answers=True)

    _finish(state, work)


@models.command(name="warm")
def warm_all(state: console.State = DEFAULT, as_json: console.AsJson = False) -> None:
    """Ask every role once what its pathways ask, so that no patient waits for it; 1 if an answer is missing."""

    async def work(opened: Settings, world: World) -> int:
        with world.records.db.read() as tx:
            stopped = switches.all_stopped(tx)
        wanted = [role for role in opened.models if f"model:{role}" not in stopped]
        return await _rehearse(opened, world, wanted, as_json, answers=False)

    _finish(state, work)


@models.command(name="pull")
def install(
    names: Annotated[
        list[str] | None, typer.Argument(help="Embedded models; default: those served by default.")
    ] = None,
    as_json: console.AsJson = False,
) -> None:
    """Install embedded models and their engine, or go on where that was interrupted."""
    argv = [*INSTALLER, *(names or ())]
    if not as_json:
        os.execv(sys.executable, argv)
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True)  # what it does it says on stderr
    console.say(json.dumps({"installed": done.stdout.split()}))
    leave(done.returncode)


async def _rehearse(opened: Settings, world: World, wanted: list[str], as_json: bool, *, answers: bool) -> int:
    missing = [role for role in wanted if role not in opened.models]
    if missing or not wanted:
        raise ConfigurationError(
            ConfigurationFault.SETTING,
            f"no model for {', '.join(missing) or 'any role'}: see `wardflow models ls`",
            setting="role",
        )
    with world.records.db.read() as tx:
        by = next((who for what, who in switches.all_stopped(tx).items() if what in {f"model:{r}" for r in wanted}), "")
    if by:
        raise ConfigurationError(ConfigurationFault.STOPPED, f"{by} stopped it: `wardflow start` ends that")
    asked = await rehearsal.rehearse(world, wanted)
    for role in set(wanted) - {one.role for one in asked}:  # no pathway has something for it to do here
        await rehearsal.ask_small(world, role, asked)
    if as_json:
        console.say(json.dumps([one.model_dump(mode="json") for one in asked]))
    else:
        console.say("\n".join(_told(one, answers) for one in asked))
    return int(any(one.fault for one in asked))


def _finish(state: Path, work: Callable[[Settings, World], Awaitable[int]]) -> None:
    async def run() -> int:
        opened = wiring.opened(state, "cli")
        try:
            return await work(opened.settings, opened.world)
        finally:
            await opened.world.calculator.close()
            await opened.world.reference.close()

    console.finish(run())


def _row(one: RoleStanding) -> str:
    if not one.endpoint and not one.model:
        return f"{one.role:14}{one.state}"
    latency = f"{one.latency_ms:.0f} ms" if one.latency_ms is not None else one.told
    budget = f", {one.spent_today:.4g} of {one.budget_a_day:g} spent today" if one.budget_a_day is not None else ""
    cost = f"{one.cost_1000_tokens:g} for 1,000 tokens{budget}" if one.cost_1000_tokens else "free"
    where = f"{one.model} at {one.endpoint or 'no address yet'} ({one.dialect}, phi {one.phi})"
    return "  ".join(part for part in (f"{one.role:13}", f"{one.state:9}", where, latency, cost) if part)


def _told(one: Asked, answers: bool) -> str:
    head = f"{one.role:14}{one.step:32}{one.seconds:6.1f} s  "
    if one.fault:
        return f"{head}NO ANSWER: {one.fault.replace('_', ' ')} ({one.told})"
    return f"{head}{one.tokens} tokens, {one.model}" + ("\n" + _indented(one.answer) if answers else "")


def _indented(answer: str) -> str:
    return "\n".join(f"    {line}" for line in answer.splitlines())


def add(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(models, name="models")
