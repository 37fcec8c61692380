"""`wardflow evaluate`: rules, models and people against levels that experts wrote down."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from contracts.errors import ConfigurationError, ConfigurationFault, ModelError
from integrations.inference import router
from integrations.inference.chat import ChatEndpoint, Dialect, Phi, admit
from integrations.ledger.database import Database
from service.commands import console
from service.process import settings
from service.process.settings import Settings

VENV_MODELS = Path(".venv-models")  # what `make models` fills


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
        with console.extra("evaluate"):
            from tuning.evaluation import estimates, evaluate
        unknown = sorted(set(judge or ()) - set(evaluate.Judge))
        if unknown:
            raise ConfigurationError(
                ConfigurationFault.SETTING, f"{unknown[0]!r} is none of {', '.join(evaluate.Judge)}", setting="judge"
            )
        given = classical or decisions or decision_column
        plan = evaluate.EvaluationPlan(
            cases, labels, label_column, reviewer_column, tuple(evaluate.Judge(name) for name in judge or ()),
            state=state, limit=limit, alerts=alerts,
            estimating=estimates.Estimating(venv, classical, decisions, decision_column) if given else None,
        )  # fmt: skip
        served = settings.pathway_named(pathway, {"scale": scale} if scale else {})
        if model and not model_url and model.startswith(router.PREFIX):
            asked = deployed(settings.load(stack.resolve()), model, evaluate.TIMEOUT_S)
        else:
            asked = evaluate.endpoint(model_url, model, phi, dialect)
        console.say(await evaluate.told(plan, served, asked, as_json))
        return 0

    console.finish(measure())


def deployed(opened: Settings, alias: str, timeout_s: float) -> ChatEndpoint:
    """Return where a stack serves what the alias means at this moment. Raises ConfigurationError."""
    roles = [(role, model) for role, model in opened.models.items() if model.model == alias]
    if not roles:
        raise ConfigurationError(
            ConfigurationFault.SETTING, f"no role of {opened.state} has the model {alias}", setting="model"
        )
    db, (role, model) = Database(opened.parts.ledger_url), roles[0]
    try:
        now = router.resolve(db, replace(model.endpoint(role), timeout_s=timeout_s))
        admit(now)
    except ModelError as fault:
        raise ConfigurationError(ConfigurationFault.SETTING, f"{alias}: {fault}", setting="model") from None
    finally:
        db.close()
    return now


def add(app: typer.Typer) -> None:
    """Add this command."""
    app.command(name="evaluate")(run_evaluate)
