"""A local process, and the ports that processes listen at."""

import ctypes
import os
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

PR_SET_PDEATHSIG = 1  # prctl(2)
STOP_S = 8.0
STEADY_S, MOST_WAIT_S = 60.0, 30.0
"""One that ended sooner than that again and again waits longer each time, at most so long."""


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
            tell(f"{self.name} ended ({self.process.returncode}); starting it again{when}. See {logs / self.name}.log")
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


def tell(line: str) -> None:
    """Say a line to whoever started us."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def end_with_parent() -> None:
    """Have the kernel end this process when the thread that started it is gone, even by -9; Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def any_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port: int) -> Callable[[], bool]:
    def ready() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    return ready


def http(port: int, path: str) -> Callable[[], bool]:
    def ready() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    return ready
