"""`wardflow stop` and `wardflow start`: a model or a pathway, at once (I14)."""

from pathlib import Path
from typing import Annotated

import typer

from contracts.errors import ConfigurationError, ConfigurationFault
from integrations.ledger import switches
from service.commands import console
from service.process import settings, wiring
from service.process.secrets import load_secrets

By = Annotated[str, typer.Option(help="Your user id; it is audited.")]
Model = Annotated[str, typer.Option(help="Role, such as reasoning.")]
Pathway = Annotated[str, typer.Option()]


def stop(by: By, model: Model = "", pathway: Pathway = "", state: console.State = Path(".state")) -> None:
    """Stop a model or a pathway at once: rules and people go on alone."""
    _switch(state, by, model, pathway, stopped=True)


def start(by: By, model: Model = "", pathway: Pathway = "", state: console.State = Path(".state")) -> None:
    """Let a stopped model or pathway take part again."""
    _switch(state, by, model, pathway, stopped=False)


def _switch(state: Path, by: str, model: str, pathway: str, *, stopped: bool) -> None:
    async def turn() -> int:
        opened, secrets = settings.load(state.resolve()), load_secrets(state)
        known = {f"model:{role}" for role in opened.models} | {f"pathway:{name}" for name in opened.pathways}
        wanted = f"model:{model}" if model else f"pathway:{pathway}"
        if wanted not in known or by not in opened.users:
            raise ConfigurationError(
                ConfigurationFault.SETTING,
                f"name a user of the configuration, and one of {', '.join(sorted(known))}",
                setting="switch",
            )
        world = wiring.world(opened, secrets, "cli")
        with world.records.db.write() as tx:
            switches.switch(tx, world.records.auditor, wanted, by, stopped=stopped)
        world.live.publish("")
        console.say(f"{'stopped' if stopped else 'started'}: {wanted}")
        return 0

    console.finish(turn())


def add(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(stop)
    app.command()(start)
