"""Brings the embedded models in behind an open worklist, one after the other, and from then on keeps them served."""

import os
import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from infra import models
from infra.embedded import Embedded
from infra.ports import Ports
from infra.processes import Part
from infra.serving import Fixed, Serving
from infra.steps import SAID
from integrations import stderr

INSTALL = "install"


class Joining:
    """`step` is called every second. An installation that fails says why, and is tried again after the others."""

    def __init__(self, state: Path, wanted: Sequence[Embedded], ports: Mapping[str, int], reserved: Ports) -> None:
        """`ports` names the port of each role but `reasoning`: its servers reserve a port at each start."""
        self._state, self._logs, self._ports, self._reserved = state, state / "logs", ports, reserved
        self._waiting = deque((model, _install(model)) for model in wanted)
        self._served: list[Serving | Fixed] = []
        self._news = _news(self._logs / f"{INSTALL}.log")

    def parts(self) -> list[Part]:
        """Return the processes that there are."""
        served = [part for serving in self._served for part in serving.parts()]
        return served + [install for _, install in self._waiting if install.process]

    def stop(self) -> None:
        """End them; from now on no model is up."""
        for _, install in self._waiting:
            install.stop()
        for serving in self._served:
            serving.stop()

    def step(self) -> None:
        """Keep up what is served; when the last one answers, or can't, bring the next. Raises LedgerError."""
        for serving in self._served:
            serving.step()
        if self._waiting and all(serving.settled() for serving in self._served):
            self._bring(*self._waiting[0])

    def _bring(self, model: Embedded, install: Part) -> None:
        if install.process is None:
            next(self._news)
            install.start(self._logs)
        for line in next(self._news):
            stderr.show(line)
        if install.process and install.process.poll() == 0:
            self._waiting.popleft()
            self._served.append(self._serve(model))
        elif install.ended():
            install.keep(self._logs)
            if install.ended():  # its next try is not yet due
                self._waiting.rotate(-1)

    def _serve(self, model: Embedded) -> Serving | Fixed:
        if model.name == models.MODEL_NAME:
            return Serving(self._state, models.VENV, models.CACHE / model.name, self._reserved)
        return Fixed(self._logs, model, self._ports[model.role])


def _install(model: Embedded) -> Part:
    return Part(INSTALL, [sys.executable, "-m", "infra.models", "install", model.name], lambda: True)


def _news(path: Path) -> Iterator[list[str]]:
    with path.open("a+", errors="replace") as log:
        log.seek(0, os.SEEK_END)
        while True:
            yield [line.rstrip() for line in log if line.startswith(SAID)]
