"""Keeps models served: what the alias `champion` means, the next starting beside the one that answers; and others."""

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from contracts.errors import LedgerError
from contracts.tuning import VerdictOutcome
from infra import machine, models
from infra.embedded import Embedded
from infra.ports import Ports
from infra.processes import Part, http
from integrations import stderr
from integrations.ledger import registry
from integrations.ledger.audit import Auditor, chain_name
from integrations.ledger.database import Database
from integrations.ledger.registry import CHAMPION, Served
from service.process import settings
from service.process.secrets import load_secrets

UP, COMING = "model", "model-next"
START_S = 900.0  # a first start on a busy machine took 353 s


@dataclass
class _Server:
    model: str
    port: int
    part: Part
    until: float

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


class Serving:
    """`step` is called every second. A model that does not start leaves the one before it where it is."""

    def __init__(self, state: Path, venv: Path, base: Path, reserved: Ports) -> None:
        self._state, self._venv, self._base, self._reserved = state, venv, base, reserved
        self._db = Database(f"sqlite:///{state / settings.LEDGER_FILE}")
        self._db.create()
        self._up: _Server | None = None
        self._next: _Server | None = None
        self._failed = ""
        with self._db.read() as tx:
            chain = chain_name(tx, "serving")
        self._auditor = Auditor(chain, load_secrets(state).audit_bytes())
        self._note(None)  # what an earlier start noted is gone, and its port may be another program's by now

    def parts(self) -> list[Part]:
        """Return the processes that there are, at most two."""
        return [server.part for server in (self._up, self._next) if server]

    def stop(self) -> None:
        """End the processes; from now on nothing is up."""
        for part in self.parts():
            part.stop()
        with suppress(LedgerError):
            self._note(None)

    def settled(self) -> bool:
        """Return whether it answers."""
        return self._up is not None

    def step(self) -> None:
        """Begin a switch, finish one, or start again what has ended."""
        with self._db.read() as tx:
            wanted = registry.meant(tx, CHAMPION) or self._base.name
        if self._next and (self._next.model != wanted or self._broken(self._next)):
            self._end(self._next)
            self._next = None
        if self._next and _answers(self._next):
            if self._up:
                self._end(self._up)
            self._up, self._next = self._next, None
            self._up.part.name = UP
            self._note(Served(name=self._up.model, url=self._up.url))
            _tell(f"{self._up.model} serves from now on")
        elif self._up and self._up.part.ended():
            _tell(f"{self._up.model} ended; starting it again")
            self._up.part.start(self._state / "logs")
        if self._up and self._up.model == wanted:
            self._failed = ""
        elif self._next is None and wanted != self._failed:
            self._next = self._start(wanted)

    def _start(self, model: str) -> _Server | None:
        with self._db.read() as tx:
            row = registry.find(tx, model)
        folder = self._state / row.folder / "merged" if row and row.outcome != VerdictOutcome.UNTUNED else self._base
        if not folder.exists():
            _tell(f"{folder} of {model} is gone")
            self._failed = model
            return None
        port = self._reserved.choose()
        argv, env = models.serve_command(self._venv, folder, port, model)
        part = Part(COMING if self._up else UP, argv, lambda: True, env)
        part.start(self._state / "logs")
        return _Server(model, port, part, time.monotonic() + START_S)

    def _end(self, server: _Server) -> None:
        server.part.stop()
        self._reserved.release(server.port)

    def _broken(self, server: _Server) -> bool:
        broken = server.part.ended() or time.monotonic() > server.until
        if broken:
            _tell(f"{server.model} did not start: see {self._state}/logs/{server.part.name}.log")
            # With nothing else up it is tried again; else what is up goes on until another is promoted.
            self._failed = server.model if self._up else ""
        return broken

    def _note(self, up: Served | None) -> None:
        with self._db.write() as tx:
            registry.set_served(tx, self._auditor, CHAMPION, up)


class Fixed:
    """Keeps one embedded model served at its port, for a role that nothing is promoted for."""

    def __init__(self, logs: Path, model: Embedded, port: int) -> None:
        argv, env = models.command(model, port)
        self._model, self._logs = model, logs
        self._part = Part(f"{UP}-{model.role}", argv, http(port, "/v1/models"), env)
        self._answered, self._short = False, False

    def parts(self) -> list[Part]:
        """Return its process."""
        return [self._part]

    def stop(self) -> None:
        """End the process."""
        self._part.stop()

    def settled(self) -> bool:
        """Return whether it answered once, or does not start."""
        late = self._part.process is not None and time.monotonic() > self._part.started + START_S
        return self._answered or self._short or self._part.short_lives > 0 or late

    def step(self) -> None:
        """Start it where memory is left for it, and again if it has ended."""
        if self._part.process is None:
            if not self._fits():
                return
            try:
                self._part.start(self._logs)
            except OSError as fault:  # the others must not end for it; it is tried again
                self._told(f"{self._model.name} can't be started: {fault.strerror}: {fault.filename}")
                return
        self._part.keep(self._logs)
        if not self._answered and self._part.ready():
            self._answered = True
            _tell(f"{self._model.name} serves from now on")

    def _fits(self) -> bool:
        left, wanted = machine.memory_left(), self._model.memory_bytes
        if left is None or left >= wanted:
            return True
        told = f"{wanted / 2**30:.1f} GiB of memory are needed, {left / 2**30:.1f} are left"
        self._told(f"{self._model.name} is not started: {told}")
        return False

    def _told(self, why: str) -> None:
        if not self._short:
            _tell(why)
        self._short = True


def _answers(server: _Server) -> bool:
    """Return whether it gives a closed choice, so that the first patient does not wait for its grammar."""
    asked = {
        "model": server.model,
        "messages": [{"role": "user", "content": "1 or 2?"}],
        "max_tokens": 2,
        "structured_outputs": {"choice": ["1", "2"]},
    }
    try:
        return httpx.post(f"{server.url}/chat/completions", json=asked, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def _tell(line: str) -> None:
    stderr.show(f"model: {line}")
