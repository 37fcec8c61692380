"""`wardflow trajectories`: what was asked, shown and decided in each case."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from activities.world import World
from contracts.errors import WardflowError
from service.commands import console
from service.operate import trajectories as record
from service.process import settings, wiring
from service.process.lifecycle import leave

trajectories = typer.Typer(no_args_is_help=True, help="Trajectories: what was asked, shown and decided in each case.")
By = Annotated[str, typer.Option(help="Your user id; it is audited.")]
Trainable = Annotated[bool, typer.Option("--trainable", help="Only those that may train a model.")]


@trajectories.command(name="ls")
def list_trajectories(
    state: console.State = Path(".state"), trainable: Trainable = False, as_json: console.AsJson = False
) -> None:
    """List the trajectories, the oldest first."""
    rows = record.listed(_world(state).records, trainable_only=trainable)
    if as_json:
        console.say(json.dumps([row.model_dump(mode="json") for row in rows]))
    else:
        for row in rows:
            word = "trainable" if row.trainable else "-"
            console.say(
                f"{row.case_id[:12]}  {row.pathway}  {row.state:17} {word:10} {row.recorded_at:%Y-%m-%d %H:%M:%S}"
            )
        console.say(f"{len(rows)} trajectories, {sum(row.trainable for row in rows)} trainable")


@trajectories.command(name="export")
def export_trajectories(
    to: Annotated[Path, typer.Option(help="Folder; the files hold patient data.")],
    by: By,
    state: console.State = Path(".state"),
    trainable: Trainable = False,
) -> None:
    """Write each trajectory as an ATIF file."""
    world = _world(state, by)
    console.say(f"{record.export(world.records, to, by, trainable_only=trainable)} files in {to}")


@trajectories.command(name="show")
def show_trajectory(
    case: Annotated[str, typer.Argument(help="A case's id, or how one begins.")],
    by: By,
    state: console.State = Path(".state"),
    as_json: console.AsJson = False,
) -> None:
    """Show what was asked, answered, shown and decided in a case, and what the chart told later."""
    _say_lines(lambda: record.show(_world(state, by).records, case, by), as_json)


@trajectories.command(name="diff")
def diff_trajectories(
    left: Annotated[str, typer.Argument(help="CASE or CASE@VERSION.")],
    right: Annotated[str, typer.Argument(help="CASE or CASE@VERSION.")],
    by: By,
    state: console.State = Path(".state"),
    as_json: console.AsJson = False,
) -> None:
    """Show what differs in facts, suggestion and decision; exit 1 if anything does."""
    if _say_lines(lambda: record.diff(_world(state, by), left, right, by), as_json):
        leave(1)


def _say_lines(read: Callable[[], list[str]], as_json: bool) -> bool:
    try:
        lines = read()
    except WardflowError as fault:
        console.refuse(str(fault))
    console.say(json.dumps(lines) if as_json else "\n".join(lines) or "nothing differs")
    return bool(lines)


def _world(state: Path, by: str | None = None) -> World:
    try:
        if by is not None and by not in settings.load(state.resolve()).users:
            console.refuse(f"{by!r} is no user of the configuration")
        return wiring.opened(state, "cli").world
    except WardflowError as fault:
        console.refuse(str(fault))


def add(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(trajectories, name="trajectories")
