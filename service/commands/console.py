"""What every command shares: its common options, how it speaks, and how it ends."""

import asyncio
import subprocess
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from temporalio.service import RPCError

from contracts.errors import ConfigurationError, ConfigurationFault, WardflowError
from service.process.lifecycle import leave

State = Annotated[Path, typer.Option("--state", help="Folder of ports, keys, ledger and logs.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON line.")]


def say(line: str) -> None:
    """Print the answer."""
    typer.echo(line)


def refuse(reason: str) -> NoReturn:
    """Say in one line why the command could not run, and end with 2."""
    typer.echo(f"wardflow: {reason}", err=True)
    leave(2)


@contextmanager
def extra(command: str) -> Iterator[None]:
    """Import what only the extra `evaluate` installs. Raises ConfigurationError where it is missing."""
    try:
        yield
    except ModuleNotFoundError as fault:
        raise ConfigurationError(
            ConfigurationFault.PART_MISSING, f"{fault.name} is missing: install wardflow[evaluate]", setting=command
        ) from None


def finish(work: Coroutine[None, None, int]) -> NoReturn:
    """Run a command to its end, and end with its exit code; with 2 where it could not run, with 0 after Ctrl-C."""
    try:
        code = asyncio.run(work)
    except (KeyboardInterrupt, asyncio.CancelledError):
        leave(0)
    except (WardflowError, RPCError, RuntimeError, OSError, subprocess.SubprocessError) as fault:
        refuse(str(fault) if isinstance(fault, WardflowError | OSError) else type(fault).__name__)
    leave(code)
