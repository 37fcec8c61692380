"""Steps of an installation: each says that it began, that it goes on, and how long it took."""

import fcntl
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra import machine
from integrations import stderr

SAID = "models: "
"""Begins each line that is meant for a person."""
TELL_S = 15.0
OFFLINE: dict[str, str] = dict.fromkeys(("HF_HUB_OFFLINE", "VLLM_NO_USAGE_STATS", "DO_NOT_TRACK"), "1")


def step(what: str, *argv: str | Path) -> None:
    """Run a command. Ends the process with one line where it fails."""
    say(f"{what} ...")
    start = time.monotonic()
    with tempfile.TemporaryFile("w+") as errors:
        root = Path(__file__).resolve().parents[1]
        process = subprocess.Popen(argv, stderr=errors, cwd=root, env=os.environ | OFFLINE)
        while process.poll() is None:
            try:
                process.wait(TELL_S)
            except subprocess.TimeoutExpired:
                say(f"{what}: {time.monotonic() - start:.0f} s so far")
        errors.seek(0)
        told = errors.read().strip()
    sys.stderr.write(told + "\n" * bool(told))
    if process.returncode:
        left = machine.left(Path.cwd()) / 2**30
        last = (told.splitlines() or [f"ended with {process.returncode}"])[-1]
        sys.exit(f"{SAID}{what} failed ({last}). Is the package index reachable, and the disk large enough "
                 f"({left:.1f} GiB free)? `make models` tries again.")  # fmt: skip
    say(f"{what}: {time.monotonic() - start:.0f} s")


def need(free: int, folder: Path) -> None:
    """End the process with one line where the disk has too little left."""
    left = machine.left(folder)
    if left < free:
        sys.exit(f"{SAID}{folder} has {left / 2**30:.1f} GiB free, {free / 2**30:.0f} are needed: free the disk")


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait until no other installation works in this folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another installation works in {folder}; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def say(line: str) -> None:
    """Say a line to whoever installs."""
    stderr.show(f"{SAID}{line}")
