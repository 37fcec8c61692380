"""`wardflow deploy`: new cases to new code, while waiting ones stay with theirs."""

import json
from pathlib import Path
from typing import Annotated

import typer

from integrations.ledger.database import Database
from service.commands import console
from service.process import settings, versions
from service.process.seals import Seals
from service.process.secrets import load_secrets
from service.process.temporal import connect
from service.worker import takeover


def run_deploy(
    state: console.State = Path(".state"),
    check: Annotated[bool, typer.Option("--check", help="Only try the running cases; 1 if one can't go on.")] = False,
    as_json: console.AsJson = False,
) -> None:
    """Send new cases to this code, whose worker runs beside the old one; waiting cases stay with theirs."""

    async def work() -> int:
        opened, secrets = settings.load(state.resolve()), load_secrets(state)
        before = Seals(Database(opened.parts.ledger_url)).opened_before
        client = await connect(
            opened.parts.temporal, opened.parts.temporal_namespace, secrets.keyring(), opened_before=before
        )
        if check:
            running, unfit = await takeover.unfit(client)
            said = f"{running} cases run, {len(unfit)} of them can't go on with this code"
            console.say(json.dumps({"running": running, "unfit": unfit}) if as_json else said)
            return int(bool(unfit))
        deployed = await versions.deploy(client, versions.build_of(opened))
        rows = [
            {"build": v.build, "current": v.current, "has_worker": v.has_worker, "cases": cases}
            for v, cases in [(v, await versions.waiting(client, v.build)) for v in deployed]
        ]
        lines = ("  ".join(f"{name} {value}" for name, value in row.items()) for row in rows)
        console.say(json.dumps(rows) if as_json else "\n".join(lines))
        return 0

    console.finish(work())


def add(app: typer.Typer) -> None:
    """Add this command."""
    app.command(name="deploy")(run_deploy)
