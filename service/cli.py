"""The `wardflow` command. Exit codes: 0 done, 1 found something wrong, 2 could not run."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, NoReturn

import structlog
import typer
import uvicorn
from fastapi import FastAPI
from temporalio.client import Client
from temporalio.service import RPCError

from activities.world import World
from contracts.errors import ConfigurationError, WardflowError
from contracts.suggestions import MadeBy
from integrations.inference.chat import Dialect, Phi
from integrations.ledger import switches
from service import demo, doctor, gateway, integrity, logs, pages, parts, recovery, settings, trajectories, worker
from service.case_starts import CaseStarts
from service.settings import Secrets, Settings
from service.temporal import connect

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
ledger = typer.Typer(no_args_is_help=True, help="The ledger: what was accepted, decided and written.")
app.add_typer(ledger, name="ledger")
kept = typer.Typer(no_args_is_help=True, help="Trajectories: what was asked, shown and decided in each case.")
app.add_typer(kept, name="trajectories")
State = Annotated[Path, typer.Option("--state", help="Folder of ports, keys, ledger and logs.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON line.")]
Trainable = Annotated[bool, typer.Option("--trainable", help="Only those that may train a model.")]
log = structlog.get_logger()


@app.command()
def up(
    state: State = Path(".state"),
    models: Annotated[bool, typer.Option("--models", help="Also the embedded model (`make models`).")] = False,
) -> None:
    """Start the local parts and our processes; Ctrl-C ends them. A second start finds its state."""
    flags = ["--models"] if models else []
    os.execv(sys.executable, [sys.executable, "-m", "infra.stack", str(state), *flags])


@app.command(name="gateway")
def run_gateway(state: State) -> None:
    """Run the gateway with dispatcher, reconciler and watchdog."""

    async def main(opened: Settings, secrets: Secrets, world: World, client: Client) -> None:
        built = gateway.create_app(world, client, opened, parts.feeds(opened, secrets, world), secrets.verify_key())
        await _serve(built, opened.parts.gateway_port)

    _process("gateway", state, main)


@app.command(name="worklist")
def run_worklist(state: State) -> None:
    """Run the care team's pages."""

    async def main(opened: Settings, secrets: Secrets, world: World, client: Client) -> None:
        await _serve(pages.create_app(world, client, opened, secrets.signer()), opened.parts.worklist_port)

    _process("worklist", state, main)


@app.command(name="worker")
def run_worker(state: State) -> None:
    """Run the workflows and their activities."""

    async def main(_opened: Settings, _secrets: Secrets, world: World, client: Client) -> None:
        await worker.run(client, world)

    _process("worker", state, main)


