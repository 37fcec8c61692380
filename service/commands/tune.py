"""Commands on tuning: rounds from decided cases, and which model serves."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from activities.workbench import Workbench
from contracts.errors import ConfigurationError, ConfigurationFault, WardflowError
from contracts.tuning import DecidedCase, FitKind
from integrations.ledger import registry
from integrations.ledger.registry import CHAMPION
from service.commands import console
from service.operate import trajectories
from service.process import lifecycle, settings, wiring
from service.process.secrets import load_secrets

tune = typer.Typer(no_args_is_help=True, help="Better models from what people decided, and back.")
By = Annotated[str, typer.Option(help="Your user id; it is audited.")]
Reason = Annotated[str, typer.Option(help="Why; it is audited.")]
Venv = Annotated[Path, typer.Option("--venv", help="The model environment (`make models`).")]
VENV, BASE = Path(".venv-models"), ".cache/models/smollm2-135m-instruct"


@tune.command(name="run")
def run_rounds(
    state: console.State = Path(".state"),
    cases: Annotated[
        Path | None, typer.Option(exists=True, help="NDJSON: a FHIR bundle a line, one encounter in each.")
    ] = None,
    decisions: Annotated[
        Path | None, typer.Option(exists=True, help="CSV with a column case_id: the encounter's id.")
    ] = None,
    decision_column: Annotated[str, typer.Option(help="What a person decided: it trains.")] = "nurse_level",
    from_ledger: Annotated[str, typer.Option(help="Your user id: this state's own decided cases train.")] = "",
    eval_cases: Annotated[Path | None, typer.Option(exists=True, help="Charts that measure; else a fifth.")] = None,
    labels: Annotated[Path | None, typer.Option(exists=True, help="CSV of what measures; else decisions.")] = None,
    label_column: Annotated[str | None, typer.Option(help="What experts said: it never trains.")] = None,
    reviewer_role: Annotated[str, typer.Option(help="Of those who decided.")] = "triage_nurse",
    rounds: Annotated[int, typer.Option(min=1)] = 3,
    margin: Annotated[float, typer.Option(help="Refuse where under-triage may grow by so much.")] = 0.1,
    kind: Annotated[FitKind, typer.Option(metavar="[model|on_policy]")] = FitKind.MODEL,
    setting: Annotated[list[str] | None, typer.Option(help="Of the trainer: NAME=VALUE.")] = None,
    pathway: Annotated[str, typer.Option()] = "ed_triage",
    scale: Annotated[str | None, typer.Option(help="Acuity scale: esi, ktas or manchester.")] = None,
    base: Annotated[str, typer.Option(help="Folder or URL of the untuned model.")] = BASE,
    venv: Venv = VENV,
    as_json: console.AsJson = False,
) -> None:
    """Tune in rounds on growing parts of the decisions; the same command again goes on where it was."""
    if kind == FitKind.CLASSICAL:
        console.refuse(
            "kind: rounds tune a language model, by model or on_policy; `wardflow evaluate --judge classical` fits and "
            "measures the classical estimator"
        )

    async def work() -> int:
        with console.extra("tune"):
            from service.operate import rounds as rounds_
            from tuning.evaluation import climb
        options = {"scale": scale} if scale else {}
        served = settings.pathway_named(pathway, dict(options))
        if from_ledger:
            decided = _own(state.resolve(), pathway, from_ledger)
        elif cases and decisions:
            decided = await rounds_.from_files(cases, decisions, decision_column, reviewer_role, served)
        else:
            raise ConfigurationError(
                ConfigurationFault.SETTING, "name --cases and --decisions, or --from-ledger USER", setting="cases"
            )
        measuring = rounds_.Measuring(eval_cases, labels, label_column)
        train, measured, against = await rounds_.measured(decided, measuring, served)
        bench = wiring.workbench(state.resolve(), venv, "tune")
        untuned = rounds_.base_model(bench, pathway, base)
        wanted = rounds_.Wanted(rounds, margin, kind, options, _settings(setting or []))
        planned = rounds_.plan(bench, served, untuned, wanted, train, measured, against)
        report = await rounds_.run(planned, state.resolve(), venv.absolute())
        climb.draw(planned, report, state)
        console.say(report.model_dump_json() if as_json else climb.table(planned, report))
        return 0

    console.finish(work())


@tune.command(name="worker", hidden=True)
def run_worker(state: console.State, venv: Venv = VENV) -> None:
    """Run the steps of rounds; `tune run` starts it."""
    with console.extra("tune"):
        from service.worker import tuning

    lifecycle.run("tuner", lambda stop: tuning.run(wiring.workbench(state, venv, "tuner"), stop))


@tune.command(name="ls")
def list_models(state: console.State = Path(".state"), as_json: console.AsJson = False) -> None:
    """List the registered models, the oldest first, and which one is the champion."""
    bench = _bench(state)
    with bench.records.db.read() as tx:
        known, history = registry.listed(tx), registry.history(tx, CHAMPION)
        meant, up = registry.meant(tx, CHAMPION), registry.served(tx, CHAMPION)
    if as_json:
        told = {
            "models": [model.model_dump(mode="json", exclude={"file_sha256"}) for model in known],
            "champion": meant,
            "served": up.name if up else None,
            "deployments": [deployment.model_dump(mode="json") for deployment in history],
        }
        console.say(json.dumps(told))
        return
    for model in known:
        kappa = model.evaluation.get("quadratic_weighted_kappa")
        figure = f"kappa {kappa:.3f}" if isinstance(kappa, float) else ""
        console.say(f"{'*' if model.name == meant else ' '} {model.name:40} {figure:12} {model.verdict}")
    console.say(f"champion: {meant or 'none was promoted'}; serving now: {up.name if up else 'nothing'}")


@tune.command(name="show")
def show_model(name: str, state: console.State = Path(".state"), as_json: console.AsJson = False) -> None:
    """Show all that is known of a model, and when it served."""
    bench = _bench(state)
    with bench.records.db.read() as tx:
        model, history = registry.find(tx, name), registry.history(tx, CHAMPION)
    if model is None:
        console.refuse(f"no model {name!r} is registered")
    served = [deployment.model_dump(mode="json") for deployment in history if deployment.name == name]
    told = model.model_dump(mode="json") | {"deployments": served}
    if as_json:
        console.say(json.dumps(told))
    else:
        for key, value in told.items():
            if key in ("outcome", "reason"):
                continue  # `verdict` has both
            console.say(f"{key:18} {json.dumps(value) if isinstance(value, dict | list) else value}")


@tune.command()
def promote(
    name: str, by: By, reason: Reason, state: console.State = Path(".state"), as_json: console.AsJson = False
) -> None:
    """Let a better model serve. One name and a reason are enough until the gate of two signatures exists (I12)."""

    def deploy(bench: Workbench) -> str:
        model = bench.model(name)
        bench.artefact(model)
        with bench.records.db.write() as tx:
            registry.promote(tx, bench.records.auditor, CHAMPION, name, by, reason)
        return name

    _deploy(state, by, reason, as_json, deploy)


@tune.command()
def rollback(by: By, reason: Reason, state: console.State = Path(".state"), as_json: console.AsJson = False) -> None:
    """Let the model before this one serve again."""

    def deploy(bench: Workbench) -> str:
        with bench.records.db.write() as tx:
            return registry.rollback(tx, bench.records.auditor, CHAMPION, by, reason)

    _deploy(state, by, reason, as_json, deploy)


def _deploy(state: Path, by: str, reason: str, as_json: bool, deploy: Callable[[Workbench], str]) -> None:
    async def work() -> int:
        bench = _bench(state)
        if by not in settings.stores(state.resolve()).users:
            raise ConfigurationError(
                ConfigurationFault.SETTING, f"{by!r} is no user of the configuration", setting="by"
            )
        if not reason.strip():
            raise ConfigurationError(ConfigurationFault.SETTING, "say why", setting="reason")
        name = deploy(bench)
        told = {"champion": name}
        console.say(json.dumps(told) if as_json else f"champion: {name or 'the untuned model'}")
        return 0

    console.finish(work())


def _own(state: Path, pathway: str, by: str) -> list[DecidedCase]:
    opened = settings.load(state)
    if by not in opened.users:
        raise ConfigurationError(
            ConfigurationFault.SETTING, f"{by!r} is no user of the configuration", setting="from_ledger"
        )
    return trajectories.decided(wiring.world(opened, load_secrets(state), "cli").records, pathway, by)


def _bench(state: Path) -> Workbench:
    if not (state / "keys.json").exists():
        console.refuse(f"{state} holds no state: start with `wardflow tune run` or `wardflow up`")
    try:
        return wiring.workbench(state.resolve(), VENV, "cli")
    except WardflowError as fault:
        console.refuse(str(fault))


def _settings(told: list[str]) -> dict[str, float | int | str]:
    found: dict[str, float | int | str] = {}
    for pair in told:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ConfigurationError(ConfigurationFault.SETTING, f"{pair!r} is not NAME=VALUE", setting="setting")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def add(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(tune, name="tune")
