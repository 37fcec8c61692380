"""`wardflow demo`: an hour of made-up arrivals on a fresh state."""

from pathlib import Path
from typing import Annotated

import typer

from service.commands import console
from service.demo import play


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
    plan = play.DemoPlan(
        cases=cases, limit=limit, state=state, decide_from=decide_from, decide_column=decide_column,
        simulated=decide == "simulated", models=models, seed=seed, check=check, scale=scale, as_json=as_json,
    )  # fmt: skip
    console.finish(play.run(plan))


def add(app: typer.Typer) -> None:
    """Add this command."""
    app.command(name="demo")(run_demo)
