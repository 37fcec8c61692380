"""Starts what `wardflow tune run` needs, a Temporal server and a worker of its own, and keeps both running."""

import fcntl
import signal
import sys
import time
from pathlib import Path
from typing import TextIO

from contracts.errors import ConfigurationError, ConfigurationFault
from infra import stack
from infra.ports import Ports
from infra.processes import Part, end_with_parent, rotate
from service.process.state_folder import close_to_others

FORMER_S = 15.0


def run(folder: Path, worker: list[str]) -> int:
    """Run until SIGTERM, which also comes when the command that started us is gone; start again what ends.

    `FOLDER/temporal` holds the server's address while it answers.
    """
    stopping: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda got, _frame: stopping.append(got))
    logs, address = folder / "logs", folder / "temporal"
    logs.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock, Ports() as reserved:
        _take(lock)
        port = reserved.choose()
        address.unlink(missing_ok=True)
        parts = [stack.temporal(folder, port), Part("worker", worker, lambda: True)]
        try:
            for part in parts:
                part.start(logs)
                stack.wait(part, stopping, logs)
                address.write_text(f"127.0.0.1:{port}")
            stack.note_pids(folder, parts)
            while not stopping:
                time.sleep(stack.RESTART_S)
                for part in parts:
                    part.keep(logs)
                rotate(logs)
                stack.note_pids(folder, parts)
        finally:
            address.unlink(missing_ok=True)
            for part in reversed(parts):
                part.stop()
    return 0


def _take(lock: TextIO) -> None:
    """Hold the folder; what a killed command had started needs a moment to end. Raises ConfigurationError."""
    end = time.monotonic() + FORMER_S
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > end:
                raise ConfigurationError(ConfigurationFault.IN_USE, "another `tune run` works on this state") from None
        time.sleep(0.2)


if __name__ == "__main__":
    end_with_parent()
    close_to_others()
    try:
        sys.exit(run(Path(sys.argv[1]), sys.argv[2:]))
    except ConfigurationError as refused:
        sys.exit(f"wardflow: {refused}")
