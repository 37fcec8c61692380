"""The `wardflow` command. Exit codes: 0 done, 1 found something wrong, 2 could not run."""

import sys
from importlib import import_module

import typer

from service.process.state_folder import close_to_others

ROOMS = {
    "up": "run",
    "gateway": "run",
    "dispatcher": "run",
    "worklist": "run",
    "worker": "run",
    "demo": "demo",
    "doctor": "doctor",
    "deploy": "deploy",
    "stop": "switch",
    "start": "switch",
    "evaluate": "evaluate",
    "ledger": "ledger",
    "trajectories": "trajectories",
    "tune": "tune",
    "models": "models",
}
"""Each command to the module that adds it (`add`); only that of the command that is asked for is imported."""


def command_line(asked: str | None = None) -> typer.Typer:
    """Return the command line with the commands of one module, or with all of them where none is named."""
    app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
    for name in dict.fromkeys([ROOMS[asked]] if asked in ROOMS else ROOMS.values()):
        import_module(f"service.commands.{name}").add(app)
    if asked in ROOMS:
        app.callback()(lambda: None)  # else typer takes a single command for the whole
    return app


def main() -> None:
    """Run the command line."""
    close_to_others()
    command_line(next(iter(sys.argv[1:]), None))()


if __name__ == "__main__":
    main()