@app.command(name="demo")
def run_demo(
    decide: Annotated[str, typer.Option(help="`simulated` (seeded) or `none`: decide on the page.")] = "none",
    cases: Annotated[
        Path | None, typer.Option(exists=True, help="NDJSON of FHIR transaction bundles; else made up.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1)] = 20,
    state: Annotated[Path | None, typer.Option(help="A new folder; default: a temporary one.")] = None,
    decide_from: Annotated[Path | None, typer.Option(exists=True, help="CSV of decisions by case_id.")] = None,
    decide_column: Annotated[str, typer.Option()] = "nurse_level",
    models: Annotated[bool | None, typer.Option("--models/--no-models", help="Default: if installed.")] = None,
    scale: Annotated[str, typer.Option(help="Acuity scale: esi, ktas or manchester.")] = "esi",
    seed: Annotated[int, typer.Option()] = 1,
    check: Annotated[bool, typer.Option("--check", help="Exit 1 unless every record agrees.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start what is needed on a fresh state, play arrivals, decide, and account for everything."""
    plan = demo.DemoPlan(
        cases=cases, limit=limit, state=state, decide_from=decide_from, decide_column=decide_column,
        simulated=decide == "simulated", models=models, seed=seed, check=check, scale=scale, as_json=as_json,
    )  # fmt: skip
    _exit(_guarded(demo.run(plan)))


@app.command(name="doctor")
def run_doctor(state: State = Path(".state"), as_json: AsJson = False) -> None:
    """Look at every part: OK, WARN or FAIL, each with what to do; exit 1 if anything failed."""

    async def look() -> int:
        opened, secrets = settings.load(state.resolve()), settings.load_secrets(state)
        world = parts.world(opened, secrets, "cli")
        findings = await doctor.examine(opened, secrets, world, parts.feeds(opened, secrets, world))
        if as_json:
            _say(json.dumps([finding.model_dump() for finding in findings]))
        else:
            _say("\n".join(f"{f.verdict:5}{f.part:10}{f.told}" for f in findings))
        return int(any(f.verdict == doctor.Verdict.FAIL for f in findings))

    _exit(_guarded(look()))


@app.command()
def stop(
    by: Annotated[str, typer.Option(help="Your user id; it is audited.")],
    model: Annotated[str, typer.Option(help="Role, such as reasoning.")] = "",
    pathway: Annotated[str, typer.Option()] = "",
    state: State = Path(".state"),
) -> None:
    """Stop a model or a pathway at once: rules and people go on alone."""
    _switch(state, by, model, pathway, stopped=True)


@app.command()
def start(
    by: Annotated[str, typer.Option(help="Your user id; it is audited.")],
    model: Annotated[str, typer.Option(help="Role, such as reasoning.")] = "",
    pathway: Annotated[str, typer.Option()] = "",
    state: State = Path(".state"),
) -> None:
    """Let a stopped model or pathway take part again."""
    _switch(state, by, model, pathway, stopped=False)


@app.command(name="evaluate")
def run_evaluate(
    pathway: Annotated[str, typer.Option(help="Such as ed_triage.")],
    cases: Annotated[Path, typer.Option(help="NDJSON: a FHIR bundle a line, one encounter in each.")],
    labels: Annotated[Path, typer.Option(help="CSV with a column case_id: the encounter's id.")],
    label_column: Annotated[str, typer.Option(help="The level to measure against.")],
    reviewer_column: Annotated[str | None, typer.Option(help="What a person decided: measured as well.")] = None,
    judge: Annotated[list[MadeBy] | None, typer.Option(help="Default: rules, and the model if one is given.")] = None,
    model_url: Annotated[str | None, typer.Option(help="Ends before /chat/completions.")] = None,
    model: Annotated[str | None, typer.Option(help="As its server names it.")] = None,
    phi: Annotated[Phi, typer.Option(help="What a model on another machine may see.")] = Phi.NONE,
    dialect: Annotated[Dialect, typer.Option()] = Dialect.VLLM,
    scale: Annotated[str | None, typer.Option(help="Acuity scale: esi, ktas or manchester.")] = None,
    state: Annotated[Path | None, typer.Option(help="Keeps answers and images; the same again resumes.")] = None,
    limit: Annotated[int | None, typer.Option(min=1)] = None,
    as_json: AsJson = False,
) -> None:
    """Measure rules, a model and people against experts' levels, on frozen charts; no chart is written to."""

    async def measure() -> int:
        try:
            from service import evaluate  # its libraries are an extra, which no process that serves patients needs
        except ModuleNotFoundError as fault:
            raise ConfigurationError("evaluate", f"{fault.name} is missing: install wardflow[evaluate]") from None
        plan = evaluate.EvaluationPlan(
            cases, labels, label_column, reviewer_column, tuple(judge or ()), state=state, limit=limit
        )
        served = settings.pathway_named(pathway, {"scale": scale} if scale else {})
        _say(await evaluate.told(plan, served, evaluate.endpoint(model_url, model, phi, dialect), as_json))
        return 0

    _exit(_guarded(measure()))


@ledger.command(name="audit")
def audit_ledger(state: State = Path(".state"), as_json: AsJson = False) -> None:
    """Recompute both identities from ledger, Temporal and FHIR server; exit 1 if anything disagrees."""

    async def audit() -> int:
        opened, secrets = settings.load(state.resolve()), settings.load_secrets(state)
        world = parts.world(opened, secrets, "cli")
        client = await connect(opened.parts.temporal, opened.parts.temporal_namespace, secrets.keyring())
        report = await integrity.check(world, client)
        if as_json:
            _say(report.model_dump_json())
        else:
            for name, counted in (("events", report.events), ("cases", report.cases)):
                _say(f"{name}: " + ", ".join(f"{k} {v}" for k, v in counted.items()))
            _say("\n".join(report.findings) or "ledger, Temporal and FHIR server agree; audit chains unbroken")
        return 0 if report.clean else 1

    _exit(_guarded(audit()))


@ledger.command(name="backup")
def backup_ledger(
    to: Annotated[Path, typer.Option("--to", help="The backup's folder; a later backup copies only what it lacks.")],
    state: State = Path(".state"),
    as_json: AsJson = False,
) -> None:
    """Copy the ledger and its blobs while they are in use. keys.json is not copied: keep it in a safe of your own."""

    async def backup() -> int:
        world = parts.world(settings.load(state.resolve()), settings.load_secrets(state), "cli")
        made = recovery.back_up(world, to)
        said = f"{made.cases['opened']} cases, {made.events['accepted']} events, {made.blobs} blobs are in {to}"
        _say(made.model_dump_json() if as_json else said)
        typer.echo(recovery.KEYS, err=True)
        return 0

    _exit(_guarded(backup()))


@ledger.command(name="restore")
def restore_ledger(
    source: Annotated[Path, typer.Option("--from", help="The backup's folder.")], state: State, as_json: AsJson = False
) -> None:
    """Put a backup into a state folder that has keys.json and no ledger; then `up`, then `ledger rebuild`."""

    async def restore() -> int:
        made = recovery.restore(source, state.resolve())
        said = f"the ledger of {made.taken_at.isoformat()} is in {state}; next: wardflow up, wardflow ledger rebuild"
        _say(made.model_dump_json() if as_json else said)
        return 0

    _exit(_guarded(restore()))


@ledger.command(name="rebuild")
def rebuild_from_ledger(
    state: State = Path(".state"),
    temporal: Annotated[bool, typer.Option("--temporal", help="Start the cases that Temporal lost.")] = False,
    redis: Annotated[bool, typer.Option("--redis", help="Publish the open cases to the live worklist.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring back what Temporal or Redis lost; exit 1 where the ledger is older than Temporal."""
    if not temporal and not redis:
        raise typer.BadParameter("say what was lost: --temporal, --redis or both")

    async def rebuild() -> int:
        opened, secrets = settings.load(state.resolve()), settings.load_secrets(state)
        world, done = parts.world(opened, secrets, "cli"), recovery.Rebuilt()
        if temporal:
            client = await connect(opened.parts.temporal, opened.parts.temporal_namespace, secrets.keyring())
            starts = CaseStarts(world, client, opened, secrets.verify_key())
            done = await recovery.rebuild_temporal(starts)
        if redis:
            done = done.model_copy(update={"published": recovery.rebuild_redis(world)})
        _say(done.model_dump_json() if as_json else str(done))
        return 1 if done.ended_elsewhere else 0

    _exit(_guarded(rebuild()))


@kept.command(name="ls")
def list_trajectories(state: State = Path(".state"), trainable: Trainable = False, as_json: AsJson = False) -> None:
    """List the trajectories, the oldest first."""
    rows = trajectories.listed(_world(state), trainable_only=trainable)
    if as_json:
        _say(json.dumps([row.model_dump(mode="json") for row in rows]))
    else:
        for row in rows:
            word = "trainable" if row.trainable else "-"
            _say(f"{row.case_id[:12]}  {row.pathway}  {row.state:17} {word:10} {row.recorded_at:%Y-%m-%d %H:%M:%S}")
        _say(f"{len(rows)} trajectories, {sum(row.trainable for row in rows)} trainable")


@kept.command(name="export")
def export_trajectories(
    to: Annotated[Path, typer.Option(help="Folder; the files hold patient data.")],
    by: Annotated[str, typer.Option(help="Your user id; it is audited.")],
    state: State = Path(".state"),
    trainable: Trainable = False,
) -> None:
    """Write each trajectory as an ATIF file."""
    world = _world(state)
    if by not in settings.load(state.resolve()).users:
        raise typer.BadParameter(f"{by!r} is no user of the configuration")
    _say(f"{trajectories.export(world, to, by, trainable_only=trainable)} files in {to}")


def _world(state: Path) -> World:
    try:
        return parts.world(settings.load(state.resolve()), settings.load_secrets(state), "cli")
    except WardflowError as fault:
        typer.echo(f"wardflow: {fault}", err=True)
        _exit(2)


def _switch(state: Path, by: str, model: str, pathway: str, *, stopped: bool) -> None:
    async def turn() -> int:
        opened, secrets = settings.load(state.resolve()), settings.load_secrets(state)
        known = {f"model:{role}" for role in opened.models} | {f"pathway:{name}" for name in opened.pathways}
        wanted = f"model:{model}" if model else f"pathway:{pathway}"
        if wanted not in known or by not in opened.users:
            raise ConfigurationError(
                "switch", f"name a user of the configuration, and one of {', '.join(sorted(known))}"
            )
        world = parts.world(opened, secrets, "cli")
        with world.db.write() as tx:
            switches.switch(tx, world.auditor, wanted, by, stopped=stopped)
        world.live.publish("")
        _say(f"{'stopped' if stopped else 'started'}: {wanted}")
        return 0

    _exit(_guarded(turn()))


def _guarded(work: Coroutine[None, None, int]) -> int:
    try:
        return asyncio.run(work)
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 0
    except (WardflowError, RPCError, RuntimeError, OSError, subprocess.SubprocessError) as fault:
        said = str(fault) if isinstance(fault, WardflowError | OSError) else type(fault).__name__
        typer.echo(f"wardflow: {said}", err=True)
        return 2


def _process(name: str, state: Path, main) -> None:
    logs.configure(name)

    async def start() -> None:
        opened, secrets = settings.load(state), settings.load_secrets(state)
        world = parts.world(opened, secrets, name)
        address, keyring = opened.parts.temporal, secrets.keyring()
        while True:
            try:
                # Pages and gateway start without Temporal; a worker can't.
                client = await connect(address, opened.parts.temporal_namespace, keyring, lazy=name != "worker")
                break
            except RuntimeError:
                log.warning("temporal_away")
                await asyncio.sleep(1)
        await main(opened, secrets, world, client)

    try:
        asyncio.run(start())
    except WardflowError as fault:
        log.critical("process_ended", kind=fault.kind)
        typer.echo(f"wardflow: {fault}", err=True)
        _exit(2)
    _exit(0)


async def _serve(built: FastAPI, port: int) -> None:
    config = uvicorn.Config(
        built, host="127.0.0.1", port=port, log_config=None, access_log=False, timeout_graceful_shutdown=3
    )
    await uvicorn.Server(config).serve()


def _say(line: str) -> None:
    typer.echo(line)


def _exit(code: int) -> NoReturn:
    # A connected temporalio client may die by a signal at interpreter exit, and would spoil the code.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
