"""`wardflow ledger`: its own audit, copies and rebuilding."""

from pathlib import Path
from typing import Annotated

import typer

from service.commands import console
from service.gateway import anchors
from service.operate import integrity, recovery
from service.process import wiring
from service.process.case_starts import CaseStarts

ledger = typer.Typer(no_args_is_help=True, help="The ledger: what was accepted, decided and written.")


@ledger.command(name="audit")
def audit_ledger(
    state: console.State = Path(".state"),
    heads: Annotated[Path | None, typer.Option(help="A copy of audit-heads.jsonl, as another host fetched it.")] = None,
    as_json: console.AsJson = False,
) -> None:
    """Recompute both identities from ledger, Temporal and FHIR server; exit 1 if anything disagrees.

    Decisions whose reason contradicts their kind are listed for a person to look at; they don't change the exit code.
    """

    async def audit() -> int:
        opened = wiring.opened(state, "cli")
        client, secrets = await wiring.cases_client(opened), opened.secrets
        head_key = secrets.head_signer().public_key().public_bytes_raw().hex()
        files = {state.resolve() / anchors.HEADS_FILE, *([heads] if heads else [])}
        known = [(path, head_key) for path in files if path == heads or path.exists()]
        report = await integrity.check(opened.world, client, secrets.verify_key(), known)
        if as_json:
            console.say(report.model_dump_json())
        else:
            balances = {"events": report.events, "cases": report.cases, "attention": report.attention}
            for name, counted in balances.items():
                console.say(f"{name}: " + ", ".join(f"{k} {v}" for k, v in counted.items()))
            console.say(f"events not yet attested: {report.unattested_events}")
            console.say("\n".join(report.findings) or "ledger, Temporal and FHIR server agree; audit chains unbroken")
            console.say(f"decisions that contradict their kind: {len(report.contradictions)}")
            for contradiction in report.contradictions:
                console.say(f"warning: {contradiction}")
        return 0 if report.clean else 1

    console.finish(audit())


@ledger.command(name="backup")
def backup_ledger(
    to: Annotated[Path, typer.Option("--to", help="The backup's folder; a later backup copies only what it lacks.")],
    state: console.State = Path(".state"),
    as_json: console.AsJson = False,
) -> None:
    """Copy the ledger and its blobs while they are in use. keys.json is not copied: keep it in a safe of your own."""

    async def backup() -> int:
        world = wiring.opened(state, "cli").world
        made = recovery.back_up(world.records, to)
        said = f"{made.cases['opened']} cases, {made.events['accepted']} events, {made.blobs} blobs are in {to}"
        console.say(made.model_dump_json() if as_json else said)
        typer.echo(recovery.KEYS, err=True)
        return 0

    console.finish(backup())


@ledger.command(name="restore")
def restore_ledger(
    source: Annotated[Path, typer.Option("--from", help="The backup's folder.")],
    state: console.State,
    as_json: console.AsJson = False,
) -> None:
    """Put a backup into a state folder that has keys.json and no ledger; then `up`, then `ledger rebuild`."""

    async def restore() -> int:
        made = recovery.restore(source, state.resolve())
        said = f"the ledger of {made.taken_at.isoformat()} is in {state}; next: wardflow up, wardflow ledger rebuild"
        console.say(made.model_dump_json() if as_json else said)
        return 0

    console.finish(restore())


@ledger.command(name="rebuild")
def rebuild_from_ledger(
    state: console.State = Path(".state"),
    temporal: Annotated[bool, typer.Option("--temporal", help="Start the cases that Temporal lost.")] = False,
    redis: Annotated[bool, typer.Option("--redis", help="Publish the open cases to the live worklist.")] = False,
    as_json: console.AsJson = False,
) -> None:
    """Bring back what Temporal or Redis lost; exit 1 where the ledger is older than Temporal."""
    if not temporal and not redis:
        raise typer.BadParameter("say what was lost: --temporal, --redis or both")

    async def rebuild() -> int:
        opened, done = wiring.opened(state, "cli"), recovery.Rebuilt()
        if temporal:
            client = await wiring.cases_client(opened)
            starts = CaseStarts(opened.world, client, opened.settings, opened.secrets.verify_key())
            done = await recovery.rebuild_temporal(starts)
        if redis:
            done = done.model_copy(update={"published": recovery.rebuild_redis(opened.world)})
        console.say(done.model_dump_json() if as_json else str(done))
        return 1 if done.ended_elsewhere else 0

    console.finish(rebuild())


def add(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(ledger, name="ledger")
