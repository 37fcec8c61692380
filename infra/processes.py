"""A local process, and whether it answers."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from integrations import stderr

PR_SET_PDEATHSIG = 1  # prctl(2)
STOP_S = 8.0
STEADY_S, MOST_WAIT_S = 60.0, 30.0
"""One that ended sooner than that again and again waits longer each time, at most so long."""
MOST_LOG_BYTES, KEPT_LOGS = 16 * 1024 * 1024, 4
"""Of each process's log: its size, and how many full ones are kept."""


@dataclass
class Part:
    """One process. `ready` says whether it answers."""

    name: str
    argv: list[str]
    ready: Callable[[], bool]
    env: dict[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    short_lives: int = 0
    next_try: float | None = None

    def start(self, logs: Path) -> None:
        self.started, self.next_try = time.monotonic(), None
        # A session of its own: Ctrl-C reaches us alone, and we end the parts in order; killed, we take them along.
        with (logs / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=os.environ | self.env,
                start_new_session=True, preexec_fn=end_with_parent,
            )  # fmt: skip

    def ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def keep(self, logs: Path) -> None:
        """Start it again if it has ended and its time has come."""
        if self.process is None or self.process.poll() is None:
            return
        now = time.monotonic()
        if self.next_try is None:
            # One that was killed did not fail: it is missed at once, however often that happens.
            failed = now - self.started < STEADY_S and self.process.returncode != -signal.SIGKILL
            self.short_lives = self.short_lives + 1 if failed else 0
            wait_s = min(2 ** max(self.short_lives - 1, 0) - 1, MOST_WAIT_S)
            self.next_try = now + wait_s
            when = f" in {wait_s:.0f} s" if wait_s else ""
            code = self.process.returncode
            stderr.show(f"{self.name} ended ({code}); starting it again{when}. See {logs / self.name}.log")
            with suppress(ProcessLookupError):  # a child left behind would be in the way of the next
                os.killpg(self.process.pid, signal.SIGKILL)
        if self.next_try is not None and now >= self.next_try:
            self.start(logs)

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


def rotate(logs: Path) -> None:
    """Move what is in each log that has grown too large into a numbered file, and drop the oldest.

    The processes keep their file open, so it is copied and emptied. They append, so they go on at its beginning; what
    one of them writes in the instant between the last byte copied and the emptying is lost.
    """
    for log in logs.glob("*.log"):
        with suppress(OSError):  # such as a full disk: the parts must not end for their logs
            if log.stat().st_size >= MOST_LOG_BYTES:
                _rotate(log)


def _rotate(log: Path) -> None:
    for number in range(KEPT_LOGS - 1, 0, -1):
        with suppress(FileNotFoundError):
            log.with_suffix(f".log.{number}").replace(log.with_suffix(f".log.{number + 1}"))
    with log.open("rb+") as full, log.with_suffix(".log.1").open("wb") as kept:
        shutil.copyfileobj(full, kept)
        full.truncate(0)


def end_with_parent() -> None:
    """Have the kernel end this process when the thread that started it is gone, even by -9; Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def listens(at: int | Path) -> Callable[[], bool]:
    """Return whether somebody listens at a port of 127.0.0.1, or at a socket's file."""

    def ready() -> bool:
        family, address = (socket.AF_UNIX, str(at)) if isinstance(at, Path) else (socket.AF_INET, ("127.0.0.1", at))
        with socket.socket(family) as probe:
            return probe.connect_ex(address) == 0

    return ready


def http(port: int, path: str) -> Callable[[], bool]:
    def ready() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    return ready
